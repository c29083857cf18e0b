/* Conversations of HTTP/2, each as a server and as a client sees it, in every way of support/conversation.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "support/conversation.h"
#include "support/http2_script.h"

#define GET ":method=GET|:scheme=http|:authority=h|:path="
#define POST ":method=POST|:scheme=http|:authority=h|:path="
#define CALL ":method=POST|:scheme=http|:authority=h|content-type=application/grpc+proto|te=trailers|:path="
#define OPENING ">preface", ">settings", "<settings"

static const struct conversation conversations[] = {
	{"a request and its response",
	 {OPENING, ">headers 1 end " GET "/a?b=c", "<headers 1 :status=200|content-type=text/plain",
	  "<data 1 end bytes=5"},
	 "GET /a?b=c 2.0 200 0 5 message scheme=http host=h\n"},
	{"fields that are kept",
	 {OPENING,
	  ">headers 1 end " GET
	  "/|user-agent=curl/8 (a; b)|traceparent=00-a-b-01|tracestate=k=v|x-forwarded-for=1.2.3.4, 5.6.7.8|"
	  "forwarded=for=1.2.3.4|x-forwarded-proto=https|x-forwarded-host=y|x-forwarded-port=1|cookie=a=b|cookie=c=d",
	  "<headers 1 end :status=204"},
	 "GET / 2.0 204 0 0 message scheme=http host=h user-agent=curl/8 (a; b) traceparent=00-a-b-01 tracestate=k=v "
	 "x-forwarded-for=1.2.3.4, 5.6.7.8 forwarded=for=1.2.3.4 x-forwarded-proto=https x-forwarded-host=y\n"},
	{"Host without :authority, a repeated traceparent is none",
	 {OPENING, ">headers 1 end :method=GET|:scheme=http|:path=/|host=x|traceparent=1|traceparent=2",
	  "<headers 1 end :status=200"},
	 "GET / 2.0 200 0 0 message scheme=http host=x\n"},
	{"padding is no content, priority fields are no block",
	 {OPENING, ">headers 1 pad=7 priority " POST "/p", ">data 1 pad=9 bytes=11", ">data 1 end pad=0 bytes=1",
	  "<headers 1 pad=0 :status=200", "<data 1 pad=255 bytes=3", "<data 1 end pad=4"},
	 "POST /p 2.0 200 12 3 message scheme=http host=h\n"},
	{"blocks in CONTINUATION frames",
	 {OPENING, ">headers 1 end split=3 " GET "/continued", "<headers 1 split=1 pad=3 :status=200|x-a=b",
	  "<data 1 end bytes=1"},
	 "GET /continued 2.0 200 0 1 message scheme=http host=h\n"},
	{"streams that are interleaved, and end in another order",
	 {OPENING, ">headers 1 end " GET "/1", ">headers 3 " POST "/3", ">headers 5 end " GET "/5",
	  "<headers 5 :status=205", "<headers 1 :status=201", ">data 3 bytes=3", "<data 5 bytes=1",
	  "<headers 3 :status=203", "<data 1 end bytes=10", ">data 3 end bytes=4", "<data 3 end bytes=2",
	  "<data 5 end bytes=5"},
	 "GET /1 2.0 201 0 10 message scheme=http host=h\n"
	 "POST /3 2.0 203 7 2 message scheme=http host=h\n"
	 "GET /5 2.0 205 0 6 message scheme=http host=h\n"},
	{"interim responses and trailers",
	 {OPENING, ">headers 1 " POST "/e|expect=100-continue", "<headers 1 :status=100", ">data 1 bytes=4",
	  ">headers 1 end x-checksum=1", "<headers 1 :status=103|link=x", "<headers 1 :status=200", "<data 1 bytes=2",
	  "<headers 1 end x-trailer=1"},
	 "POST /e 2.0 200 4 2 message scheme=http host=h\n"},
	{"a request that is not finished when its response is",
	 {OPENING, ">headers 1 " POST "/big", ">data 1 bytes=9", "<headers 1 end :status=413", "<reset 1 0",
	  ">reset 1 8"},
	 "POST /big 2.0 413 -1 0 message scheme=http host=h\n"},
	{"resets by either side, before and in the response",
	 {OPENING, ">headers 1 end " GET "/1", ">headers 3 end " GET "/3", ">headers 5 end " GET "/5", "<reset 3 7",
	  ">reset 1 8", "<headers 5 :status=200", "<data 5 bytes=3", "<reset 5 2", "<data 5 bytes=3"},
	 "GET /3 2.0 0 0 -1 reset-by-server response-unseen scheme=http host=h\n"
	 "GET /1 2.0 0 0 -1 reset-by-client response-unseen scheme=http host=h\n"
	 "GET /5 2.0 200 0 -1 reset-by-server scheme=http host=h\n"},
	{"GOAWAY: what is above the last stream was not looked at",
	 {OPENING, ">headers 1 end " GET "/1", "<goaway 2147483647", ">headers 3 end " GET "/3", "<goaway 1",
	  "<headers 1 end :status=200", "."},
	 "GET /3 2.0 0 0 -1 reset-by-server response-unseen scheme=http host=h\n"
	 "GET /1 2.0 200 0 0 message scheme=http host=h\n"},
	{"closed in the middle",
	 {OPENING, ">headers 1 end " GET "/1", ">headers 3 end " GET "/3", "<headers 1 :status=200", "<data 1 bytes=3",
	  "."},
	 "GET /3 2.0 0 0 -1 cut-by-close end-unseen response-unseen scheme=http host=h\n"
	 "GET /1 2.0 200 0 -1 cut-by-close end-unseen scheme=http host=h\n"},
	{"pushed streams are passed over, their blocks are decoded",
	 {OPENING, ">headers 1 end " GET "/1", "<push 1 2 " GET "/pushed|x-pushed=1",
	  "<headers 1 :status=200|x-pushed=1", "<headers 2 :status=200|server=s", "<data 2 end bytes=5",
	  "<data 1 end bytes=1", ">headers 3 end " GET "/3", "<headers 3 end :status=404|server=s"},
	 "GET /1 2.0 200 0 1 message scheme=http host=h\nGET /3 2.0 404 0 0 message scheme=http host=h\n"},
	{"CONNECT opens a tunnel, a refused one does not",
	 {OPENING, ">headers 1 :method=CONNECT|:authority=db:5432", "<headers 1 :status=200", ">data 1 bytes=5",
	  "<data 1 end bytes=9", ">headers 3 :method=CONNECT|:authority=db:1", "<headers 3 :status=403",
	  "<data 3 end bytes=2", ">headers 5 :method=CONNECT|:protocol=websocket|:scheme=http|:path=/ws|:authority=h",
	  "<headers 5 :status=200"},
	 "CONNECT db:5432 2.0 200 0 0 message upgraded host=db:5432\n"
	 "CONNECT db:1 2.0 403 -1 2 message host=db:1\n"
	 "CONNECT /ws 2.0 200 0 0 message upgraded scheme=http host=h\n"},
	{"frames that carry nothing for us",
	 {OPENING, ">ping", ">window 0", ">headers 1 end " GET "/1", ">priority 1", ">window 1", "<settings table=0",
	  "<ping", "<raw 0000030a00000000010a0b0c", "<window 0", "<headers 1 end :status=200", ">settings"},
	 "GET /1 2.0 200 0 0 message scheme=http host=h\n"},
	{"table sizes change, to nothing and back",
	 {OPENING, ">headers 1 end " GET "/1|user-agent=a", "<headers 1 end :status=200", ">table 0",
	  ">headers 3 end " GET "/3|user-agent=a", "<headers 3 end :status=299", ">table 65536",
	  ">headers 5 end " GET "/3|user-agent=a", "<headers 5 end :status=299",
	  ">headers 7 end " GET "/3|user-agent=a", "<headers 7 end :status=299"},
	 "GET /1 2.0 200 0 0 message scheme=http host=h user-agent=a\n"
	 "GET /3 2.0 299 0 0 message scheme=http host=h user-agent=a\n"
	 "GET /3 2.0 299 0 0 message scheme=http host=h user-agent=a\n"
	 "GET /3 2.0 299 0 0 message scheme=http host=h user-agent=a\n"},
	{"a table larger than is kept",
	 {OPENING, ">table 1048576", ">headers 1 end " GET "/1|user-agent=a", "<headers 1 end :status=200",
	  ">headers 3 end " GET "/1|user-agent=a", "<headers 3 end :status=200"},
	 "GET /1 2.0 200 0 0 message scheme=http host=h user-agent=a\n"
	 "GET /1 2.0 200 0 0 message scheme=http host=h user-agent=a\n"},
	{"empty DATA that ends a stream, an empty block",
	 {OPENING, ">headers 1 " POST "/1", ">data 1 end", "<headers 1 :status=200", "<raw 000000010500000001"},
	 "POST /1 2.0 200 0 0 message scheme=http host=h\n"},
	{"HTTP/1.1 that is upgraded to h2c: the request is answered on stream 1",
	 {">text GET /up HTTP/1.1\nHost: h\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: "
	  "AAMAAABk\n\n",
	  "<text HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: h2c\n\n", "<settings", ">preface",
	  ">settings", "<headers 1 :status=200", ">headers 3 end " GET "/3", "<data 1 end bytes=5",
	  "<headers 3 end :status=204", "!"},
	 "GET /up 2.0 200 0 5 message host=h\nGET /3 2.0 204 0 0 message scheme=http host=h\n"},
	{"an upgrade to h2c whose answer is cut off",
	 {">text POST /up HTTP/1.1\nContent-Length: 3\nUpgrade: h2c\n\nabc", "<text HTTP/1.1 101 Yes\nUpgrade: h2c\n\n",
	  "."},
	 "POST /up 2.0 0 3 -1 cut-by-close end-unseen response-unseen\n"},
	{"HTTP/2 through a tunnel that HTTP/1.1 has opened",
	 {">text CONNECT h:1 HTTP/1.1\n\n", "<text HTTP/1.1 200 OK\n\n", OPENING, ">headers 1 end " GET "/t",
	  "<headers 1 end :status=200", "!"},
	 "CONNECT h:1 1.1 200 0 0 message upgraded\nGET /t 2.0 200 0 0 message scheme=http host=h\n"},
	{"gRPC: a unary call",
	 {OPENING, ">headers 1 " CALL "/p.S/M|user-agent=grpc-go/1", ">data 1 end messages=7",
	  "<headers 1 :status=200|content-type=application/grpc+proto", "<data 1 messages=11",
	  "<headers 1 end grpc-status=0|grpc-message=", "?"},
	 "rpc /p.S/M 0 200 1 1 message scheme=http authority=h user-agent=grpc-go/1\n"},
	{"gRPC: Trailers-Only with a message",
	 {OPENING, ">headers 1 " CALL "/p.S/M", ">data 1 end messages=0",
	  "<headers 1 end :status=200|content-type=application/grpc|grpc-status=5|grpc-message=not%20found: 100%25 "
	  "%zz%", "?"},
	 "rpc /p.S/M 5 200 1 0 message message=not found: 100% %zz% scheme=http authority=h\n"},
	{"gRPC: streams of messages, several in a frame, one in several frames",
	 {OPENING, ">headers 1 " CALL "/p.S/Bidi", ">data 1 messages=3,0,900", "<headers 1 :status=200",
	  "<data 1 messages=1", ">data 1 messages=5", ">data 1 bytes=0", "<data 1 messages=2000", ">data 1 end",
	  "<data 1 messages=2,2", "<headers 1 end grpc-status=0"},
	 "rpc /p.S/Bidi 0 200 4 4 message scheme=http authority=h\n"},
	{"gRPC: cancelled by the client, refused by the server, answered by a proxy",
	 {OPENING, ">headers 1 " CALL "/p.S/A|grpc-timeout=1500m", ">headers 3 " CALL "/p.S/B",
	  ">headers 5 " CALL "/p.S/C", ">data 1 messages=4", "<headers 1 :status=200", "<data 1 messages=4,4",
	  ">reset 1 8", "<reset 3 7", "<headers 5 :status=503|content-type=text/html", "<data 5 end bytes=20", "?"},
	 "rpc /p.S/A -1 200 1 2 reset-by-client code=8 timeout=1500000000 scheme=http authority=h\n"
	 "rpc /p.S/B -1 0 0 0 reset-by-server response-unseen code=7 scheme=http authority=h\n"
	 "rpc /p.S/C -1 503 0 -1 message scheme=http authority=h\n"},
	{"gRPC-Web over HTTP/2, and what only looks like gRPC",
	 {OPENING, ">headers 1 " POST "/p.S/W|content-type=application/grpc-web+proto", ">data 1 end messages=4",
	  "<headers 1 end :status=200|grpc-status=12", ">headers 3 end " POST "/x|content-type=application/grpcish",
	  "<headers 3 end :status=200", "?"},
	 "rpc-web /p.S/W 12 200 1 0 message scheme=http authority=h\n"
	 "POST /x 2.0 200 0 0 message scheme=http host=h\n"},
};

#define PROBE(id) ">headers " id " end " GET "/probe", "<headers " id " end :status=418"

static struct http2_script *script;

static size_t write_frames(const char *turn, char *bytes, unsigned char *marks)
{
	struct http2_speech *s = turn[0] == '>' ? &script->client : &script->server;
	size_t from = s->length, length;

	http2_script_say(script, turn);
	length = s->length - from;
	memcpy(bytes, s->bytes + from, length);
	memcpy(marks, s->marks + from, length);
	return length;
}

static void begin(void)
{
	http2_script_reset(script);
}

static const struct conversations table = {
	.rows = conversations,
	.count = sizeof(conversations) / sizeof(conversations[0]),
	.write = write_frames,
	.begin = begin,
	.probes = {PROBE("101"), PROBE("103"), PROBE("105"), PROBE("107"), PROBE("109"), PROBE("111")},
	.probe_exchange = " 2.0 418 0 0 message",
};

static int set_up(void **state)
{
	(void)state;
	script = http2_script_create();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	http2_script_destroy(script);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONVERSATION_TESTS(&table),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
