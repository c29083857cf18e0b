/* Fill in what is the same for every protocol, count, and give away. */
#include "protocols/hand_over.h"

#include "counters.h"

struct exchange exchange_begin(const struct flow *flow, uint64_t start_ns, uint64_t end_ns, enum exchange_end end,
			       uint32_t flags)
{
	return (struct exchange){
		.process = flow->process,
		.endpoints = flow->endpoints,
		.connection_id = flow->connection_id,
		.start_ns = start_ns,
		.end_ns = end_ns > start_ns ? end_ns : start_ns,
		.role = flow->role,
		.end = end,
		.flags = flags,
	};
}

void exchange_hand_over(const struct flow *flow, const struct exchange *exchange)
{
	const uint32_t incomplete = EXCHANGE_END_UNSEEN | EXCHANGE_RESPONSE_UNSEEN;

	counter_add(exchange->flags & incomplete ? COUNTER_EXCHANGES_INCOMPLETE : COUNTER_EXCHANGES, 1);
	flow->sink->take(flow->sink->context, exchange);
}
