/* Connections recorded from real HTTP/2 peers, each as a server and as a client sees it, in records of any size: the
 * exchanges are those that an independent decoder found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/record_feed.h"

enum { CHUNKS_MAX = 256, EXCHANGES_MAX = 64, TEXT_BYTES_MAX = 1 << 16 };

struct chunk {
	char from; /* '>' or '<' */
	char *bytes;
	size_t length;
};

struct vector {
	struct chunk chunks[CHUNKS_MAX];
	size_t chunk_count;
	char exchanges[TEXT_BYTES_MAX]; /* without the role, one a line, sorted */
};

static const char *const names[] = {
	"h2load-nghttpd", "h2load-nginx", "nghttp-nghttpd", "curl-nginx", "curl-nghttpx", "grpcio", "grpc-go",
	"grpc-js",
};

static uint8_t digits(const char *pair)
{
	char text[] = {pair[0], pair[1], '\0'}, *end;
	unsigned long value = strtoul(text, &end, 16);

	assert_true(end == text + 2);
	return (uint8_t)value;
}

/* "0a0b 7e*17000 0c" */
static void read_chunk(struct chunk *chunk, const char *text)
{
	FILE *bytes = open_memstream(&chunk->bytes, &chunk->length);

	chunk->from = *text++;
	assert_non_null(bytes);
	while (*text != '\n') {
		unsigned long count = 1;
		int byte;

		if (*text == ' ') {
			text++;
			continue;
		}
		byte = digits(text);
		text += 2;
		if (*text == '*')
			count = strtoul(text + 1, (char **)&text, 10);
		while (count-- > 0)
			putc(byte, bytes);
	}
	fclose(bytes);
}

static struct vector *vector_read(const char *name)
{
	struct vector *vector = calloc(1, sizeof(*vector));
	char path[1024], *line = NULL;
	size_t capacity = 0;

	assert_non_null(vector);
	snprintf(path, sizeof(path), "%s/%s.vector", VECTORS, name);
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	while (getline(&line, &capacity, file) > 0) {
		if (line[0] == '>' || line[0] == '<') {
			assert_true(vector->chunk_count < CHUNKS_MAX);
			read_chunk(&vector->chunks[vector->chunk_count++], line);
		} else if (line[0] == '=') {
			assert_true(strlen(vector->exchanges) + strlen(line) < sizeof(vector->exchanges));
			strcat(vector->exchanges, line + 2);
		}
	}
	free(line);
	fclose(file);
	assert_true(vector->chunk_count > 0);
	return vector;
}

static void vector_free(struct vector *vector)
{
	for (size_t i = 0; i < vector->chunk_count; i++)
		free(vector->chunks[i].bytes);
	free(vector);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The lines of the log without their first word, sorted. */
static void sorted(char *log, char *text)
{
	char *lines[EXCHANGES_MAX], *at = NULL;
	size_t count = 0;

	for (char *line = strtok_r(log, "\n", &at); line != NULL; line = strtok_r(NULL, "\n", &at)) {
		assert_true(count < EXCHANGES_MAX);
		lines[count++] = strchr(line, ' ') + 1;
	}
	qsort(lines, count, sizeof(lines[0]), compare_lines);
	*text = '\0';
	for (size_t i = 0; i < count; i++)
		text += sprintf(text, "%s\n", lines[i]);
}

/* Records of `step` bytes. */
static void play(struct feed *feed, const struct vector *vector, uint8_t role, size_t step)
{
	feed_connection(feed, role, 0);
	for (size_t i = 0; i < vector->chunk_count; i++) {
		const struct chunk *chunk = &vector->chunks[i];
		int direction = (chunk->from == '>') == (role == SHM_ROLE_SERVER) ? FEED_RECEIVED : FEED_SENT;

		for (size_t at = 0, n; at < chunk->length; at += n) {
			n = chunk->length - at < step ? chunk->length - at : step;
			feed_bytes(feed, direction, chunk->bytes + at, n);
		}
	}
	feed_close(feed, SHM_CLOSE_NORMAL);
}

static void run(uint8_t role)
{
	static const size_t steps[] = {SIZE_MAX, 1, 2, 5, 9, 100, 1000};
	static char text[TEXT_BYTES_MAX];
	unsigned failures = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct vector *vector = vector_read(names[i]);

		for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
			struct feed *feed = feed_create();

			play(feed, vector, role, steps[s]);
			sorted(feed->log, text);
			if (strcmp(text, vector->exchanges) != 0) {
				print_error("%s in records of %zu bytes:\n got:\n%s expected:\n%s", names[i], steps[s],
					    text, vector->exchanges);
				failures++;
			}
			feed_destroy(feed);
		}
		vector_free(vector);
	}
	assert_int_equal(failures, 0);
}

static void recorded_connections_give_their_exchanges_at_the_server(void **state)
{
	(void)state;
	run(SHM_ROLE_SERVER);
}

static void recorded_connections_give_their_exchanges_at_the_client(void **state)
{
	(void)state;
	run(SHM_ROLE_CLIENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_connections_give_their_exchanges_at_the_server),
		cmocka_unit_test(recorded_connections_give_their_exchanges_at_the_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
