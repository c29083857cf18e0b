/* Follow both senders of a MySQL connection from packet to packet, and find the way back after losses. */
#include "protocols/mysql/mysql.h"

#include "counters.h"

static void mysql_open(void *state, const bool lost[2])
{
	struct mysql *my = state;

	pairing_open(&my->pairing, &mysql_rules, lost);
	my->ever_lost = lost[FROM_CLIENT] || lost[FROM_SERVER];
	my->place = lost[FROM_SERVER] ? MYSQL_AT_ANSWER : MYSQL_LOGGING_IN;
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

	if (from == FROM_SERVER)
		pairing_server_ended(&my->pairing, flow, clean);
	else if (unfinished.length > 0)
		counter_add(COUNTER_HEADS_UNFINISHED, 1);
}

static void mysql_close(void *state, const struct flow *flow, enum exchange_end reason)
{
	struct mysql *my = state;

	pairing_cut_all(&my->pairing, flow, reason);
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
