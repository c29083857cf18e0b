/* The contract between a protocol and the connections that speak it: one `const struct protocol` per folder.
 *
 * connections/ owns order, holes, partial units and memory; a protocol owns meaning. It is offered the bytes of
 * both senders in the order in which they were recorded, keeps its own state per connection, and hands finished
 * exchanges to the sink. It never allocates but from the pool of the flow, and never keeps a pointer into the
 * bytes that it was offered. docs/adding-a-protocol.md is the recipe.
 *
 * Four databases have changed it: `opening.joined` tells a connection that was joined late from a later turn, and
 * `flow.first_turn` says in which turn a unit began that is only completed, or given up, in a later one. */
#ifndef PROTOCOLS_PROTOCOL_H
#define PROTOCOLS_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "exchanges/exchange.h"
#include "exchanges/slice.h"
#include "protocols/block_pool.h"
#include "protocols/cursor.h"

enum sender {
	FROM_CLIENT, /* the end that sends requests */
	FROM_SERVER,
};

enum match {
	MATCH_NO,
	MATCH_MORE,        /* cannot tell yet */
	MATCH_FROM_CLIENT, /* it is this protocol, and these are the client's bytes */
	MATCH_FROM_SERVER,
};

/* What next() made of the bytes that it was offered. */
enum step {
	STEP_TOOK,   /* the cursor has moved: call again while bytes are left */
	STEP_MORE,   /* a unit is incomplete: the caller keeps the bytes and offers them again with more behind them */
	STEP_WAIT,   /* makes no sense before the other sender is heard: what is unfinished there is cut with hole(), or
		      * these bytes are held back for a moment, or next() is called again and may not wait */
	STEP_LOST,   /* the place in the stream is lost: pass the rest of the record over, then ask resync() */
	STEP_OPAQUE, /* another protocol from here on, both ways. The state has been closed */
	STEP_UPGRADE, /* the protocol's successor from here on, both ways */
};

/* What is known about bytes that no protocol has claimed yet. Borrowed for the call. */
struct opening {
	struct slice bytes;  /* from the first byte of a turn or of a record on */
	bool more_may_come;  /* without it MATCH_MORE is not an answer */
	bool first;          /* nothing came before them in their direction: they are how the connection begins */
	bool joined;         /* how the connection began was not seen */
	bool frame;          /* the kernel side has found that an HTTP/2 frame begins here */
	bool sender_known;   /* the connection's role was announced: a hint, as who speaks first decides */
	enum sender sender;
	uint16_t server_port; /* 0 if unknown or a Unix socket: a hint, never a reason by itself */
};

/* The facts around a call. Borrowed for its duration. */
struct flow {
	const struct exchange_sink *sink;
	struct block_pool *pool;
	const struct process *process;
	const struct exchange_endpoints *endpoints;
	uint64_t connection_id;
	enum exchange_role role;
	uint32_t turn;     /* grows whenever the sender changes */
	uint32_t first_turn; /* in which the first byte offered was said: an earlier one if the other sender has spoken
			      * since */
	uint64_t first_ns; /* time of the record that brought the first byte offered, also of what is `unfinished` */
	uint64_t last_ns;  /* of the record that brought the last */
	bool time_known;   /* false in hole(): nobody saw when those bytes passed; last_ns is of those before */
	bool may_wait;     /* STEP_WAIT is allowed */
	bool frame;        /* the kernel side says that the record begins with an HTTP/2 frame: resync() may rely on
			    * it */
};

struct protocol {
	const char *name;
	size_t state_bytes;    /* per connection; zeroed before open() */
	size_t unit_bytes_max; /* most bytes that STEP_MORE may ask to be kept, at most PROTOCOL_UNIT_BYTES_MAX */

	/* Is this how a message of the protocol begins? A wrong yes is final: be strict. */
	enum match (*recognise)(const struct opening *opening);

	/* The connection is ours. `lost[sender]`: that sender's stream was joined somewhere in its middle. */
	void (*open)(void *state, const bool lost[2]);

	/* Take one unit. At least one byte is offered. */
	enum step (*next)(void *state, const struct flow *flow, enum sender from, struct cursor *in);

	/* After STEP_LOST, at the first byte of a record: does a message start here? MATCH_NO passes the record over.
	 * A match of the sender's kind puts the sender back in step: next() follows with the same bytes. */
	enum match (*resync)(void *state, const struct flow *flow, enum sender from, struct slice bytes,
			     bool more_may_come);

	/* `bytes` bytes passed unseen; 0 when what is `unfinished` is only given up (too long, or the other sender went
	 * on). Also called while the sender is lost. Returns STEP_TOOK if the place is still known, else STEP_LOST. */
	enum step (*hole)(void *state, const struct flow *flow, enum sender from, struct slice unfinished,
			  uint64_t bytes);

	/* The sender has sent its last byte; `unfinished` is what STEP_MORE asked to keep. Not `clean`: the transport
	 * failed, more may have been meant to come. */
	void (*end)(void *state, const struct flow *flow, enum sender from, struct slice unfinished, bool clean);

	/* Report what is unfinished, for this reason, and give everything back to the pool. */
	void (*close)(void *state, const struct flow *flow, enum exchange_end reason);

	/* Only where STEP_UPGRADE occurs. In place of close(): hand the request that the successor answers to the sink,
	 * without counting it, and give everything back. */
	void (*leave)(void *state, const struct flow *flow);
	const struct protocol *successor;

	/* Only of a successor, after open(): the request to which the upgrade belongs. Borrowed for the call. */
	void (*adopt)(void *state, const struct flow *flow, const struct exchange *request);
};

enum {
	PROTOCOL_STATE_BYTES_MAX = 4096,
	PROTOCOL_UNIT_BYTES_MAX = 65536,
};

/* Every protocol there is, in the order in which they are tried; ends with NULL. */
extern const struct protocol *const protocols[];

#endif
