/* HTTP/2: what frames, header blocks, streams and pairing share. Reference: RFC 9113, RFC 7541 (HPACK). */
#ifndef PROTOCOLS_HTTP2_HTTP2_H
#define PROTOCOLS_HTTP2_HTTP2_H

#include <stdbool.h>
#include <stdint.h>

#include "protocols/grpc/grpc.h"
#include "protocols/protocol.h"

enum {
	HTTP2_PREFACE_BYTES = 24,
	HTTP2_FRAME_HEADER_BYTES = 9,
	HTTP2_PAYLOAD_BYTES_MAX = PROTOCOL_UNIT_BYTES_MAX, /* of one frame with a header block */
	HTTP2_BLOCK_BYTES_MAX = 65536,  /* of a header block in several frames: a longer one is not decoded */
	HTTP2_KEPT_BYTES_MAX = 8192,    /* of one head's fields: what does not fit is absent */
	HTTP2_TABLE_BYTES_MAX = 65536,  /* of a header table, as RFC 7541 4.1 counts */
	HTTP2_STREAMS_MAX = 1024,       /* that are followed on one connection: the longest silent one makes room */
	HTTP2_BUCKETS_FIRST = 16,
};

/* ---- frames.c: frame headers, and recognition by them ---- */

enum http2_frame_type {
	HTTP2_DATA,
	HTTP2_HEADERS,
	HTTP2_PRIORITY,
	HTTP2_RST_STREAM,
	HTTP2_SETTINGS,
	HTTP2_PUSH_PROMISE,
	HTTP2_PING,
	HTTP2_GOAWAY,
	HTTP2_WINDOW_UPDATE,
	HTTP2_CONTINUATION,
};

enum http2_frame_flag {
	HTTP2_END_STREAM = 0x1,
	HTTP2_END_HEADERS = 0x4,
	HTTP2_PADDED = 0x8,
	HTTP2_PRIORITY_FIELDS = 0x20,
};

enum { HTTP2_REFUSED_STREAM = 7 }; /* an error code: nobody has looked at the stream */

struct http2_frame {
	uint32_t length; /* of the payload */
	uint32_t stream;
	uint8_t type;
	uint8_t flags;
};

/* From HTTP2_FRAME_HEADER_BYTES bytes. */
struct http2_frame http2_frame_read(const char *bytes);

/* False if no peer may send it: wrong length or stream for its type. Types that are not known pass. */
bool http2_frame_is_valid(const struct http2_frame *frame);

/* A big-endian number of the payload. */
uint32_t http2_read_u32(const char *bytes);

/* The part of a HEADERS, PUSH_PROMISE or CONTINUATION payload that belongs to the header block. `payload` may end
 * before the frame does. False if padding or fields do not fit. */
bool http2_frame_fragment(const struct http2_frame *frame, struct slice payload, struct slice *fragment);

/* How much of the preface is there: MATCH_FROM_CLIENT if all, MATCH_MORE for a part of it at the end of the bytes. */
enum match http2_match_preface(struct slice bytes);

/* struct protocol.recognise */
enum match http2_recognise(const struct opening *opening);

/* ---- field_line.c: one representation of a header block (RFC 7541 6), without decoding it ---- */

enum http2_field_line_kind {
	HTTP2_INDEXED,
	HTTP2_LITERAL,
	HTTP2_TABLE_SIZE,
};

struct http2_field_line {
	enum http2_field_line_kind kind;
	uint8_t pattern;   /* the bits that say what kind of literal it is */
	uint32_t index;    /* of the field, or of its name; 0: the name is literal. Of HTTP2_TABLE_SIZE the size */
	size_t head_bytes; /* pattern and index */
	size_t bytes;      /* all of it */
};

/* The one at the start of `block`. False if it is malformed or not whole. */
bool http2_field_line_read(struct slice block, struct http2_field_line *line);

/* ---- head.c: the fields that are kept of a header block ---- */

enum http2_field {
	HTTP2_METHOD,
	HTTP2_PATH,
	HTTP2_SCHEME,
	HTTP2_AUTHORITY,
	HTTP2_HOST,
	HTTP2_USER_AGENT,
	HTTP2_TRACEPARENT,
	HTTP2_TRACESTATE,
	HTTP2_X_FORWARDED_FOR,
	HTTP2_FORWARDED,
	HTTP2_X_FORWARDED_PROTO,
	HTTP2_X_FORWARDED_HOST,
	HTTP2_REQUEST_FIELDS, /* those before it are kept with a stream */
	HTTP2_CONTENT_TYPE = HTTP2_REQUEST_FIELDS,
	HTTP2_GRPC_TIMEOUT,
	HTTP2_STATUS,
	HTTP2_GRPC_STATUS,
	HTTP2_GRPC_MESSAGE,
	HTTP2_FIELDS,
};

struct http2_head {
	struct slice fields[HTTP2_FIELDS]; /* the first of its name, in `text`; absent: bytes == NULL */
	bool uncertain; /* fields of the block could not be decoded: an absent one may have been sent */
	bool cut;       /* the block was not seen to its end, or a field passed HTTP2_KEPT_BYTES_MAX */
	bool traceparent_repeated;
	bool end_stream; /* nothing follows it in its direction */
	size_t text_bytes;
	char text[HTTP2_KEPT_BYTES_MAX];
};

void http2_head_reset(struct http2_head *head);
void http2_head_add(struct http2_head *head, struct slice name, struct slice value);
void http2_head_finish(struct http2_head *head);

/* 100 to 999, or 0 if absent or none of these. */
uint16_t http2_head_status(const struct http2_head *head);

/* ---- header_block.c: header blocks of one sender to heads ---- */

/* HPACK state. Zeroed: nothing is known about the sender's table but its usual size, and no memory is held. */
struct http2_decoder {
	struct http2_inflater *inflater;
	uint32_t table_bytes;  /* size of the table when there is no inflater; 0: not known, the usual one */
	uint32_t wanted_bytes; /* an index has shown that the sender's table is larger; 0: none has */
};

/* Decode a block into a head that has been reset. Not `whole`: the block ends too early. False if it is malformed, not
 * whole, or memory is short: the head has the fields up to there, and the table is forgotten. */
bool http2_decode(struct http2_decoder *decoder, struct block_pool *pool, struct slice block, bool whole,
		  struct http2_head *head);

/* Blocks of the sender are lost: what its table holds is unknown from here on. */
void http2_decoder_forget(struct http2_decoder *decoder);

/* ---- streams.c: the open streams of a connection ---- */

/* What passes in one direction of a stream. */
struct http2_body {
	uint64_t bytes;
	struct grpc_counter messages;
	bool uncertain; /* frames of it may be lost */
	bool ended;
};

/* A block of the pool, strings behind it. */
struct http2_stream {
	struct http2_stream *chain;          /* in its bucket */
	struct http2_stream *newer, *older;  /* by last use */
	size_t block_bytes;
	uint32_t id;
	uint32_t flags; /* enum exchange_flag */
	uint64_t start_ns;
	uint64_t response_first_ns;
	uint64_t response_last_ns;
	uint32_t responses_lost; /* of the connection, when the stream began */
	uint16_t status;
	bool requested;  /* false: the response was recorded first */
	bool answered;   /* the final response has begun */
	bool tail_unseen; /* bytes of the response passed later than response_last_ns */
	bool is_connect;
	bool is_rpc;
	bool is_web;
	bool kind_unknown; /* the content-type of the request could not be decoded */
	int32_t rpc_status;
	uint32_t reset_code; /* of RST_STREAM */
	uint64_t rpc_timeout_ns;
	bool trailers_uncertain; /* a grpc-status may have been sent that could not be decoded */
	char *rpc_message;       /* a block of the pool */
	uint32_t rpc_message_bytes;
	uint32_t rpc_message_length;
	struct http2_body bodies[2]; /* by enum sender */
	struct slice fields[HTTP2_REQUEST_FIELDS];
	char text[];
};

struct http2_streams {
	struct http2_stream **buckets; /* a block of the pool, or first_buckets */
	uint32_t mask;                 /* of the buckets; 0: not initialised */
	uint32_t count;
	struct http2_stream *newest, *oldest; /* by last use */
	struct http2_stream *first_buckets[HTTP2_BUCKETS_FIRST];
};

/* NULL if it is not open. Counts as use. */
struct http2_stream *http2_streams_find(struct http2_streams *streams, uint32_t id);

/* A block with room for `text_bytes`, zeroed up to there; not in the table yet. NULL, counted, if the pool has none. */
struct http2_stream *http2_stream_create(struct block_pool *pool, uint32_t id, size_t text_bytes);
void http2_stream_destroy(struct block_pool *pool, struct http2_stream *stream);

/* The id must not be in the table, and the table not full. */
void http2_streams_add(struct http2_streams *streams, struct block_pool *pool, struct http2_stream *stream);
void http2_streams_remove(struct http2_streams *streams, struct http2_stream *stream);

/* No stream may be left. */
void http2_streams_free(struct http2_streams *streams, struct block_pool *pool);

/* ---- the connection ---- */

enum http2_phase {
	HTTP2_AT_FRAME,
	HTTP2_IN_BLOCK,  /* the payload of HEADERS, PUSH_PROMISE or CONTINUATION is awaited whole */
	HTTP2_IN_DATA,
	HTTP2_IN_NUMBERS, /* the first bytes of RST_STREAM or GOAWAY are awaited */
	HTTP2_PASSING,   /* a payload that nobody needs */
	HTTP2_LOST,
};

/* A header block that goes on in CONTINUATION frames. */
struct http2_block {
	char *bytes; /* a block of the pool; NULL while no block is open, or if it is given up */
	uint32_t length, capacity;
	uint32_t stream; /* 0: no block is open */
	uint64_t first_ns;
	bool end_stream;
	bool promise; /* of PUSH_PROMISE */
};

struct http2_side {
	enum http2_phase phase;
	bool begun; /* the preface cannot come any more */
	bool pad_unread;
	struct http2_frame frame;
	uint64_t frame_ns;  /* of its first byte */
	uint32_t left;      /* of its payload */
	uint32_t pad_left;  /* of that, padding at its end */
	struct http2_block block;
	struct http2_decoder decoder;
};

struct http2 {
	struct http2_side sides[2]; /* by enum sender */
	struct http2_streams streams;
	uint32_t request_id_max; /* of all requests so far */
	uint32_t unrequested;    /* streams whose response was recorded first */
	uint32_t responses_lost; /* grows when the server's place is lost */
	bool requests_lost;      /* the client's place was lost, and no request has followed */
};

/* ---- block.c: header blocks in one frame or several ---- */

/* A frame with a part of a block begins; it fits what is open. */
void http2_block_begin(struct http2_side *side);

/* The payload of that frame, or of one that is cut the part that was seen. The last part hands the block over. */
void http2_block_payload(struct http2 *http, const struct flow *flow, enum sender from, struct slice payload,
			 bool whole);

/* Forget what is open. */
void http2_block_drop(struct http2_block *block, struct block_pool *pool);

/* ---- pair.c: what happens on streams, to exchanges ---- */

/* A header block of that sender on stream `id` is decoded, or as much of it as was seen. */
void http2_pair_head(struct http2 *http, const struct flow *flow, enum sender from, uint32_t id, uint64_t first_ns,
		     const struct http2_head *head);

/* The stream ends in that direction. */
void http2_pair_end_stream(struct http2 *http, const struct flow *flow, enum sender from, uint32_t id);

/* DATA of a stream: `bytes` == NULL if they pass unseen. */
void http2_pair_data(struct http2 *http, const struct flow *flow, enum sender from, uint32_t id, const char *bytes,
		     size_t length);

/* How many bytes of a DATA frame are content is not known. */
void http2_pair_data_unknown(struct http2 *http, enum sender from, uint32_t id);

void http2_pair_reset(struct http2 *http, const struct flow *flow, enum sender from, uint32_t id, uint32_t code);

/* GOAWAY of the server: it has not looked at the streams above `last_id` and never will (RFC 9113 6.8). */
void http2_pair_goaway(struct http2 *http, const struct flow *flow, uint32_t last_id);

/* Frames of that sender are lost. */
void http2_pair_lost(struct http2 *http, enum sender from);

/* Hand over all streams without the end of their response. */
void http2_pair_cut_all(struct http2 *http, const struct flow *flow, enum exchange_end reason);

/* A stream that can be filled in and added to the table, where it has room then. NULL, counted, without memory. */
struct http2_stream *http2_pair_open(struct http2 *http, const struct flow *flow, uint32_t id, size_t text_bytes);

/* Hand over and forget. */
void http2_pair_finish(struct http2 *http, const struct flow *flow, struct http2_stream *stream, enum exchange_end end,
		       uint64_t end_ns);

/* Forget a response whose request never came. */
void http2_pair_drop(struct http2 *http, const struct flow *flow, struct http2_stream *stream);

/* ---- request.c, response.c: what heads say ---- */

/* `id` is larger than that of any request before. */
void http2_request_begins(struct http2 *http, const struct flow *flow, uint32_t id, uint64_t first_ns,
			  const struct http2_head *head);

/* A request of HTTP/1.1 that is answered on stream 1 (RFC 7540 3.2). */
void http2_request_adopt(struct http2 *http, const struct flow *flow, const struct exchange *request);

/* Interim, final, or trailers. */
void http2_response_head(struct http2 *http, const struct flow *flow, uint32_t id, uint64_t first_ns,
			 const struct http2_head *head);

/* Bytes of a response pass: note when. */
void http2_response_passes(struct http2_stream *stream, const struct flow *flow);

extern const struct protocol http2_protocol;

#endif
