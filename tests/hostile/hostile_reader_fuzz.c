/* Fuzz the ring's writer with a reader that stores anything into its page before and after any load of the writer.
 *
 * Input: one byte for each step of the writer, and what the reader stores at each load.
 */
#include <stdlib.h>
#include <string.h>

#include "hostile/script.h"
#include "shm_protocol/ring_writer.h"
#include "shm_protocol/segment.h"
#include "stress/numbered_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RING_BYTES = SHM_RING_BYTES_MIN, RECORDS_MAX = 8192, STEPS_MAX = 6000 };

static struct shm_segment segment;
static struct shm_ring_writer writer;
static struct script script;
static unsigned loads;
static uint64_t head_loaded;
static uint32_t asleep_loaded;

/* Where each record stands that was committed in this run: number 1 first. */
static uint64_t positions[RECORDS_MAX];
static uint64_t records, wanted;

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static void reader_acts(struct shm_control_page *control)
{
	const uint8_t choice = script_8(&script);

	control->reader_asleep = choice & 0x80 ? script_32(&script) : 0;
	switch (choice % 8) {
	case 0: /* an honest reader that has read everything */
		control->head = writer.published;
		return;
	case 1: /* or something */
		control->head = writer.head_seen + (writer.published - writer.head_seen) / 16 * 8;
		return;
	case 2: /* one step back */
		control->head = writer.head_seen - 8;
		return;
	case 3: /* what has not been published */
		control->head = writer.published + 8 * (uint64_t)script_8(&script);
		return;
	case 4:
		control->head = writer.tail;
		return;
	case 5: /* no multiple of 8 */
		control->head = writer.head_seen + script_8(&script);
		return;
	case 6:
		control->head = script_64(&script);
		return;
	case 7: /* stays */
		return;
	}
}

/* Before a load, and after it. */
void hostile_hook(void)
{
	static bool is_after;

	reader_acts(segment.control);
	if (!is_after) {
		loads++;
		head_loaded = segment.control->head;
		asleep_loaded = segment.control->reader_asleep;
	}
	is_after = !is_after;
}

static void bounds_hold(void)
{
	expect(writer.capacity == RING_BYTES && writer.data == segment.data && writer.producer == segment.producer);
	expect(writer.tail - writer.head_seen <= RING_BYTES);
	expect(writer.published - writer.head_seen <= RING_BYTES && writer.published <= writer.tail);
	expect(writer.head_seen % 8 == 0 && writer.tail % 8 == 0);
	expect(segment.producer->tail == writer.published);
	expect(segment.producer->lost_records == writer.lost_records && wanted == records + writer.lost_records);
}

/* After a step that looks at head at most once: believed, or counted and left. */
static void head_was_judged(const struct shm_ring_writer *before)
{
	const uint64_t head = head_loaded;
	const bool possible = head % 8 == 0 && head >= before->head_seen && head <= before->published;

	expect(loads <= 1);
	expect(writer.violations - before->violations == (loads == 1 && !possible));
	expect(writer.head_seen == (loads == 1 && possible ? head : before->head_seen));
}

static void write_one(uint64_t number)
{
	const uint32_t length = numbered_record_length(number);
	const struct shm_ring_writer before = writer;
	struct shm_record_header *header;

	wanted++;
	header = shm_ring_writer_reserve(&writer, length);
	head_was_judged(&before);
	if (header == NULL) {
		expect(writer.lost_records == before.lost_records + 1);
		expect(writer.lost_bytes == before.lost_bytes + length);
		return;
	}
	expect((uint8_t *)header == segment.data + writer.tail % RING_BYTES);
	expect(writer.tail + length - writer.head_seen <= RING_BYTES);
	*header = (struct shm_record_header){.length = length, .type = SHM_RECORD_DATA};
	numbered_record_fill(header, number);
	positions[records++] = writer.tail;
	shm_ring_writer_commit(&writer);
}

/* Everything from `from` on that was not given back is there, whole. */
static void records_are_whole(uint64_t from)
{
	for (uint64_t i = records; i > 0 && positions[i - 1] >= from; i--) {
		const void *record = segment.data + positions[i - 1] % RING_BYTES;

		expect(numbered_record_is_whole(record));
	}
}

static void publish(void)
{
	const struct shm_ring_writer before = writer;
	const bool asleep = shm_ring_writer_publish(&writer);

	expect(loads == (before.tail != before.published));
	expect(asleep == (loads == 1 && asleep_loaded != 0));
	expect(writer.head_seen == before.head_seen && writer.violations == before.violations);
	expect(writer.published == before.tail);
	records_are_whole(before.published);
}

static void count_unread(void)
{
	const struct shm_ring_writer before = writer;
	const uint64_t unread = shm_ring_writer_unread(&writer);

	expect(loads == 1);
	head_was_judged(&before);
	expect(unread <= RING_BYTES / sizeof(struct shm_record_header));
}

/* The length of a record follows from its number: one that only just does not fit. */
static uint64_t number_of_one_too_long(void)
{
	const uint64_t left = RING_BYTES - (writer.tail - writer.head_seen), first = 256 * (wanted + 1);
	uint64_t best = first, best_length = UINT64_MAX;

	for (uint64_t number = first; number < first + 256; number++) {
		const uint64_t length = numbered_record_length(number);

		if (length > left && length < best_length) {
			best = number;
			best_length = length;
		}
	}
	return best;
}

static void step(uint8_t choice)
{
	loads = 0;
	switch (choice % 8) {
	case 5:
		write_one(number_of_one_too_long());
		break;
	case 6:
		publish();
		break;
	case 7:
		count_unread();
		break;
	default:
		/* Another number, another length. */
		write_one(UINT64_C(256) * (wanted + 1) + choice);
		break;
	}
	bounds_hold();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (segment.data == NULL && shm_segment_create(&segment, RING_BYTES) != 0)
		abort();
	records = wanted = 0;
	memset(segment.control, 0, sizeof(*segment.control));
	segment.producer->tail = segment.producer->lost_records = 0;
	script = (struct script){.at = data, .left = size};
	shm_ring_writer_init(&writer, segment.producer, segment.control, segment.data, RING_BYTES);
	for (int i = 0; i < STEPS_MAX && script.left > 0; i++)
		step(script_8(&script));
	loads = 0;
	publish();
	records_are_whole(writer.head_seen);
	return 0;
}
