/* `shmotel-bench sensor`: the sensor without its kernel side and without a receiver: synthetic events through its real
 * event check, relay and ring session. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "capture_session.h"
#include "drain_reader.h"
#include "shm_protocol/limits.h"
#include "http1_traffic.h"
#include "relay.h"

enum {
	PASS_EVENTS_MAX = 512,
	PASS_NS = 1000 * 1000, /* of a paced run: what is due is drained, and the pass ended */
	PROCESSES_MAX = 1024,
};

static uint64_t rate; /* events per second; 0: as many as can be */
static uint64_t seconds = 2;
static uint64_t connection_count = 1000;

/* A sensor whose events are made up. */
struct bench_sensor {
	uint64_t counters[SENSOR_COUNTER_COUNT];
	struct ring_session session;
	struct relay relay;
	struct capture capture;
	struct http1_traffic traffic;
	uint64_t data_events;
	bool broken; /* the reader did not keep to the protocol */
};

static int set_verdict(void *context, uint32_t pid, enum verdict verdict)
{
	(void)context;
	(void)pid;
	(void)verdict;
	return 0;
}

static void event_play(struct bench_sensor *sensor, void *event, size_t length)
{
	(void)capture_event(&sensor->capture, event, length);
}

static void end_pass(struct bench_sensor *sensor)
{
	relay_tell_untold(&sensor->relay);
	sensor->broken = !ring_session_end_pass(&sensor->session, bench_now_ns()) || sensor->broken;
}

static void play_data(struct bench_sensor *sensor, uint64_t events)
{
	for (uint64_t i = 0; i < events; i++) {
		struct shm_record_data *data = http1_traffic_next(&sensor->traffic);

		event_play(sensor, data, data->header.length);
	}
	sensor->data_events += events;
	end_pass(sensor);
}

static void play_announcements(struct bench_sensor *sensor)
{
	struct event_process process = {
		.header = {.length = EVENT_PROCESS_BYTES_MIN, .type = EVENT_PROCESS},
		.process_id = TRAFFIC_PROCESS_ID,
		.pid = TRAFFIC_PID,
		.file_name = "nginx",
	};

	event_play(sensor, &process, EVENT_PROCESS_BYTES_MIN);
	for (uint32_t at = 0; at < sensor->traffic.connections; at++) {
		struct shm_record_connection connection;

		http1_traffic_connection(&sensor->traffic, at, &connection);
		event_play(sensor, &connection, sizeof(connection));
		if (at % PASS_EVENTS_MAX == 0)
			end_pass(sensor);
	}
	end_pass(sensor);
}

/* Both return ns of CPU; waiting for the next pass is the source's affair. */
static uint64_t play_paced(struct bench_sensor *sensor)
{
	const uint64_t start_ns = bench_now_ns();
	uint64_t cpu_ns = 0;

	for (uint64_t at_ns = PASS_NS; at_ns <= seconds * 1000000000; at_ns += PASS_NS) {
		const uint64_t when_ns = start_ns + at_ns;
		const struct timespec when = {.tv_sec = (time_t)(when_ns / 1000000000),
					      .tv_nsec = (long)(when_ns % 1000000000)};

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
		const uint64_t cpu_start_ns = bench_cpu_ns();

		play_data(sensor, (uint64_t)((double)rate * (double)at_ns / 1e9) - sensor->data_events);
		cpu_ns += bench_cpu_ns() - cpu_start_ns;
	}
	return cpu_ns;
}

static uint64_t play_at_full_speed(struct bench_sensor *sensor)
{
	const uint64_t end_ns = bench_now_ns() + seconds * 1000000000, cpu_start_ns = bench_cpu_ns();

	while (bench_now_ns() < end_ns)
		play_data(sensor, PASS_EVENTS_MAX);
	return bench_cpu_ns() - cpu_start_ns;
}

/* What a run cost and brought about; counters are those of the run itself, announcements left out. */
struct sensor_result {
	double elapsed_s;
	double cpu_ns;
	uint64_t events;
	uint64_t records; /* into the ring */
	uint64_t bytes;
	uint64_t lost;
	uint64_t wakeups;
};

static struct sensor_result play(struct bench_sensor *sensor)
{
	const uint64_t *now = sensor->counters;
	uint64_t before[SENSOR_COUNTER_COUNT];

	memcpy(before, now, sizeof(before));
	const uint64_t start_ns = bench_now_ns();
	const uint64_t cpu_ns = rate == 0 ? play_at_full_speed(sensor) : play_paced(sensor);

#define GROWTH(counter) (now[SENSOR_COUNTER_##counter] - before[SENSOR_COUNTER_##counter])
	return (struct sensor_result){
		.elapsed_s = (double)(bench_now_ns() - start_ns) / 1e9,
		.cpu_ns = (double)cpu_ns,
		.events = sensor->data_events,
		.records = GROWTH(RECORDS_PUBLISHED),
		.bytes = GROWTH(BYTES_PUBLISHED),
		.lost = GROWTH(SHARED_RING_FULL),
		.wakeups = GROWTH(WAKEUPS),
	};
#undef GROWTH
}

static void result_print(const struct sensor_result *r, bool reader, bool json)
{
	const double events_per_s = (double)r->events / r->elapsed_s;
	const double ns = r->events > 0 ? r->cpu_ns / (double)r->events : 0;
	const double bytes = r->records > 0 ? (double)r->bytes / (double)r->records : 0;
	const double lost_percent = r->events > 0 ? 100 * (double)r->lost / (double)r->events : 0;

	if (json)
		printf("{\"bench\":\"sensor\",\"reader\":\"%s\",\"rate\":%" PRIu64 ",\"records_per_s\":%.0f,"
		       "\"ns_per_record\":%.1f,\"bytes_per_record\":%.1f,\"records\":%" PRIu64
		       ",\"records_lost\":%" PRIu64 ",\"lost_percent\":%.3f,\"wakeups_per_s\":%.0f}\n",
		       reader ? "draining" : "none", rate, events_per_s, ns, bytes, r->events, r->lost, lost_percent,
		       (double)r->wakeups / r->elapsed_s);
	else
		printf("%-9s %12.0f %10.1f %12.1f %13.3f %10.0f\n", reader ? "draining" : "none", events_per_s, ns,
		       bytes, lost_percent, (double)r->wakeups / r->elapsed_s);
	fflush(stdout);
}

static bool sensor_make(struct bench_sensor *sensor, struct capture_handler *handler)
{
	const struct watch_list everything = {.watch_collectors = true};
	const struct relay_options options = {
		.processes_max = PROCESSES_MAX,
		.connections_max = connection_count,
		.presumed = VERDICT_WATCH,
		.set_verdict = set_verdict,
	};

	memset(sensor, 0, sizeof(*sensor));
	*handler = (struct capture_handler){
		.process = relay_on_process,
		.process_exit = relay_on_process_exit,
		.connection = relay_on_connection,
		.data = relay_on_data,
		.connection_close = relay_on_connection_close,
		.context = &sensor->relay,
	};
	sensor->capture = (struct capture){.handler = handler, .drain_budget = INT32_MAX};
	http1_traffic_init(&sensor->traffic, (uint32_t)connection_count);
	ring_session_init(&sensor->session, SHM_RING_BYTES_DEFAULT, sensor->counters);
	return relay_open(&sensor->relay, &options, &everything, "/proc", &sensor->session, sensor->counters) == 0;
}

/* One run, with a reader on `cpu` or with none. */
static bool measure(const int *cpu, bool json)
{
	static struct bench_sensor sensor;
	struct capture_handler handler;
	struct drain_reader reader;
	bool whole = true;

	if (!sensor_make(&sensor, &handler))
		return false;
	if (cpu != NULL && !drain_reader_start(&reader, &sensor.session, *cpu)) {
		relay_close(&sensor.relay);
		return false;
	}
	if (cpu != NULL)
		relay_on_attach(&sensor.relay, (uint32_t)reader.pid);
	play_announcements(&sensor);
	const struct sensor_result result = play(&sensor);

	if (cpu != NULL)
		whole = drain_reader_stop(&reader, NULL);
	relay_close(&sensor.relay);
	whole = whole && !sensor.broken && sensor.capture.events_malformed == 0;
	if (whole)
		result_print(&result, cpu != NULL, json);
	return whole;
}

static int run(bool json)
{
	int cpus[2];

	if (!bench_two_cpus(cpus)) {
		fprintf(stderr, "shmotel-bench: sensor needs two processors and may use one\n");
		return 1;
	}
	bench_pin(cpus[0]);
	if (!json)
		printf("reader       records/s  ns/record bytes/record lost_percent  wakeups/s\n");
	if (measure(&cpus[1], json) && measure(NULL, json))
		return 0;
	fprintf(stderr, "shmotel-bench: the sensor's parts could not be started, or the reader could not read\n");
	return 1;
}

static const struct bench_option options[] = {
	{"rate", "records per second; 0: as many as can be", 0, 10000000, &rate},
	{"seconds", "length of each of the two runs", 1, 3600, &seconds},
	{"connections", "connections that take turns", 1, 1000000, &connection_count},
};

const struct bench_command sensor_bench = {
	.name = "sensor",
	.summary = "events through the sensor's relay into the ring",
	.purpose = "Events of HTTP/1.1 traffic, made up in this process in place of the kernel side, through the\n"
		   "sensor's check of events, its relay and its ring: once with a process that attaches and does\n"
		   "nothing but drain the ring, once with none. ns/record is CPU time of the sensor's passes, the\n"
		   "making up of events and the ringing of the doorbell included; lost is what found the ring full.",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.run = run,
};
