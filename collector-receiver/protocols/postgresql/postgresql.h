/* PostgreSQL's wire protocol 3: what parsing, following and pairing share. Reference: PostgreSQL 15 documentation,
 * chapter 55 "Frontend/Backend Protocol". */
#ifndef PROTOCOLS_POSTGRESQL_POSTGRESQL_H
#define PROTOCOLS_POSTGRESQL_POSTGRESQL_H

#include <stdbool.h>
#include <stdint.h>

#include "protocols/protocol.h"

enum {
	POSTGRESQL_UNIT_BYTES_MAX = 16384, /* of one message that are kept: a longer text is cut there */
	POSTGRESQL_WAITING_MAX = 1024,     /* operations and Syncs that wait for their replies on one connection */
	POSTGRESQL_WAITED_ENOUGH = 3,      /* turns: see `waited` */
	POSTGRESQL_NAMES_MAX = 512,        /* statements and portals of one connection that are remembered */
	POSTGRESQL_NAMED_BYTES_MAX = 256 * 1024, /* what their texts take together */
	POSTGRESQL_PORTALS_KEPT = 8,       /* at the end of a transaction, for speed */
	POSTGRESQL_NAME_BYTES_MAX = 63,    /* NAMEDATALEN - 1: the server tells longer names apart by no more */
	POSTGRESQL_HEAD_BYTES = 5,         /* type and length */
	POSTGRESQL_MESSAGE_BYTES_MAX = 0x3fffffff,      /* the server's own limit, MaxAllocSize */
	POSTGRESQL_FOUND_BYTES_MAX = 0xffffff, /* of a message that is looked for, not of one that is in step */
	POSTGRESQL_STARTUP_BYTES_MAX = 10000,           /* the server's own limit, MAX_STARTUP_PACKET_LENGTH */
	POSTGRESQL_SQLSTATE_BYTES = 5,
};

/* ---- message.c: bytes to messages ---- */

struct postgresql_message {
	char type;
	uint32_t bytes;    /* of the whole message, head included */
	struct slice body; /* as far as it was seen */
};

enum postgresql_parse {
	POSTGRESQL_PARSED,
	POSTGRESQL_MORE,      /* the bytes end before what is needed of the message does */
	POSTGRESQL_MALFORMED, /* no message of that sender */
};

/* Read the head of a message, and so much of its body as is needed; with `complete` false what there is of that. */
enum postgresql_parse postgresql_message_read(enum sender from, struct slice bytes, bool complete,
					      struct postgresql_message *message);

/* Was the whole body seen? */
static inline bool postgresql_message_is_whole(const struct postgresql_message *message)
{
	return message->body.length + POSTGRESQL_HEAD_BYTES == message->bytes;
}

/* Take a string that ends with NUL off *rest. False if its end was not seen: *string is then what was. */
bool postgresql_take_string(struct slice *rest, struct slice *string);

/* What a Bind says behind its names. */
bool postgresql_bind_has_parameters(struct slice rest);

/* The SQLSTATE field of an ErrorResponse's body; absent if it was not seen or is not one. */
struct slice postgresql_sqlstate(struct slice body);

/* ---- layout.c: is a body what its type demands? ---- */

bool postgresql_body_is_valid(enum sender from, char type, struct slice body);

/* The same of a body's first part: false if it shows that the whole cannot be valid. Only texts are believed so. */
bool postgresql_body_may_be_valid(enum sender from, char type, struct slice part);

/* ---- startup.c: what is said before messages have types ---- */

enum postgresql_startup_kind {
	POSTGRESQL_STARTUP,
	POSTGRESQL_ENCRYPTION_REQUEST, /* SSLRequest, GSSENCRequest: the server answers with one byte */
	POSTGRESQL_CANCEL_REQUEST,
};

struct postgresql_startup {
	enum postgresql_startup_kind kind;
	uint32_t bytes;
	struct slice database; /* where it is not named, the user's name */
	bool replication;
};

enum postgresql_parse postgresql_startup_read(struct slice bytes, struct postgresql_startup *startup);

/* struct protocol.recognise, and the same where it is known who speaks */
enum match postgresql_recognise(const struct opening *opening);
enum match postgresql_find(enum sender from, struct slice bytes, bool more_may_come);

/* ---- names.c: statements and portals, and the texts behind them ---- */

/* A block of the pool that is shared by a name and the operations that use it. */
struct postgresql_text {
	uint32_t references;
	uint32_t length;
	bool cut;
	bool refused; /* the Parse that brought it has had no effect */
	char bytes[];
};

struct postgresql_named {
	struct postgresql_named *next; /* in its bucket */
	struct postgresql_named *newer, *older;
	struct postgresql_text *text; /* NULL: not known */
	bool parameterised; /* of a portal: it was bound with values */
	char kind;          /* 'S' statement, 'P' portal, as in Describe and Close */
	uint8_t name_length;
	char name[POSTGRESQL_NAME_BYTES_MAX];
};

enum { POSTGRESQL_NAME_BUCKETS = 64 };

struct postgresql_names {
	struct postgresql_named *buckets[POSTGRESQL_NAME_BUCKETS];
	struct postgresql_named *newest, *oldest; /* by last use */
	uint32_t count;
	uint32_t portals; /* of these */
	uint32_t text_bytes; /* a text counts for each name that stands for it */
};

/* A reference to a copy of `text`; NULL, and counted, if the pool has nothing. */
struct postgresql_text *postgresql_text_create(const struct flow *flow, struct slice text, bool cut);
struct postgresql_text *postgresql_text_hold(struct postgresql_text *text);
void postgresql_text_release(const struct flow *flow, struct postgresql_text *text);

uint32_t postgresql_name_hash(char kind, struct slice name);

/* NULL if it is not known. Counts as a use. */
struct postgresql_named *postgresql_names_find(struct postgresql_names *names, char kind, struct slice name);

/* The name stands for this text from now on. Takes over no reference. */
void postgresql_names_set(struct postgresql_names *names, const struct flow *flow, char kind, struct slice name,
			  struct postgresql_text *text, bool parameterised);
void postgresql_names_forget(struct postgresql_names *names, const struct flow *flow, char kind, struct slice name);

/* Forget the statements whose Parse was refused: the rest of its batch still meant them. */
void postgresql_names_forget_refused(struct postgresql_names *names, const struct flow *flow);
/* Portals end with their transaction. A few are left in place: most clients use one again and again. */
void postgresql_names_forget_portals(struct postgresql_names *names, const struct flow *flow);
void postgresql_names_clear(struct postgresql_names *names, const struct flow *flow);

/* ---- pair.c: operations and their replies ---- */

enum postgresql_kind {
	POSTGRESQL_QUERY,    /* answered up to ReadyForQuery */
	POSTGRESQL_FUNCTION, /* the same */
	POSTGRESQL_EXTENDED, /* Parse, Bind, Describe, Execute as far as they belong together, or a Close */
	POSTGRESQL_SYNC,
};

/* What waits for replies: a block of the pool. */
struct postgresql_operation {
	struct postgresql_operation *next;
	struct postgresql_text *text;
	uint64_t start_ns;
	uint64_t first_reply_ns;
	uint64_t end_ns;
	int64_t rows; /* DataRows */
	uint32_t replies_due; /* of an extended one */
	uint32_t statements;  /* that have ended */
	uint32_t flags;       /* enum exchange_flag */
	uint32_t statement_hash, portal_hash; /* of its Parse; of its Bind */
	uint8_t kind;
	uint8_t end; /* enum exchange_end, of one that is kept */
	bool parses, parsed, binds, bound, executes;
	bool parameterised;
	bool begun; /* a reply was seen */
	bool returns_rows;
	bool failed;
	bool open_ended; /* what follows fell into a hole, its Execute perhaps: the replies tell */
	bool nameless;   /* its Execute was cut before the portal: rows may have counted for the Bind before it */
	bool after_gap;  /* client messages before it were not seen */
	bool reply_holed; /* part of the reply was not seen */
	char sqlstate[POSTGRESQL_SQLSTATE_BYTES]; /* begins with NUL if it was not seen */
};

enum postgresql_phase {
	POSTGRESQL_AT_STARTUP,
	POSTGRESQL_AT_MESSAGES,
	POSTGRESQL_LOST,
};

struct postgresql_side {
	enum postgresql_phase phase;
	uint64_t remaining; /* of a message whose head has been dealt with */
};

/* A connection. */
struct postgresql {
	struct postgresql_side sides[2]; /* by enum sender */
	struct postgresql_names names;
	struct postgresql_text *database;

	struct postgresql_operation *oldest, *newest;
	struct postgresql_operation *gathering; /* the newest, while messages may still join it */
	uint32_t waiting;
	uint32_t batches; /* of those waiting, the ones that ReadyForQuery answers */
	uint32_t client_turn;

	uint8_t encryption_answers_due;
	bool starting; /* until the first ReadyForQuery */
	bool copying_in;
	bool idle;     /* the server's last message was ReadyForQuery */
	bool aborted;  /* after an error the server passes everything over up to Sync */
	bool executed; /* the client's batch has an Execute */
	bool batched;   /* batches of several Executes were seen: a gap may have swallowed some of the next */
	bool batch;     /* batches of this turn were seen to wait at once */
	bool pipelined; /* that was so in any turn: turns tell when the client was seen to wait for the replies */
	uint8_t waited; /* how often in succession it had them all when it went on, up to POSTGRESQL_WAITED_ENOUGH */
	uint32_t readies; /* ReadyForQuery since the client's turn began */
	uint64_t reply_last_ns;
	bool reply_tail_unseen; /* bytes of it passed later than that, unseen */

	/* Losses. Client messages were not seen: behind all that wait (gap), or between those (gap_between). */
	bool gap, gap_between;
	uint32_t gap_turn; /* in which the gap was found */
	bool adrift; /* it is not known what replies belong to, until a turn of the client tells */
	bool fresh;  /* the server's place was lost, but its next byte begins the replies to what waits */

	/* After replies were lost, the next are those of the newest operation only if the client's next message follows
	 * without a gap. Until then the exchange is kept here. */
	bool unproven;
	struct postgresql_operation *kept;
};

/* Append to what waits. NULL, and counted, if there is no room: a gap then. Takes over the reference to the text. */
struct postgresql_operation *postgresql_wait(struct postgresql *pg, const struct flow *flow, enum postgresql_kind kind,
					     struct postgresql_text *text);

/* No message joins the newest operation any more. */
void postgresql_gathered(struct postgresql *pg, const struct flow *flow);

/* The next to be answered; NULL if there is none, or messages before it were not seen. */
struct postgresql_operation *postgresql_front(const struct postgresql *pg);

/* Hand the oldest over, if it is one to be reported, and forget it. */
void postgresql_finish(struct postgresql *pg, const struct flow *flow, enum exchange_end end, uint32_t flags);

/* Drop or report an extended operation that waits for no more replies. */
void postgresql_settle(struct postgresql *pg, const struct flow *flow);

/* ReadyForQuery answers everything up to the next Sync, Query or FunctionCall. */
void postgresql_ready(struct postgresql *pg, const struct flow *flow);

/* The server goes into copy-in mode: it will not answer the Syncs that it gets there. */
void postgresql_drop_syncs(struct postgresql *pg, const struct flow *flow);

/* Report the oldest, or all that waits, without (the rest of) its replies. */
void postgresql_cut_oldest(struct postgresql *pg, const struct flow *flow, enum exchange_end reason);
void postgresql_cut_all(struct postgresql *pg, const struct flow *flow, enum exchange_end reason);

/* ---- loss.c: what can be told of pairs after losses ---- */

/* A client message is the first of its turn. */
void postgresql_turn_begins(struct postgresql *pg, const struct flow *flow);

/* The exchange that is kept until it is proven, if there is one, is right; or cannot be told any more. */
void postgresql_prove(struct postgresql *pg, const struct flow *flow);
void postgresql_refute(struct postgresql *pg, const struct flow *flow, enum exchange_end reason);

/* A reply cannot be one to what waits. */
void postgresql_reply_misfits(struct postgresql *pg, const struct flow *flow);

/* The place was lost, or a message of that sender begins again. */
enum step postgresql_lose(struct postgresql *pg, const struct flow *flow, enum sender from);
void postgresql_server_found_again(struct postgresql *pg, const struct flow *flow);

/* The server has sent its last byte. */
void postgresql_server_ended(struct postgresql *pg, const struct flow *flow, bool clean);

/* ---- client.c, server.c: one message each. STEP_TOOK, or STEP_WAIT or STEP_OPAQUE ---- */

enum step postgresql_client_message(struct postgresql *pg, const struct flow *flow,
				    const struct postgresql_message *message);
enum step postgresql_server_message(struct postgresql *pg, const struct flow *flow,
				    const struct postgresql_message *message);

extern const struct protocol postgresql_protocol;

#endif
