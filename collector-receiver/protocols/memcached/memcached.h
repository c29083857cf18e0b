/* Memcached, text and binary: what recognition, parsing and pairing share. Reference: protocol.txt of memcached. */
#ifndef PROTOCOLS_MEMCACHED_MEMCACHED_H
#define PROTOCOLS_MEMCACHED_MEMCACHED_H

#include "protocols/commands/commands.h"

enum {
	MEMCACHED_LINE_BYTES_MAX = 16384, /* a command line: get may name many keys */
	MEMCACHED_REPLY_LINE_BYTES_MAX = 512, /* of a reply's line that is read; the rest is passed over */
	MEMCACHED_KEY_BYTES_MAX = 250,
	MEMCACHED_HEADER_BYTES = 24,
};

enum memcached_parse {
	MEMCACHED_PARSED,
	MEMCACHED_PARSE_MORE,
	MEMCACHED_PARSE_MALFORMED,
};

/* ---- line.c: text lines ---- */

/* The line at the cursor without its end; the cursor moves behind it on MEMCACHED_PARSED only. */
enum memcached_parse memcached_take_line(struct cursor *in, struct slice *line);

/* The next word of a line, which is cut off; absent if there is none. */
struct slice memcached_take_word(struct slice *line);

/* A decimal number; -1 if it is none or too large for a length. */
int64_t memcached_number(struct slice word);

/* Only what a line may consist of. */
bool memcached_is_text(struct slice line);

/* ---- verb.c: text commands ---- */

struct memcached_verb {
	const char *name;
	uint8_t words_min, words_max; /* with the name; 0: any number */
	uint8_t length_word; /* which one is the length of the data block; 0: none follows */
	uint8_t number_words; /* so many words before the length, and it, are numbers */
	uint8_t flag_word; /* meta: where its flags begin */
	uint8_t kind; /* enum memcached_kind */
	bool noreply; /* may be its last word */
};

enum memcached_kind {
	MEMCACHED_PLAIN,
	MEMCACHED_GET,
	MEMCACHED_META_GET,
	MEMCACHED_META_CHANGE, /* ms, md, ma */
	MEMCACHED_META_NOOP,
	MEMCACHED_QUIT,
	MEMCACHED_SHUTDOWN,
	MEMCACHED_WATCH, /* a stream of log lines follows its reply */
};

/* NULL if it is not known. */
const struct memcached_verb *memcached_verb(struct slice name);

/* A command line, counted. */
struct memcached_line {
	const struct memcached_verb *verb; /* NULL: not known */
	uint32_t words;
	int64_t data_bytes; /* of the block that follows, without its end; -1: none */
	bool valid; /* the number of words is right, and numbers are numbers */
	bool noreply;
	bool quiet;
};

void memcached_parse_line(struct slice line, struct memcached_line *parsed);

/* ---- header.c: the binary protocol ---- */

struct memcached_header {
	uint8_t opcode;
	uint8_t extras_bytes;
	uint16_t key_bytes;
	uint32_t body_bytes; /* with extras and key */
	uint16_t status; /* of a response */
	uint32_t opaque;
};

/* The header at the cursor, which moves behind it on MEMCACHED_PARSED. Lengths that the opcode does not allow are
 * malformed. */
enum memcached_parse memcached_take_header(enum sender from, struct cursor *in, struct memcached_header *header);

/* For an opcode that was parsed. */
const char *memcached_opcode_name(uint8_t opcode);
bool memcached_opcode_is_quiet(uint8_t opcode);

bool memcached_status_is_error(uint16_t status);

enum { MEMCACHED_STAT = 0x10, MEMCACHED_QUITQ = 0x17 };

/* ---- opening.c ---- */

/* struct protocol.recognise */
enum match memcached_recognise(const struct opening *opening);

/* On a connection that is known. */
enum match memcached_recognise_from(enum sender from, bool binary, struct slice bytes, bool more_may_come);

bool memcached_is_binary(struct slice bytes);

/* ---- the connection ---- */

/* struct command.kind is enum memcached_kind, or the opcode in the binary protocol, where .number is the opaque. */
struct memcached {
	struct commands commands; /* first */
	bool decided; /* which of the two protocols it is */
	bool binary;

	/* the command that passes */
	bool in_command;
	bool waits_early; /* it waits already, as its reply came before its end */
	bool one_way;
	uint32_t extras_left; /* binary */
	uint32_t key_left;
	uint64_t data_left; /* of the block with its end, or of a value */

	/* the reply that passes */
	bool in_reply;
	bool reply_line_passes; /* a line whose end is not reached */
	bool reply_goes_on;	/* another line, or response, follows what passes */
	bool outcome_seen;
	bool failed;
	uint64_t reply_data_left;
	uint8_t code_length;
	char code[COMMAND_CODE_BYTES_MAX];
};

extern const struct pairing_rules memcached_rules;

/* text.c, binary.c: struct protocol.next for each of the two protocols and senders */
enum step memcached_text_command(struct memcached *memcached, const struct flow *flow, struct cursor *in);
enum step memcached_text_reply(struct memcached *memcached, const struct flow *flow, struct cursor *in);
enum step memcached_binary_command(struct memcached *memcached, const struct flow *flow, struct cursor *in);
enum step memcached_binary_reply(struct memcached *memcached, const struct flow *flow, struct cursor *in);

/* What of a command was seen of its line before the rest passed unseen. False if not even its name. */
bool memcached_text_command_cut(struct memcached *memcached, const struct flow *flow, struct slice line);

/* memcached.c: what was said is not what the protocol allows. Always STEP_LOST. */
enum step memcached_refuse(struct memcached *memcached, const struct flow *flow, enum sender from);

/* The command that passes is complete, or will not be. */
void memcached_command_ended(struct memcached *memcached, const struct flow *flow);

/* A reply begins. STEP_WAIT if its command must come first. */
enum step memcached_reply_begins(struct memcached *memcached, const struct flow *flow);
void memcached_reply_ended(struct memcached *memcached, const struct flow *flow);

extern const struct protocol memcached_protocol;

#endif
