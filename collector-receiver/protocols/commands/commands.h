/* Commands of a database and their replies, which come in the order of the commands: what Redis and Memcached share.
 *
 * Where losses leave it open which command a reply belongs to, the replies of one turn are kept with the commands of
 * the turn before it, and are believed only if they are as many when the client goes on. */
#ifndef PROTOCOLS_COMMANDS_COMMANDS_H
#define PROTOCOLS_COMMANDS_COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

#include "protocols/pairing/pairing.h"

enum {
	COMMANDS_WAITING_MAX = 4096, /* for their reply on one connection */
	COMMAND_BYTES_MAX = 1024,    /* block of a waiting command; its text is cut where the block ends */
	COMMAND_CODE_BYTES_MAX = 24, /* of what names an error */
	COMMAND_WORDS_NOTED = 3,
};

/* ---- command.c: one command ---- */

/* A command that passes or waits for its reply: a block of the pool, its text behind it. */
struct command {
	struct request request; /* first */
	uint32_t arguments;	/* that follow the operation */
	uint16_t text_length;
	uint16_t word_end[COMMAND_WORDS_NOTED]; /* of the first words of the text */
	uint8_t words; /* how many of those are complete */
	uint8_t operation_length; /* of the text */
	uint8_t code_length;
	bool failed;
	uint8_t kind; /* these three are the protocol's own */
	uint8_t note;
	uint32_t number;
	char code[COMMAND_CODE_BYTES_MAX];
	char text[];
};

/* Add bytes of a word. The command may move; *command may be NULL. What does not fit is left out, and all behind it:
 * EXCHANGE_REQUEST_CUT. */
void command_add(const struct flow *flow, struct command **command, const char *bytes, size_t length);
void command_word_begins(const struct flow *flow, struct command **command);
void command_word_ended(struct command *command);

/* Bytes of the word that passes were not seen. NULL is allowed. */
void command_cut(struct command *command);

/* One of its first words; absent if it was cut. */
struct slice command_word(const struct command *command, unsigned i);

/* ---- the commands of a connection ---- */

struct commands {
	struct pairing pairing;	   /* first */
	struct command *receiving; /* passes; NULL too if it could not be kept */
};

/* The one that waits for the next reply; NULL if there is none. */
static inline struct command *commands_unanswered(const struct commands *commands)
{
	return (struct command *)commands->pairing.unanswered;
}

/* A command begins: start `receiving` unless too many wait. */
void commands_begin(struct commands *commands, const struct flow *flow);

/* `receiving` is complete, or will never be: let it wait, or note that it could not be kept. */
void commands_wait(struct commands *commands);

/* It gets no reply: report it with the end of its own bytes. */
void commands_report_one_way(struct commands *commands, const struct flow *flow);

/* Drop it. */
void commands_forget_receiving(struct commands *commands, const struct flow *flow);

/* struct pairing_rules.describe, but for the system. */
void command_describe(const struct command *command, enum database_system system, struct exchange *to);

#endif
