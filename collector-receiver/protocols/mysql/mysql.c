/* Follow both senders of a MySQL connection from packet to packet, and find the way back after losses. How a loss bears
 * on pairing is as for HTTP/1.x: an exchange is complete only if command and answer are known to belong together. */
#include "protocols/mysql/mysql.h"

#include "counters.h"

static void mysql_open(void *state, const bool lost[2])
{
	struct mysql *my = state;

	my->client_lost = lost[FROM_CLIENT];
	my->ever_lost = lost[FROM_CLIENT] || lost[FROM_SERVER];
	my->place = lost[FROM_SERVER] ? MYSQL_LOST : MYSQL_LOGGING_IN;
}

static enum step mysql_next(void *state, const struct flow *flow, enum sender from, struct cursor *in)
{
	return from == FROM_CLIENT ? mysql_client_next(state, flow, in) : mysql_server_next(state, flow, in);
}

static enum step mysql_hole(void *state, const struct flow *flow, enum sender from, struct slice unfinished,
			    uint64_t bytes)
{
	return from == FROM_CLIENT ? mysql_client_hole(state, flow, unfinished, bytes)
				   : mysql_server_hole(state, flow, unfinished, bytes);
}

static enum match mysql_resync(void *state, const struct flow *flow, enum sender from, struct slice bytes,
			       bool more_may_come)
{
	return from == FROM_CLIENT ? mysql_client_resync(state, flow, bytes, more_may_come)
				   : mysql_server_resync(state, flow, bytes, more_may_come);
}

static void mysql_end(void *state, const struct flow *flow, enum sender from, struct slice unfinished, bool clean)
{
	struct mysql *my = state;

	if (from == FROM_CLIENT) {
		if (unfinished.length > 0)
			counter_add(COUNTER_HEADS_UNFINISHED, 1);
		return;
	}
	bool lost = my->place == MYSQL_LOST;

	if (lost && clean)
		mysql_server_end_is_inferred(my, flow);
	mysql_pair_cut_all(my, flow, lost ? EXCHANGE_CUT_BY_LOSS : EXCHANGE_CUT_BY_CLOSE);
}

static void mysql_close(void *state, const struct flow *flow, enum exchange_end reason)
{
	struct mysql *my = state;

	mysql_pair_cut_all(my, flow, reason);
	if (reason == EXCHANGE_CUT_BY_CLOSE)
		mysql_pair_prove(my, flow); /* no command followed, and by the final offsets none is missing */
	mysql_pair_refute(my, flow, reason);
	mysql_statements_clear(&my->statements, flow->pool);
}

enum step mysql_become_opaque(struct mysql *my, const struct flow *flow)
{
	mysql_close(my, flow, EXCHANGE_CUT_BY_SHUTDOWN);
	return STEP_OPAQUE;
}

const struct protocol mysql_protocol = {
	.name = "mysql",
	.state_bytes = sizeof(struct mysql),
	.unit_bytes_max = MYSQL_UNIT_BYTES_MAX,
	.recognise = mysql_recognise,
	.open = mysql_open,
	.next = mysql_next,
	.resync = mysql_resync,
	.hole = mysql_hole,
	.end = mysql_end,
	.close = mysql_close,
};
