/* What every protocol does at the end of an exchange. */
#ifndef PROTOCOLS_HAND_OVER_H
#define PROTOCOLS_HAND_OVER_H

#include "protocols/protocol.h"

/* An exchange with the facts of the connection and its times, the end not before the start. The rest is zero: trace
 * context, protocol and what belongs to it are the caller's to fill in. */
struct exchange exchange_begin(const struct flow *flow, uint64_t start_ns, uint64_t end_ns, enum exchange_end end,
			       uint32_t flags);

/* Count it, as complete or not, and give it to the sink. */
void exchange_hand_over(const struct flow *flow, const struct exchange *exchange);

#endif
