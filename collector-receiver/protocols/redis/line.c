/* Read the headers of RESP: a type byte, a number, a line end. */
#include "protocols/redis/redis.h"

enum { NUMBER_DIGITS_MAX = 18 }; /* so that no int64_t overflows */

bool redis_type_is_counted(int type)
{
	switch (type) {
	case '$': /* bulk, verbatim, bulk error */
	case '=':
	case '!':
	case ':': /* integer */
	case '*': /* array, map, set, push, attribute */
	case '%':
	case '~':
	case '>':
	case '|':
		return true;
	default:
		return false;
	}
}

bool redis_type_is_line(int type)
{
	switch (type) {
	case '+': /* status, error, null, boolean, double, big number */
	case '-':
	case '_':
	case '#':
	case ',':
	case '(':
		return true;
	default:
		return false;
	}
}

enum redis_parse redis_parse_number(struct cursor *in, int64_t *number)
{
	struct slice s = cursor_rest(in);
	bool negative = s.length > 1 && s.bytes[1] == '-';
	size_t first = negative ? 2 : 1, i = first;
	int64_t n = 0;

	while (i < s.length && s.bytes[i] >= '0' && s.bytes[i] <= '9') {
		if (i - first == NUMBER_DIGITS_MAX)
			return REDIS_PARSE_MALFORMED;
		n = n * 10 + (s.bytes[i++] - '0');
	}
	if (i < s.length && (s.bytes[i] != '\r' || i == first))
		return REDIS_PARSE_MALFORMED;
	if (i + 1 >= s.length)
		return REDIS_PARSE_MORE;
	if (s.bytes[i + 1] != '\n')
		return REDIS_PARSE_MALFORMED;
	*number = negative ? -n : n;
	cursor_skip(in, i + 2);
	return REDIS_PARSED;
}
