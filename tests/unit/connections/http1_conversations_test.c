/* Conversations of HTTP/1.x, each as a server and as a client sees it, in every way of support/conversation.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/conversation.h"

#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

static const struct conversation conversations[] = {
	{"a request and its response",
	 {">GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"},
	 "GET /a?b=c 1.1 200 0 5 message host=x\n"},
	{"fields that are kept, names in any case, values trimmed",
	 {">GET / HTTP/1.1\r\nhOST: \t x:80 \r\nUser-Agent: curl/8 (a; b)\r\ntraceparent: 00-a-b-01\r\n"
	  "Tracestate: k=v\r\nX-Forwarded-For: 1.2.3.4, 5.6.7.8\r\nForwarded: for=1.2.3.4\r\n"
	  "X-Forwarded-Proto: https\r\n"
	  "X-Forwarded-Host: y\r\nX-Forwarded-Port: 1\r\nHost2: z\r\n\r\n",
	  "<HTTP/1.1 204 No Content\r\n\r\n"},
	 "GET / 1.1 204 0 0 message host=x:80 user-agent=curl/8 (a; b) traceparent=00-a-b-01 tracestate=k=v "
	 "x-forwarded-for=1.2.3.4, 5.6.7.8 forwarded=for=1.2.3.4 x-forwarded-proto=https x-forwarded-host=y\n"},
	{"keep-alive",
	 {">GET /1 HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ">GET /2 HTTP/1.1\r\n\r\n",
	  "<HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nx"},
	 "GET /1 1.1 200 0 0 message\nGET /2 1.1 404 0 1 message\n"},
	{"pipelining",
	 {">GET /1 HTTP/1.1\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcHEAD /3 HTTP/1.1\r\n\r\n",
	  "<HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 201 Created\r\n" CHUNKED
	  "1\r\nx\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"},
	 "GET /1 1.1 200 0 2 message\nPOST /2 1.1 201 3 1 message\nHEAD /3 1.1 200 0 0 message\n"},
	{"chunked both ways, with extensions and trailers",
	 {">PUT /c HTTP/1.1\r\n" CHUNKED "5;name=\"v;w\"\r\nhello\r\nA \r\n0123456789\r\n0;last\r\nTrailer: 1\r\n\r\n",
	  "<HTTP/1.1 200 OK\r\n" CHUNKED "3\r\nabc\r\n00\r\nExpires: never\r\nX: y\r\n\r\n"},
	 "PUT /c 1.1 200 15 3 message\n"},
	{"no body after HEAD, 304 and 204 whatever their fields say",
	 {">HEAD /h HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\n" CHUNKED, ">GET /n HTTP/1.1\r\n\r\n",
	  "<HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", ">GET /m HTTP/1.1\r\n\r\n",
	  "<HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n"},
	 "HEAD /h 1.1 200 0 0 message\nGET /n 1.1 304 0 0 message\nGET /m 1.1 204 0 0 message\n"},
	{"interim responses",
	 {">POST /e HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n", "<HTTP/1.1 100 Continue\r\n\r\n",
	  ">body", "<HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
	 "POST /e 1.1 200 4 0 message\n"},
	{"a body that is kept back after a final answer to Expect",
	 {">PUT /e HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
	  "<HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n", ">GET /f HTTP/1.1\r\n\r\n",
	  "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
	 "PUT /e 1.1 417 4 0 message\nGET /f 1.1 200 0 0 message\n"},
	{"a server that answers before the request's body is complete",
	 {">POST /early HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345",
	  "<HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n",
	  ">67890GET /next HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
	 "POST /early 1.1 413 10 0 message\nGET /next 1.1 200 0 0 message\n"},
	{"unknown and WebDAV methods",
	 {">PROPFIND /d HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
	  "<HTTP/1.1 207 Multi-Status\r\nContent-Length: 1\r\n\r\nx",
	  ">we!rd'~method /w HTTP/1.1\r\n\r\n", "<HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n"},
	 "PROPFIND /d 1.1 207 0 1 message\nwe!rd'~method /w 1.1 405 0 0 message\n"},
	{"absolute, asterisk and odd targets",
	 {">GET http://h.example:81/p?q HTTP/1.1\r\nHost: h\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	  ">OPTIONS * HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	  ">GET /sp ace/\xc3\xa9 HTTP/1.1\r\n\r\n", "<HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"},
	 "GET http://h.example:81/p?q 1.1 200 0 0 message scheme=http host=h\nOPTIONS * 1.1 200 0 0 message\n"
	 "GET /sp ace/\xc3\xa9 1.1 400 0 0 message\n"},
	{"CONNECT opens a tunnel",
	 {">CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", "<HTTP/1.1 200 Connection established\r\n\r\n",
	  ">\x16\x03\x01GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\n\r\n", "!"},
	 "CONNECT h:443 1.1 200 0 0 message upgraded host=h:443\n"},
	{"CONNECT refused",
	 {">CONNECT h:443 HTTP/1.1\r\n\r\n",
	  "<HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno",
	  ">CONNECT h:443 HTTP/1.1\r\nProxy-Authorization: x\r\n\r\n", "<HTTP/1.1 200 OK\r\n\r\n", "!"},
	 "CONNECT h:443 1.1 407 0 2 message\nCONNECT h:443 1.1 200 0 0 message upgraded\n"},
	{"Upgrade",
	 {">GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
	  "<HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x05",
	  ">\x81\x85GET / HTTP/1.1\r\n\r\n", "!"},
	 "GET /ws 1.1 101 0 0 message upgraded\n"},
	{"HTTP/1.0 that ends with the connection",
	 {">GET /old HTTP/1.0\r\n\r\n", "<HTTP/1.0 200 OK\r\nServer: x\r\n\r\nall of this", "."},
	 "GET /old 1.0 200 0 11 close\n"},
	{"a transfer coding that is not chunked ends with the connection",
	 {">GET /z HTTP/1.1\r\n\r\n",
	  "<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\nContent-Length: 3\r\n\r\nabcdef",
	  "."},
	 "GET /z 1.1 200 0 6 close\n"},
	{"Transfer-Encoding overrides Content-Length",
	 {">POST /s HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
	  "GET /t HTTP/1.1\r\n\r\n",
	  "<HTTP/1.1 200 OK\r\nContent-Length: 9\r\n" CHUNKED "0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
	 "POST /s 1.1 200 1 0 message\nGET /t 1.1 200 0 0 message\n"},
	{"equal lengths are one length",
	 {">POST /d HTTP/1.1\r\nContent-Length: 2, 2\r\nContent-Length: 2\r\n\r\nxy",
	  "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
	 "POST /d 1.1 200 2 0 message\n"},
	{"folded lines, bare line feeds, empty lines before a message, space before the colon",
	 {">\r\n\nGET /f HTTP/1.1\nHost\t : a\n\tb\r\n c\nnonsense\n: empty\nUser-Agent:u\n\n",
	  "<\r\nHTTP/1.1 200 OK\nContent-Length:\r\n 2\n\nok"},
	 "GET /f 1.1 200 0 2 message host=a \tb   c user-agent=u\n"},
	{"a repeated traceparent is none",
	 {">GET /t HTTP/1.1\r\ntraceparent: 1\r\nTraceparent: 2\r\n\r\n", "<HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"},
	 "GET /t 1.1 200 0 0 message\n"},
	{"closed in the middle of a body",
	 {">GET /m HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234", "."},
	 "GET /m 1.1 200 0 -1 cut-by-close end-unseen\n"},
	{"closed in the middle of the response's head",
	 {">GET /m HTTP/1.1\r\n\r\n", "<HTTP/1.1 500 Oops\r\nContent-Le", "."},
	 "GET /m 1.1 500 0 -1 cut-by-close end-unseen response-cut\n"},
	{"closed without an answer",
	 {">GET /n HTTP/1.1\r\n\r\n", "."},
	 "GET /n 1.1 0 0 -1 cut-by-close end-unseen response-unseen\n"},
	{"conflicting lengths: the server refuses and closes",
	 {">POST /c HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
	  "<HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "."},
	 "POST /c 1.1 400 -1 0 message\n"},
	{"gRPC-Web in base64: messages and trailers in the body",
	 {">POST /p.S/M HTTP/1.1\r\nHost: h\r\nContent-Type: application/grpc-web-text+proto\r\n"
	 "Content-Length: 12\r\n\r\n"
	  "AAAAAANhYmM=",
	  "<HTTP/1.1 200 OK\r\nContent-Type: application/grpc-web-text+proto\r\n" CHUNKED
	  "14\r\nAAAAAAJ4eQ==AAAAAAA=\r\n3c\r\ngAAAACdncnBjLXN0YXR1czogNw0KZ3JwYy1tZXNzYWdlOm5vJTIwd2F5DQo=\r\n"
	  "0\r\n\r\n", "?"},
	 "rpc-web /p.S/M 7 200 1 2 message message=no way authority=h\n"},
	{"gRPC-Web: Trailers-Only, and a proxy's page",
	 {">POST /p.S/N HTTP/1.1\r\nContent-Type: application/grpc-web\r\nContent-Length: 0\r\n\r\n",
	  "<HTTP/1.1 200 OK\r\nContent-Type: application/grpc-web\r\nGrpc-Status: 12\r\nContent-Length: 0\r\n\r\n",
	  ">POST /p.S/O HTTP/1.1\r\nContent-Type: application/grpc-web\r\nContent-Length: 0\r\n\r\n",
	  "<HTTP/1.1 502 Bad Gateway\r\nContent-Length: 7\r\n\r\nsorry!!"},
	 "rpc-web /p.S/N 12 200 0 0 message\nrpc-web /p.S/O -1 502 0 -1 message\n"},
	{"no HTTP at all", {">EHLO h\r\n", "<250 h\r\n", ">GET key\r\n", "<500 What?\r\n"}, ""},
	{"HTTP/2 is another protocol", {">PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "<\x00\x00\x00\x04", "!"}, ""},
};

#define PROBE ">GET /probe HTTP/1.1\r\n\r\n", "<HTTP/1.1 418 Probed\r\nContent-Length: 0\r\n\r\n"

static const struct conversations table = {
	.rows = conversations,
	.count = sizeof(conversations) / sizeof(conversations[0]),
	.probes = {PROBE, PROBE, PROBE, PROBE, PROBE, PROBE},
	.probe_exchange = "GET /probe 1.1 418 0 0 message",
};

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONVERSATION_TESTS(&table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
