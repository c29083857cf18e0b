/* Read the fields that gRPC adds to a head. */
#include <strings.h>

#include "exchanges/exchange.h"
#include "protocols/grpc/grpc.h"

static bool begins_with(struct slice s, struct slice prefix)
{
	return s.length >= prefix.length && strncasecmp(s.bytes, prefix.bytes, prefix.length) == 0;
}

/* "application/grpc" may go on with "+proto" or ";", but not with letters: "application/grpcfoo" is something else. */
enum grpc_kind grpc_kind_of(struct slice content_type)
{
	static const struct slice grpc = SLICE_LITERAL("application/grpc"), web = SLICE_LITERAL("application/grpc-web");
	static const struct slice text = SLICE_LITERAL("application/grpc-web-text");

	if (content_type.bytes == NULL || !begins_with(content_type, grpc))
		return GRPC_NOT;
	if (begins_with(content_type, web))
		return begins_with(content_type, text) ? GRPC_WEB_TEXT : GRPC_WEB;
	if (content_type.length == grpc.length)
		return GRPC_HTTP2;
	char next = content_type.bytes[grpc.length];

	return next == '+' || next == ';' || next == ' ' ? GRPC_HTTP2 : GRPC_NOT;
}

int32_t grpc_parse_status(struct slice text)
{
	int32_t status = 0;

	if (text.length == 0)
		return RPC_STATUS_UNSEEN;
	for (size_t i = 0; i < text.length; i++) {
		char c = text.bytes[i];

		if (c < '0' || c > '9' || __builtin_mul_overflow(status, 10, &status) ||
		    __builtin_add_overflow(status, c - '0', &status))
			return RPC_STATUS_UNSEEN;
	}
	return status;
}

uint64_t grpc_parse_timeout(struct slice text)
{
	enum { DIGITS_MAX = 8 };
	uint64_t value = 0;

	if (text.length < 2 || text.length > DIGITS_MAX + 1)
		return 0;
	for (size_t i = 0; i < text.length - 1; i++) {
		if (text.bytes[i] < '0' || text.bytes[i] > '9')
			return 0;
		value = value * 10 + (uint64_t)(text.bytes[i] - '0');
	}
	switch (text.bytes[text.length - 1]) {
	case 'H':
		return value * 3600 * 1000000000;
	case 'M':
		return value * 60 * 1000000000;
	case 'S':
		return value * 1000000000;
	case 'm':
		return value * 1000000;
	case 'u':
		return value * 1000;
	case 'n':
		return value;
	default:
		return 0;
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

size_t grpc_decode_message(char *text, size_t length)
{
	size_t out = 0;

	for (size_t i = 0; i < length; i++) {
		int high = text[i] == '%' && length - i > 2 ? hex_digit(text[i + 1]) : -1;
		int low = high < 0 ? -1 : hex_digit(text[i + 2]);

		if (low < 0) {
			text[out++] = text[i];
			continue;
		}
		text[out++] = (char)(high * 16 + low);
		i += 2;
	}
	return out;
}
