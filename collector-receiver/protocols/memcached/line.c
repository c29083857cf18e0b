/* Read lines of words. */
#include "protocols/memcached/memcached.h"

enum { NUMBER_DIGITS_MAX = 10 };

enum memcached_parse memcached_take_line(struct cursor *in, struct slice *line)
{
	struct slice rest = cursor_rest(in);
	size_t examined = in->examined > in->position ? in->examined - in->position : 0;
	const char *end = memchr(rest.bytes + examined, '\n', rest.length - examined);

	if (end == NULL)
		return MEMCACHED_PARSE_MORE;
	size_t length = (size_t)(end - rest.bytes);

	cursor_skip(in, length + 1);
	if (length > 0 && rest.bytes[length - 1] == '\r')
		length--;
	*line = (struct slice){rest.bytes, length};
	return MEMCACHED_PARSED;
}

struct slice memcached_take_word(struct slice *line)
{
	while (line->length > 0 && line->bytes[0] == ' ') {
		line->bytes++;
		line->length--;
	}
	if (line->length == 0)
		return (struct slice){0};
	const char *blank = memchr(line->bytes, ' ', line->length);
	struct slice word = {line->bytes, blank == NULL ? line->length : (size_t)(blank - line->bytes)};

	line->bytes += word.length;
	line->length -= word.length;
	return word;
}

int64_t memcached_number(struct slice word)
{
	int64_t n = 0;

	if (word.length == 0 || word.length > NUMBER_DIGITS_MAX)
		return -1;
	for (size_t i = 0; i < word.length; i++) {
		if (word.bytes[i] < '0' || word.bytes[i] > '9')
			return -1;
		n = n * 10 + (word.bytes[i] - '0');
	}
	return n;
}

bool memcached_is_text(struct slice line)
{
	for (size_t i = 0; i < line.length; i++) {
		unsigned char c = (unsigned char)line.bytes[i];

		if (c < ' ' || c == 0x7f)
			return false;
	}
	return true;
}
