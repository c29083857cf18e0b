/* Measure records through the ring between two processes, against a bare loop that moves the same bytes. */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "shm_protocol/ring_reader.h"
#include "shm_protocol/ring_writer.h"
#include "shm_protocol/segment.h"

enum {
	ROUNDS_DEFAULT = 7,
	ROUNDS_MAX = 99,
	BYTES_PER_ROUND = 256 * 1024 * 1024,
	RECORD_BYTES_LARGEST = 1024,
	ROUND_SECONDS_MAX = 60, /* a side that waits for a dead one is ended by SIGALRM */
};

/* One way of moving records, both of its ends. */
struct mover {
	void (*write)(struct shm_segment *segment, uint32_t record_bytes, uint32_t batch, uint64_t records);
	void (*read)(struct shm_segment *segment, uint32_t record_bytes, uint64_t records);
};

/* Shared between the two processes, each word on its own line. */
struct rendezvous {
	uint32_t reader_ready;
	uint8_t _pad0[124];
	uint32_t start;
	uint8_t _pad1[124];
	uint64_t end_ns;
};

static inline void spin(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

/* The floor: private positions, a cached copy of the other side's, two memcpy, and nothing that protects anyone. */
static void floor_write(struct shm_segment *segment, uint32_t record_bytes, uint32_t batch, uint64_t records)
{
	uint64_t source[RECORD_BYTES_LARGEST / sizeof(uint64_t)] = {record_bytes};
	const uint64_t capacity = segment->ring_bytes;
	uint64_t tail = 0, head = 0;

	for (uint64_t i = 1; i <= records; i++) {
		while (capacity - (tail - head) < record_bytes) {
			__atomic_store_n(&segment->producer->tail, tail, __ATOMIC_RELEASE);
			spin();
			head = __atomic_load_n(&segment->control->head, __ATOMIC_ACQUIRE);
		}
		memcpy(segment->data + (tail & (capacity - 1)), source, record_bytes);
		tail += record_bytes;
		if (i % batch == 0)
			__atomic_store_n(&segment->producer->tail, tail, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&segment->producer->tail, tail, __ATOMIC_RELEASE);
}

static void floor_read(struct shm_segment *segment, uint32_t record_bytes, uint64_t records)
{
	uint8_t copy[RECORD_BYTES_LARGEST];
	const uint64_t capacity = segment->ring_bytes;
	uint64_t head = 0, tail = 0, released = 0;

	for (uint64_t i = 0; i < records; i++) {
		while (head == tail) {
			if (released != head)
				__atomic_store_n(&segment->control->head, head, __ATOMIC_RELEASE);
			released = head;
			tail = __atomic_load_n(&segment->producer->tail, __ATOMIC_ACQUIRE);
			if (head == tail)
				spin();
		}
		memcpy(copy, segment->data + (head & (capacity - 1)), record_bytes);
		__asm__ volatile("" ::"r"(copy) : "memory");
		head += record_bytes;
		if (head - released >= capacity / 8) {
			__atomic_store_n(&segment->control->head, head, __ATOMIC_RELEASE);
			released = head;
		}
	}
}

static void ring_write(struct shm_segment *segment, uint32_t record_bytes, uint32_t batch, uint64_t records)
{
	const struct shm_record_header header = {.length = record_bytes, .type = SHM_RECORD_DATA};
	uint64_t source[RECORD_BYTES_LARGEST / sizeof(uint64_t)] = {0};
	struct shm_ring_writer writer;

	memcpy(source, &header, sizeof(header));
	shm_ring_writer_init(&writer, segment->producer, segment->control, segment->data, segment->ring_bytes);
	for (uint64_t i = 1; i <= records; i++) {
		while (!shm_ring_writer_has_room(&writer, record_bytes)) {
			(void)shm_ring_writer_publish(&writer);
			spin();
		}
		memcpy(shm_ring_writer_reserve(&writer, record_bytes), source, record_bytes);
		shm_ring_writer_commit(&writer);
		if (i % batch == 0)
			(void)shm_ring_writer_publish(&writer);
	}
	(void)shm_ring_writer_publish(&writer);
}

static void ring_read(struct shm_segment *segment, uint32_t record_bytes, uint64_t records)
{
	static uint64_t copy[SHM_RECORD_BYTES_MAX / sizeof(uint64_t)];
	struct shm_ring_reader reader;

	(void)record_bytes;
	shm_ring_reader_init(&reader, segment->producer, segment->control, segment->data, segment->ring_bytes);
	for (uint64_t i = 0; i < records;) {
		switch (shm_ring_reader_next(&reader, copy)) {
		case SHM_READ_RECORD:
			i++;
			break;
		case SHM_READ_EMPTY:
			shm_ring_reader_release(&reader);
			spin();
			break;
		case SHM_READ_VIOLATION:
			fprintf(stderr, "shmotel-bench: the ring cannot be read\n");
			_exit(1);
		}
	}
}

static const struct mover floor_mover = {floor_write, floor_read};
static const struct mover ring_mover = {ring_write, ring_read};

static void reader_process(const struct mover *mover, struct shm_segment *writers, struct rendezvous *meet,
			   uint32_t record_bytes, uint64_t records, int cpu)
{
	struct shm_segment segment;

	alarm(ROUND_SECONDS_MAX);
	bench_pin(cpu);
	if (shm_segment_attach(&segment, writers->data_fd, writers->control_fd, writers->ring_bytes) != SHM_ATTACH_OK)
		_exit(1);
	__atomic_store_n(&meet->reader_ready, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&meet->start, __ATOMIC_ACQUIRE) == 0)
		spin();
	mover->read(&segment, record_bytes, records);
	meet->end_ns = bench_now_ns();
	_exit(0);
}

/* ns per record of one round, from the first write to the last copy; negative on failure. */
static double round_run(const struct mover *mover, const int cpus[2], uint32_t record_bytes, uint32_t batch)
{
	const uint64_t records = BYTES_PER_ROUND / record_bytes / 2;
	struct rendezvous *meet = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct shm_segment segment;
	uint64_t start_ns;
	double elapsed_ns;
	int status;
	pid_t child;

	if (meet == MAP_FAILED)
		return -1;
	if (shm_segment_create(&segment, SHM_RING_BYTES_DEFAULT) != 0) {
		munmap(meet, 4096);
		return -1;
	}
	memset(segment.data, 0, segment.ring_bytes); /* both mappings have their pages before the clock starts */
	memset(segment.data + segment.ring_bytes, 0, RECORD_BYTES_LARGEST);
	child = fork();
	if (child == 0)
		reader_process(mover, &segment, meet, record_bytes, records, cpus[1]);
	alarm(ROUND_SECONDS_MAX);
	bench_pin(cpus[0]);
	while (child > 0 && __atomic_load_n(&meet->reader_ready, __ATOMIC_ACQUIRE) == 0 &&
	       waitpid(child, &status, WNOHANG) == 0)
		spin();
	start_ns = bench_now_ns();
	__atomic_store_n(&meet->start, 1, __ATOMIC_RELEASE);
	if (child > 0 && meet->reader_ready != 0)
		mover->write(&segment, record_bytes, batch, records);
	if (child <= 0 || waitpid(child, &status, 0) != child || status != 0)
		elapsed_ns = -1;
	else
		elapsed_ns = (double)(meet->end_ns - start_ns);
	alarm(0);
	shm_segment_close(&segment);
	munmap(meet, 4096);
	return elapsed_ns < 0 ? -1 : elapsed_ns / (double)records;
}

/* Ring and floor in turn, so that both meet the same moments of the machine. */
static int measure(const int cpus[2], uint32_t record_bytes, uint32_t batch, unsigned rounds, bool json)
{
	double floors[ROUNDS_MAX], rings[ROUNDS_MAX];
	const double memcpy_ns = bench_memcpy_ns(record_bytes);
	const double pingpong_ns = bench_pingpong_ns(cpus);

	for (unsigned i = 0; i < rounds; i++) {
		floors[i] = round_run(&floor_mover, cpus, record_bytes, batch);
		rings[i] = round_run(&ring_mover, cpus, record_bytes, batch);
		if (floors[i] < 0 || rings[i] < 0) {
			fprintf(stderr, "shmotel-bench: a round could not be run: %s\n", strerror(errno));
			return 1;
		}
	}

	const double ring_ns = bench_median(rings, rounds);
	const double floor_ns = bench_median(floors, rounds);

	if (json)
		printf("{\"bench\":\"ring\",\"record_bytes\":%u,\"batch\":%u,\"ns_per_record\":%.2f,"
		       "\"floor_ns_per_record\":%.2f,\"memcpy_ns\":%.2f,\"pingpong_ns\":%.2f}\n",
		       record_bytes, batch, ring_ns, floor_ns, memcpy_ns, pingpong_ns);
	else
		printf("%12u %6u %10.2f %10.2f %7.2f %10.2f %12.2f\n", record_bytes, batch, ring_ns, floor_ns,
		       ring_ns / floor_ns, memcpy_ns, pingpong_ns);
	fflush(stdout);
	return 0;
}

static void help_print(FILE *out)
{
	fprintf(out, "usage: shmotel-bench ring [--json] [--rounds N]\n\n"
		     "Records through the shared ring between two processes on two processors, bounds checked and\n"
		     "copied out, against a bare loop over the same bytes in the same run. Medians of N rounds\n"
		     "(default %d).\n",
		ROUNDS_DEFAULT);
}

int bench_ring_main(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"rounds", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	static const uint32_t record_bytes[] = {64, 256, RECORD_BYTES_LARGEST};
	static const uint32_t batches[] = {1, 16, 64};
	long rounds = ROUNDS_DEFAULT;
	bool json = false;
	int cpus[2], option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h')
			help_print(stdout);
		if (option != 'j' && option != 'r') {
			return option == 'h' ? 0 : 2;
		}
		if (option == 'j')
			json = true;
		else
			rounds = strtol(optarg, NULL, 10);
	}
	if (rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "shmotel-bench: --rounds is a number from 1 to %d\n", ROUNDS_MAX);
		return 2;
	}
	if (!bench_two_cpus(cpus)) {
		fprintf(stderr, "shmotel-bench: ring needs two processors and may use one\n");
		return 1;
	}
	if (!json)
		printf("record_bytes  batch  ring_ns/r floor_ns/r   ratio  memcpy_ns  pingpong_ns\n");
	for (size_t i = 0; i < sizeof(record_bytes) / sizeof(record_bytes[0]); i++)
		for (size_t j = 0; j < sizeof(batches) / sizeof(batches[0]); j++)
			if (measure(cpus, record_bytes[i], batches[j], (unsigned)rounds, json) != 0)
				return 1;
	return 0;
}
