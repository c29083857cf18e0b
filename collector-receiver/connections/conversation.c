/* Put the records of a connection in order, and decide what has to wait. */
#include "connections/conversation.h"

#include "connections/parsing.h"
#include "counters.h"

/* Only how a turn begins can tell the protocol, or the kernel side. */
static bool worth_offering(const struct connection *c, enum direction direction, bool fresh, bool frame)
{
	return c->state == CONVERSATION_SPOKEN ||
	       (c->state == CONVERSATION_UNDECIDED && (fresh || frame || c->streams[direction].partial != NULL));
}

/* Use a segment now. False if the rest of it, which *segment then is, has to wait. */
static bool deliver(struct conversation_env *env, struct connection *c, enum direction direction,
		    struct segment *segment, bool fresh, bool patient)
{
	struct byte_stream *stream = &c->streams[direction];

	if (stream->ended || !byte_stream_trim(stream, segment))
		return true;
	if (segment->offset > stream->expected) {
		parsing_step_over(env, c, direction, segment->offset - stream->expected, segment->time_ns, false);
		fresh = true;
	}
	if (fresh)
		parsing_begin_turn(env, c, direction);
	size_t taken = segment->captured;

	if (segment->frame && c->state == CONVERSATION_OPAQUE) { /* in a tunnel, or known to the kernel side only now */
		c->state = CONVERSATION_UNDECIDED;
		c->joined = true;
	}
	if (worth_offering(c, direction, fresh, segment->frame))
		taken = parsing_offer(env, c, direction, segment, patient);
	else
		counter_add(COUNTER_BYTES_UNRECOGNISED, taken);
	counter_add(COUNTER_BYTES_SEEN, taken);
	stream->expected += taken;
	segment->offset += taken;
	segment->bytes += taken;
	segment->frame = segment->frame && taken == 0;
	segment->captured -= (uint32_t)taken;
	segment->byte_count -= (uint32_t)taken;
	if (segment->captured > 0)
		return false;
	if (segment->byte_count > 0)
		parsing_step_over(env, c, direction, segment->byte_count, segment->time_ns, true);
	stream->last_ns = segment->time_ns;
	if (segment->end)
		parsing_end(env, c, direction, segment->time_ns, true);
	return true;
}

/* ---- holding back ---- */

static bool hold(struct conversation_env *env, struct byte_stream *stream, const struct segment *segment)
{
	if (!byte_stream_hold(stream, env->pool, segment))
		return false;
	env->held++;
	return true;
}

static bool take_turn(struct connection *c, enum direction direction)
{
	if (c->last_direction == direction)
		return false;
	c->last_direction = (uint8_t)direction;
	c->turn++;
	return true;
}

static void deliver_or_hold(struct conversation_env *env, struct connection *c, enum direction direction,
			    struct segment segment, bool patient)
{
	struct byte_stream *stream = &c->streams[direction];
	bool fresh = take_turn(c, direction);

	if (deliver(env, c, direction, &segment, fresh, patient))
		return;
	stream->waiting = hold(env, stream, &segment);
	if (!stream->waiting)
		deliver(env, c, direction, &segment, fresh, false);
}

/* Use held segments in order: those that may, or all that are left if not `patient`. */
static void drain(struct conversation_env *env, struct connection *c, enum direction direction, bool patient)
{
	struct byte_stream *stream = &c->streams[direction];

	stream->waiting = false;
	while (stream->held != NULL && !stream->waiting) {
		if (patient && stream->held->segment.offset > stream->expected)
			break;
		struct held_segment *held = byte_stream_take_held(stream);
		struct segment segment = held->segment;

		env->held--;
		deliver_or_hold(env, c, direction, segment, patient);
		byte_stream_give_held(env->pool, held);
	}
}

/* Within a turn nothing follows what the capture budget cut off: a gap there is a loss, or two neighbours have changed
 * places and the other one comes next. */
static bool may_be_overtaken(const struct byte_stream *stream, const struct segment *segment, bool same_turn)
{
	return segment->offset > stream->expected && segment->captured > 0 && (same_turn || stream->held != NULL);
}

/* Nothing that was said before the turn changed will still be filled in. A response that waits for its request waits in
 * vain if that is in the `gap` before what was said next. */
static void settle_other(struct conversation_env *env, struct connection *c, enum direction other, uint64_t now_ns,
			 bool gap)
{
	struct byte_stream *stream = &c->streams[other];

	if (stream->held == NULL)
		return;
	uint64_t held_ns = stream->held->segment.time_ns;

	if (!stream->waiting || gap || (now_ns > held_ns && now_ns - held_ns > HELD_NS_MAX))
		drain(env, c, other, false);
}

void conversation_take(struct conversation_env *env, struct connection *c, enum direction direction,
		       struct segment segment)
{
	struct byte_stream *stream = &c->streams[direction];
	enum direction other = direction_opposite(direction);

	if (!stream->started) {
		stream->started = true;
		stream->expected = c->joined ? segment.offset : 0;
		stream->last_ns = segment.time_ns;
	}
	settle_other(env, c, other, segment.time_ns, segment.offset > stream->expected);
	if (stream->waiting || may_be_overtaken(stream, &segment, c->last_direction == direction)) {
		if (hold(env, stream, &segment))
			return;
		drain(env, c, direction, false);
	}
	deliver_or_hold(env, c, direction, segment, true);
	if (stream->held != NULL && !stream->waiting)
		drain(env, c, direction, true);
	if (c->streams[other].waiting && stream->partial == NULL)
		drain(env, c, other, true);
}

void conversation_release(struct conversation_env *env, struct connection *c, uint64_t before_ns)
{
	for (int direction = RECEIVED; direction <= SENT; direction++) {
		const struct held_segment *held = c->streams[direction].held;

		if (held != NULL && held->segment.time_ns < before_ns)
			drain(env, c, (enum direction)direction, false);
	}
}

/* ---- ends ---- */

void conversation_end(struct conversation_env *env, struct connection *c, const uint64_t final_offsets[2],
		      uint64_t time_ns, bool clean)
{
	enum direction first = c->client_direction == SENT ? SENT : RECEIVED;

	conversation_release(env, c, UINT64_MAX);
	for (int i = 0; i < 2; i++) {
		enum direction direction = i == 0 ? first : direction_opposite(first);
		struct byte_stream *stream = &c->streams[direction];

		if (stream->started && !stream->ended && final_offsets[direction] > stream->expected)
			parsing_step_over(env, c, direction, final_offsets[direction] - stream->expected, time_ns,
					  false);
	}
	parsing_end(env, c, first, time_ns, clean);
	parsing_end(env, c, direction_opposite(first), time_ns, clean);
}

void conversation_close(struct conversation_env *env, struct connection *c, uint64_t time_ns,
			enum exchange_end reason)
{
	conversation_release(env, c, UINT64_MAX);
	parsing_close(env, c, time_ns, reason);
	byte_stream_clear(&c->streams[SENT], env->pool);
	byte_stream_clear(&c->streams[RECEIVED], env->pool);
}
