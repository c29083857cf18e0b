/* HTTP/1.x: what parsing, framing and pairing share. Reference: RFC 9110, RFC 9112. */
#ifndef PROTOCOLS_HTTP1_HTTP1_H
#define PROTOCOLS_HTTP1_HTTP1_H

#include <stdbool.h>
#include <stdint.h>

#include "protocols/grpc/grpc.h"
#include "protocols/protocol.h"

enum {
	HTTP1_OUTSTANDING_MAX = 256, /* requests that wait for their response on one connection */
	HTTP1_HEAD_BYTES_MAX = PROTOCOL_UNIT_BYTES_MAX,
	HTTP1_START_LINE_BYTES_MAX = 8192, /* of a message that is looked for, not of one that is in step */
	HTTP1_METHOD_BYTES_MAX = 64,
	HTTP1_WAITED_ENOUGH = 3, /* turns: see `waited` */
};

/* ---- start_line.c, parse.c: bytes to heads ---- */

enum http1_field {
	HTTP1_HOST,
	HTTP1_USER_AGENT,
	HTTP1_TRACEPARENT,
	HTTP1_TRACESTATE,
	HTTP1_X_FORWARDED_FOR,
	HTTP1_FORWARDED,
	HTTP1_X_FORWARDED_PROTO,
	HTTP1_X_FORWARDED_HOST,
	HTTP1_FIELDS, /* how many are kept */
};

/* The head of a request or a response: slices of the bytes that were parsed. */
struct http1_head {
	struct slice method; /* absent in a response */
	struct slice target;
	struct slice fields[HTTP1_FIELDS]; /* the first of its name */
	int64_t content_length;            /* -1: absent */
	uint16_t status;
	uint8_t version_minor;
	bool content_length_invalid; /* malformed, or two that differ */
	bool transfer_encoding;
	bool chunked_last; /* the last transfer coding is "chunked" */
	bool expect_continue;
	enum grpc_kind rpc;             /* by content-type */
	struct slice rpc_status, rpc_message; /* of a response */
	bool upgrade_http2; /* of a response: "Upgrade: h2c" */
	bool traceparent_repeated;
	bool cut; /* the rest of the head was not seen */
};

enum http1_parse {
	HTTP1_PARSED,
	HTTP1_PARSE_MORE,      /* the bytes end before the head does */
	HTTP1_PARSE_MALFORMED, /* no head of the expected kind */
};

/* `line` has no line end. False if it is no request line or status line of HTTP/1.x. */
bool http1_parse_request_line(struct slice line, struct http1_head *head);
bool http1_parse_status_line(struct slice line, struct http1_head *head);

/* May these bytes be the beginning of a message of that sender? Decided by the first few bytes. */
bool http1_start_is_plausible(enum sender from, struct slice bytes);

/* struct protocol.recognise */
enum match http1_recognise(const struct opening *opening);

/* The same where it is known who speaks, and the bytes may also begin within a message: MATCH_NO for a message of the
 * other's kind, and for a request whose method is not registered. */
enum match http1_recognise_from(enum sender from, struct slice first, bool more_may_come);

/* Parse a head at the start of `bytes`, whose first `examined` bytes were offered before in vain. On HTTP1_PARSED
 * *head_bytes counts the head with the empty line that ends it. */
enum http1_parse http1_parse_head(enum sender from, struct slice bytes, size_t examined, struct http1_head *head,
				  size_t *head_bytes);

/* What a head that will never be complete says. HTTP1_PARSE_MALFORMED if not even method or status can be read. */
enum http1_parse http1_parse_cut_head(enum sender from, struct slice bytes, struct http1_head *head);

/* ---- body.c: where a message ends (RFC 9112 6.3) ---- */

enum http1_framing {
	HTTP1_BODY_NONE,
	HTTP1_BODY_LENGTH,
	HTTP1_BODY_CHUNKED,
	HTTP1_BODY_UNTIL_CLOSE,
	HTTP1_BODY_UNKNOWN, /* the head contradicts itself, or was cut */
};

struct http1_body {
	enum http1_framing framing;
	uint8_t chunk_place;
	uint64_t remaining; /* of the body, or of the chunk */
	uint64_t bytes;     /* content so far, framing not counted */
	struct grpc_web *web; /* is shown the content; NULL: nobody is */
};

enum http1_body_step {
	HTTP1_BODY_GOES_ON,
	HTTP1_BODY_ENDED,
	HTTP1_BODY_BROKEN, /* the framing is not what the protocol allows, or fell into a hole */
};

void http1_request_body(struct http1_body *body, const struct http1_head *head);

/* `to_head` and `to_connect`: the method that is answered. */
void http1_response_body(struct http1_body *body, const struct http1_head *head, bool to_head, bool to_connect);

/* Take body bytes from the cursor, up to the body's end. */
enum http1_body_step http1_body_take(struct http1_body *body, struct cursor *in);

/* Step over *bytes unseen bytes; on HTTP1_BODY_ENDED *bytes are left over behind the body's end. */
enum http1_body_step http1_body_hole(struct http1_body *body, uint64_t *bytes);

/* ---- rpc.c: requests that are calls of gRPC-Web ---- */

/* A block of the pool. */
struct http1_call {
	struct grpc_web request, response;
	int32_t status;
	uint32_t message_bytes;
	char message[GRPC_WEB_TRAILERS_BYTES_MAX];
};

/* NULL if the request is none, or, counted, without memory. */
struct http1_call *http1_call_create(struct block_pool *pool, const struct http1_head *request);
void http1_call_destroy(struct block_pool *pool, struct http1_call *call);

/* What the head of the response says. */
void http1_call_answered(struct http1_call *call, const struct http1_head *response);

/* That was another call's response. */
void http1_call_refuted(struct http1_call *call);

/* Make a call of an exchange that has been filled in as HTTP. It refers to `call`. */
void http1_call_report(struct http1_call *call, struct exchange *exchange);

/* ---- pair.c: requests and their responses ---- */

/* A request that waits for its response: a block of the pool, strings behind it. */
struct http1_request {
	struct http1_request *next;
	size_t block_bytes;
	uint64_t start_ns;
	uint32_t turn;
	uint32_t flags; /* enum exchange_flag */
	bool is_head, is_connect;
	bool after_gap; /* requests before it may have been lost: the next response may be theirs */
	struct slice traceparent, tracestate;
	struct http1_call *call; /* NULL: not gRPC-Web */
	struct http_exchange http; /* slices point into text */
	char text[];
};

enum http1_phase {
	HTTP1_AT_HEAD,
	HTTP1_IN_BODY,
	HTTP1_IN_TUNNEL, /* behind CONNECT, until its answer says what follows */
	HTTP1_LOST,
};

struct http1_side {
	enum http1_phase phase;
	struct http1_body body;
};

/* A connection. */
struct http1 {
	struct http1_side sides[2]; /* by enum sender */
	struct http1_request *oldest, *newest;
	struct http1_request *receiving; /* the newest, while its body passes */
	uint32_t outstanding;
	uint32_t given_up; /* later requests that could not be kept: their responses come after all kept ones */

	/* The response that passes: answers `oldest` if `answering`, else nothing that is known. */
	bool answering;
	bool tunnel_bytes_passed;
	bool continue_expected; /* the client may yet keep back the body it announced: "Expect: 100-continue" */
	uint64_t response_first_ns;
	uint64_t response_last_ns;
	bool response_tail_unseen; /* bytes of it passed later than that, unseen */

	/* After messages were lost, the next response is that of the newest request only if it is the only one before
	 * the next request follows without a gap, which proves something if the client waits for its responses before
	 * it goes on. One that was seen to pipeline is believed to wait when it was seen to do so, time and again. */
	bool unproven;
	bool pipelined; /* several requests were seen to wait at once */
	bool batch;     /* of them were some of this turn */
	uint8_t waited; /* how often in succession it had all responses when it went on, up to HTTP1_WAITED_ENOUGH */
	uint32_t client_turn; /* in which the last request began */
	bool next_after_gap;

	/* The exchange that waits for proof. */
	struct http1_request *kept;
	enum exchange_end kept_end;
	uint32_t kept_flags;
	uint64_t kept_end_ns;
};

/* Queue a request, or count why not. */
void http1_pair_request(struct http1 *http, const struct flow *flow, const struct http1_head *head);

/* A final response begins: note it on the oldest request, or count it as unmatched. */
void http1_pair_response(struct http1 *http, const struct flow *flow, const struct http1_head *head);

/* The response has ended, seen whole or not: hand the oldest request over, if it is that which is answered. */
void http1_pair_finish(struct http1 *http, const struct flow *flow, enum exchange_end end, uint32_t flags);

/* Hand over all waiting requests of turns before `turn` without (the rest of) their responses. */
void http1_pair_cut_before(struct http1 *http, const struct flow *flow, uint32_t turn, enum exchange_end reason);
void http1_pair_cut_all(struct http1 *http, const struct flow *flow, enum exchange_end reason);

/* The only request that waits is answered by another protocol: hand it to the sink as it was sent, uncounted. */
void http1_pair_leave(struct http1 *http, const struct flow *flow);

/* Responses may have been lost: see `unproven`. */
void http1_pair_doubt(struct http1 *http, const struct flow *flow);

/* Are all responses there when the client goes on? */
bool http1_pair_turns_tell(const struct http1 *http);

/* A request begins: what its turn says about the responses before it. */
void http1_pair_turn(struct http1 *http, const struct flow *flow);

/* The exchange that is kept until it is proven, if there is one, is right; or cannot be told any more. */
void http1_pair_prove(struct http1 *http, const struct flow *flow);
void http1_pair_refute(struct http1 *http, const struct flow *flow, enum exchange_end reason);

/* ---- client.c, server.c: the two senders. The functions of struct protocol, for one sender each ---- */

enum step http1_client_next(struct http1 *http, const struct flow *flow, struct cursor *in);
enum step http1_server_next(struct http1 *http, const struct flow *flow, struct cursor *in);
enum step http1_client_hole(struct http1 *http, const struct flow *flow, struct slice unfinished, uint64_t bytes);
enum step http1_server_hole(struct http1 *http, const struct flow *flow, struct slice unfinished, uint64_t bytes);

/* After HTTP1_LOST a message of the sender begins. */
void http1_client_found_again(struct http1 *http);
void http1_server_found_again(struct http1 *http, const struct flow *flow);

/* A request begins: what that says about responses whose place was lost. */
void http1_server_turn_is_over(struct http1 *http, const struct flow *flow);

void http1_server_ended(struct http1 *http, const struct flow *flow, struct slice unfinished, bool clean);

extern const struct protocol http1_protocol;

#endif
