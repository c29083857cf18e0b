/* Find where a reply ends, whatever is nested in it, and whether it is an error. */
#include "protocols/redis/redis.h"

/* More values in one reply are nonsense, and would overflow after a few more headers. */
static const uint64_t values_max = (uint64_t)1 << 40;
static const int64_t bulk_bytes_max = (int64_t)1 << 40;

static bool is_first_element(const struct redis_reply *reply)
{
	return reply->elements == 1;
}

static enum redis_reply_step value_ended(struct redis_reply *reply)
{
	return --reply->values_left == 0 ? REDIS_REPLY_ENDED : REDIS_REPLY_GOES_ON;
}

static size_t append(char *to, uint8_t *length, size_t capacity, const char *bytes, size_t n)
{
	size_t room = capacity - *length;

	n = n < room ? n : room;
	memcpy(to + *length, bytes, n);
	*length = (uint8_t)(*length + n);
	return n;
}

/* The first word of an error's text, if it is one: "WRONGTYPE Operation against ...". */
static void note_code(struct redis_reply *reply, const char *bytes, size_t n)
{
	size_t word = 0;

	while (word < n && ((bytes[word] >= 'A' && bytes[word] <= 'Z') || bytes[word] == '_'))
		word++;
	append(reply->code, &reply->code_length, COMMAND_CODE_BYTES_MAX, bytes, word);
	if (word == n)
		return;
	reply->reads_code = false;
	if (bytes[word] != ' ' && bytes[word] != '\r') /* "Error ..." has no code, and none that is E */
		reply->code_length = 0;
}

static void note_error(struct redis_reply *reply, bool outermost)
{
	reply->reads_code = !reply->failed && !reply->failed_within;
	reply->failed |= outermost;
	reply->failed_within |= !outermost;
}

/* The header of the next value is behind `type`. Attributes are values before the one that they belong to. */
static bool begin_value(struct redis_reply *reply, char type)
{
	bool outermost = reply->type == 0 && reply->values_left == 1 && type != '|';

	if (outermost)
		reply->type = type;
	else if (reply->type != 0 && reply->elements < 2)
		reply->elements++;
	reply->reads_code = reply->reads_word = false;
	return outermost;
}

static enum redis_reply_step begin_line(struct redis_reply *reply, struct cursor *in)
{
	struct slice rest = cursor_rest(in);
	const char *end = memchr(rest.bytes, '\n', rest.length);

	if (end == NULL && rest.length < REDIS_STATUS_BYTES_MAX)
		return REDIS_REPLY_MORE;
	size_t text = end == NULL ? rest.length : (size_t)(end - rest.bytes);
	bool outermost = begin_value(reply, rest.bytes[0]);

	text = text > 0 && end != NULL && rest.bytes[text - 1] == '\r' ? text - 1 : text;
	if (rest.bytes[0] == '-') {
		note_error(reply, outermost);
		if (reply->reads_code)
			note_code(reply, rest.bytes + 1, text - 1);
		reply->reads_code = false;
	} else if (rest.bytes[0] == '+' && outermost) {
		append(reply->word, &reply->word_length, REDIS_WORD_BYTES_MAX, rest.bytes + 1, text - 1);
	}
	reply->line_passes = end == NULL;
	cursor_skip(in, end == NULL ? rest.length : (size_t)(end - rest.bytes) + 1);
	return reply->line_passes ? REDIS_REPLY_GOES_ON : value_ended(reply);
}

static enum redis_reply_step begin_bulk(struct redis_reply *reply, char type, int64_t length)
{
	bool outermost = begin_value(reply, type);

	if (length < -1 || length > bulk_bytes_max)
		return REDIS_REPLY_BROKEN;
	if (length == -1)
		return value_ended(reply);
	if (type == '!')
		note_error(reply, outermost);
	reply->reads_word = !outermost && is_first_element(reply) && length <= REDIS_WORD_BYTES_MAX;
	reply->bulk_left = (uint64_t)length + 2;
	return REDIS_REPLY_GOES_ON;
}

static enum redis_reply_step begin_aggregate(struct redis_reply *reply, char type, int64_t elements)
{
	uint64_t values = elements > 0 ? (uint64_t)elements : 0;

	begin_value(reply, type);
	if (elements < -1 || values > values_max || reply->values_left > values_max)
		return REDIS_REPLY_BROKEN;
	if (type == '%' || type == '|')
		values *= 2;
	reply->values_left += values;
	return type == '|' ? REDIS_REPLY_GOES_ON : value_ended(reply);
}

static enum redis_reply_step take_counted(struct redis_reply *reply, struct cursor *in, char type)
{
	int64_t number;

	switch (redis_parse_number(in, &number)) {
	case REDIS_PARSE_MORE:
		return REDIS_REPLY_MORE;
	case REDIS_PARSE_MALFORMED:
		return REDIS_REPLY_BROKEN;
	case REDIS_PARSED:
		break;
	}
	if (type == ':') {
		begin_value(reply, type);
		reply->number = number;
		return value_ended(reply);
	}
	return type == '$' || type == '=' || type == '!' ? begin_bulk(reply, type, number)
							  : begin_aggregate(reply, type, number);
}

static enum redis_reply_step take_header(struct redis_reply *reply, struct cursor *in)
{
	int type = cursor_peek(in);

	if (redis_type_is_counted(type))
		return take_counted(reply, in, (char)type);
	return redis_type_is_line(type) ? begin_line(reply, in) : REDIS_REPLY_BROKEN;
}

static enum redis_reply_step pass_bulk(struct redis_reply *reply, uint64_t bytes)
{
	reply->bulk_left -= bytes;
	return reply->bulk_left == 0 ? value_ended(reply) : REDIS_REPLY_GOES_ON;
}

static enum redis_reply_step take_bulk(struct redis_reply *reply, struct cursor *in)
{
	size_t left = cursor_left(in);

	if (reply->bulk_left > 2) {
		size_t n = reply->bulk_left - 2 < left ? (size_t)(reply->bulk_left - 2) : left;
		const char *bytes = cursor_rest(in).bytes;

		if (reply->reads_code)
			note_code(reply, bytes, n);
		if (reply->reads_word)
			append(reply->word, &reply->word_length, REDIS_WORD_BYTES_MAX, bytes, n);
		cursor_skip(in, n);
		return pass_bulk(reply, n);
	}
	if (cursor_peek(in) != (reply->bulk_left == 2 ? '\r' : '\n'))
		return REDIS_REPLY_BROKEN;
	cursor_skip(in, 1);
	return pass_bulk(reply, 1);
}

static enum redis_reply_step take_line(struct redis_reply *reply, struct cursor *in)
{
	reply->line_passes = !cursor_skip_past(in, '\n');
	return reply->line_passes ? REDIS_REPLY_GOES_ON : value_ended(reply);
}

enum redis_reply_step redis_reply_take(struct redis_reply *reply, struct cursor *in)
{
	enum redis_reply_step step = REDIS_REPLY_GOES_ON;
	size_t start = in->position;

	if (reply->values_left == 0)
		*reply = (struct redis_reply){.values_left = 1};
	while (step == REDIS_REPLY_GOES_ON && cursor_left(in) > 0) {
		if (reply->bulk_left > 0)
			step = take_bulk(reply, in);
		else if (reply->line_passes)
			step = take_line(reply, in);
		else
			step = take_header(reply, in);
	}
	if (step == REDIS_REPLY_MORE && reply->type == 0 && reply->values_left == 1 && in->position == start)
		reply->values_left = 0; /* nothing of it was taken */
	return step;
}

enum redis_reply_step redis_reply_hole(struct redis_reply *reply, uint64_t *bytes)
{
	uint64_t step = *bytes < reply->bulk_left ? *bytes : reply->bulk_left;

	*bytes -= step;
	if (step > 0 && reply->bulk_left > 2) { /* half a word is no word */
		reply->code_length = reply->reads_code ? 0 : reply->code_length;
		reply->word_length = reply->reads_word ? 0 : reply->word_length;
		reply->reads_code = reply->reads_word = false;
	}
	if (step > 0 && pass_bulk(reply, step) == REDIS_REPLY_ENDED)
		return REDIS_REPLY_ENDED;
	return *bytes == 0 ? REDIS_REPLY_GOES_ON : REDIS_REPLY_BROKEN;
}
