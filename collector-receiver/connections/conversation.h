/* Lead the bytes of a connection to the protocol that is spoken on it: recognise it, keep what is incomplete, step over
 * holes, and let responses wait that were recorded before their request. */
#ifndef CONNECTIONS_CONVERSATION_H
#define CONNECTIONS_CONVERSATION_H

#include "connections/connection.h"

/* A response that was recorded before its request waits this long for it. Threads of one process overtake each other by
 * microseconds to a scheduler's slice. The same bound holds for a gap that a late neighbour may fill. */
#define HELD_NS_MAX UINT64_C(100000000)

struct conversation_env {
	const struct exchange_sink *sink;
	struct block_pool *pool;
	uint32_t held; /* segments held back on all connections */
};

/* A data record has come. */
void conversation_take(struct conversation_env *env, struct connection *c, enum direction direction,
		       struct segment segment);

/* Let nothing wait that came before `before_ns`. */
void conversation_release(struct conversation_env *env, struct connection *c, uint64_t before_ns);

/* Both directions are over at these offsets. Not `clean`: by an error of the transport. */
void conversation_end(struct conversation_env *env, struct connection *c, const uint64_t final_offsets[2],
		      uint64_t time_ns, bool clean);

/* Report what is unfinished and give back all memory. The connection is opaque afterwards. */
void conversation_close(struct conversation_env *env, struct connection *c, uint64_t time_ns,
			enum exchange_end reason);

#endif
