/* Offer the bytes of a connection to its protocol: recognise it, keep incomplete units, step over holes. What is
 * offered here is in order; conversation.c sees to that. */
#ifndef CONNECTIONS_PARSING_H
#define CONNECTIONS_PARSING_H

#include "connections/conversation.h"

/* Returns how many of the captured bytes are used, passed over or kept: all of them, unless the rest has to wait for
 * the other direction, which happens only if `patient`. */
size_t parsing_offer(struct conversation_env *env, struct connection *c, enum direction direction,
		     const struct segment *segment, bool patient);

/* `bytes` bytes pass unseen and are expected no more. Not `time_known`: time_ns is that of what came after them. */
void parsing_step_over(struct conversation_env *env, struct connection *c, enum direction direction, uint64_t bytes,
		       uint64_t time_ns, bool time_known);

/* What was kept to find the start of a message does not go on in another turn. */
void parsing_begin_turn(struct conversation_env *env, struct connection *c, enum direction direction);

/* The direction has ended; has no effect the second time. */
void parsing_end(struct conversation_env *env, struct connection *c, enum direction direction, uint64_t time_ns,
		 bool clean);

/* Report what is unfinished and make the connection opaque. */
void parsing_close(struct conversation_env *env, struct connection *c, uint64_t time_ns, enum exchange_end reason);

#endif
