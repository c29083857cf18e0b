/* base64 -> google.rpc.Status -> Any -> RetryInfo -> Duration. */
#include "export/grpc_retry_info.h"

#include <string.h>

#include "otlp/protobuf_reader.h"

enum {
	STATUS_DETAILS = 3,
	ANY_TYPE_URL = 1,
	ANY_VALUE = 2,
	RETRY_INFO_RETRY_DELAY = 1,
	DURATION_SECONDS = 1,
	DURATION_NANOS = 2,
};

static int base64_digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

/* With or without padding. The number of bytes, or -1. `out` has room for length / 4 * 3 + 2. */
static int base64_decode(uint8_t *out, const uint8_t *text, size_t length)
{
	uint32_t bits = 0;
	unsigned held = 0;
	int n = 0;

	for (unsigned padding = 0; padding < 2 && length > 0 && text[length - 1] == '='; padding++)
		length--;
	for (size_t i = 0; i < length; i++) {
		const int digit = base64_digit(text[i]);

		if (digit < 0)
			return -1;
		bits = bits << 6 | (uint32_t)digit;
		held += 6;
		if (held >= 8) {
			held -= 8;
			out[n++] = (uint8_t)(bits >> held);
		}
	}
	return held == 6 ? -1 : n;
}

static bool duration_read(uint64_t *delay_ns, const uint8_t *bytes, size_t length)
{
	struct protobuf_reader reader = protobuf_read(bytes, length);
	struct protobuf_field field;
	uint64_t seconds = 0, nanos = 0;

	while (protobuf_next(&reader, &field)) {
		if (field.number == DURATION_SECONDS && field.type == PROTOBUF_VARINT)
			seconds = field.value;
		else if (field.number == DURATION_NANOS && field.type == PROTOBUF_VARINT)
			nanos = field.value;
	}
	if (reader.malformed)
		return false;
	if (seconds > INT64_MAX || nanos > 999999999) /* negative, or no Duration */
		*delay_ns = 0;
	else if (seconds >= GRPC_RETRY_DELAY_MAX_NS / 1000000000)
		*delay_ns = GRPC_RETRY_DELAY_MAX_NS;
	else
		*delay_ns = seconds * 1000000000 + nanos;
	return true;
}

static bool retry_info_read(uint64_t *delay_ns, const uint8_t *bytes, size_t length)
{
	struct protobuf_reader reader = protobuf_read(bytes, length);
	struct protobuf_field field;

	*delay_ns = 0;
	while (protobuf_next(&reader, &field)) {
		if (field.number == RETRY_INFO_RETRY_DELAY && field.type == PROTOBUF_BYTES &&
		    !duration_read(delay_ns, field.bytes, field.length))
			return false;
	}
	return !reader.malformed;
}

static bool any_read_retry_info(uint64_t *delay_ns, const uint8_t *bytes, size_t length)
{
	static const char type_url[] = "type.googleapis.com/google.rpc.RetryInfo";
	struct protobuf_reader reader = protobuf_read(bytes, length);
	struct protobuf_field field, value = {.bytes = bytes};
	bool is_retry_info = false;

	while (protobuf_next(&reader, &field)) {
		if (field.type != PROTOBUF_BYTES)
			continue;
		if (field.number == ANY_TYPE_URL)
			is_retry_info = field.length == sizeof(type_url) - 1 &&
					memcmp(field.bytes, type_url, field.length) == 0;
		else if (field.number == ANY_VALUE)
			value = field;
	}
	return !reader.malformed && is_retry_info && retry_info_read(delay_ns, value.bytes, value.length);
}

bool grpc_retry_info_decode(uint64_t *delay_ns, const uint8_t *value, size_t length)
{
	uint8_t bytes[GRPC_STATUS_DETAILS_MAX_BYTES / 4 * 3 + 2];
	struct protobuf_reader reader;
	struct protobuf_field field;
	int n;

	if (length > GRPC_STATUS_DETAILS_MAX_BYTES)
		return false;
	n = base64_decode(bytes, value, length);
	if (n < 0)
		return false;
	reader = protobuf_read(bytes, (size_t)n);
	while (protobuf_next(&reader, &field)) {
		if (field.number == STATUS_DETAILS && field.type == PROTOBUF_BYTES &&
		    any_read_retry_info(delay_ns, field.bytes, field.length))
			return true;
	}
	return false;
}
