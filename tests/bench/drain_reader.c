/* Drain a ring in a process of its own. */
#define _GNU_SOURCE
#include "drain_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "shm_protocol/ring_reader.h"

enum { REPORT_BYTES = 4096 };

static const struct timespec moment = {.tv_nsec = 20 * 1000};

static bool drain_once(struct shm_ring_reader *reader, struct drain_report *report, bool slept)
{
	static uint64_t copy[SHM_RECORD_BYTES_MAX / sizeof(uint64_t)];
	const uint64_t start = reader->head;
	enum shm_read found;

	while ((found = shm_ring_reader_next(reader, copy)) == SHM_READ_RECORD) {
		report->records++;
		if (!slept)
			continue;
		slept = false;
		report->first_copy_ns = bench_now_ns();
		__atomic_fetch_add(&report->first_copies, 1, __ATOMIC_RELEASE);
	}
	shm_ring_reader_release(reader);
	report->bytes += reader->head - start;
	return found == SHM_READ_EMPTY;
}

/* Exit status of the process. */
static int drain(const struct handoff_offer *offer, struct drain_report *report)
{
	struct shm_segment segment;
	struct shm_ring_reader reader;
	struct epoll_event event;
	bool slept = false;

	if (shm_segment_attach(&segment, offer->fds[SHM_HANDOFF_FD_DATA], offer->fds[SHM_HANDOFF_FD_CONTROL],
			       offer->ring_bytes) != SHM_ATTACH_OK)
		return 1;
	shm_ring_reader_init(&reader, segment.producer, segment.control, segment.data, segment.ring_bytes);
	__atomic_store_n(&report->state, DRAIN_READY, __ATOMIC_RELEASE);
	for (;;) {
		/* Before the look at the ring, so that nothing written before it was set is missed. */
		const bool stop = __atomic_load_n(&report->stop, __ATOMIC_ACQUIRE) != 0;

		if (!drain_once(&reader, report, slept))
			return 1;
		slept = false;
		if (stop)
			return 0;
		if (!shm_ring_reader_sleep(&reader))
			continue;
		if (epoll_wait(offer->fds[SHM_HANDOFF_FD_DOORBELL], &event, 1, -1) < 0 && errno != EINTR)
			return 1;
		shm_ring_reader_wake(&reader);
		slept = true;
	}
}

static uint32_t state_of(const struct drain_reader *reader)
{
	siginfo_t info = {.si_pid = 0};

	if (waitid(P_PID, (id_t)reader->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0)
		return DRAIN_ENDED;
	return __atomic_load_n(&reader->report->state, __ATOMIC_ACQUIRE);
}

bool drain_reader_start(struct drain_reader *reader, struct ring_session *session, int cpu)
{
	struct handoff_offer offer;

	*reader = (struct drain_reader){.session = session};
	reader->report = mmap(NULL, REPORT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (reader->report == MAP_FAILED)
		return false;
	if (ring_session_open(session, &offer) != 0) {
		munmap(reader->report, REPORT_BYTES);
		return false;
	}
	reader->pid = fork();
	if (reader->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		bench_pin(cpu);
		_exit(drain(&offer, reader->report));
	}
	while (reader->pid > 0 && state_of(reader) == DRAIN_STARTING)
		nanosleep(&moment, NULL);
	if (reader->pid > 0 && state_of(reader) == DRAIN_READY)
		return true;
	(void)drain_reader_stop(reader, NULL);
	return false;
}

/* The one letter of /proc/PID/stat: 'S' is asleep. 0 if it cannot be had. */
static char letter_of(pid_t pid)
{
	char path[64], text[256], *end;
	int fd;
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[length > 0 ? length : 0] = '\0';
	end = strrchr(text, ')');
	return end != NULL && end[1] == ' ' ? end[2] : 0;
}

bool drain_reader_await_sleep(const struct drain_reader *reader)
{
	const uint32_t *asleep = &reader->session->segment.control->reader_asleep;

	while (__atomic_load_n(asleep, __ATOMIC_ACQUIRE) == 0 || letter_of(reader->pid) != 'S') {
		if (state_of(reader) == DRAIN_ENDED)
			return false;
		nanosleep(&moment, NULL);
	}
	return true;
}

bool drain_reader_stop(struct drain_reader *reader, struct drain_report *report)
{
	const uint64_t one = 1;
	int status = 1;

	__atomic_store_n(&reader->report->stop, 1, __ATOMIC_RELEASE);
	const bool kept_to_protocol = ring_session_end_pass(reader->session, bench_now_ns());

	/* Its own bell, in case there was nothing to publish. */
	if (write(reader->session->doorbell_fd, &one, sizeof(one)) != sizeof(one) && reader->pid > 0)
		kill(reader->pid, SIGKILL);
	if (reader->pid > 0)
		waitpid(reader->pid, &status, 0);
	if (report != NULL)
		*report = *reader->report;
	ring_session_close(reader->session);
	munmap(reader->report, REPORT_BYTES);
	return kept_to_protocol && status == 0;
}
