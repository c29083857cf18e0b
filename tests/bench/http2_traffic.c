/* Make records of HTTP/2 requests and responses and of gRPC calls, with header blocks of nghttp2's deflater. */
#include "http2_traffic.h"

#include <assert.h>
#include <nghttp2/nghttp2.h>
#include <string.h>

enum { FRAME_HEADER_BYTES = 9, STREAM_AT = 8, TABLE_BYTES = 4096, BLOCK_BYTES_MAX = 300, PREFIX_BYTES = 5 };

#define FIELD(name, value)                                                                                             \
	{                                                                                                              \
		(uint8_t *)(name), (uint8_t *)(value), sizeof(name) - 1, sizeof(value) - 1, NGHTTP2_NV_FLAG_NONE       \
	}

static const nghttp2_nv request_fields[] = {
	FIELD(":method", "GET"),
	FIELD(":scheme", "http"),
	FIELD(":authority", "shop.example.com:8080"),
	FIELD(":path", "/api/v1/carts/7f3a/items?currency=EUR&page=2"),
	FIELD("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"),
	FIELD("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
	FIELD("accept", "*/*"),
};

static const nghttp2_nv response_fields[] = {
	FIELD(":status", "200"),
	FIELD("server", "nginx/1.22.1"),
	FIELD("date", "Mon, 01 Jan 2029 00:00:00 GMT"),
	FIELD("content-type", "application/json"),
	FIELD("content-length", "2048"),
};

static const nghttp2_nv call_fields[] = {
	FIELD(":method", "POST"),
	FIELD(":scheme", "http"),
	FIELD(":authority", "shop.example.com:8080"),
	FIELD(":path", "/shop.Cart/Clear"),
	FIELD("te", "trailers"),
	FIELD("content-type", "application/grpc"),
	FIELD("user-agent", "grpc-go/1.64.0"),
	FIELD("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
};

static const nghttp2_nv answer_fields[] = {
	FIELD(":status", "200"),
	FIELD("content-type", "application/grpc"),
};

static const nghttp2_nv trailer_fields[] = {
	FIELD("grpc-status", "0"),
};

/* What one end says: HEADERS, DATA unless it has no body, and HEADERS with trailers if it has any. */
struct side {
	const nghttp2_nv *fields, *trailers;
	size_t field_count, trailer_count;
	uint32_t hole_bytes; /* of DATA, not shown, at the end of the message */
	bool empty_message;  /* DATA is the prefix of a gRPC message without bytes */
};

static const struct side http_sides[2] = {
	{.fields = request_fields, .field_count = sizeof(request_fields) / sizeof(request_fields[0])},
	{.fields = response_fields,
	 .field_count = sizeof(response_fields) / sizeof(response_fields[0]),
	 .hole_bytes = TRAFFIC_RESPONSE_BODY_BYTES},
};

static const struct side grpc_sides[2] = {
	{.fields = call_fields, .field_count = sizeof(call_fields) / sizeof(call_fields[0]), .empty_message = true},
	{.fields = answer_fields,
	 .field_count = sizeof(answer_fields) / sizeof(answer_fields[0]),
	 .trailers = trailer_fields,
	 .trailer_count = sizeof(trailer_fields) / sizeof(trailer_fields[0]),
	 .empty_message = true},
};

static uint8_t *frame_write(uint8_t *at, size_t length, uint8_t type, uint8_t flags)
{
	const uint8_t head[FRAME_HEADER_BYTES] = {(uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length,
						  type, flags};

	return (uint8_t *)memcpy(at, head, sizeof(head)) + sizeof(head);
}

/* NULL if the fields do not fit. */
static uint8_t *headers_write(uint8_t *at, nghttp2_hd_deflater *deflater, const nghttp2_nv *fields, size_t count,
			      bool last)
{
	ssize_t block =
		nghttp2_hd_deflate_hd(deflater, at + FRAME_HEADER_BYTES, BLOCK_BYTES_MAX, (nghttp2_nv *)fields, count);

	if (block < 0)
		return NULL;
	return frame_write(at, (size_t)block, NGHTTP2_HEADERS,
			   NGHTTP2_FLAG_END_HEADERS | (last ? NGHTTP2_FLAG_END_STREAM : 0)) +
	       block;
}

/* NULL if the fields do not fit. */
static uint8_t *frames_write(uint8_t *at, nghttp2_hd_deflater *deflater, const struct side *side)
{
	const size_t data_bytes = side->empty_message ? PREFIX_BYTES : side->hole_bytes;
	const uint8_t data_flags = side->trailers == NULL ? NGHTTP2_FLAG_END_STREAM : 0;

	at = headers_write(at, deflater, side->fields, side->field_count, data_bytes == 0);
	if (at != NULL && data_bytes > 0)
		at = frame_write(at, data_bytes, NGHTTP2_DATA, data_flags);
	if (at != NULL && side->empty_message)
		at = (uint8_t *)memset(at, 0, PREFIX_BYTES) + PREFIX_BYTES;
	if (at != NULL && side->trailers != NULL)
		at = headers_write(at, deflater, side->trailers, side->trailer_count, true);
	return at;
}

static bool message_make(struct traffic_message *message, nghttp2_hd_deflater *deflater, const struct side *side,
			 bool preface, bool response)
{
	const size_t preface_bytes = preface ? NGHTTP2_CLIENT_MAGIC_LEN : 0;

	memset(message, 0, sizeof(*message));
	memcpy(message->bytes, NGHTTP2_CLIENT_MAGIC, preface_bytes);
	const uint8_t *end = frames_write(message->bytes + preface_bytes, deflater, side);

	if (end == NULL)
		return false;
	size_t length = (size_t)(end - message->bytes);

	message->fixed = (struct shm_record_data){
		.header = {.length = (uint32_t)((sizeof(message->fixed) + length + SHM_RECORD_ALIGN_BYTES - 1) /
						SHM_RECORD_ALIGN_BYTES * SHM_RECORD_ALIGN_BYTES),
			   .type = SHM_RECORD_DATA,
			   .flags = SHM_DATA_HTTP2_FRAME | (response ? SHM_DATA_SENT : 0)},
		.byte_count = (uint32_t)length + side->hole_bytes,
		.captured_bytes = (uint16_t)length,
	};
	return true;
}

static bool side_make(struct http2_traffic *traffic, const struct side *side, bool response)
{
	nghttp2_hd_deflater *deflater;

	if (nghttp2_hd_deflate_new(&deflater, TABLE_BYTES) != 0)
		return false;
	bool made = message_make(&traffic->first[response], deflater, side, !response, response) &&
		    message_make(&traffic->later[response], deflater, side, false, response);

	nghttp2_hd_deflate_del(deflater);
	return made;
}

bool http2_traffic_init(struct http2_traffic *traffic, uint32_t connections, bool grpc)
{
	const struct side *sides = grpc ? grpc_sides : http_sides;

	*traffic = (struct http2_traffic){.connections = connections, .now_ns = 1000000000};
	return side_make(traffic, &sides[0], false) && side_make(traffic, &sides[1], true);
}

/* All frames of the message are of that stream. */
static void number(struct traffic_message *message, uint64_t id, bool preface)
{
	uint8_t *at = message->bytes + (preface ? NGHTTP2_CLIENT_MAGIC_LEN : 0);
	const uint8_t *end = message->bytes + message->fixed.captured_bytes;

	while (at < end) {
		for (int i = 0; i < 4; i++)
			at[STREAM_AT - i] = (uint8_t)(id >> 8 * i);
		at += FRAME_HEADER_BYTES + (at[0] << 16 | at[1] << 8 | at[2]);
	}
}

struct shm_record_data *http2_traffic_next(struct http2_traffic *traffic)
{
	bool response = traffic->answering, begins = traffic->rounds == 0;
	struct traffic_message *message = begins ? &traffic->first[response] : &traffic->later[response];
	struct shm_record_data *data = &message->fixed;

	assert(traffic->rounds < UINT32_MAX / 4);
	number(message, 2 * traffic->rounds + 1, begins && !response);
	data->connection_id = traffic->at + 1;
	data->offset =
		begins ? 0 : traffic->first[response].fixed.byte_count + (traffic->rounds - 1) * data->byte_count;
	data->time_ns = traffic->now_ns += 1000;
	if (response) {
		traffic->exchanges++;
		traffic->at = traffic->at + 1 < traffic->connections ? traffic->at + 1 : 0;
		traffic->rounds += traffic->at == 0;
	}
	traffic->answering = !response;
	return data;
}
