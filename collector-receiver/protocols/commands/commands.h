/* Commands of a database and their replies, which come in the order of the commands: what Redis and Memcached share.
 *
 * Where losses leave it open which command a reply belongs to, the replies of one turn are kept with the commands of the
 * turn before it, and are believed only if they are as many when the client goes on. */
#ifndef PROTOCOLS_COMMANDS_COMMANDS_H
#define PROTOCOLS_COMMANDS_COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

#include "protocols/protocol.h"

enum {
	COMMANDS_OUTSTANDING_MAX = 4096, /* that wait for their reply on one connection */
	COMMAND_BYTES_MAX = 1024,	 /* block of a waiting command; its text is cut where the block ends */
	COMMAND_CODE_BYTES_MAX = 24,	 /* of what names an error */
	COMMAND_WORDS_NOTED = 3,
};

/* ---- command.c: one command ---- */

/* How the client learns that it was carried out. */
enum command_answer {
	COMMAND_REPLY,
	COMMAND_REPLY_OR_SILENCE, /* the reply to a later one says that none comes */
	COMMAND_REPLY_OR_CLOSE,
};

/* A command that passes or waits for its reply: a block of the pool, its text behind it. */
struct command {
	struct command *next;
	uint64_t start_ns;
	uint64_t end_ns; /* once answered */
	uint32_t turn;
	uint32_t arguments; /* that follow the operation */
	uint32_t flags; /* enum exchange_flag */
	uint16_t block_bytes;
	uint16_t text_length;
	uint16_t word_end[COMMAND_WORDS_NOTED]; /* of the first words of the text */
	uint8_t words; /* how many of those are complete */
	uint8_t operation_length; /* of the text */
	uint8_t answer; /* enum command_answer */
	uint8_t code_length;
	bool failed;
	uint8_t kind; /* these three are the protocol's own */
	uint8_t note;
	uint32_t number;
	char code[COMMAND_CODE_BYTES_MAX];
	char text[];
};

/* NULL without memory, which is counted. */
struct command *command_create(const struct flow *flow) __attribute__((warn_unused_result));

/* NULL is allowed. */
void command_destroy(const struct flow *flow, struct command *command);

/* Add bytes of a word. The command may move; *command may be NULL. What does not fit is left out, and all behind it:
 * EXCHANGE_REQUEST_CUT. */
void command_add(const struct flow *flow, struct command **command, const char *bytes, size_t length);
void command_word_begins(const struct flow *flow, struct command **command);
void command_word_ended(struct command *command);

/* Bytes of the word that passes were not seen. NULL is allowed. */
void command_cut(struct command *command);

/* One of its first words; absent if it was cut. */
struct slice command_word(const struct command *command, unsigned i);

/* ---- queue.c: commands and their replies ---- */

struct commands;

/* What a protocol knows about its commands. */
struct commands_rules {
	enum database_system system;

	/* The reply that passes: does it say failed, with which code? EXCHANGE_RESPONSE_CUT if that was not seen. What
	 * else is to be noted? */
	void (*note_reply)(const struct commands *commands, struct command *command);

	/* Fill in more than the queue knows. These may be NULL. */
	void (*describe)(const struct commands *commands, const struct command *command, struct database_exchange *to);

	/* It was reported as answered; or as one whose answer nobody saw. */
	void (*answered)(struct commands *commands, const struct command *command);
	void (*unanswered)(struct commands *commands, const struct command *command);
};

struct commands_side {
	bool lost;
	bool budget; /* lost behind bytes that were recorded, so within the turn `lost_turn` */
	uint32_t lost_turn;
};

/* The commands of a connection. From `oldest` to the one before `unanswered` they have their replies and wait for proof. */
struct commands {
	const struct commands_rules *rules;
	struct commands_side sides[2]; /* by enum sender */
	struct command *receiving; /* passes; NULL too if it could not be kept */
	struct command *oldest, *unanswered, *newest;
	uint32_t outstanding;
	uint32_t given_up;    /* later commands that could not be kept: their replies come after all kept ones */
	uint32_t client_turn; /* in which the last command began */
	bool answering;	      /* the reply that passes is for `unanswered` */
	bool tail_unseen;     /* bytes of it passed later than reply_last_ns, unseen */
	bool doubt;	      /* replies may have been lost */
	bool overlapping; /* the client was seen not to wait for replies: its turns prove little */
	bool may_overlap; /* it seems so, unless the next bytes of the server show that a reply was lost */
	uint64_t reply_first_ns;
	uint64_t reply_last_ns;
};

void commands_open(struct commands *commands, const struct commands_rules *rules, const bool lost[2]);

/* A command begins: start `receiving` unless too many wait, which is counted. */
void commands_begin(struct commands *commands, const struct flow *flow);

/* `receiving` is complete, or will never be: let it wait, or note that it could not be kept. */
void commands_wait(struct commands *commands);

/* It gets no reply: report it with the end of its own bytes. */
void commands_report_one_way(struct commands *commands, const struct flow *flow);

/* Drop it. */
void commands_forget_receiving(struct commands *commands, const struct flow *flow);

/* Does any wait, or is to be skipped? */
bool commands_expect_reply(const struct commands *commands);

void commands_reply_begins(struct commands *commands, const struct flow *flow);
void commands_reply_goes_on(struct commands *commands, const struct flow *flow);

/* It answers the command that has waited longest, if one waited when it began. */
void commands_reply_ended(struct commands *commands, const struct flow *flow);

/* It answers nothing: a message that the server sends unasked. */
void commands_reply_is_push(struct commands *commands);

/* The command that has waited longest gets no reply: a later one is answered. */
void commands_skip_silent(struct commands *commands, const struct flow *flow);

/* Hand over all that wait without (the rest of) their replies. */
void commands_cut_all(struct commands *commands, const struct flow *flow, enum exchange_end reason);

/* ---- losses.c ---- */

/* Always STEP_LOST. */
enum step commands_lose_client(struct commands *commands, const struct flow *flow);
enum step commands_lose_server(struct commands *commands, const struct flow *flow);

/* What is not what the protocol allows: counted. */
enum step commands_refuse_client(struct commands *commands, const struct flow *flow);
enum step commands_refuse_server(struct commands *commands, const struct flow *flow);

/* Bytes of the server pass unseen. */
void commands_note_server_hole(struct commands *commands, const struct flow *flow);

/* A record begins with a command or reply, after its sender was lost; or with none: taken for the tail of a reply. */
void commands_client_found(struct commands *commands, const struct flow *flow);
void commands_server_found(struct commands *commands, const struct flow *flow);
void commands_server_not_found(struct commands *commands, const struct flow *flow);

/* The server has sent its last byte. */
void commands_server_ended(struct commands *commands, const struct flow *flow, bool clean);

/* A command begins in this turn: what that says about those before it. */
void commands_turn(struct commands *commands, const struct flow *flow);

/* ---- between queue.c and losses.c ---- */

/* The commands that have replies and wait for proof got the right ones; or that cannot be told any more. */
void commands_prove(struct commands *commands, const struct flow *flow);
void commands_refute(struct commands *commands, const struct flow *flow, enum exchange_end reason);

void commands_cut_before(struct commands *commands, const struct flow *flow, uint32_t turn);

/* The reply that began has ended, though nobody saw where: if it is the only one that was waited for. */
void commands_end_inferred(struct commands *commands, const struct flow *flow);

#endif
