/* Turns of Memcached with lost records: odd commands fail, even ones do not, so that a reply given to the wrong one
 * shows. */
#define _GNU_SOURCE /* memmem */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/generated.h"

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

static void text_turn(int id, struct message *request, struct message *reply)
{
	struct random r = {(uint64_t)id};
	struct message data = {0};
	uint32_t bytes = put_data(&data, &r);
	char line[64];

	if (random_below(&r, 2) == 0) {
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

static void binary_turn(int id, struct message *request, struct message *reply)
{
	char header[24] = {(char)0x80, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 4}, key[8];
	struct random r = {(uint64_t)id};
	struct message data = {0};

	put_data(&data, &r);
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

static size_t write_text(char *bytes, int turn, bool server)
{
	struct message said[2] = {{0}, {0}};

	text_turn(turn, &said[0], &said[1]);
	memcpy(bytes, said[server].bytes, said[server].length);
	return said[server].length;
}

static size_t write_binary(char *bytes, int turn, bool server)
{
	struct message said[2] = {{0}, {0}};

	binary_turn(turn, &said[0], &said[1]);
	memcpy(bytes, said[server].bytes, said[server].length);
	return said[server].length;
}

static bool read_turn(const char *line, int *turn)
{
	size_t head = (size_t)(strstr(line, "operation=") - line);
	bool failed = memmem(line, head, " failed ", 8) != NULL, has_reply = memmem(line, head, "unseen", 6) == NULL;

	*turn = atoi(strstr(line, "text=") + strlen("text=set "));
	if (has_reply)
		assert_int_equal(failed, *turn % 2);
	return has_reply;
}

static void open_connection(struct feed *feed)
{
	feed_connection(feed, SHM_ROLE_SERVER, 0);
}

static const struct turns text_turns = {open_connection, write_text, read_turn, .one_at_a_time = false};
static const struct turns binary_turns = {open_connection, write_binary, read_turn, .one_at_a_time = false};

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOSS_TESTS(&text_turns),
		LOSS_TESTS(&binary_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
