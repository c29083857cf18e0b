/* Tables of gRPC's status codes. */
#include "exchanges/grpc_status.h"

#include <nghttp2/nghttp2.h>

const char *grpc_status_name(enum grpc_status status)
{
	static const char *const names[] = {
		"OK",	     "CANCELLED",	"UNKNOWN",	     "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
		"NOT_FOUND", "ALREADY_EXISTS",	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
		"ABORTED",   "OUT_OF_RANGE",	"UNIMPLEMENTED",     "INTERNAL",	   "UNAVAILABLE",
		"DATA_LOSS", "UNAUTHENTICATED",
	};

	return names[status];
}

enum grpc_status grpc_status_parse(const uint8_t *text, size_t length)
{
	unsigned value = 0;

	if (length == 0 || length > 2)
		return GRPC_UNKNOWN;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return GRPC_UNKNOWN;
		value = value * 10 + (text[i] - '0');
	}
	return value <= GRPC_UNAUTHENTICATED ? (enum grpc_status)value : GRPC_UNKNOWN;
}

enum grpc_status grpc_status_from_http(unsigned http_status)
{
	switch (http_status) {
	case 400:
		return GRPC_INTERNAL;
	case 401:
		return GRPC_UNAUTHENTICATED;
	case 403:
		return GRPC_PERMISSION_DENIED;
	case 404:
		return GRPC_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504:
		return GRPC_UNAVAILABLE;
	default:
		return GRPC_UNKNOWN;
	}
}

enum grpc_status grpc_status_from_reset(uint32_t http2_error)
{
	switch (http2_error) {
	case NGHTTP2_REFUSED_STREAM:
		return GRPC_UNAVAILABLE;
	case NGHTTP2_CANCEL:
		return GRPC_CANCELLED;
	case NGHTTP2_ENHANCE_YOUR_CALM:
		return GRPC_RESOURCE_EXHAUSTED;
	case NGHTTP2_INADEQUATE_SECURITY:
		return GRPC_PERMISSION_DENIED;
	default:
		return GRPC_INTERNAL;
	}
}

bool grpc_status_retryable(enum grpc_status status, bool has_retry_info)
{
	switch (status) {
	case GRPC_CANCELLED:
	case GRPC_DEADLINE_EXCEEDED:
	case GRPC_ABORTED:
	case GRPC_OUT_OF_RANGE:
	case GRPC_UNAVAILABLE:
	case GRPC_DATA_LOSS:
		return true;
	case GRPC_RESOURCE_EXHAUSTED:
		return has_retry_info;
	default:
		return false;
	}
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Control bytes would let a server write lines of its own into the log. Bytes from 0x80 up are text in UTF-8, but for
 * C1 controls, whose second byte is 0x80 to 0x9f after 0xc2. */
static char printable(char before, uint8_t c)
{
	if (c < 0x20 || c == 0x7f || ((uint8_t)before == 0xc2 && c >= 0x80 && c < 0xa0))
		return '?';
	return (char)c;
}

void grpc_text_decode(char *out, size_t size, const uint8_t *text, size_t length, bool percent_encoded)
{
	size_t n = 0;

	for (size_t i = 0; i < length && n + 1 < size; i++) {
		uint8_t c = text[i];

		if (percent_encoded && c == '%' && length - i > 2 && hex_digit(text[i + 1]) >= 0 &&
		    hex_digit(text[i + 2]) >= 0) {
			c = (uint8_t)(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
			i += 2;
		}
		out[n] = printable(n == 0 ? 0 : out[n - 1], c);
		n++;
	}
	if (size > 0)
		out[n] = '\0';
}
