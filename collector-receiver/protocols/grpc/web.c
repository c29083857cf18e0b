/* Follow the body of a gRPC-Web message: its messages, and the trailers at its end, in binary and in base64. */
#include <string.h>
#include <strings.h>

#include "exchanges/exchange.h"
#include "protocols/grpc/grpc.h"

void grpc_web_begin(struct grpc_web *web, bool text)
{
	memset(web, 0, offsetof(struct grpc_web, trailers));
	web->text = text;
}

static void keep_trailers(struct grpc_web *web, const char *bytes, size_t length)
{
	size_t room = sizeof(web->trailers) - web->trailers_bytes;

	if (length > room) /* what is not kept would be the end of a line */
		length = room;
	memcpy(web->trailers + web->trailers_bytes, bytes, length);
	web->trailers_bytes += (uint32_t)length;
}

static void take_binary(struct grpc_web *web, const char *bytes, size_t length)
{
	struct grpc_counter *messages = &web->messages;

	while (length > 0 && !messages->uncertain) {
		size_t step = messages->left == 0 ? 1 : messages->left < length ? messages->left : length;

		if (messages->left > 0 && messages->trailers)
			keep_trailers(web, bytes, step);
		grpc_counter_take(messages, bytes, step);
		bytes += step;
		length -= step;
	}
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Every message may be encoded by itself: padding does not end the text. */
static void take_group(struct grpc_web *web, size_t length)
{
	const char bytes[] = {(char)(web->group >> 16), (char)(web->group >> 8), (char)web->group};

	take_binary(web, bytes, length);
	web->group = 0;
	web->group_chars = 0;
}

static void take_text(struct grpc_web *web, char c)
{
	int value = base64_value(c);

	if (value >= 0) {
		web->group |= (uint32_t)value << (18 - 6 * web->group_chars);
		if (++web->group_chars == 4)
			take_group(web, 3);
	} else if (c == '=') {
		take_group(web, web->group_chars > 1 ? web->group_chars - 1u : 0);
	} else {
		web->messages.uncertain = true;
	}
}

void grpc_web_take(struct grpc_web *web, const char *bytes, uint64_t length)
{
	if (bytes == NULL && (web->text || web->messages.trailers))
		web->messages.uncertain = true;
	else if (bytes == NULL)
		grpc_counter_take(&web->messages, NULL, length);
	else if (!web->text)
		take_binary(web, bytes, length);
	else
		for (uint64_t i = 0; i < length && !web->messages.uncertain; i++)
			take_text(web, bytes[i]);
}

/* The next line that has an end; false if there is none. */
static bool take_line(struct slice *rest, struct slice *line)
{
	const char *end = rest->length == 0 ? NULL : memchr(rest->bytes, '\n', rest->length);

	if (end == NULL)
		return false;
	*line = (struct slice){rest->bytes, (size_t)(end - rest->bytes)};
	rest->bytes = end + 1;
	rest->length -= line->length + 1;
	if (line->length > 0 && line->bytes[line->length - 1] == '\r')
		line->length--;
	return true;
}

static struct slice value_of(struct slice line, struct slice name)
{
	if (line.length <= name.length || strncasecmp(line.bytes, name.bytes, name.length) != 0 ||
	    line.bytes[name.length] != ':')
		return (struct slice){0};
	struct slice value = {line.bytes + name.length + 1, line.length - name.length - 1};

	while (value.length > 0 && value.bytes[0] == ' ') {
		value.bytes++;
		value.length--;
	}
	return value;
}

struct grpc_trailers grpc_web_trailers(const struct grpc_web *web)
{
	struct slice rest = {web->trailers, web->trailers_bytes}, line;
	struct grpc_trailers trailers = {0};

	while (take_line(&rest, &line)) {
		struct slice status = value_of(line, SLICE_LITERAL("grpc-status"));
		struct slice message = value_of(line, SLICE_LITERAL("grpc-message"));

		if (status.bytes != NULL)
			trailers.status = status;
		if (message.bytes != NULL)
			trailers.message = message;
	}
	return trailers;
}
