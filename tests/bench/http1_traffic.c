/* Make records of HTTP/1.1 requests and responses. */
#include "http1_traffic.h"

#include <assert.h>
#include <string.h>

static const char request_text[] = "GET /api/v1/carts/7f3a/items?currency=EUR&page=2 HTTP/1.1\r\n"
				   "Host: shop.example.com:8080\r\n"
				   "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0\r\n"
				   "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
				   "Accept: */*\r\n\r\n";

/* The head; the body that it announces passes as a hole. */
static const char response_text[] = "HTTP/1.1 200 OK\r\n"
				    "Server: nginx/1.22.1\r\n"
				    "Date: Mon, 01 Jan 2029 00:00:00 GMT\r\n"
				    "Content-Type: application/json\r\n"
				    "Content-Length: 2048\r\n"
				    "Connection: keep-alive\r\n\r\n";

static void message_make(struct traffic_message *message, const char *text, size_t length, uint32_t body_bytes,
			 uint16_t flags)
{
	const size_t padded = (sizeof(message->fixed) + length + SHM_RECORD_ALIGN_BYTES - 1) / SHM_RECORD_ALIGN_BYTES *
			      SHM_RECORD_ALIGN_BYTES;

	assert(padded <= sizeof(*message));
	memset(message, 0, sizeof(*message));
	message->fixed = (struct shm_record_data){
		.header = {.length = (uint32_t)padded, .type = SHM_RECORD_DATA, .flags = flags},
		.byte_count = (uint32_t)length + body_bytes,
		.captured_bytes = (uint16_t)length,
	};
	memcpy(message->bytes, text, length);
}

void http1_traffic_init_with(struct http1_traffic *traffic, uint32_t connections, const struct traffic_texts *texts)
{
	*traffic = (struct http1_traffic){
		.port = texts->port, .joined = texts->joined, .connections = connections, .now_ns = 1000000000};
	message_make(&traffic->request, texts->request, texts->request_bytes, 0, 0);
	message_make(&traffic->response, texts->response, texts->response_bytes, texts->response_body_bytes,
		     SHM_DATA_SENT);
}

void http1_traffic_init(struct http1_traffic *traffic, uint32_t connections)
{
	http1_traffic_init_with(traffic, connections,
				&(struct traffic_texts){request_text, response_text, sizeof(request_text) - 1,
							sizeof(response_text) - 1, TRAFFIC_RESPONSE_BODY_BYTES, 8080,
							false});
}

void http1_traffic_connection(const struct http1_traffic *traffic, uint32_t at, struct shm_record_connection *record)
{
	*record = (struct shm_record_connection){
		.header = {.length = sizeof(*record),
			   .type = SHM_RECORD_CONNECTION,
			   .flags = traffic->joined ? SHM_CONNECTION_JOINED : 0},
		.connection_id = at + 1,
		.process_id = TRAFFIC_PROCESS_ID,
		.time_ns = traffic->now_ns,
		.family = SHM_FAMILY_IPV4,
		.role = SHM_ROLE_SERVER,
		.local_port = traffic->port,
		.remote_port = (uint16_t)(at % 28000 + 32768),
		.local_address = {10, 0, 14, 7},
		.remote_address = {10, 0, 14, 201},
	};
}

struct shm_record_data *http1_traffic_next(struct http1_traffic *traffic)
{
	struct shm_record_data *data = traffic->answering ? &traffic->response.fixed : &traffic->request.fixed;

	data->connection_id = traffic->at + 1;
	data->offset = traffic->rounds * data->byte_count;
	data->time_ns = traffic->now_ns += 1000;
	if (traffic->answering) {
		traffic->exchanges++;
		traffic->at = traffic->at + 1 < traffic->connections ? traffic->at + 1 : 0;
		traffic->rounds += traffic->at == 0;
	}
	traffic->answering = !traffic->answering;
	return data;
}
