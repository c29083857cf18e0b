/* Make records of HTTP/2 requests and responses, with header blocks of nghttp2's deflater. */
#include "http2_traffic.h"

#include <assert.h>
#include <nghttp2/nghttp2.h>
#include <string.h>

enum { FRAME_HEADER_BYTES = 9, STREAM_AT = 8, TABLE_BYTES = 4096 };

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

static size_t frame_write(uint8_t *at, size_t length, uint8_t type, uint8_t flags)
{
	const uint8_t head[FRAME_HEADER_BYTES] = {(uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length,
						  type, flags};

	memcpy(at, head, sizeof(head));
	return sizeof(head);
}

/* HEADERS, and for a response DATA whose content passes as a hole. */
static bool message_make(struct traffic_message *message, nghttp2_hd_deflater *deflater, const nghttp2_nv *fields,
			 size_t count, bool preface, bool response)
{
	uint8_t *at = message->bytes;

	memset(message, 0, sizeof(*message));
	if (preface) {
		memcpy(at, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
		at += NGHTTP2_CLIENT_MAGIC_LEN;
	}
	ssize_t block = nghttp2_hd_deflate_hd(deflater, at + FRAME_HEADER_BYTES, 300, (nghttp2_nv *)fields, count);

	if (block < 0)
		return false;
	at += frame_write(at, (size_t)block, NGHTTP2_HEADERS,
			  NGHTTP2_FLAG_END_HEADERS | (response ? 0 : NGHTTP2_FLAG_END_STREAM));
	at += block;
	if (response)
		at += frame_write(at, TRAFFIC_RESPONSE_BODY_BYTES, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM);
	size_t length = (size_t)(at - message->bytes);

	message->fixed = (struct shm_record_data){
		.header = {.length = (uint32_t)((sizeof(message->fixed) + length + SHM_RECORD_ALIGN_BYTES - 1) /
						SHM_RECORD_ALIGN_BYTES * SHM_RECORD_ALIGN_BYTES),
			   .type = SHM_RECORD_DATA,
			   .flags = SHM_DATA_HTTP2_FRAME | (response ? SHM_DATA_SENT : 0)},
		.byte_count = (uint32_t)length + (response ? TRAFFIC_RESPONSE_BODY_BYTES : 0),
		.captured_bytes = (uint16_t)length,
	};
	return true;
}

static bool side_make(struct http2_traffic *traffic, bool response, const nghttp2_nv *fields, size_t count)
{
	nghttp2_hd_deflater *deflater;

	if (nghttp2_hd_deflate_new(&deflater, TABLE_BYTES) != 0)
		return false;
	bool made = message_make(&traffic->first[response], deflater, fields, count, !response, response) &&
		    message_make(&traffic->later[response], deflater, fields, count, false, response);

	nghttp2_hd_deflate_del(deflater);
	return made;
}

bool http2_traffic_init(struct http2_traffic *traffic, uint32_t connections)
{
	*traffic = (struct http2_traffic){.connections = connections, .now_ns = 1000000000};
	return side_make(traffic, false, request_fields, sizeof(request_fields) / sizeof(request_fields[0])) &&
	       side_make(traffic, true, response_fields, sizeof(response_fields) / sizeof(response_fields[0]));
}

static void set_stream(uint8_t *frame, uint64_t id)
{
	for (int i = 0; i < 4; i++)
		frame[STREAM_AT - i] = (uint8_t)(id >> 8 * i);
}

/* Frames begin at the record's start, but for the preface, and in a response a DATA header ends it. */
static void number(struct traffic_message *message, uint64_t id, bool preface, bool response)
{
	set_stream(message->bytes + (preface ? NGHTTP2_CLIENT_MAGIC_LEN : 0), id);
	if (response)
		set_stream(message->bytes + message->fixed.captured_bytes - FRAME_HEADER_BYTES, id);
}

struct shm_record_data *http2_traffic_next(struct http2_traffic *traffic)
{
	bool response = traffic->answering, begins = traffic->rounds == 0;
	struct traffic_message *message = begins ? &traffic->first[response] : &traffic->later[response];
	struct shm_record_data *data = &message->fixed;

	assert(traffic->rounds < UINT32_MAX / 4);
	number(message, 2 * traffic->rounds + 1, begins && !response, response);
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
