/* Keep the fields of a header block that an exchange needs. */
#include "protocols/http2/http2.h"

void http2_head_reset(struct http2_head *head)
{
	memset(head, 0, offsetof(struct http2_head, text));
}

/* HTTP2_FIELDS if it is none that is kept. */
static enum http2_field field_of(struct slice name)
{
	static const struct slice kept[HTTP2_FIELDS] = {
#define KEPT(text) {text, sizeof(text) - 1}
		[HTTP2_METHOD] = KEPT(":method"),
		[HTTP2_PATH] = KEPT(":path"),
		[HTTP2_SCHEME] = KEPT(":scheme"),
		[HTTP2_AUTHORITY] = KEPT(":authority"),
		[HTTP2_HOST] = KEPT("host"),
		[HTTP2_USER_AGENT] = KEPT("user-agent"),
		[HTTP2_TRACEPARENT] = KEPT("traceparent"),
		[HTTP2_TRACESTATE] = KEPT("tracestate"),
		[HTTP2_X_FORWARDED_FOR] = KEPT("x-forwarded-for"),
		[HTTP2_FORWARDED] = KEPT("forwarded"),
		[HTTP2_X_FORWARDED_PROTO] = KEPT("x-forwarded-proto"),
		[HTTP2_X_FORWARDED_HOST] = KEPT("x-forwarded-host"),
		[HTTP2_CONTENT_TYPE] = KEPT("content-type"),
		[HTTP2_GRPC_TIMEOUT] = KEPT("grpc-timeout"),
		[HTTP2_STATUS] = KEPT(":status"),
		[HTTP2_GRPC_STATUS] = KEPT("grpc-status"),
		[HTTP2_GRPC_MESSAGE] = KEPT("grpc-message"),
#undef KEPT
	};

	for (unsigned i = 0; i < HTTP2_FIELDS; i++) {
		if (slice_equal(kept[i], name))
			return (enum http2_field)i;
	}
	return HTTP2_FIELDS;
}

void http2_head_add(struct http2_head *head, struct slice name, struct slice value)
{
	enum http2_field field = field_of(name);

	if (field == HTTP2_FIELDS)
		return;
	if (head->fields[field].bytes != NULL) {
		head->traceparent_repeated |= field == HTTP2_TRACEPARENT;
		return;
	}
	if (value.length > sizeof(head->text) - head->text_bytes) {
		head->cut = true;
		return;
	}
	char *at = head->text + head->text_bytes;

	memcpy(at, value.bytes, value.length);
	head->text_bytes += value.length;
	head->fields[field] = (struct slice){at, value.length};
}

void http2_head_finish(struct http2_head *head)
{
	if (head->traceparent_repeated)
		head->fields[HTTP2_TRACEPARENT] = (struct slice){0};
}

uint16_t http2_head_status(const struct http2_head *head)
{
	struct slice text = head->fields[HTTP2_STATUS];
	unsigned status = 0;

	if (text.length != 3)
		return 0;
	for (size_t i = 0; i < 3; i++) {
		if (text.bytes[i] < '0' || text.bytes[i] > '9')
			return 0;
		status = status * 10 + (unsigned)(text.bytes[i] - '0');
	}
	return status < 100 ? 0 : (uint16_t)status;
}
