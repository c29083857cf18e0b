/* Take commands without RESP framing: lines of words, split as the server splits them. */
#include "protocols/redis/redis.h"

static bool is_blank(int c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

static int hex_value(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What stands behind a backslash in double quotes, the cursor being there. */
static char take_escape(struct cursor *in)
{
	struct slice rest = cursor_rest(in);

	if (rest.length >= 3 && rest.bytes[0] == 'x' && hex_value(rest.bytes[1]) >= 0 &&
	    hex_value(rest.bytes[2]) >= 0) {
		cursor_skip(in, 3);
		return (char)(hex_value(rest.bytes[1]) * 16 + hex_value(rest.bytes[2]));
	}
	cursor_skip(in, 1);
	switch (rest.bytes[0]) {
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case 'b':
		return '\b';
	case 'a':
		return '\a';
	default:
		return rest.bytes[0];
	}
}

/* The closing quote was found, and a blank or the end follows it. */
static bool take_quoted(const struct flow *flow, struct command **command, struct cursor *in, int quote)
{
	while (cursor_left(in) > 0) {
		char c = (char)cursor_peek(in);

		cursor_skip(in, 1);
		if (c == quote)
			return cursor_left(in) == 0 || is_blank(cursor_peek(in));
		if (c == '\\' && cursor_left(in) > 0) {
			if (quote == '"')
				c = take_escape(in);
			else if (cursor_peek(in) == '\'')
				cursor_skip(in, 1), c = '\'';
		}
		command_add(flow, command, &c, 1);
	}
	return false;
}

static bool take_word(const struct flow *flow, struct command **command, struct cursor *in)
{
	command_word_begins(flow, command);
	while (cursor_left(in) > 0 && !is_blank(cursor_peek(in))) {
		char c = (char)cursor_peek(in);

		cursor_skip(in, 1);
		if (c == '"' || c == '\'') {
			if (!take_quoted(flow, command, in, c))
				return false;
			break;
		}
		command_add(flow, command, &c, 1);
	}
	command_word_ended(*command);
	return true;
}

static enum step take_line(struct redis *redis, const struct flow *flow, struct cursor line)
{
	uint32_t words = 0;

	while (true) {
		while (cursor_left(&line) > 0 && is_blank(cursor_peek(&line)))
			cursor_skip(&line, 1);
		if (cursor_left(&line) == 0)
			break;
		if (words++ == 0)
			commands_begin(&redis->commands, flow);
		if (!take_word(flow, &redis->commands.receiving, &line))
			return STEP_LOST;
	}
	return words == 0 ? STEP_TOOK : redis_command_ended(redis, flow, words);
}

enum step redis_inline_next(struct redis *redis, const struct flow *flow, struct cursor *in)
{
	struct slice rest = cursor_rest(in);
	size_t examined = in->examined > in->position ? in->examined - in->position : 0;
	const char *end = memchr(rest.bytes + examined, '\n', rest.length - examined);

	if (end == NULL)
		return STEP_MORE;
	redis->speaks_inline = true;
	cursor_skip(in, (size_t)(end - rest.bytes) + 1);
	return take_line(redis, flow, cursor_over(rest.bytes, (size_t)(end - rest.bytes)));
}
