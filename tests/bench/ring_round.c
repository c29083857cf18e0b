/* Run a writer and a reader against each other and take the time. */
#include "ring_round.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "shm_protocol/limits.h"

enum {
	/* Short, so that some rounds pass undisturbed on a machine that does other things too. */
	ROUND_BYTES = 32 * 1024 * 1024,
	ROUND_SECONDS_MAX = 60, /* a side that waits for a dead one is ended by SIGALRM */
	PAGE_BYTES = 4096,
};

/* Shared between the two processes, each word on its own line. */
struct rendezvous {
	uint32_t reader_ready;
	uint8_t _pad0[124];
	uint32_t start;
	uint8_t _pad1[124];
	uint64_t end_ns;
	uint64_t reader_switches;
};

/* Both mappings get their pages before the clock starts. */
static void pages_touch(const struct shm_segment *segment)
{
	volatile const uint8_t *data = segment->data;

	for (uint64_t at = 0; at < segment->ring_bytes + SHM_RECORD_BYTES_MAX; at += PAGE_BYTES)
		(void)data[at];
}

static void reader_process(const struct ring_mover *mover, const struct shm_segment *writers, struct rendezvous *meet,
			   uint32_t record_bytes, uint64_t records, int cpu)
{
	struct shm_segment segment;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(ROUND_SECONDS_MAX);
	bench_pin(cpu);
	if (shm_segment_attach(&segment, writers->data_fd, writers->control_fd, writers->ring_bytes) != SHM_ATTACH_OK)
		_exit(1);
	pages_touch(&segment);
	__atomic_store_n(&meet->reader_ready, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&meet->start, __ATOMIC_ACQUIRE) == 0)
		;
	const uint64_t switches = bench_switches();
	const bool whole = mover->read(&segment, record_bytes, records);

	meet->end_ns = bench_now_ns();
	meet->reader_switches = bench_switches() - switches;
	_exit(whole ? 0 : 1);
}

/* The writer's side. False if the reader failed. */
static bool round_time(const struct ring_mover *mover, struct shm_segment *segment, struct rendezvous *meet,
		       pid_t reader, uint32_t record_bytes, uint32_t batch, struct ring_round *round)
{
	const uint64_t records = ROUND_BYTES / record_bytes;
	int status = 0;

	while (__atomic_load_n(&meet->reader_ready, __ATOMIC_ACQUIRE) == 0)
		if (waitpid(reader, &status, WNOHANG) != 0)
			return false;
	const uint64_t switches = bench_switches(), start_ns = bench_now_ns();

	__atomic_store_n(&meet->start, 1, __ATOMIC_RELEASE);
	mover->write(segment, record_bytes, batch, records);
	round->disturbed = bench_switches() != switches;
	if (waitpid(reader, &status, 0) != reader || status != 0)
		return false;
	round->disturbed = round->disturbed || meet->reader_switches != 0;
	round->ns_per_record = (double)(meet->end_ns - start_ns) / (double)records;
	return true;
}

bool ring_round_run(const struct ring_mover *mover, const int cpus[2], uint32_t record_bytes, uint32_t batch,
		    struct ring_round *round)
{
	struct rendezvous *meet =
		mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct shm_segment segment;
	bool done = false;

	if (meet == MAP_FAILED)
		return false;
	if (shm_segment_create(&segment, SHM_RING_BYTES_DEFAULT) != 0) {
		munmap(meet, PAGE_BYTES);
		return false;
	}
	memset(segment.data, 0, segment.ring_bytes);
	pages_touch(&segment);
	const pid_t reader = fork();

	if (reader == 0)
		reader_process(mover, &segment, meet, record_bytes, ROUND_BYTES / record_bytes, cpus[1]);
	if (reader > 0) {
		alarm(ROUND_SECONDS_MAX);
		bench_pin(cpus[0]);
		done = round_time(mover, &segment, meet, reader, record_bytes, batch, round);
		alarm(0);
	}
	shm_segment_close(&segment);
	munmap(meet, PAGE_BYTES);
	return done;
}
