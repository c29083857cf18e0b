/* Follow the text protocol: command lines with their data blocks, and what the server says to them. */
#define _GNU_SOURCE /* memrchr */

#include <string.h>

#include "protocols/memcached/memcached.h"

enum block { BLOCK_GOES_ON, BLOCK_ENDED, BLOCK_BROKEN };

/* Pass over a data block and the line end behind it. */
static enum block take_block(uint64_t *left, struct cursor *in)
{
	if (*left > 2)
		*left -= cursor_skip(in, *left - 2);
	while (*left <= 2 && *left > 0 && cursor_left(in) > 0) {
		if (cursor_peek(in) != (*left == 2 ? '\r' : '\n'))
			return BLOCK_BROKEN;
		cursor_skip(in, 1);
		*left -= 1;
	}
	return *left == 0 ? BLOCK_ENDED : BLOCK_GOES_ON;
}

/* ---- commands ---- */

/* A line that begins with no known verb may be the data of a command that was refused: its words name nothing. */
static void describe(struct command *command, const struct memcached_line *parsed)
{
	command->arguments = parsed->words > 0 ? parsed->words - 1 : 0;
	command->operation_length = parsed->verb == NULL ? 0 : (uint8_t)strlen(parsed->verb->name);
	command->kind = parsed->verb == NULL ? MEMCACHED_PLAIN : parsed->verb->kind;
	if (parsed->quiet)
		command->request.answer = REQUEST_REPLY_OR_SILENCE;
	else if (command->kind == MEMCACHED_SHUTDOWN)
		command->request.answer = REQUEST_REPLY_OR_CLOSE;
}

static void begin_command(struct memcached *memcached, const struct flow *flow, struct slice line,
			  const struct memcached_line *parsed)
{
	struct command **command = &memcached->commands.receiving;

	commands_begin(&memcached->commands, flow);
	for (struct slice word = memcached_take_word(&line); word.bytes != NULL; word = memcached_take_word(&line)) {
		command_word_begins(flow, command);
		command_add(flow, command, word.bytes, word.length);
		command_word_ended(*command);
	}
	if (*command != NULL)
		describe(*command, parsed);
	memcached->one_way = parsed->noreply || (parsed->verb != NULL && parsed->verb->kind == MEMCACHED_QUIT);
	memcached->in_command = true;
}

static enum step take_command_line(struct memcached *memcached, const struct flow *flow, struct cursor *in)
{
	struct memcached_line parsed;
	struct slice line;

	if (memcached_take_line(in, &line) == MEMCACHED_PARSE_MORE)
		return STEP_MORE;
	if (!memcached_is_text(line))
		return memcached_refuse(memcached, flow, FROM_CLIENT);
	memcached_parse_line(line, &parsed);
	begin_command(memcached, flow, line, &parsed);
	if (parsed.valid && parsed.data_bytes >= 0)
		memcached->data_left = (uint64_t)parsed.data_bytes + 2;
	else
		memcached_command_ended(memcached, flow);
	return STEP_TOOK;
}

enum step memcached_text_command(struct memcached *memcached, const struct flow *flow, struct cursor *in)
{
	if (!memcached->in_command)
		return take_command_line(memcached, flow, in);
	switch (take_block(&memcached->data_left, in)) {
	case BLOCK_ENDED:
		memcached_command_ended(memcached, flow);
		return STEP_TOOK;
	case BLOCK_GOES_ON:
		return STEP_TOOK;
	case BLOCK_BROKEN:
		break;
	}
	return memcached_refuse(memcached, flow, FROM_CLIENT);
}

bool memcached_text_command_cut(struct memcached *memcached, const struct flow *flow, struct slice line)
{
	const char *blank = line.length == 0 ? NULL : memrchr(line.bytes, ' ', line.length);
	struct memcached_line parsed;

	if (blank == NULL || !memcached_is_text(line))
		return false;
	line.length = (size_t)(blank - line.bytes);
	memcached_parse_line(line, &parsed);
	if (parsed.verb == NULL)
		return false;
	begin_command(memcached, flow, line, &parsed);
	command_cut(memcached->commands.receiving);
	memcached_command_ended(memcached, flow);
	return true;
}

/* ---- replies ---- */

static bool is(struct slice word, const char *text)
{
	return word.length == strlen(text) && memcmp(word.bytes, text, word.length) == 0;
}

static bool is_error(struct slice word)
{
	return is(word, "ERROR") || is(word, "ERROR:") || is(word, "CLIENT_ERROR") || is(word, "SERVER_ERROR");
}

/* More lines follow these. */
static bool is_one_of_many(struct slice word)
{
	return is(word, "VALUE") || is(word, "STAT") || is(word, "ITEM") || is(word, "PREFIX") || is(word, "mg") ||
	       (word.length >= 4 && memcmp(word.bytes, "key=", 4) == 0);
}

/* May a quiet command have this reply? Misses of mg, successes of the others are kept quiet. */
static bool breaks_silence(enum memcached_kind kind, struct slice word)
{
	if (is_error(word))
		return true;
	if (kind == MEMCACHED_META_GET)
		return is(word, "VA") || is(word, "HD");
	return is(word, "NS") || is(word, "EX") || is(word, "NF");
}

static void skip_silent(struct memcached *memcached, const struct flow *flow, struct slice word)
{
	struct pairing *pairing = &memcached->commands.pairing;

	while (pairing->answering && pairing->unanswered->answer == REQUEST_REPLY_OR_SILENCE &&
	       !breaks_silence((enum memcached_kind)commands_unanswered(&memcached->commands)->kind, word))
		pairing_skip_silent(pairing, flow);
}

/* The length of the data block behind "VALUE <key> <flags> <length>" and "VA <length>"; -1: none, -2: malformed. */
static int64_t data_bytes(struct slice word, struct slice rest)
{
	int words = is(word, "VALUE") ? 3 : is(word, "VA") ? 1 : 0;

	if (words == 0)
		return -1;
	while (words-- > 0)
		word = memcached_take_word(&rest);
	int64_t bytes = memcached_number(word);

	return bytes < 0 ? -2 : bytes;
}

static bool take_reply_line(struct memcached *memcached, const struct flow *flow, struct slice line)
{
	struct slice word = memcached_take_word(&line);
	int64_t bytes = data_bytes(word, line);

	if (bytes == -2)
		return false;
	memcached->reply_data_left = bytes < 0 ? 0 : (uint64_t)bytes + 2;
	memcached->reply_goes_on = is_one_of_many(word);
	memcached->outcome_seen = true;
	memcached->failed = is_error(word);
	memcached->code_length = 0;
	if (memcached->failed) {
		word.length -= word.bytes[word.length - 1] == ':'; /* "ERROR: shutdown not enabled" */
		memcpy(memcached->code, word.bytes, word.length);
		memcached->code_length = (uint8_t)word.length;
	}
	if (!memcached->reply_goes_on)
		skip_silent(memcached, flow, word);
	return true;
}

/* Only the first bytes of a long line are looked at. */
static enum step next_reply_line(struct memcached *memcached, const struct flow *flow, struct cursor *in)
{
	struct slice line = cursor_rest(in);
	enum memcached_parse parse = memcached_take_line(in, &line);

	if (parse == MEMCACHED_PARSE_MORE && line.length < MEMCACHED_REPLY_LINE_BYTES_MAX)
		return STEP_MORE;
	memcached->reply_line_passes = parse == MEMCACHED_PARSE_MORE;
	if (memcached->reply_line_passes)
		cursor_skip(in, line.length);
	if (line.length > MEMCACHED_REPLY_LINE_BYTES_MAX)
		line.length = MEMCACHED_REPLY_LINE_BYTES_MAX;
	return take_reply_line(memcached, flow, line) ? STEP_TOOK : STEP_LOST;
}

static enum step pass_reply(struct memcached *memcached, const struct flow *flow, struct cursor *in)
{
	if (memcached->reply_data_left > 0)
		return take_block(&memcached->reply_data_left, in) == BLOCK_BROKEN ? STEP_LOST : STEP_TOOK;
	if (!memcached->reply_line_passes)
		return next_reply_line(memcached, flow, in);
	memcached->reply_line_passes = !cursor_skip_past(in, '\n');
	return STEP_TOOK;
}

static bool answers_watch(const struct memcached *memcached)
{
	return memcached->commands.pairing.answering &&
	       commands_unanswered(&memcached->commands)->kind == MEMCACHED_WATCH && !memcached->failed;
}

enum step memcached_text_reply(struct memcached *memcached, const struct flow *flow, struct cursor *in)
{
	if (!memcached->in_reply && memcached_reply_begins(memcached, flow) == STEP_WAIT)
		return STEP_WAIT;
	pairing_reply_goes_on(&memcached->commands.pairing, flow);
	enum step step = pass_reply(memcached, flow, in);

	if (step == STEP_LOST)
		return memcached_refuse(memcached, flow, FROM_SERVER);
	if (step != STEP_TOOK)
		return step;
	memcached->in_reply = true;
	if (memcached->reply_goes_on || memcached->reply_line_passes || memcached->reply_data_left > 0)
		return STEP_TOOK;
	bool log_follows = answers_watch(memcached);

	memcached_reply_ended(memcached, flow);
	if (!log_follows)
		return STEP_TOOK;
	commands_forget_receiving(&memcached->commands, flow);
	pairing_cut_all(&memcached->commands.pairing, flow, EXCHANGE_CUT_BY_SHUTDOWN);
	return STEP_OPAQUE;
}
