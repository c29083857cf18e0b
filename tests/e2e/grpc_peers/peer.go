// The gRPC test peer in grpc-go: README.md beside it says what it does.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const service = "shmotel.test.Calls"

// bytesCodec passes encoded messages through.
type bytesCodec struct{}

func (bytesCodec) Marshal(v any) ([]byte, error)      { return *v.(*[]byte), nil }
func (bytesCodec) Unmarshal(data []byte, v any) error { *v.(*[]byte) = data; return nil }
func (bytesCodec) Name() string                       { return "proto" }

// packet is an encoded Packet with a payload of size bytes.
func packet(size int) *[]byte {
	message := []byte{0x0a}
	n := size
	for ; n > 0x7f; n >>= 7 {
		message = append(message, byte(n&0x7f|0x80))
	}
	message = append(message, byte(n))
	message = append(message, strings.Repeat("p", size)...)
	return &message
}

type instruction struct {
	Status        uint32 `json:"status"`
	Message       string `json:"message"`
	Early         bool   `json:"early"`
	DelayMS       int    `json:"delay_ms"`
	Messages      int    `json:"messages"`
	Bytes         int    `json:"bytes"`
	Gzip          bool   `json:"gzip"`
	MetadataBytes int    `json:"metadata_bytes"`
}

// begin reads what the client asks for and does what comes before the answer's first message.
func begin(ctx context.Context) (do instruction, err error) {
	asked := metadata.ValueFromIncomingContext(ctx, "x-do")
	if len(asked) != 1 {
		return do, status.Error(codes.InvalidArgument, "no x-do")
	}
	if err = json.Unmarshal([]byte(asked[0]), &do); err != nil {
		return do, err
	}
	if do.Gzip {
		_ = grpc.SetSendCompressor(ctx, gzip.Name) // refused where the client does not take gzip
	}
	if do.MetadataBytes > 0 {
		pad := strings.Repeat("~", do.MetadataBytes)
		_ = grpc.SetHeader(ctx, metadata.Pairs("x-pad", pad))
		_ = grpc.SetTrailer(ctx, metadata.Pairs("x-end", pad))
	}
	return do, nil
}

// finish waits as asked and gives the status to end with.
func (do instruction) finish(ctx context.Context) error {
	select {
	case <-time.After(time.Duration(do.DelayMS) * time.Millisecond):
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
	if do.Status == 0 {
		return nil
	}
	return status.Error(codes.Code(do.Status), do.Message)
}

func unary(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	do, err := begin(ctx)
	if err != nil {
		return nil, err
	}
	var request []byte
	if err = decode(&request); err != nil {
		return nil, err
	}
	return packet(do.Bytes), do.finish(ctx)
}

// stream serves every streaming kind: read the messages, answer each of the first `echo` at once, then the others.
func stream(one, echo bool) grpc.StreamHandler {
	return func(_ any, s grpc.ServerStream) error {
		do, err := begin(s.Context())
		if err != nil {
			return err
		}
		left := do.Messages
		for !do.Early {
			var request []byte
			if err = s.RecvMsg(&request); err == io.EOF {
				break
			} else if err != nil {
				return err
			}
			if echo && left > 0 {
				if err = s.SendMsg(packet(do.Bytes)); err != nil {
					return err
				}
				left--
			}
		}
		end := do.finish(s.Context())
		if one {
			left = 1
			if end != nil {
				return end
			}
		}
		for ; left > 0; left-- {
			if err = s.SendMsg(packet(do.Bytes)); err != nil {
				return err
			}
		}
		return end
	}
}

var description = grpc.ServiceDesc{
	ServiceName: service,
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "Unary", Handler: unary}},
	Streams: []grpc.StreamDesc{
		{StreamName: "ClientStream", Handler: stream(true, false), ClientStreams: true},
		{StreamName: "ServerStream", Handler: stream(false, false), ServerStreams: true},
		{StreamName: "Bidi", Handler: stream(false, true), ServerStreams: true, ClientStreams: true},
	},
}

func serve(address string) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.ForceServerCodec(bytesCodec{}))
	server.RegisterService(&description, struct{}{})
	fmt.Println("listening")
	log.Fatal(server.Serve(listener))
}

// call is a line of the script.
type call struct {
	ID            int    `json:"id"`
	Method        string `json:"method"`
	Traceparent   string `json:"traceparent"`
	Send          int    `json:"send"`
	SendBytes     int    `json:"send_bytes"`
	Gzip          bool   `json:"gzip"`
	MetadataBytes int    `json:"metadata_bytes"`
	DeadlineMS    int    `json:"deadline_ms"`
	CancelMS      int    `json:"cancel_ms"`
	Do            string `json:"do"`
}

// done is a line of the log.
type done struct {
	ID       int    `json:"id"`
	Method   string `json:"method"`
	Status   int    `json:"status"`
	Message  string `json:"message"`
	Sent     int    `json:"sent"`
	Received int    `json:"received"`
	Start    int64  `json:"start"`
	End      int64  `json:"end"`
}

func (c call) context() (context.Context, context.CancelFunc) {
	pairs := metadata.Pairs("traceparent", c.Traceparent, "x-do", c.Do)
	if c.MetadataBytes > 0 {
		pairs.Set("x-pad", strings.Repeat("~", c.MetadataBytes))
	}
	ctx := metadata.NewOutgoingContext(context.Background(), pairs)
	if c.DeadlineMS > 0 {
		return context.WithTimeout(ctx, time.Duration(c.DeadlineMS)*time.Millisecond)
	}
	ctx, cancel := context.WithCancel(ctx)
	if c.CancelMS > 0 {
		time.AfterFunc(time.Duration(c.CancelMS)*time.Millisecond, cancel)
	}
	return ctx, cancel
}

func (c call) exchange(ctx context.Context, connection *grpc.ClientConn, result *done) error {
	var options []grpc.CallOption
	if c.Gzip {
		options = append(options, grpc.UseCompressor(gzip.Name))
	}
	path, response := "/"+service+"/"+c.Method, []byte(nil)
	streams := c.Method == "ServerStream" || c.Method == "ClientStream" || c.Method == "Bidi"
	if !streams {
		result.Sent = 1
		err := connection.Invoke(ctx, path, packet(c.SendBytes), &response, options...)
		if err == nil {
			result.Received = 1
		}
		return err
	}
	kind := grpc.StreamDesc{ServerStreams: c.Method != "ClientStream", ClientStreams: c.Method != "ServerStream"}
	s, err := connection.NewStream(ctx, &kind, path, options...)
	if err != nil {
		return err
	}
	for ; result.Sent < c.Send; result.Sent++ {
		if s.SendMsg(packet(c.SendBytes)) != nil {
			break // RecvMsg has the status
		}
	}
	_ = s.CloseSend()
	for {
		if err = s.RecvMsg(&response); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		result.Received++
		if !kind.ServerStreams {
			return nil
		}
	}
}

func (c call) run(connection *grpc.ClientConn) done {
	ctx, cancel := c.context()
	defer cancel()
	result := done{ID: c.ID, Method: c.Method, Start: time.Now().UnixMicro()}
	err := c.exchange(ctx, connection, &result)
	result.End = time.Now().UnixMicro()
	result.Status = int(status.Code(err))
	result.Message = status.Convert(err).Message()
	return result
}

func runCalls(address, script, logPath string, parallel int) {
	connection, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(bytesCodec{})))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	in, err := os.Open(script)
	if err != nil {
		log.Fatal(err)
	}
	out, err := os.Create(logPath)
	if err != nil {
		log.Fatal(err)
	}
	var lock sync.Mutex
	var workers sync.WaitGroup
	calls := make(chan call)
	for range parallel {
		workers.Go(func() {
			for c := range calls {
				line, _ := json.Marshal(c.run(connection))
				lock.Lock()
				fmt.Fprintf(out, "%s\n", line)
				lock.Unlock()
			}
		})
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var c call
		if err = json.Unmarshal(lines.Bytes(), &c); err != nil {
			log.Fatal(err)
		}
		calls <- c
	}
	close(calls)
	workers.Wait()
}

func main() {
	if os.Args[1] == "server" {
		serve(os.Args[2])
	}
	parallel, err := strconv.Atoi(os.Args[5])
	if err != nil {
		log.Fatal(err)
	}
	runCalls(os.Args[2], os.Args[3], os.Args[4], parallel)
}
