/* Redis (RESP2, RESP3, inline commands), and what speaks like it: what parsing and pairing share. */
#ifndef PROTOCOLS_REDIS_REDIS_H
#define PROTOCOLS_REDIS_REDIS_H

#include <stdbool.h>
#include <stdint.h>

#include "protocols/protocol.h"

enum {
	REDIS_OUTSTANDING_MAX = 4096,    /* commands that wait for their reply on one connection */
	REDIS_REQUEST_BYTES_MAX = 1024,  /* block of a waiting command; its text is cut where the block ends */
	REDIS_LINE_BYTES_MAX = 4096,     /* an inline command */
	REDIS_STATUS_BYTES_MAX = 64,     /* of a status or error line that is read; the rest is passed over */
	REDIS_NAME_BYTES_MAX = 64,       /* of a command; longer ones have no name */
	REDIS_CODE_BYTES_MAX = 24,       /* of an error's prefix */
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
	char code[REDIS_CODE_BYTES_MAX];
	char word[REDIS_WORD_BYTES_MAX];
};

enum redis_reply_step redis_reply_take(struct redis_reply *reply, struct cursor *in);

/* Step over *bytes unseen bytes. On REDIS_REPLY_ENDED *bytes are left over behind its end; REDIS_REPLY_GOES_ON leaves
 * none; REDIS_REPLY_BROKEN: the place is lost. */
enum redis_reply_step redis_reply_hole(struct redis_reply *reply, uint64_t *bytes);

/* ---- request.c: a command on its way ---- */

/* A command that passes or waits for its reply: a block of the pool, its text behind it. */
struct redis_request {
	struct redis_request *next;
	uint64_t start_ns;
	uint64_t end_ns; /* once answered */
	uint32_t turn;
	uint32_t arguments; /* that follow the operation */
	uint32_t confirmations; /* of channels that have to come yet */
	uint32_t flags; /* enum exchange_flag */
	uint16_t block_bytes;
	uint16_t text_length;
	uint16_t word_end[3]; /* of the first three words of the text */
	uint8_t words;	      /* how many of those are complete */
	uint8_t kind;	      /* enum redis_kind */
	uint8_t operation_length;
	uint8_t code_length;
	bool failed;
	bool queued; /* answered with "QUEUED" */
	bool empty;  /* the reply had no elements */
	char code[REDIS_CODE_BYTES_MAX];
	char text[];
};

/* NULL without memory. */
struct redis_request *redis_request_create(const struct flow *flow) __attribute__((warn_unused_result));
void redis_request_destroy(const struct flow *flow, struct redis_request *request);

/* Add bytes of a word. The request may move. What does not fit is left out, which sets EXCHANGE_REQUEST_CUT. */
void redis_request_add(const struct flow *flow, struct redis_request **request, const char *bytes, size_t length);
void redis_request_word_begins(const struct flow *flow, struct redis_request **request);
void redis_request_word_ended(struct redis_request *request);

/* All that will be seen of it was added: find out what it is. `words`: how many it has in all. */
void redis_request_complete(struct redis_request *request, uint32_t words);

/* One of its first three words, 0 being the name; absent if it was cut. */
struct slice redis_request_word(const struct redis_request *request, unsigned i);

/* ---- pair.c: commands and their replies ---- */

enum redis_phase {
	REDIS_IN_STEP,
	REDIS_LOST,
};

struct redis_side {
	enum redis_phase phase;
	bool budget;	    /* lost behind bytes that were recorded, so within the turn `lost_turn` */
	uint32_t lost_turn;
};

enum { REDIS_DATABASE_BYTES_MAX = 10 };

/* A connection. Commands from `oldest` to the one before `unanswered` have their replies and wait for proof. */
struct redis {
	struct redis_side sides[2]; /* by enum sender */

	/* the command that passes */
	uint64_t bulk_left; /* of an argument, its line end included */
	uint32_t words_left;
	uint32_t words;	    /* it has in all; 0: between commands */
	bool queued_early; /* it waits already, as its reply came before its end */
	struct redis_request *receiving; /* NULL too if it could not be kept */

	struct redis_request *oldest, *unanswered, *newest;
	uint32_t outstanding;
	uint32_t given_up;    /* later commands that could not be kept: their replies come after all kept ones */
	uint32_t client_turn; /* in which the last command began */

	struct redis_reply reply;
	bool answering; /* the reply that passes is for `unanswered` */
	bool tail_unseen; /* bytes of it passed later than reply_last_ns, unseen */
	uint64_t reply_first_ns;
	uint64_t reply_last_ns;

	/* Replies may have been lost: the next ones are those of the waiting commands only if they are as many when the
	 * client goes on. */
	bool doubt;
	bool overlapping; /* the client was seen not to wait for replies: its turns prove little */
	bool may_overlap; /* it seems so, unless the next bytes of the server show that a reply was lost */

	bool speaks_inline; /* a line may be a command */
	bool replies_off; /* CLIENT REPLY */
	bool reply_skipped; /* for the next command */
	bool subscribed, shard_subscribed;
	bool monitoring;
	uint8_t database_length; /* 0: not known */
	uint8_t queued_database_length; /* SELECT in a transaction */
	char database[REDIS_DATABASE_BYTES_MAX];
	char queued_database[REDIS_DATABASE_BYTES_MAX];
};

/* A command begins in this turn: what that says about those before it. */
void redis_pair_begins(struct redis *redis, const struct flow *flow);

/* May another command wait? Counts it if not. */
bool redis_pair_has_room(const struct redis *redis);

/* Let redis->receiving wait for its reply, or count that it could not be kept. */
void redis_pair_request(struct redis *redis, const struct flow *flow);

/* Report redis->receiving at once: no reply will come. */
void redis_pair_one_way(struct redis *redis, const struct flow *flow);

/* redis->reply has ended: it answers the command that has waited longest, if `answering`. */
void redis_pair_reply(struct redis *redis, const struct flow *flow);

/* Hand over what waits without (the rest of) its reply. */
void redis_pair_cut_all(struct redis *redis, const struct flow *flow, enum exchange_end reason);
void redis_pair_cut_before(struct redis *redis, const struct flow *flow, uint32_t turn);

/* The reply that began has ended, though nobody saw where. */
void redis_pair_end_inferred(struct redis *redis, const struct flow *flow);

/* The commands that have replies and wait for proof got the right ones; or that cannot be told any more. */
void redis_pair_prove(struct redis *redis, const struct flow *flow);
void redis_pair_refute(struct redis *redis, const struct flow *flow, enum exchange_end reason);

/* ---- effects.c: what commands do to the connection ---- */

/* Does redis->reply complete an answer? Not so a message, a line of MONITOR, a confirmation that others follow. */
bool redis_reply_answers(struct redis *redis);

/* May what begins with this byte come without a command? */
bool redis_push_is_expected(const struct redis *redis, int first_byte);

/* A command was answered, for certain. */
void redis_note_answer(struct redis *redis, const struct redis_request *request);

/* Nobody saw how it was answered. */
void redis_note_unanswered(struct redis *redis, const struct redis_request *request);

/* A command has passed: will it have a reply? */
bool redis_reply_will_come(struct redis *redis, const struct redis_request *request);

/* ---- client.c, server.c: the functions of struct protocol, for one sender each ---- */

enum step redis_client_next(struct redis *redis, const struct flow *flow, struct cursor *in);
enum step redis_client_hole(struct redis *redis, const struct flow *flow, struct slice unfinished, uint64_t bytes);
void redis_client_found_again(struct redis *redis, const struct flow *flow);

/* Its reply comes before the command's end. */
void redis_client_queue_early(struct redis *redis, const struct flow *flow);

enum step redis_server_next(struct redis *redis, const struct flow *flow, struct cursor *in);
enum step redis_server_hole(struct redis *redis, const struct flow *flow, struct slice unfinished, uint64_t bytes);
void redis_server_found_again(struct redis *redis, const struct flow *flow);
void redis_server_ended(struct redis *redis, const struct flow *flow, bool clean);

/* ---- inline_command.c ---- */

/* Take a command without RESP framing: a line of words with quotes. */
enum step redis_inline_next(struct redis *redis, const struct flow *flow, struct cursor *in);

/* The command in redis->receiving has passed; it has so many words. */
enum step redis_command_ended(struct redis *redis, const struct flow *flow, uint32_t words);

extern const struct protocol redis_protocol;

#endif
