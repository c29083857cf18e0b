/* Generated HTTP/1.1 conversations with an exact oracle: any segmentation that respects causality gives the same
 * exchanges, and whatever is lost, no response is ever given to the wrong request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "support/generated.h"

enum { MESSAGES = 24, SEEDS = 400 };

static void add_bytes(struct text *text, struct random *r, uint32_t n)
{
	/* bodies that look like messages must not matter while the framing holds */
	static const char pattern[] = "HTTP/1.1 500 No\r\n\r\nGET / HTTP/1.1\r\n\r\n0\r\n\r\n";
	uint32_t from = random_below(r, sizeof(pattern) - 1);

	for (uint32_t i = 0; i < n; i++)
		text_add(text, "%c", pattern[(from + i) % (sizeof(pattern) - 1)]);
}

/* Append a body of `n` bytes with its framing field and the end of the head. */
static void add_body(struct text *text, struct random *r, uint32_t n)
{
	if (random_below(r, 2) == 0) {
		text_add(text, "Content-Length: %u\r\n\r\n", n);
		add_bytes(text, r, n);
		return;
	}
	text_add(text, "Transfer-Encoding: chunked\r\n\r\n");
	while (n > 0) {
		uint32_t chunk = 1 + random_below(r, n);

		text_add(text, "%x%s\r\n", chunk, random_below(r, 4) == 0 ? ";extension=\"a\"" : "");
		add_bytes(text, r, chunk);
		text_add(text, "\r\n");
		n -= chunk;
	}
	text_add(text, "0\r\n%s\r\n", random_below(r, 4) == 0 ? "Trailer: x\r\n" : "");
}

static void generate(struct generated *g, struct random *r)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PROPFIND", "x-y"};

	for (unsigned i = 0; i < MESSAGES; i++) {
		const char *method = methods[random_below(r, 6)];
		uint32_t request_body = random_below(r, 3) == 0 ? random_below(r, 200) : 0;
		uint32_t response_body = random_below(r, 3) == 0 ? 0 : random_below(r, 400);
		unsigned status = 200 + i;
		bool head = strcmp(method, "HEAD") == 0;

		text_add(&g->said[0], "%s /%u HTTP/1.1\r\nHost: h%u\r\n", method, i, i);
		if (request_body > 0)
			add_body(&g->said[0], r, request_body);
		else
			text_add(&g->said[0], "\r\n");
		if (random_below(r, 8) == 0)
			text_add(&g->said[1], "HTTP/1.1 103 Early Hints\r\n\r\n");
		text_add(&g->said[1], "HTTP/1.1 %u OK\r\nServer: x\r\n", status);
		if (status == 204 || head)
			text_add(&g->said[1], "Content-Length: %u\r\n\r\n", response_body), response_body = 0;
		else
			add_body(&g->said[1], r, response_body);
		text_add(&g->expected, "server %s /%u 1.1 %u %u %u message host=h%u\n", method, i, status, request_body,
		    response_body, i);
		generated_step(g);
	}
}

static void open_unknown(struct feed *feed)
{
	feed_connection(feed, SHM_ROLE_UNKNOWN, 0);
}

static const struct generator generator = {600, generate, open_unknown};

/* ---- losses: request and response i carry i in target and status, one record each ---- */

static void open_server(struct feed *feed)
{
	feed_connection(feed, SHM_ROLE_SERVER, 0);
}

static size_t write_turn(char *bytes, int turn, bool server)
{
	return (size_t)(server ? sprintf(bytes, "HTTP/1.1 %d OK\r\nContent-Length: 2\r\n\r\nok", 400 + turn)
			       : sprintf(bytes, "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", turn));
}

static bool read_turn(const char *line, int *turn)
{
	int status;

	assert_int_equal(sscanf(line, "server GET /%d 1.1 %d", turn, &status), 2);
	if (status != 0)
		assert_int_equal(status, 400 + *turn);
	return status != 0;
}

static const struct turns turns = {open_server, write_turn, read_turn, .one_at_a_time = true};

/* Batches of up to four pipelined requests, one record each. Losses of several records around one batch can look like
 * requests that were never sent, so that wrong pairs are not impossible, but must stay below one in ten thousand. */
static void lost_records_of_pipelined_batches_hardly_ever_give_a_wrong_pair(void **state)
{
	struct feed *feed = feed_create();
	uint32_t complete = 0, wrong = 0, seen = 0, reported = 0;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct random r = {seed};
		int first = 0;

		feed_clear_log(feed);
		feed_connection(feed, SHM_ROLE_SERVER, 0);
		for (int batch = 0; batch < 20; batch++) {
			int last = first + (int)random_below(&r, 4);

			for (int i = 0; i < 2 * (last - first + 1); i++) {
				bool is_request = i <= last - first;
				int id = first + i % (last - first + 1);
				bool lost = batch > 1 && random_below(&r, 100) < 5;
				char text[128];

				if (is_request)
					snprintf(text, sizeof(text), "GET /%d HTTP/1.1\r\n\r\n", id);
				else
					snprintf(text, sizeof(text), "HTTP/1.1 %d OK\r\nContent-Length: 0\r\n\r\n",
						 400 + id);
				feed_unless_lost(feed, is_request ? FEED_RECEIVED : FEED_SENT, text, strlen(text),
						 !lost);
				seen += is_request && !lost;
			}
			first = last + 1;
		}
		feed_close(feed, SHM_CLOSE_NORMAL);
		reported += feed->exchanges;
		for (const char *line = feed->log; *line != '\0'; line = strchr(line, '\n') + 1) {
			int id, status;

			assert_int_equal(sscanf(line, "server GET /%d 1.1 %d", &id, &status), 2);
			complete += status != 0;
			wrong += status != 0 && status != 400 + id;
		}
	}
	feed_destroy(feed);
	assert_int_equal(reported, seen);
	assert_in_range(wrong, 0, complete / 10000);
	assert_in_range(complete, seen / 2, seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GENERATED_TESTS(&generator, &turns),
		cmocka_unit_test(lost_records_of_pipelined_batches_hardly_ever_give_a_wrong_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
