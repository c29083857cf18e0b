/* Header blocks of the server: the head of a response, and its trailers. */
#include "counters.h"
#include "protocols/http2/http2.h"

void http2_response_passes(struct http2_stream *s, const struct flow *flow)
{
	if (!s->answered) {
		s->answered = true;
		s->response_first_ns = flow->first_ns;
		s->response_last_ns = flow->last_ns;
	}
	s->tail_unseen = !flow->time_known;
	if (flow->time_known)
		s->response_last_ns = flow->last_ns;
}

/* Trailers, or a head that ends the stream at once (Trailers-Only). */
static void read_rpc_status(struct http2_stream *s, const struct flow *flow, const struct http2_head *head)
{
	struct slice message = head->fields[HTTP2_GRPC_MESSAGE];

	if (head->fields[HTTP2_GRPC_STATUS].bytes == NULL) {
		s->trailers_uncertain |= head->uncertain || head->cut;
		return;
	}
	s->trailers_uncertain = false;
	s->is_rpc |= s->kind_unknown;
	s->rpc_status = grpc_parse_status(head->fields[HTTP2_GRPC_STATUS]);
	if (message.length == 0 || s->rpc_message != NULL)
		return;
	s->rpc_message = block_pool_take(flow->pool, message.length);
	if (s->rpc_message == NULL) {
		counter_add(COUNTER_STREAM_BUFFERS_FULL, 1);
		return;
	}
	memcpy(s->rpc_message, message.bytes, message.length);
	s->rpc_message_bytes = (uint32_t)message.length;
	s->rpc_message_length = (uint32_t)grpc_decode_message(s->rpc_message, message.length);
}

void http2_response_head(struct http2 *http, const struct flow *flow, uint32_t id, uint64_t first_ns,
			 const struct http2_head *head)
{
	struct http2_stream *s = http2_streams_find(&http->streams, id);
	uint16_t status = http2_head_status(head);

	if (s == NULL) {
		if (id % 2 == 0 || (id <= http->request_id_max && status < 200))
			return; /* pushed, or trailers of an exchange that is over */
		if (id <= http->request_id_max || http->requests_lost || flow->role == EXCHANGE_SERVER) {
			counter_add(COUNTER_RESPONSES_UNMATCHED, status >= 200);
			return;
		}
		s = http2_pair_open(http, flow, id, 0);
		if (s == NULL)
			return;
		http->unrequested++;
		http2_streams_add(&http->streams, flow->pool, s);
	}
	if (status / 100 == 1)
		return;
	if (!s->answered) {
		s->response_first_ns = first_ns;
		s->answered = true;
	}
	http2_response_passes(s, flow);
	if (s->status == 0)
		s->status = status;
	if (head->fields[HTTP2_CONTENT_TYPE].bytes != NULL) {
		bool rpc = grpc_kind_of(head->fields[HTTP2_CONTENT_TYPE]) != GRPC_NOT;

		s->is_rpc |= rpc && s->kind_unknown;
		s->bodies[FROM_SERVER].messages.uncertain |= !rpc;
	}
	read_rpc_status(s, flow, head);
	if (s->requested && s->is_connect && s->status / 100 == 2) { /* what follows is a tunnel */
		s->bodies[FROM_CLIENT].ended = s->bodies[FROM_SERVER].ended = true;
		http2_pair_finish(http, flow, s, EXCHANGE_ENDED_BY_MESSAGE, s->response_last_ns);
	}
}
