/* Offer bytes and holes to recognition and to the protocol of a connection. */
#include "connections/parsing.h"

#include <assert.h>

#include "counters.h"
#include "protocols/recognise.h"

static enum sender sender_of(const struct connection *c, enum direction direction)
{
	return direction == c->client_direction ? FROM_CLIENT : FROM_SERVER;
}

static struct flow flow_at(const struct conversation_env *env, const struct connection *c, uint64_t first_ns,
			   uint64_t last_ns)
{
	return (struct flow){
		.sink = env->sink,
		.pool = env->pool,
		.process = c->process,
		.endpoints = &c->endpoints,
		.connection_id = c->connection_id,
		.role = c->client_direction == RECEIVED ? EXCHANGE_SERVER : EXCHANGE_CLIENT,
		.turn = c->turn,
		.first_turn = c->turn,
		.first_ns = first_ns,
		.last_ns = last_ns,
		.time_known = true,
		.may_wait = true,
	};
}

static void become_opaque(struct conversation_env *env, struct connection *c)
{
	if (c->protocol_state != NULL)
		block_pool_give(env->pool, c->protocol_state, c->protocol->state_bytes);
	c->protocol_state = NULL;
	c->state = CONVERSATION_OPAQUE;
	byte_stream_drop_partial(&c->streams[SENT], env->pool);
	byte_stream_drop_partial(&c->streams[RECEIVED], env->pool);
}

static bool take_state(struct conversation_env *env, struct connection *c, const struct protocol *protocol)
{
	assert(protocol->state_bytes <= PROTOCOL_STATE_BYTES_MAX &&
	       protocol->unit_bytes_max <= PROTOCOL_UNIT_BYTES_MAX);
	c->protocol_state = block_pool_take(env->pool, protocol->state_bytes);
	if (c->protocol_state == NULL) {
		counter_add(COUNTER_STREAM_BUFFERS_FULL, 1);
		return false;
	}
	memset(c->protocol_state, 0, protocol->state_bytes);
	c->protocol = protocol;
	return true;
}

/* ---- from one protocol to the next ---- */

struct adoption {
	struct connection *c;
	const struct flow *flow;
};

static void adopt(void *context, const struct exchange *request)
{
	const struct adoption *adoption = context;

	adoption->c->protocol->adopt(adoption->c->protocol_state, adoption->flow, request);
}

/* Without memory for the successor nothing more is understood on this connection. */
static void upgrade(struct conversation_env *env, struct connection *c, const struct flow *flow)
{
	const struct protocol *old = c->protocol;
	void *old_state = c->protocol_state;
	struct adoption adoption = {c, flow};
	const struct exchange_sink sink = {adopt, &adoption};
	struct flow leaving = *flow;

	if (!take_state(env, c, old->successor)) {
		c->protocol_state = old_state;
		old->close(old_state, flow, EXCHANGE_CUT_BY_SHUTDOWN);
		become_opaque(env, c);
		return;
	}
	c->protocol->open(c->protocol_state, (const bool[2]){false, false});
	leaving.sink = &sink;
	old->leave(old_state, &leaving);
	block_pool_give(env->pool, old_state, old->state_bytes);
	c->streams[SENT].lost = c->streams[RECEIVED].lost = false;
}

/* ---- recognition ---- */

/* Who sends the first request decides over the role, whatever was announced. */
static bool begin(struct conversation_env *env, struct connection *c, enum direction direction, enum match match,
		  const struct protocol *protocol)
{
	const struct byte_stream *other = &c->streams[direction_opposite(direction)];
	size_t kept = other->partial == NULL ? 0 : other->partial->length;
	bool lost[2] = {false, false};
	enum sender from = match == MATCH_FROM_CLIENT ? FROM_CLIENT : FROM_SERVER;

	if (!take_state(env, c, protocol))
		return false;
	c->client_direction = (uint8_t)(from == FROM_CLIENT ? direction : direction_opposite(direction));
	c->state = CONVERSATION_SPOKEN;
	lost[!from] = c->joined || other->expected != kept;
	c->lost_once = lost[!from];
	c->streams[direction].lost = false;
	c->streams[direction_opposite(direction)].lost = lost[!from];
	protocol->open(c->protocol_state, lost);
	return true;
}

/* Nobody knows this turn. A connection whose beginning was not seen may yet turn out to be known. */
static void count_unknown_turn(struct conversation_env *env, struct connection *c, size_t bytes)
{
	counter_add(COUNTER_BYTES_UNRECOGNISED, bytes);
	if (!c->joined && ++c->turns_undecided >= RECOGNISE_TURNS_MAX)
		become_opaque(env, c);
}

/* ---- one unit ---- */

enum offer {
	OFFER_TOOK,     /* the cursor has moved */
	OFFER_AGAIN,    /* something was decided: offer the same bytes */
	OFFER_KEEP,     /* keep them until more come */
	OFFER_PASS,     /* pass the rest of the record over */
	OFFER_HOLD,     /* not before the other direction */
};

static struct opening opening_at(const struct connection *c, enum direction direction, struct slice bytes,
				 uint64_t offset)
{
	return (struct opening){
		.bytes = bytes,
		.more_may_come = true,
		.first = !c->joined && offset == 0,
		.joined = c->joined,
		.sender_known = c->role_known,
		.sender = sender_of(c, direction),
		.server_port = c->client_direction == RECEIVED ? c->endpoints.local_port : c->endpoints.remote_port,
	};
}

static enum offer offer_to_all(struct conversation_env *env, struct connection *c, enum direction direction,
			       struct cursor *in, uint64_t offset, bool frame)
{
	const struct protocol *protocol;
	struct opening opening = opening_at(c, direction, cursor_rest(in), offset);

	opening.frame = frame;
	enum match match = recognise(opening, &protocol);

	if (match == MATCH_MORE)
		return OFFER_KEEP;
	if (match != MATCH_NO && begin(env, c, direction, match, protocol))
		return OFFER_AGAIN;
	count_unknown_turn(env, c, in->length);
	return OFFER_PASS;
}

static bool find_place(struct connection *c, const struct flow *flow, enum direction direction, struct slice bytes,
		       bool more_may_come, enum match *match)
{
	*match = c->protocol->resync(c->protocol_state, flow, sender_of(c, direction), bytes, more_may_come);
	if (*match != MATCH_FROM_CLIENT && *match != MATCH_FROM_SERVER)
		return false;
	counter_add(COUNTER_PARSER_RESYNCS, 1);
	c->streams[direction].lost = false;
	return true;
}

static void lose_place(struct connection *c, enum direction direction)
{
	c->streams[direction].lost = true;
	c->lost_once = true;
}

/* The unit that is kept will not be completed. */
static void cut_unit(struct conversation_env *env, struct connection *c, enum direction direction, struct flow *flow,
		     uint64_t hole_bytes)
{
	struct byte_stream *stream = &c->streams[direction];
	struct slice unfinished = {0};
	enum match match;

	if (stream->partial != NULL) {
		unfinished = (struct slice){stream->partial->bytes, stream->partial->length};
		flow->first_ns = stream->partial->first_ns;
		flow->first_turn = stream->partial->turn;
		if (stream->lost && !find_place(c, flow, direction, unfinished, false, &match))
			unfinished.length = 0;
	}
	if (c->protocol->hole(c->protocol_state, flow, sender_of(c, direction), unfinished, hole_bytes) == STEP_LOST)
		lose_place(c, direction);
	byte_stream_drop_partial(stream, env->pool);
}

/* Only a client's threads can overtake each other so: a server has received a request before it answers. After a loss a
 * response without request is more likely one whose request is gone. */
static bool may_hold(const struct connection *c, enum direction direction)
{
	return c->client_direction == SENT && !c->lost_once && c->streams[direction].partial == NULL;
}

static enum offer offer_to_protocol(struct conversation_env *env, struct connection *c, enum direction direction,
				    struct flow *flow, struct cursor *in, bool patient)
{
	struct byte_stream *stream = &c->streams[direction];
	enum direction other = direction_opposite(direction);
	enum match match;

	if (stream->lost) {
		if (find_place(c, flow, direction, cursor_rest(in), true, &match))
			return OFFER_AGAIN;
		return match == MATCH_MORE ? OFFER_KEEP : OFFER_PASS;
	}
	switch (c->protocol->next(c->protocol_state, flow, sender_of(c, direction), in)) {
	case STEP_TOOK:
		return OFFER_TOOK;
	case STEP_MORE:
		return OFFER_KEEP;
	case STEP_WAIT:
		if (c->streams[other].partial != NULL) {
			struct flow cut = flow_at(env, c, flow->first_ns, flow->last_ns);

			cut_unit(env, c, other, &cut, 0);
		} else if (patient && may_hold(c, direction)) {
			return OFFER_HOLD;
		}
		flow->may_wait = false;
		return offer_to_protocol(env, c, direction, flow, in, false);
	case STEP_OPAQUE:
		become_opaque(env, c);
		return OFFER_PASS;
	case STEP_UPGRADE:
		upgrade(env, c, flow);
		return OFFER_TOOK;
	case STEP_LOST:
		break;
	}
	lose_place(c, direction);
	return OFFER_PASS;
}

/* ---- one record ---- */

/* Bytes of a record on their way: those kept from earlier records, if any, come first. */
struct offering {
	const char *bytes;
	size_t length;
	size_t at; /* so many are used or kept */
	uint64_t time_ns;
	bool frame; /* an HTTP/2 frame begins at the first */
};

static bool at_frame(const struct offering *o)
{
	return o->frame && o->at == 0;
}

/* Keep the rest for later; if that cannot be, the unit is cut here. */
static void keep_rest(struct conversation_env *env, struct connection *c, enum direction direction,
		      struct offering *o, size_t unit_bytes_max)
{
	struct byte_stream *stream = &c->streams[direction];
	int64_t kept = byte_stream_keep(stream, env->pool, o->bytes + o->at, o->length - o->at, unit_bytes_max,
					o->time_ns);

	if (kept >= 0) {
		stream->partial->examined = stream->partial->length;
		stream->partial->frame = at_frame(o);
		stream->partial->turn = c->turn;
	}
	if (kept < 0 && c->state == CONVERSATION_SPOKEN) {
		struct flow flow = flow_at(env, c, o->time_ns, o->time_ns);

		cut_unit(env, c, direction, &flow, o->length - o->at);
	} else if (kept < 0) {
		count_unknown_turn(env, c, o->length - o->at);
	}
	o->at = o->length;
}

/* Add what fits to the kept bytes and offer them together. */
static enum offer offer_kept(struct conversation_env *env, struct connection *c, enum direction direction,
			     struct offering *o, bool patient)
{
	struct byte_stream *stream = &c->streams[direction];
	size_t bytes_max = c->state == CONVERSATION_SPOKEN ? c->protocol->unit_bytes_max : RECOGNISE_BYTES_MAX;
	size_t before = stream->partial->length;
	struct flow flow = flow_at(env, c, stream->partial->first_ns, o->time_ns);

	flow.first_turn = stream->partial->turn;
	flow.frame = stream->partial->frame;
	int64_t added = bytes_max <= before ? 0
					     : byte_stream_keep(stream, env->pool, o->bytes + o->at,
								o->length - o->at, bytes_max, o->time_ns);

	if (added < 0) {
		if (c->state == CONVERSATION_SPOKEN)
			cut_unit(env, c, direction, &flow, o->length - o->at);
		else
			byte_stream_drop_partial(stream, env->pool);
		return OFFER_PASS;
	}
	struct cursor in = cursor_over(stream->partial->bytes, stream->partial->length);

	in.examined = stream->partial->examined;
	o->at += (size_t)added;
	enum offer offer = c->state == CONVERSATION_SPOKEN
				   ? offer_to_protocol(env, c, direction, &flow, &in, patient)
				   : offer_to_all(env, c, direction, &in, stream->expected - before,
						  stream->partial->frame);

	if (c->state == CONVERSATION_OPAQUE || stream->partial == NULL)
		return OFFER_PASS;
	switch (offer) {
	case OFFER_TOOK:
		if (in.position >= before) { /* the rest is the record's own */
			o->at -= in.length - in.position;
			byte_stream_drop_partial(stream, env->pool);
		} else {
			byte_stream_drop_front(stream, in.position);
		}
		return OFFER_AGAIN;
	case OFFER_AGAIN:
		stream->partial->examined = 0;
		return OFFER_AGAIN;
	case OFFER_KEEP:
		stream->partial->examined = stream->partial->length;
		if (o->at == o->length)
			return OFFER_KEEP;
		counter_add(COUNTER_HEADS_TOO_LONG, 1);
		if (c->state == CONVERSATION_SPOKEN)
			cut_unit(env, c, direction, &flow, o->length - o->at);
		return OFFER_PASS;
	case OFFER_PASS:
	case OFFER_HOLD:
		break;
	}
	byte_stream_drop_partial(stream, env->pool);
	return OFFER_PASS;
}

/* Offer the record's own bytes, in place. */
static enum offer offer_own(struct conversation_env *env, struct connection *c, enum direction direction,
			    struct offering *o, bool patient)
{
	struct cursor in = cursor_over(o->bytes + o->at, o->length - o->at);

	if (c->state == CONVERSATION_SPOKEN) {
		struct flow flow = flow_at(env, c, o->time_ns, o->time_ns);

		flow.frame = at_frame(o);
		enum offer offer = offer_to_protocol(env, c, direction, &flow, &in, patient);

		if (offer == OFFER_TOOK)
			o->at += in.position;
		if (offer == OFFER_KEEP)
			keep_rest(env, c, direction, o, c->protocol->unit_bytes_max);
		return offer;
	}
	enum offer offer = offer_to_all(env, c, direction, &in, c->streams[direction].expected + o->at, at_frame(o));

	if (offer == OFFER_KEEP) {
		keep_rest(env, c, direction, o, RECOGNISE_BYTES_MAX);
		if (c->streams[direction].partial != NULL)
			c->streams[direction].partial->examined = 0; /* by no protocol in particular */
	}
	return offer;
}

size_t parsing_offer(struct conversation_env *env, struct connection *c, enum direction direction,
		     const struct segment *segment, bool patient)
{
	struct offering o = {.bytes = segment->bytes,
			     .length = segment->captured,
			     .time_ns = segment->time_ns,
			     .frame = segment->frame};
	struct byte_stream *stream = &c->streams[direction];
	enum offer offer = OFFER_TOOK;

	if (o.frame && (stream->lost || c->state == CONVERSATION_UNDECIDED)) /* better than what was kept to find one */
		byte_stream_drop_partial(stream, env->pool);
	while (c->state != CONVERSATION_OPAQUE && (o.at < o.length || offer == OFFER_AGAIN)) {
		if (stream->partial != NULL)
			offer = offer_kept(env, c, direction, &o, patient);
		else if (o.at < o.length)
			offer = offer_own(env, c, direction, &o, patient);
		else
			break;
		if (offer == OFFER_HOLD)
			return o.at;
		if (offer == OFFER_PASS || offer == OFFER_KEEP)
			return o.length;
	}
	return o.length;
}

void parsing_step_over(struct conversation_env *env, struct connection *c, enum direction direction, uint64_t bytes,
		       uint64_t time_ns, bool time_known)
{
	struct byte_stream *stream = &c->streams[direction];
	const struct protocol *protocol;

	counter_add(COUNTER_BYTES_HOLES, bytes);
	stream->expected += bytes;
	if (c->state == CONVERSATION_UNDECIDED && stream->partial != NULL) {
		struct slice kept = {stream->partial->bytes, stream->partial->length};
		struct opening opening = opening_at(c, direction, kept, stream->expected - bytes - kept.length);

		opening.more_may_come = false;
		enum match match = recognise(opening, &protocol);

		if (match == MATCH_NO || !begin(env, c, direction, match, protocol))
			byte_stream_drop_partial(stream, env->pool);
	}
	if (c->state == CONVERSATION_UNDECIDED)
		c->joined = true;
	if (c->state != CONVERSATION_SPOKEN)
		return;
	struct flow flow = flow_at(env, c, time_ns, time_known ? time_ns : stream->last_ns);

	flow.time_known = time_known;
	cut_unit(env, c, direction, &flow, bytes);
}

void parsing_begin_turn(struct conversation_env *env, struct connection *c, enum direction direction)
{
	struct byte_stream *stream = &c->streams[direction];

	if (c->state == CONVERSATION_UNDECIDED || stream->lost)
		byte_stream_drop_partial(stream, env->pool);
}

void parsing_end(struct conversation_env *env, struct connection *c, enum direction direction, uint64_t time_ns,
		 bool clean)
{
	struct byte_stream *stream = &c->streams[direction];
	struct slice unfinished = {0};

	if (stream->ended)
		return;
	stream->ended = true;
	if (c->state == CONVERSATION_SPOKEN) {
		struct flow flow = flow_at(env, c, time_ns, time_ns);

		if (stream->partial != NULL && !stream->lost) {
			unfinished = (struct slice){stream->partial->bytes, stream->partial->length};
			flow.first_ns = stream->partial->first_ns;
			flow.first_turn = stream->partial->turn;
		}
		c->protocol->end(c->protocol_state, &flow, sender_of(c, direction), unfinished, clean);
	}
	byte_stream_drop_partial(stream, env->pool);
}

void parsing_close(struct conversation_env *env, struct connection *c, uint64_t time_ns, enum exchange_end reason)
{
	if (c->state == CONVERSATION_SPOKEN) {
		struct flow flow = flow_at(env, c, time_ns, time_ns);

		c->protocol->close(c->protocol_state, &flow, reason);
	}
	become_opaque(env, c);
}
