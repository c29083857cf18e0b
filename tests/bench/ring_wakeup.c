/* Wake a sleeping reader: by a paced load, and by one record at a time. */
#include "ring_wakeup.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "bench.h"
#include "drain_reader.h"
#include "shm_protocol/limits.h"

enum {
	RECORD_BYTES = 64,
	PACED_NS = 1000 * 1000 * 1000,
	PASS_NS = 1000 * 1000, /* of the paced load: what is due is written, and the pass ended */
	SAMPLES = 2000,
};

static uint64_t counters[SENSOR_COUNTER_COUNT];

static const struct {
	struct shm_record_header header;
	uint8_t bytes[RECORD_BYTES - sizeof(struct shm_record_header)];
} record = {.header = {.length = RECORD_BYTES, .type = SHM_RECORD_DATA}};

static void sleep_until(uint64_t when_ns)
{
	const struct timespec when = {.tv_sec = (time_t)(when_ns / 1000000000),
				      .tv_nsec = (long)(when_ns % 1000000000)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
}

/* Write `rate` records a second for PACED_NS. False if the reader broke the protocol. */
static bool paced_write(struct ring_session *session, uint64_t rate)
{
	const uint64_t start_ns = bench_now_ns();
	uint64_t written = 0;

	for (uint64_t at_ns = PASS_NS; at_ns <= PACED_NS; at_ns += PASS_NS) {
		sleep_until(start_ns + at_ns);
		for (; written < rate * at_ns / 1000000000; written++)
			(void)ring_session_write(session, &record, sizeof(record));
		if (!ring_session_end_pass(session, bench_now_ns()))
			return false;
	}
	return true;
}

static bool measure_paced(int cpu, uint64_t rate, bool json)
{
	const uint64_t wakeups = counters[SENSOR_COUNTER_WAKEUPS], lost = counters[SENSOR_COUNTER_SHARED_RING_FULL];
	struct ring_session session;
	struct drain_reader reader;
	struct drain_report report;

	ring_session_init(&session, SHM_RING_BYTES_DEFAULT, counters);
	if (!drain_reader_start(&reader, &session, cpu))
		return false;
	const uint64_t start_ns = bench_now_ns();

	const bool paced = paced_write(&session, rate);
	const double seconds = (double)(bench_now_ns() - start_ns) / 1e9;
	const double woken = (double)(counters[SENSOR_COUNTER_WAKEUPS] - wakeups) / seconds;

	if (!drain_reader_stop(&reader, &report) || !paced)
		return false;
	const uint64_t dropped = counters[SENSOR_COUNTER_SHARED_RING_FULL] - lost;

	if (json)
		printf("{\"bench\":\"ring\",\"case\":\"paced\",\"record_bytes\":%d,\"records_per_s\":%.0f,"
		       "\"wakeups_per_s\":%.0f,\"records_lost\":%" PRIu64 "}\n",
		       RECORD_BYTES, (double)report.records / seconds, woken, dropped);
	else
		printf("paced   %8.0f records/s %6.0f wakeups/s, %" PRIu64 " lost\n", (double)report.records / seconds,
		       woken, dropped);
	return true;
}

/* One record to a reader that sleeps: ns from the publish to its copy. Negative if the reader has ended. */
static double sample(struct ring_session *session, const struct drain_reader *reader)
{
	const uint64_t before = reader->report->first_copies;

	if (!drain_reader_await_sleep(reader) || !ring_session_write(session, &record, sizeof(record)))
		return -1;
	const uint64_t start_ns = bench_now_ns();

	if (!ring_session_end_pass(session, start_ns))
		return -1;
	while (__atomic_load_n(&reader->report->first_copies, __ATOMIC_ACQUIRE) == before)
		;
	return (double)(reader->report->first_copy_ns - start_ns);
}

static bool measure_asleep(int cpu, bool json)
{
	static double samples[SAMPLES];
	struct ring_session session;
	struct drain_reader reader;
	bool done = true;

	ring_session_init(&session, SHM_RING_BYTES_DEFAULT, counters);
	if (!drain_reader_start(&reader, &session, cpu))
		return false;
	for (int i = 0; i < SAMPLES && done; i++) {
		samples[i] = sample(&session, &reader);
		done = samples[i] >= 0;
	}
	if (!drain_reader_stop(&reader, NULL) || !done)
		return false;
	const double median = bench_median(samples, SAMPLES), slow = bench_percentile(samples, SAMPLES, 99);

	if (json)
		printf("{\"bench\":\"ring\",\"case\":\"asleep\",\"record_bytes\":%d,\"samples\":%d,"
		       "\"wakeup_median_ns\":%.0f,\"wakeup_p99_ns\":%.0f}\n",
		       RECORD_BYTES, SAMPLES, median, slow);
	else
		printf("asleep  publish to first copy: median %.1f us, p99 %.1f us of %d\n", median / 1e3, slow / 1e3,
		       SAMPLES);
	return true;
}

bool ring_wakeup_measure(const int cpus[2], bool json)
{
	static const uint64_t rates[] = {1000, 10000, 100000};
	bool done = true;

	bench_pin(cpus[0]);
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		done = done && measure_paced(cpus[1], rates[i], json);
	if (!done || !measure_asleep(cpus[1], json)) {
		fprintf(stderr, "shmotel-bench: the reader could not be started or could not read the ring\n");
		return false;
	}
	return true;
}
