/* Generated Memcached conversations with losses: odd commands fail, even ones do not, so that a reply given to the wrong
 * command shows. */
#define _GNU_SOURCE /* memmem */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counters.h"
#include "support/random.h"
#include "support/record_feed.h"

enum { SEEDS = 300, TURNS = 60 };

struct message {
	size_t length;
	char bytes[512];
};

static void put(struct message *m, const char *bytes, size_t length)
{
	memcpy(m->bytes + m->length, bytes, length);
	m->length += length;
}

static void put_text(struct message *m, const char *text)
{
	put(m, text, strlen(text));
}

/* Data that looks like a command or a reply. */
static uint32_t put_data(struct message *m, struct random *r)
{
	static const char *const looks[] = {"", "END\r\n", "STORED\r\nget k\r\n", "VALUE k 0 99\r\n", "hello"};
	const char *data = looks[random_below(r, 5)];

	put_text(m, data);
	return (uint32_t)strlen(data);
}

static void text_turn(struct random *r, int id, struct message *request, struct message *reply)
{
	struct message data = {0};
	uint32_t bytes = put_data(&data, r);
	char line[64];

	if (random_below(r, 2) == 0) {
		snprintf(line, sizeof(line), "set %04d 0 0 %u\r\n", id, bytes);
		put_text(request, line);
		put(request, data.bytes, data.length);
		put_text(request, "\r\n");
		put_text(reply, id % 2 ? "SERVER_ERROR out of memory\r\n" : "STORED\r\n");
		return;
	}
	snprintf(line, sizeof(line), "get %04d\r\n", id);
	put_text(request, line);
	if (id % 2) {
		put_text(reply, "SERVER_ERROR out of memory\r\n");
		return;
	}
	snprintf(line, sizeof(line), "VALUE %04d 0 %u\r\n", id, bytes);
	put_text(reply, line);
	put(reply, data.bytes, data.length);
	put_text(reply, "\r\nEND\r\n");
}

static void binary_turn(struct random *r, int id, struct message *request, struct message *reply)
{
	char header[24] = {(char)0x80, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 4}, key[8];
	struct message data = {0};

	put_data(&data, r);
	snprintf(key, sizeof(key), "%04d", id);
	put(request, header, sizeof(header));
	put(request, key, 4);
	header[0] = (char)0x81;
	header[3] = 0;
	header[4] = id % 2 ? 0 : 4;
	header[7] = id % 2 ? (char)0x82 : 0;
	header[11] = (char)(header[4] + (char)data.length);
	put(reply, header, sizeof(header));
	put(reply, "\0\0\0\0", (size_t)header[4]);
	put(reply, data.bytes, data.length);
}

static void say(struct feed *feed, int direction, const struct message *m, bool seen)
{
	if (seen)
		feed_bytes(feed, direction, m->bytes, m->length);
	else
		feed_skip(feed, direction, m->length);
}

static uint32_t play(struct feed *feed, struct random *r, uint32_t loss_percent, bool binary)
{
	uint32_t seen = 0;

	for (int id = 0; id < TURNS; id++) {
		bool calm = id < 2 || id >= TURNS - 6;
		bool request_seen = calm || random_below(r, 100) >= loss_percent;
		bool reply_seen = calm || random_below(r, 100) >= loss_percent;
		struct message request = {0}, reply = {0};

		(binary ? binary_turn : text_turn)(r, id, &request, &reply);
		say(feed, FEED_RECEIVED, &request, request_seen);
		say(feed, FEED_SENT, &reply, reply_seen);
		seen += request_seen;
	}
	return seen;
}

static void check_log(const struct feed *feed, uint64_t seed)
{
	bool last_complete = false;

	for (const char *line = feed->log; *line != '\0'; line = strchr(line, '\n') + 1) {
		const char *key = strstr(line, "text=") + strlen("text=set ");
		int id = atoi(key);
		size_t head = (size_t)(strstr(line, "operation=") - line);
		bool failed = memmem(line, head, " failed ", 8) != NULL, complete = memmem(line, head, "unseen", 6) == NULL;

		if (complete && failed != (id % 2 == 1))
			fail_msg("seed %llu: the reply of another command:\n%s", (unsigned long long)seed, line);
		last_complete |= complete && id == TURNS - 1;
	}
	if (!last_complete)
		fail_msg("seed %llu: not followed again:\n%s", (unsigned long long)seed, feed->log);
}

static void check_losses(bool binary)
{
	static const uint32_t percents[] = {0, 3, 15, 50};
	struct feed *feed = feed_create();

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct random r = {seed};

		feed_clear_log(feed);
		feed_connection(feed, SHM_ROLE_SERVER, 0);
		uint32_t seen = play(feed, &r, percents[seed % 4], binary);

		feed_close(feed, SHM_CLOSE_NORMAL);
		check_log(feed, seed);
		if (feed->exchanges != seen)
			fail_msg("seed %llu: %u commands seen, %u reported:\n%s", (unsigned long long)seed, seen,
				 feed->exchanges, feed->log);
	}
	feed_destroy(feed);
}

static void lost_records_of_the_text_protocol_never_give_a_command_another_ones_reply(void **state)
{
	(void)state;
	check_losses(false);
}

static void lost_records_of_the_binary_protocol_never_give_a_command_another_ones_reply(void **state)
{
	(void)state;
	check_losses(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lost_records_of_the_text_protocol_never_give_a_command_another_ones_reply),
		cmocka_unit_test(lost_records_of_the_binary_protocol_never_give_a_command_another_ones_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
