/* What a caged receiver can do to the memory that a sensor passed to it. Each case attaches in a child of its own. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "attempts.h"
#include "daemon/syscall_filter.h"
#include "handoff.h"
#include "intake/segment_client.h"
#include "ring_session.h"
#include "sandbox.h"

enum { NOBODY = 65534, RING_BYTES = 65536, PAGE = 4096, PATIENCE_MS = 20000 };

static char directory[] = "/tmp/ring_memory_test.XXXXXX";
static char socket_path[64];
static struct handoff *handoff;
static struct ring_session session;
static uint64_t counters[SENSOR_COUNTER_COUNT];
static bool attached;

/* --- the sensor's side -------------------------------------------------------------------------------------------- */

static int on_offer(void *context, struct handoff_offer *offer)
{
	(void)context;
	return ring_session_open(&session, offer);
}

static void on_attached(void *context, uint32_t peer_pid)
{
	(void)context;
	(void)peer_pid;
	attached = true;
}

static void on_detached(void *context)
{
	(void)context;
	attached = false;
	ring_session_reader_gone(&session);
}

static void on_refused(void *context, enum shm_handoff_status status, uint32_t peer_pid, uint32_t peer_uid)
{
	(void)context;
	fail_msg("status %d for process %u of uid %u", status, peer_pid, peer_uid);
}

static void serve_until(bool wanted)
{
	struct pollfd ready = {.fd = handoff_fd(handoff), .events = POLLIN};

	while (attached != wanted) {
		assert_int_equal(poll(&ready, 1, PATIENCE_MS), 1);
		handoff_on_ready(handoff);
	}
}

/* --- the receiver's side ------------------------------------------------------------------------------------------ */

/* What an attempt is made on: the segment as it was passed, or memory that nobody sealed. */
struct target {
	int fd;
	void *mapping; /* of its first page, to read */
	struct segment_grant grant;
};

static void must(bool done, const char *message)
{
	if (done)
		return;
	fprintf(stderr, "%s\n", message);
	_exit(NO_CAGE);
}

static void attach(struct target *target)
{
	char message[256] = "no answer";
	struct pollfd ready = {.events = POLLIN};

	ready.fd = segment_client_connect(socket_path, message, sizeof(message));
	must(ready.fd >= 0, message);
	must(poll(&ready, 1, PATIENCE_MS) == 1, message);
	must(segment_client_receive(ready.fd, &target->grant, message, sizeof(message)) == SEGMENT_ANSWER_ATTACHED,
	     message);
	target->fd = target->grant.segment.data_fd;
	target->mapping = target->grant.segment.producer;
}

static int unsealed;

static void enter(const int *hole)
{
	const struct sandbox_needs needs = {.hole = hole};
	char message[256];

	must(sandbox_drop_identity(NOBODY, message, sizeof(message)) == 0, message);
	must(sandbox_enter(&needs, message, sizeof(message)) == 0, message);
}

/* Inside a real attach, or with the unsealed memory in place of the segment's. */
static int fate(int (*make)(struct target *target), const int *hole, bool sealed)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		struct target target = {.fd = unsealed};

		enter(hole);
		attach(&target);
		if (!sealed) {
			target.fd = unsealed;
			target.mapping = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, unsealed, 0);
		}
		_exit(make(&target) >= 0 ? WORKED : errno);
	}
	serve_until(true);
	assert_int_equal(waitpid(child, &status, 0), child);
	serve_until(false);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int try_write(struct target *target)
{
	return (int)write(target->fd, "x", 1);
}

static int try_write_at(struct target *target)
{
	return (int)pwrite(target->fd, "x", 1, 0);
}

static int try_map_writable(struct target *target)
{
	return mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, target->fd, 0) == MAP_FAILED ? -1 : 0;
}

static int try_make_writable(struct target *target)
{
	return mprotect(target->mapping, PAGE, PROT_READ | PROT_WRITE);
}

static int try_map_executable_here(struct target *target)
{
	return mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, target->fd, 0) == MAP_FAILED ? -1 : 0;
}

static int try_shrink(struct target *target)
{
	return ftruncate(target->fd, 0);
}

static int try_grow(struct target *target)
{
	return ftruncate(target->fd, 1 << 24);
}

static int try_punch(struct target *target)
{
	return fallocate(target->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE);
}

static int try_seal(struct target *target)
{
	return fcntl(target->fd, F_ADD_SEALS, F_SEAL_GROW);
}

static int try_shrink_control(struct target *target)
{
	return ftruncate(target->fd == unsealed ? unsealed : target->grant.segment.control_fd, 0);
}

static int try_reopen(struct target *target)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", target->fd);
	return open(path, O_RDWR | O_CLOEXEC);
}

static int ring_bell(struct target *target)
{
	uint64_t one = 1;

	return (int)write(target->grant.doorbell_fd, &one, sizeof(one));
}

/* Refused in the cage; refused by what stands behind the filter; not refused where nobody sealed. */
static const struct {
	const char *name;
	int (*make)(struct target *target);
	int call;
	int in_cage; /* errno, or minus the signal */
	int by_seal; /* with a hole for the call */
} forbidden[] = {
	{"write", try_write, SCMP_SYS(write), EPERM, EPERM},
	{"write at a place", try_write_at, SCMP_SYS(pwrite64), -SIGSYS, EPERM},
	{"map to write", try_map_writable, SCMP_SYS(mmap), EPERM, EPERM},
	{"make a mapping writable", try_make_writable, SCMP_SYS(mprotect), EACCES, EACCES},
	{"map as code", try_map_executable_here, SCMP_SYS(mmap), -SIGSYS, WORKED},
	{"shrink", try_shrink, SCMP_SYS(ftruncate), -SIGSYS, EPERM},
	{"grow", try_grow, SCMP_SYS(ftruncate), -SIGSYS, EPERM},
	{"punch a hole", try_punch, SCMP_SYS(fallocate), -SIGSYS, EPERM},
	{"seal further", try_seal, SCMP_SYS(fcntl), -SIGSYS, EPERM},
	{"shrink the control page", try_shrink_control, SCMP_SYS(ftruncate), -SIGSYS, EPERM},
};

/* A fresh one for each case: some of what is tried changes it. */
static void unsealed_make(void)
{
	if (unsealed > 0)
		close(unsealed);
	unsealed = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(unsealed >= 0);
	assert_int_equal(ftruncate(unsealed, PAGE), 0);
}

static void the_data_memory_cannot_be_changed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		unsealed_make();
		int in_cage = fate(forbidden[i].make, NULL, true);
		int by_seal = fate(forbidden[i].make, &forbidden[i].call, true);
		int without = fate(forbidden[i].make, &forbidden[i].call, false);

		if (in_cage != forbidden[i].in_cage || by_seal != forbidden[i].by_seal || without != WORKED)
			fail_msg("%s: %d in the cage, %d by the seal, %d without", forbidden[i].name, in_cage, by_seal,
				 without);
	}
}

static void it_cannot_be_opened_again_from_the_cage(void **state)
{
	(void)state;
	unsealed_make();
	assert_int_equal(fate(try_reopen, NULL, true), EACCES);
}

/* The sensor must not wait for the receiver: so the receiver has nothing that it could fill or make block. */
static void the_doorbell_cannot_be_rung_or_filled_by_the_receiver(void **state)
{
	(void)state;
	unsealed_make();
	assert_int_equal(fate(ring_bell, NULL, true), EINVAL);
}

/* Outside of a cage, where /proc/self is one's own: the mode of the memory is what refuses. */
static int reopen_as_nobody(int fd)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		struct target target = {.fd = fd};

		must(setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0, "still root");
		prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L);
		_exit(try_reopen(&target) >= 0 ? WORKED : errno);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WEXITSTATUS(status);
}

static void nor_by_another_process_of_the_receivers_user(void **state)
{
	struct handoff_offer offer;

	(void)state;
	unsealed_make();
	assert_int_equal(ring_session_open(&session, &offer), 0);
	assert_int_equal(reopen_as_nobody(offer.fds[SHM_HANDOFF_FD_DATA]), EACCES);
	assert_int_equal(reopen_as_nobody(offer.fds[SHM_HANDOFF_FD_CONTROL]), EACCES);
	assert_int_equal(reopen_as_nobody(unsealed), WORKED);
	ring_session_close(&session);
}

static int prepare(void **state)
{
	const struct handoff_handler handler = {on_offer, on_attached, on_detached, on_refused, NULL};
	char message[256];

	(void)state;
	if (mkdtemp(directory) == NULL || chmod(directory, 0755) != 0)
		return -1;
	snprintf(socket_path, sizeof(socket_path), "%s/sensor.sock", directory);
	ring_session_init(&session, RING_BYTES, counters);
	return handoff_open(&handoff, socket_path, NOBODY, &handler, message, sizeof(message));
}

static int tidy(void **state)
{
	(void)state;
	handoff_close(handoff);
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_data_memory_cannot_be_changed),
		cmocka_unit_test(it_cannot_be_opened_again_from_the_cage),
		cmocka_unit_test(nor_by_another_process_of_the_receivers_user),
		cmocka_unit_test(the_doorbell_cannot_be_rung_or_filled_by_the_receiver),
	};

	if (geteuid() != 0) {
		puts("skipped: needs root, for the receiver to give it up");
		return 77;
	}
	if (!syscall_filter_is_possible()) {
		puts("skipped: a sanitizer's runtime makes system calls that the cage forbids");
		return 77;
	}
	return cmocka_run_group_tests(tests, prepare, tidy);
}
