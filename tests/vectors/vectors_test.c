/* Pass every vector of ring.vectors through the reader in C: make the image, attach to it, read it to its end. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "shm_protocol/ring_reader.h"
#include "shm_protocol/segment.h"
#include "vectors/record_text.h"

enum { VECTORS_MAX = 256, FOUND_MAX = 8, NAME_BYTES_MAX = 96, DATA_BYTES_PER_LINE_MAX = 64 };

struct vector {
	char name[NAME_BYTES_MAX];
	int data_fd, control_fd;
	uint64_t ring_bytes, head;
	char attach[16];
	char *found[FOUND_MAX]; /* what must be read, in order; owned */
	size_t found_count;
};

static struct vector vectors[VECTORS_MAX];
static size_t vectors_count;

static void give_up(const char *why, const char *line)
{
	fprintf(stderr, "ring.vectors: %s: %s\n", why, line);
	exit(2);
}

static void data_put(const struct vector *vector, char *arguments)
{
	uint8_t bytes[DATA_BYTES_PER_LINE_MAX];
	char *hex;
	const unsigned long long offset = strtoull(arguments, &hex, 10);
	size_t count = 0;
	unsigned byte;

	hex++;
	for (; sscanf(hex + 2 * count, "%2x", &byte) == 1; count++) {
		if (count == sizeof(bytes))
			give_up("too long", arguments);
		bytes[count] = (uint8_t)byte;
	}
	if (count == 0 || pwrite(vector->data_fd, bytes, count, (off_t)offset) != (ssize_t)count)
		give_up("data not written", arguments);
}

static void vector_begin(struct vector *vector, const char *name)
{
	snprintf(vector->name, sizeof(vector->name), "%s", name);
	vector->data_fd = memfd_create("vector-data", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	vector->control_fd = memfd_create("vector-control", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (vector->data_fd < 0 || vector->control_fd < 0 || ftruncate(vector->control_fd, SHM_CONTROL_BYTES) != 0)
		give_up("no memfd", name);
}

static void line_take(struct vector *vector, char *line)
{
	static int data_seals, control_seals;
	unsigned long long number;

	if (strncmp(line, "vector ", 7) == 0)
		vector_begin(vector, line + 7);
	else if (sscanf(line, "ring_bytes %llu", &number) == 1)
		vector->ring_bytes = number;
	else if (sscanf(line, "data_bytes %llu", &number) == 1 && ftruncate(vector->data_fd, (off_t)number) == 0)
		return;
	else if (sscanf(line, "seals %d %d", &data_seals, &control_seals) == 2)
		return;
	else if (sscanf(line, "head %llu", &number) == 1)
		vector->head = number;
	else if (strncmp(line, "data ", 5) == 0)
		data_put(vector, line + 5);
	else if (sscanf(line, "attach %15s", vector->attach) == 1)
		return;
	else if (strncmp(line, "read ", 5) == 0 && vector->found_count < FOUND_MAX)
		vector->found[vector->found_count++] = strdup(line + 5);
	else if (strcmp(line, "end") == 0 && fcntl(vector->data_fd, F_ADD_SEALS, data_seals) == 0 &&
		 fcntl(vector->control_fd, F_ADD_SEALS, control_seals) == 0)
		vectors_count++;
	else
		give_up("not understood", line);
}

static void vectors_load(const char *path)
{
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	if (file == NULL)
		give_up("cannot be opened", path);
	while ((length = getline(&line, &size, file)) > 0) {
		line[length - 1] = '\0';
		if (line[0] == '\0' || line[0] == '#')
			continue;
		if (vectors_count == VECTORS_MAX)
			give_up("more than there is room for", line);
		line_take(&vectors[vectors_count], line);
	}
	free(line);
	fclose(file);
}

static const char *attach_word(enum shm_attach result)
{
	static const char *const words[] = {
		[SHM_ATTACH_OK] = "ok",	      [SHM_ATTACH_SEALS] = "seals",	[SHM_ATTACH_SIZE] = "size",
		[SHM_ATTACH_MAGIC] = "magic", [SHM_ATTACH_VERSION] = "version", [SHM_ATTACH_MAP] = "map",
	};

	return words[result];
}

/* What the reader makes of the next thing in the ring; false: nothing is left. */
static bool read_one(struct shm_ring_reader *reader, char text[RECORD_TEXT_BYTES_MAX])
{
	static uint64_t copy[SHM_RECORD_BYTES_MAX / sizeof(uint64_t)];
	struct shm_record_view view;
	enum shm_check check;

	switch (shm_ring_reader_next(reader, copy)) {
	case SHM_READ_EMPTY:
		return false;
	case SHM_READ_VIOLATION:
		strcpy(text, "violation");
		return true;
	case SHM_READ_RECORD:
		break;
	}
	check = shm_record_check(copy, ((const struct shm_record_header *)(const void *)copy)->length, &view);
	if (check == SHM_CHECK_OK)
		record_text(&view, text);
	else
		snprintf(text, RECORD_TEXT_BYTES_MAX, "refused %s", shm_check_name(check));
	return true;
}

static void read_all(const struct vector *vector, const struct shm_segment *segment)
{
	static char text[RECORD_TEXT_BYTES_MAX];
	struct shm_ring_reader reader;
	size_t count = 0;

	shm_ring_reader_init(&reader, segment->producer, segment->control, segment->data, segment->ring_bytes);
	reader.head = reader.released = reader.tail_seen = vector->head;
	while (read_one(&reader, text)) {
		assert_true(count < vector->found_count);
		assert_string_equal(text, vector->found[count]);
		count++;
		if (strcmp(text, "violation") == 0)
			break;
	}
	assert_int_equal(count, vector->found_count);
}

static void run(void **state)
{
	const struct vector *vector = *state;
	struct shm_segment segment;
	const enum shm_attach result =
		shm_segment_attach(&segment, vector->data_fd, vector->control_fd, vector->ring_bytes);

	assert_string_equal(attach_word(result), vector->attach);
	if (result == SHM_ATTACH_OK) {
		read_all(vector, &segment);
		shm_segment_close(&segment);
	} else {
		close(vector->data_fd);
		close(vector->control_fd);
	}
	for (size_t i = 0; i < vector->found_count; i++)
		free(vector->found[i]);
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[VECTORS_MAX];

	if (argc != 2)
		give_up("usage", "vectors_test FILE");
	vectors_load(argv[1]);
	for (size_t i = 0; i < vectors_count; i++)
		tests[i] = (struct CMUnitTest){.name = vectors[i].name, .test_func = run, .initial_state = &vectors[i]};
	/* Entries without a function are passed over. */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
