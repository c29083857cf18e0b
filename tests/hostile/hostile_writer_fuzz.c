/* Fuzz the ring's reader and the record check with a writer that changes what it wrote between any two of their loads.
 *
 * Input: 2 bytes where the reader stands, 1 byte the type of the records that fill the ring at first; then what the
 * writer does before and after each load, and in the middle of each copy.
 */
#include <stdlib.h>
#include <string.h>

#include "hostile/script.h"
#include "shm_protocol/record_check.h"
#include "shm_protocol/ring_reader.h"
#include "shm_protocol/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RING_BYTES = SHM_RING_BYTES_MIN, FILL_BYTES = 96, READS_MAX = 400 };

static struct shm_segment segment;
static struct shm_ring_reader reader;
static struct script script;

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static uint8_t *ring_at(uint64_t position)
{
	return segment.data + (position & (RING_BYTES - 1));
}

/* What a writer might do, the likely first: what matters most is what happens just where the reader stands. */
void hostile_hook(void)
{
	const uint32_t length = (uint32_t)script_8(&script);

	switch (script_8(&script) % 8) {
	case 0:
		return;
	case 1: /* more to read */
		segment.producer->tail = reader.head + 8 * length;
		return;
	case 2: /* any tail */
		segment.producer->tail = script_64(&script);
		return;
	case 3: /* another length of this record, possible or not */
		memcpy(ring_at(reader.head), &length, sizeof(length));
		return;
	case 4: { /* any length */
		const uint32_t any = script_32(&script);

		memcpy(ring_at(reader.head), &any, sizeof(any));
		return;
	}
	case 5: /* another type */
		*ring_at(reader.head + 4) = (uint8_t)length;
		return;
	case 6: { /* a count, or anything else in the fixed part */
		const uint16_t any = script_16(&script);

		memcpy(ring_at(reader.head + length), &any, sizeof(any));
		return;
	}
	case 7: { /* as much as there is: a record of the longest length */
		const uint32_t longest = SHM_RECORD_BYTES_MAX;

		memcpy(ring_at(reader.head), &longest, sizeof(longest));
		segment.producer->tail = reader.head + RING_BYTES;
		return;
	}
	}
}

static void ring_fill(uint8_t type)
{
	const struct shm_record_header header = {.length = FILL_BYTES, .type = type};

	memset(segment.data, 0, RING_BYTES);
	for (uint64_t at = reader.head; at + FILL_BYTES <= reader.head + RING_BYTES; at += FILL_BYTES)
		memcpy(ring_at(at), &header, sizeof(header));
}

static uint64_t sum_bytes(const void *bytes, size_t length)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < length; i++)
		sum += ((const uint8_t *)bytes)[i];
	return sum;
}

/* Read everything that a user of the view would read. AddressSanitizer watches. */

static uint64_t process_walk(const struct shm_record_view *view)
{
	const struct shm_string strings[] = {
		view->process.command,	    view->process.executable,	view->process.command_line,
		view->process.cgroup,	    view->process.container_id, view->process.pod_uid,
		view->process.service_name, view->process.resource_attributes,
	};
	uint64_t sum = 0;

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		sum += sum_bytes(strings[i].bytes, strings[i].length);
	return sum;
}

static uint64_t view_walk(const struct shm_record_view *view)
{
	switch (view->header->type) {
	case SHM_RECORD_PROCESS:
		return process_walk(view);
	case SHM_RECORD_CONNECTION:
		return sum_bytes(view->connection.unix_path.bytes, view->connection.unix_path.length);
	case SHM_RECORD_DATA:
		return sum_bytes(view->data.bytes, view->data.fixed->captured_bytes);
	case SHM_RECORD_COUNTERS:
		return sum_bytes(view->counters.values, view->counters.fixed->count * sizeof(uint64_t));
	default:
		return 0;
	}
}

static void record_use(const void *copy)
{
	const uint32_t length = ((const struct shm_record_header *)copy)->length;
	struct shm_record_view view;
	/* Exactly as long as it says, so that any step beyond is seen. */
	void *exact = malloc(length);

	expect(length >= sizeof(struct shm_record_header) && length <= SHM_RECORD_BYTES_MAX && length % 8 == 0);
	expect(exact != NULL);
	memcpy(exact, copy, length);
	if (shm_record_check(exact, length, &view) == SHM_CHECK_OK) {
		volatile uint64_t sum = view_walk(&view);

		(void)sum;
	}
	free(exact);
}

/* False: the session is over. */
static bool read_one(void *copy)
{
	const uint64_t head = reader.head;
	const enum shm_read found = shm_ring_reader_next(&reader, copy);

	switch (found) {
	case SHM_READ_RECORD:
		expect(reader.head - head == ((const struct shm_record_header *)copy)->length);
		record_use(copy);
		break;
	case SHM_READ_EMPTY:
		expect(reader.head == head);
		(void)shm_ring_reader_sleep(&reader);
		shm_ring_reader_wake(&reader);
		break;
	case SHM_READ_VIOLATION:
		expect(reader.head == head);
		break;
	}
	expect(reader.tail_seen - reader.head <= RING_BYTES);
	expect(reader.head - reader.released < RING_BYTES / 8);
	expect(segment.control->head == reader.released);
	expect(shm_ring_reader_lag(&reader) <= RING_BYTES);
	return found != SHM_READ_VIOLATION;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *copy = malloc(SHM_RECORD_BYTES_MAX);

	if (segment.data == NULL && shm_segment_create(&segment, RING_BYTES) != 0)
		abort();
	expect(copy != NULL);
	script = (struct script){.at = data, .left = size};
	shm_ring_reader_init(&reader, segment.producer, segment.control, segment.data, RING_BYTES);
	reader.head = reader.released = reader.tail_seen = 8 * (uint64_t)script_16(&script);
	segment.control->head = reader.head;
	segment.producer->tail = reader.head + RING_BYTES / 2;
	ring_fill(script_8(&script) % (SHM_RECORD_TYPE_END + 1));
	for (int i = 0; i < READS_MAX && script.left > 0; i++)
		if (!read_one(copy))
			break;
	free(copy);
	return 0;
}
