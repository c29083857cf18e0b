/* Generated HTTP/2 connections with many streams at a time and an exact oracle: however they are cut into records, the
 * exchanges are the same; whatever is lost, and wherever they are joined, what is told of an exchange is right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counters.h"
#include "support/http2_script.h"
#include "support/random.h"

enum { STREAMS = 150, STEPS_MAX = STREAMS * 12, LINE_BYTES = 256, SEEDS = 60 };

enum stage { AT_REQUEST, IN_REQUEST, AT_RESPONSE, IN_RESPONSE, DONE };

/* What one stream does, and what has to be told of it. */
struct plan {
	enum stage stage;
	bool rpc, reset, request_ended;
	unsigned status, request_bytes, response_bytes, request_messages, response_messages, request_frames,
		response_frames;
	char line[LINE_BYTES];
};

/* One frame or block: bytes of one direction, and how many exchanges have ended with it. */
struct move {
	bool server;
	size_t from, to;
};

struct many_streams {
	struct http2_script *script;
	struct plan plans[STREAMS];
	struct move moves[STEPS_MAX];
	size_t count;
	char expected[STREAMS * LINE_BYTES];
};

__attribute__((format(printf, 2, 3))) static void say(struct many_streams *c, const char *format, ...)
{
	char step[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(step, sizeof(step), format, arguments);
	va_end(arguments);
	struct http2_speech *s = step[0] == '>' ? &c->script->client : &c->script->server;
	size_t from = s->length;

	http2_script_say(c->script, step);
	assert_true(c->count < STEPS_MAX);
	c->moves[c->count++] = (struct move){step[0] == '<', from, s->length};
}

static void plan(struct plan *p, struct random *r)
{
	*p = (struct plan){
		.rpc = random_below(r, 3) == 0,
		.reset = random_below(r, 10) == 0,
		.status = 200 + random_below(r, 300),
		.request_frames = random_below(r, 3),
		.response_frames = random_below(r, 4),
	};
	if (p->rpc)
		p->status = 200;
}

static void finish(struct many_streams *c, unsigned at)
{
	struct plan *p = &c->plans[at];
	const char *end = !p->reset ? "message" : p->rpc ? "reset-by-client code=8" : "reset-by-client";
	char sizes[2][16] = {"-1", "-1"};

	if (p->request_ended)
		snprintf(sizes[0], sizeof(sizes[0]), "%u", p->request_bytes);
	if (!p->reset)
		snprintf(sizes[1], sizeof(sizes[1]), "%u", p->response_bytes);
	if (p->rpc)
		snprintf(p->line, LINE_BYTES,
			 "server rpc /s.S/%u %d 200 %u %u %s scheme=http authority=h user-agent=agent-%u\n", at,
			 p->reset ? -1 : (int)(at % 17), p->request_messages, p->response_messages, end, at % 7);
	else
		snprintf(p->line, LINE_BYTES,
			 "server POST /%u 2.0 %u %s %s %s scheme=http host=h user-agent=agent-%u\n", at, p->status,
			 sizes[0], sizes[1], end, at % 7);
	strcat(c->expected, p->line);
	p->stage = DONE;
}

static void say_content(struct many_streams *c, struct random *r, char from, unsigned id, bool end, bool rpc,
			unsigned *bytes, unsigned *messages)
{
	unsigned n = random_below(r, 4) == 0 ? 0 : random_below(r, 300), pad = random_below(r, 20);

	if (rpc) {
		say(c, "%cdata %u %s messages=%u", from, id, end ? "end" : "", n);
		++*messages;
	} else if (random_below(r, 4) == 0) {
		say(c, "%cdata %u %s pad=%u bytes=%u", from, id, end ? "end" : "", pad, n);
		*bytes += n;
	} else {
		say(c, "%cdata %u %s bytes=%u", from, id, end ? "end" : "", n);
		*bytes += n;
	}
}

static void request_begins(struct many_streams *c, struct random *r, unsigned at, unsigned id)
{
	struct plan *p = &c->plans[at];

	p->request_ended = p->request_frames == 0;
	p->stage = p->request_ended ? AT_RESPONSE : IN_REQUEST;
	say(c, ">headers %u %s split=%u :method=POST|:scheme=http|:authority=h|:path=%s%u|user-agent=agent-%u|%s%s", id,
	    p->request_ended ? "end" : "", random_below(r, 3) * 20, p->rpc ? "/s.S/" : "/", at, at % 7,
	    p->rpc ? "content-type=application/grpc|" : "", random_below(r, 2) ? "x-a=b" : "accept=*/*");
}

static void response_begins(struct many_streams *c, unsigned at, unsigned id)
{
	struct plan *p = &c->plans[at];
	bool end = !p->rpc && p->response_frames == 0 && !p->reset;

	say(c, "<headers %u %s :status=%u|server=s|date=d%u", id, end ? "end" : "", p->status, at % 5);
	p->stage = IN_RESPONSE;
	if (end)
		finish(c, at);
}

static void response_goes_on(struct many_streams *c, struct random *r, unsigned at, unsigned id)
{
	struct plan *p = &c->plans[at];

	if (p->reset) {
		say(c, ">reset %u 8", id);
		finish(c, at);
	} else if (p->response_frames > 0) {
		bool end = --p->response_frames == 0 && !p->rpc;

		say_content(c, r, '<', id, end, p->rpc, &p->response_bytes, &p->response_messages);
		if (end)
			finish(c, at);
	} else {
		say(c, "<headers %u end grpc-status=%u", id, at % 17);
		finish(c, at);
	}
}

/* Requests begin in the order of their numbers; everything else in any order. */
static void generate(struct many_streams *c, struct random *r)
{
	unsigned begun = 0, done = 0, burst = 1 + random_below(r, STREAMS);

	http2_script_reset(c->script);
	c->count = 0;
	c->expected[0] = '\0';
	say(c, ">preface");
	say(c, ">settings");
	say(c, "<settings");
	while (done < STREAMS) {
		unsigned at = begun < STREAMS && (begun - done < burst || random_below(r, 4) == 0)
				      ? begun
				      : random_below(r, begun);
		struct plan *p = &c->plans[at];
		unsigned id = 2 * at + 1;

		if (at == begun) {
			plan(p, r);
			begun++;
			request_begins(c, r, at, id);
			continue;
		}
		switch (p->stage) {
		case AT_REQUEST:
		case DONE:
			continue;
		case IN_REQUEST:
			p->request_ended = --p->request_frames == 0;
			say_content(c, r, '>', id, p->request_ended, p->rpc, &p->request_bytes, &p->request_messages);
			if (p->request_ended)
				p->stage = AT_RESPONSE;
			break;
		case AT_RESPONSE:
			response_begins(c, at, id);
			break;
		case IN_RESPONSE:
			response_goes_on(c, r, at, id);
			break;
		}
		done += p->stage == DONE;
	}
}

static void set_up_script(struct many_streams *c)
{
	memset(c, 0, sizeof(*c));
	c->script = http2_script_create();
}

static void feed_range(struct feed *feed, const struct many_streams *c, const struct move *m, size_t from,
		       size_t to, bool shown)
{
	http2_script_feed(feed, m->server ? FEED_SENT : FEED_RECEIVED,
			  m->server ? &c->script->server : &c->script->client, from, to, shown);
}

/* Moves of one sender that follow each other may share records; a move may need several. */
static void play_in_any_records(struct feed *feed, const struct many_streams *c, struct random *r)
{
	uint32_t step_max = 1 + random_below(r, 2000);
	bool shown = random_below(r, 2);

	for (size_t i = 0, last; i < c->count; i = last + 1) {
		const struct move *m = &c->moves[i];

		last = i;
		while (last + 1 < c->count && c->moves[last + 1].server == m->server && random_below(r, 4) != 0)
			last++;
		for (size_t at = m->from, n; at < c->moves[last].to; at += n) {
			n = 1 + random_below(r, step_max);
			if (n > c->moves[last].to - at)
				n = c->moves[last].to - at;
			feed_range(feed, c, m, at, at + n, shown);
		}
	}
}

static void any_records_give_the_same_exchanges(void **state)
{
	static struct many_streams c;
	struct feed *feed = feed_create();

	(void)state;
	set_up_script(&c);
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct random r = {seed};

		generate(&c, &r);
		feed_clear_log(feed);
		feed_connection(feed, SHM_ROLE_SERVER, 0);
		play_in_any_records(feed, &c, &r);
		if (strcmp(feed->log, c.expected) != 0)
			fail_msg("seed %llu:\n got:\n%s expected:\n%s", (unsigned long long)seed, feed->log,
				 c.expected);
		feed_close(feed, SHM_CLOSE_NORMAL);
		assert_string_equal(feed->log, c.expected);
	}
	assert_int_equal(connections_usage(feed->connections).buffer_bytes, 0);
	http2_script_destroy(c.script);
	feed_destroy(feed);
}

/* ---- losses ---- */

/* Of an exchange whose path is known everything that is told has to be what the plan says, or said to be unknown. */
static void expect_right_line(const struct many_streams *c, const char *line)
{
	unsigned at = 0, status = 0;
	int rpc_status = 0, a = 0, b = 0;

	if (sscanf(line, "server POST /%u 2.0 %u %d %d", &at, &status, &a, &b) == 4) {
		const struct plan *p = &c->plans[at];

		if (at >= STREAMS || p->rpc || (status != 0 && status != p->status) ||
		    (a != -1 && a != (int)p->request_bytes) || (b != -1 && b != (int)p->response_bytes))
			fail_msg("%.*s instead of %s", (int)strcspn(line, "\n"), line, p->line);
	} else if (sscanf(line, "server rpc /s.S/%u %d %u %d %d", &at, &rpc_status, &status, &a, &b) == 5) {
		const struct plan *p = &c->plans[at];
		bool ended = strstr(line, " message ") != NULL && strstr(line, " message ") < strchr(line, '\n');

		if (at >= STREAMS || !p->rpc || (rpc_status != -1 && rpc_status != (int)(at % 17)) ||
		    (status != 0 && status != 200) ||
		    (ended &&
		     ((a != -1 && a > (int)p->request_messages) || (b != -1 && b > (int)p->response_messages))))
			fail_msg("%.*s instead of %s", (int)strcspn(line, "\n"), line, p->line);
	}
}

static unsigned expect_right_lines(const struct feed *feed, const struct many_streams *c)
{
	unsigned whole = 0;

	for (const char *line = feed->log; *line != '\0'; line = strchr(line, '\n') + 1) {
		size_t length = strcspn(line, "\n") + 1;
		char copy[2 * LINE_BYTES] = "";

		expect_right_line(c, line);
		memcpy(copy, line, length < sizeof(copy) - 1 ? length : sizeof(copy) - 1);
		whole += strstr(c->expected, copy) != NULL;
	}
	return whole;
}

static void whatever_records_are_lost_nothing_wrong_is_told(void **state)
{
	static struct many_streams c;
	struct feed *feed = feed_create();

	(void)state;
	set_up_script(&c);
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct random r = {seed};
		uint32_t rate = 2 + random_below(&r, 100);

		generate(&c, &r);
		feed_clear_log(feed);
		feed_connection(feed, SHM_ROLE_SERVER, 0);
		for (size_t i = 0; i < c.count; i++) {
			const struct move *m = &c.moves[i];

			if (i > 3 && random_below(&r, rate) == 0)
				feed_skip(feed, m->server ? FEED_SENT : FEED_RECEIVED, m->to - m->from);
			else
				feed_range(feed, &c, m, m->from, m->to, false);
		}
		feed_close(feed, SHM_CLOSE_NORMAL);
		expect_right_lines(feed, &c);
	}
	assert_int_equal(connections_usage(feed->connections).buffer_bytes, 0);
	http2_script_destroy(c.script);
	feed_destroy(feed);
}

static void a_record_lost_anywhere_costs_only_the_streams_around_it(void **state)
{
	static struct many_streams c;
	struct feed *feed = feed_create();
	struct random r = {5};

	(void)state;
	set_up_script(&c);
	generate(&c, &r);
	for (size_t lost = 3; lost < c.count; lost++) {
		feed_clear_log(feed);
		feed_connection(feed, SHM_ROLE_SERVER, 0);
		for (size_t i = 0; i < c.count; i++) {
			const struct move *m = &c.moves[i];

			if (i == lost)
				feed_skip(feed, m->server ? FEED_SENT : FEED_RECEIVED, m->to - m->from);
			else
				feed_range(feed, &c, m, m->from, m->to, false);
		}
		feed_close(feed, SHM_CLOSE_NORMAL);
		expect_right_lines(feed, &c);
		assert_true(feed->exchanges >= STREAMS - 1);
	}
	http2_script_destroy(c.script);
	feed_destroy(feed);
}

static void joined_at_any_frame_nothing_wrong_is_told(void **state)
{
	static struct many_streams c;
	struct feed *feed = feed_create();
	struct random r = {9};

	(void)state;
	set_up_script(&c);
	generate(&c, &r);
	for (size_t first = 3; first < c.count; first++) {
		uint8_t role = first % 2 ? SHM_ROLE_SERVER : SHM_ROLE_UNKNOWN;

		feed_clear_log(feed);
		feed_connection(feed, role, SHM_CONNECTION_JOINED);
		for (size_t i = first; i < c.count; i++)
			feed_range(feed, &c, &c.moves[i], c.moves[i].from, c.moves[i].to, false);
		feed_close(feed, SHM_CLOSE_NORMAL);
		expect_right_lines(feed, &c);
		if (first < c.count / 8)
			assert_true(feed->exchanges > STREAMS / 2);
	}
	http2_script_destroy(c.script);
	feed_destroy(feed);
}

static void want_of_memory_at_any_point_is_survived(void **state)
{
	static struct many_streams c;
	struct random r = {11};

	(void)state;
	set_up_script(&c);
	generate(&c, &r);
	for (size_t bytes = 1024; bytes < 256 * 1024; bytes += bytes / 16) {
		struct feed *feed = feed_create_limited(&(struct connections_limits){
			.connections_max = 4, .processes_max = 4, .buffer_bytes_max = bytes});

		feed_connection(feed, SHM_ROLE_SERVER, 0);
		for (size_t i = 0; i < c.count; i++)
			feed_range(feed, &c, &c.moves[i], c.moves[i].from, c.moves[i].to, false);
		feed_close(feed, SHM_CLOSE_NORMAL);
		expect_right_lines(feed, &c);
		assert_int_equal(connections_usage(feed->connections).buffer_bytes, 0);
		feed_destroy(feed);
	}
	http2_script_destroy(c.script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_records_give_the_same_exchanges),
		cmocka_unit_test(whatever_records_are_lost_nothing_wrong_is_told),
		cmocka_unit_test(a_record_lost_anywhere_costs_only_the_streams_around_it),
		cmocka_unit_test(joined_at_any_frame_nothing_wrong_is_told),
		cmocka_unit_test(want_of_memory_at_any_point_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
