/* One end of one connection: its identity, its two streams, and the protocol spoken on it. */
#ifndef CONNECTIONS_CONNECTION_H
#define CONNECTIONS_CONNECTION_H

#include "connections/byte_stream.h"
#include "exchanges/exchange.h"
#include "protocols/protocol.h"

/* As the owner sees it. */
enum direction {
	RECEIVED,
	SENT,
	NO_DIRECTION,
};

static inline enum direction direction_opposite(enum direction direction)
{
	return direction == SENT ? RECEIVED : SENT;
}

enum conversation_state {
	CONVERSATION_UNDECIDED, /* nobody has recognised it yet */
	CONVERSATION_SPOKEN,
	CONVERSATION_OPAQUE, /* no protocol of ours, or not any more: bytes are only counted */
};

/* An idle one costs this struct, and the protocol's state if there is one. */
struct connection {
	uint64_t connection_id;
	uint64_t process_id;
	struct process *process; /* a reference, or NULL while the owner is unknown */
	struct exchange_endpoints endpoints; /* unix_path is a block of the pool */
	const struct protocol *protocol;
	void *protocol_state; /* a block of the pool */
	struct byte_stream streams[2]; /* by enum direction */
	uint32_t turn;      /* grows whenever the direction changes */
	uint32_t newer, older; /* slots: list by last use */
	uint8_t last_direction;
	uint8_t client_direction; /* once spoken: in which the requests go */
	uint8_t state;            /* enum conversation_state */
	uint8_t turns_undecided;
	bool joined;    /* its beginning was not seen */
	bool role_known; /* client_direction was announced, or decided */
	bool lost_once; /* a place in a stream was lost: a response without request may be one whose request was lost */
};

#endif
