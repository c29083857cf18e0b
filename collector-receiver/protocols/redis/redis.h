/* Redis (RESP2, RESP3, inline commands), and what speaks like it: what parsing and pairing share. */
#ifndef PROTOCOLS_REDIS_REDIS_H
#define PROTOCOLS_REDIS_REDIS_H

#include <stdbool.h>
#include <stdint.h>

#include "protocols/commands/commands.h"

enum {
	REDIS_LINE_BYTES_MAX = 4096,     /* an inline command */
	REDIS_STATUS_BYTES_MAX = 64,     /* of a status or error line that is read; the rest is passed over */
	REDIS_NAME_BYTES_MAX = 64,       /* of a command; longer ones have no name */
	REDIS_ARGUMENTS_MAX = 1 << 20,   /* of one command, as the server has it */
	REDIS_WORD_BYTES_MAX = 16,       /* of the first element that tells what an array or a push is about */
};

/* ---- command_table.c: names ---- */

/* What a command means for the connection. */
enum redis_kind {
	REDIS_UNKNOWN, /* not in the table */
	REDIS_PLAIN,
	REDIS_CONTAINER, /* its first argument belongs to the name */
	REDIS_CLIENT,	 /* a container too; CLIENT REPLY turns answers off */
	REDIS_REPLICATION_STATE, /* REPLCONF */
	REDIS_SYNC,	 /* a replication stream follows its reply */
	REDIS_SELECT,
	REDIS_RESET,
	REDIS_EXEC,
	REDIS_DISCARD,
	REDIS_MONITOR,
	REDIS_SUBSCRIBE, /* and its kin: each channel is confirmed with an array or push of its own */
	REDIS_SCRIPT,	 /* its first argument names a script or function */
	REDIS_SHUTDOWN,	 /* succeeds by closing the connection */
};

/* In any case. */
enum redis_kind redis_command_kind(struct slice name);

/* Letters, digits, '.', '_', '-': what names are made of; a letter first. */
bool redis_name_is_plausible(struct slice name);

/* ---- line.c: RESP headers ---- */

enum redis_parse {
	REDIS_PARSED,
	REDIS_PARSE_MORE,
	REDIS_PARSE_MALFORMED,
};

/* A length or a number follows the type byte; or a line of text. */
bool redis_type_is_counted(int type);
bool redis_type_is_line(int type);

/* The number in "<type><number>\r\n" at the cursor, which moves behind it on REDIS_PARSED only. */
enum redis_parse redis_parse_number(struct cursor *in, int64_t *number);

/* ---- opening.c: how a turn begins ---- */

/* struct protocol.recognise */
enum match redis_recognise(const struct opening *opening);

/* Does a command begin here? `any_name`: a name that is not in the table will do. */
enum match redis_recognise_command(struct slice bytes, bool more_may_come, bool any_name);

/* The same for a reply. */
enum match redis_recognise_reply(struct slice bytes, bool more_may_come);

/* A whole line that begins with a known command. */
bool redis_is_inline_command(struct slice bytes);

/* ---- reply.c: bytes to replies ---- */

enum redis_reply_step {
	REDIS_REPLY_GOES_ON,
	REDIS_REPLY_MORE, /* a header is incomplete; the cursor may have moved before it */
	REDIS_REPLY_ENDED,
	REDIS_REPLY_BROKEN,
};

/* The reply that passes. Nested values are only counted: no depth, no stack. */
struct redis_reply {
	uint64_t values_left;	 /* until it is complete, those nested in it included; 0: between replies */
	uint64_t bulk_left;	 /* of a bulk, its line end included */
	uint32_t elements;	 /* of the outermost value that have begun, at most 2 */
	int64_t number;		 /* the last integer in it */
	bool line_passes;	 /* a line whose end is not reached */
	bool failed;		 /* the outermost value is an error */
	bool failed_within;	 /* one of those in it is */
	bool reads_code;	 /* the bulk is an error */
	bool reads_word;	 /* the bulk is the first element */
	char type;		 /* of the outermost value; 0 until it is known */
	uint8_t code_length;	 /* prefix of the first error */
	uint8_t word_length;	 /* first element, or the line of a status */
	char code[COMMAND_CODE_BYTES_MAX];
	char word[REDIS_WORD_BYTES_MAX];
};

enum redis_reply_step redis_reply_take(struct redis_reply *reply, struct cursor *in);

/* Step over *bytes unseen bytes. On REDIS_REPLY_ENDED *bytes are left over behind its end; REDIS_REPLY_GOES_ON leaves
 * none; REDIS_REPLY_BROKEN: the place is lost. */
enum redis_reply_step redis_reply_hole(struct redis_reply *reply, uint64_t *bytes);

/* ---- the connection ---- */

enum { REDIS_DATABASE_BYTES_MAX = 10 };

/* What is noted about the reply of a command. */
enum redis_note {
	REDIS_QUEUED = 1 << 0,
	REDIS_NO_ELEMENTS = 1 << 1,
};

/* struct command.kind is enum redis_kind, .note enum redis_note, .number how many confirmations have to come yet. */
struct redis {
	struct commands commands; /* first */

	/* the command that passes */
	uint64_t bulk_left; /* of an argument, its line end included */
	uint32_t words_left;
	uint32_t words; /* it has in all; 0: between commands */
	bool waits_early; /* it waits already, as its reply came before its end */

	bool speaks_inline; /* a line may be a command */
	bool replies_off; /* CLIENT REPLY */
	bool reply_skipped; /* for the next command */
	bool subscribed, shard_subscribed;
	bool monitoring;
	uint8_t database_length; /* 0: not known */
	uint8_t queued_database_length; /* SELECT in a transaction */
	char database[REDIS_DATABASE_BYTES_MAX];
	char queued_database[REDIS_DATABASE_BYTES_MAX];

	struct redis_reply reply;
};

/* ---- effects.c: what commands do to the connection ---- */

/* Does redis->reply complete an answer? Not so a message, a line of MONITOR, a confirmation that others follow. */
bool redis_reply_answers(struct redis *redis);

/* May what begins with this byte come without a command? */
bool redis_push_is_expected(const struct redis *redis, int first_byte);

/* A command has passed: will it have a reply? */
bool redis_reply_will_come(struct redis *redis, const struct command *command);

/* The selected database, the subscriptions after an answer that was seen, or not. */
extern const struct pairing_rules redis_rules;

/* Which database is selected is not known any more. */
void redis_forget_database(struct redis *redis);

/* ---- client.c, server.c: the functions of struct protocol, for one sender each ---- */

enum step redis_client_next(struct redis *redis, const struct flow *flow, struct cursor *in);
enum step redis_client_hole(struct redis *redis, const struct flow *flow, struct slice unfinished, uint64_t bytes);

/* A reply comes before the end of its command. */
void redis_client_wait_early(struct redis *redis);

enum step redis_server_next(struct redis *redis, const struct flow *flow, struct cursor *in);
enum step redis_server_hole(struct redis *redis, const struct flow *flow, struct slice unfinished, uint64_t bytes);

/* ---- inline_command.c ---- */

/* Take a command without RESP framing: a line of words with quotes. */
enum step redis_inline_next(struct redis *redis, const struct flow *flow, struct cursor *in);

/* The command that is received has passed; it has so many words. */
enum step redis_command_ended(struct redis *redis, const struct flow *flow, uint32_t words);

extern const struct protocol redis_protocol;

#endif
