/* `shmotel-bench ring`: records through the ring between two processes, against a bare loop that moves the same bytes;
 * what waking a sleeping reader costs. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "ring_round.h"
#include "ring_wakeup.h"

enum {
	ROUNDS_MAX = 99,
	TRIES_MAX = 2000, /* rounds begun of each mover, to get those that nothing disturbed */
	MOVER_COUNT = 3,
	RATIO_BYTES = 48,
};

static uint64_t rounds = 15;
static uint64_t row_seconds = 5;
static uint64_t only_record_bytes, only_batch; /* 0: all */

static const struct ring_mover *const movers[MOVER_COUNT] = {&ring_mover, &floor_mover, &fenced_floor_mover};

/* What was measured of one row by one mover. */
struct measured {
	double ns[TRIES_MAX]; /* of the undisturbed rounds; of all if there was none */
	size_t calm;
	size_t tried;
	double median, best;
};

static bool round_add(const struct ring_mover *mover, const int cpus[2], uint32_t record_bytes, uint32_t batch,
		      struct measured *measured)
{
	struct ring_round round;

	if (!ring_round_run(mover, cpus, record_bytes, batch, &round))
		return false;
	if (!round.disturbed)
		measured->ns[measured->calm++] = round.ns_per_record;
	else if (measured->calm == 0)
		measured->ns[measured->tried] = round.ns_per_record;
	measured->tried++;
	return true;
}

static bool is_complete(const struct measured row[MOVER_COUNT])
{
	bool complete = true;

	for (int i = 0; i < MOVER_COUNT; i++)
		complete = complete && row[i].calm >= rounds;
	return complete;
}

/* All movers in turn, so that all meet the same moments of the machine. */
static bool row_measure(const int cpus[2], uint32_t record_bytes, uint32_t batch, struct measured row[MOVER_COUNT])
{
	const uint64_t end_ns = bench_now_ns() + row_seconds * 1000000000;

	memset(row, 0, MOVER_COUNT * sizeof(*row));
	for (size_t tries = 0; tries < TRIES_MAX && !is_complete(row); tries++) {
		if (tries > 0 && bench_now_ns() >= end_ns)
			break;
		for (int i = 0; i < MOVER_COUNT; i++)
			if (!round_add(movers[i], cpus, record_bytes, batch, &row[i]))
				return false;
	}
	for (int i = 0; i < MOVER_COUNT; i++) {
		const size_t count = row[i].calm > 0 ? row[i].calm : row[i].tried;

		row[i].median = bench_median(row[i].ns, count);
		row[i].best = bench_percentile(row[i].ns, count, 0);
	}
	return true;
}

/* Disturbed rounds say nothing about each other. */
static const char *ratio_text(const struct measured *ring, const struct measured *bare, char text[static RATIO_BYTES])
{
	if (ring->calm == 0 || bare->calm == 0)
		return "-";
	snprintf(text, RATIO_BYTES, "%.2f %6.2f", ring->median / bare->median, ring->best / bare->best);
	return text;
}

static void row_print(const struct measured row[MOVER_COUNT], uint32_t record_bytes, uint32_t batch, double memcpy_ns,
		      double pingpong_ns, bool json)
{
	const struct measured *ring = &row[0], *bare = &row[1], *fenced = &row[2];
	char ratio[RATIO_BYTES];

	if (json)
		printf("{\"bench\":\"ring\",\"case\":\"throughput\",\"record_bytes\":%u,\"batch\":%u,"
		       "\"ns_per_record\":%.2f,\"floor_ns_per_record\":%.2f,\"fenced_floor_ns_per_record\":%.2f,"
		       "\"best_ns_per_record\":%.2f,\"best_floor_ns_per_record\":%.2f,"
		       "\"best_fenced_floor_ns_per_record\":%.2f,\"memcpy_ns\":%.2f,\"pingpong_ns\":%.2f,"
		       "\"rounds\":%zu,\"floor_rounds\":%zu,\"rounds_tried\":%zu}\n",
		       record_bytes, batch, ring->median, bare->median, fenced->median, ring->best, bare->best,
		       fenced->best, memcpy_ns, pingpong_ns, ring->calm, bare->calm, ring->tried);
	else
		printf("%5u %5u | %7.2f %7.2f %7.2f | %7.2f %7.2f %7.2f | %13s | %6.2f %8.1f | %zu, %zu of %zu\n",
		       record_bytes, batch, ring->median, bare->median, fenced->median, ring->best, bare->best,
		       fenced->best, ratio_text(ring, bare, ratio), memcpy_ns, pingpong_ns, ring->calm, bare->calm,
		       ring->tried);
}

static bool throughput(const int cpus[2], uint32_t record_bytes, uint32_t batch, bool json)
{
	const double memcpy_ns = bench_memcpy_ns(record_bytes), pingpong_ns = bench_pingpong_ns(cpus);
	static struct measured row[MOVER_COUNT];

	if (!row_measure(cpus, record_bytes, batch, row)) {
		fprintf(stderr, "shmotel-bench: a round could not be run: %s\n", strerror(errno));
		return false;
	}
	row_print(row, record_bytes, batch, memcpy_ns, pingpong_ns, json);
	fflush(stdout);
	return true;
}

static int run(bool json)
{
	static const uint32_t record_bytes[] = {64, 256, RING_RECORD_BYTES_MAX};
	static const uint32_t batches[] = {1, 16, 64};
	int cpus[2];

	if (!bench_two_cpus(cpus)) {
		fprintf(stderr, "shmotel-bench: ring needs two processors and may use one\n");
		return 1;
	}
	if (!json)
		printf("ns/record   | median                  | best                    | ring / floor  "
		       "| machine         | undisturbed\n"
		       "bytes batch |    ring   floor  fenced |    ring   floor  fenced | median   best "
		       "| memcpy pingpong | rounds of ring, floor\n");
	for (size_t i = 0; i < sizeof(record_bytes) / sizeof(record_bytes[0]); i++)
		for (size_t j = 0; j < sizeof(batches) / sizeof(batches[0]); j++)
			if ((only_record_bytes == 0 || only_record_bytes == record_bytes[i]) &&
			    (only_batch == 0 || only_batch == batches[j]) &&
			    !throughput(cpus, record_bytes[i], batches[j], json))
				return 1;
	return ring_wakeup_measure(cpus, json) ? 0 : 1;
}

static const struct bench_option options[] = {
	{"rounds", "undisturbed rounds wanted for each median", 1, ROUNDS_MAX, &rounds},
	{"row-seconds", "no round of a row is begun after that time", 1, 3600, &row_seconds},
	{"record-bytes", "only rows of this size; 0: all of 64, 256, 1024", 0, RING_RECORD_BYTES_MAX,
	 &only_record_bytes},
	{"batch", "only rows that publish so many at a time; 0: all of 1, 16, 64", 0, 64, &only_batch},
};

const struct bench_command ring_bench = {
	.name = "ring",
	.summary = "records through the shared ring between two processes",
	.purpose =
		"Records through the shared ring between two processes on two processors, bounds checked and\n"
		"copied out, against a bare loop over the same bytes in the same run (floor), and the bare loop\n"
		"with the full fence that a wakeup needs behind each publish (fenced). Rounds in which the\n"
		"scheduler took a processor away do not count, unless there are no others. Then wakeups per\n"
		"second under a paced load, and the time from a publish to a sleeping reader's first copy.",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.run = run,
};
