/* Make what a server says fit for a log line. */
#define _GNU_SOURCE /* strcasestr */
#include "export/server_text.h"

#include <string.h>

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

void server_text_decode(char *out, size_t size, const uint8_t *text, size_t length, bool percent_encoded)
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

bool server_text_says_too_large(const char *text)
{
	static const char *const phrases[] = {
		"larger than max",	   /* grpc-go and so the Collector, gRPC C-core */
		"exceeds maximum size",	   /* grpc-java */
		"message length too large", /* tonic */
		"request body too large",  /* Go's net/http */
	};

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		if (strcasestr(text, phrases[i]) != NULL)
			return true;
	}
	return false;
}
