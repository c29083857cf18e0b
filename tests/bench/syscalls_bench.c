/* `shmotel-bench syscalls`: what a process pays per system call that has nothing to do with sockets. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

enum { CALLS = 20 * 1000, ROUNDS_MAX = 4096 };

static uint64_t milliseconds = 500;

static int zero; /* /dev/zero */

static void getppid_call(void)
{
	syscall(SYS_getppid);
}

static void read_call(void)
{
	char byte;

	if (read(zero, &byte, 1) != 1)
		perror("/dev/zero");
}

/* The median round: an interrupted one does not count for more than any other. */
static double call_ns(void (*call)(void))
{
	double rounds[ROUNDS_MAX];
	const uint64_t end_ns = bench_now_ns() + milliseconds * 1000000;
	size_t count = 0;

	do {
		const uint64_t start_ns = bench_cpu_ns();

		for (int i = 0; i < CALLS; i++)
			call();
		rounds[count++] = (double)(bench_cpu_ns() - start_ns) / CALLS;
	} while (count < ROUNDS_MAX && bench_now_ns() < end_ns);
	return bench_median(rounds, count);
}

static int run(bool json)
{
	static const struct {
		const char *name;
		void (*call)(void);
	} calls[] = {{"getppid", getppid_call}, {"read", read_call}};

	zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	if (zero < 0) {
		perror("/dev/zero");
		return 1;
	}
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		printf(json ? "{\"bench\":\"syscalls\",\"call\":\"%s\",\"ns_per_call\":%.1f}\n" : "%-8s %8.1f ns\n",
		       calls[i].name, call_ns(calls[i].call));
	close(zero);
	return 0;
}

static const struct bench_option options[] = {
	{"milliseconds", "how long for each kind of call", 1, 60000, &milliseconds},
};

const struct bench_command syscalls_bench = {
	.name = "syscalls",
	.summary = "system calls of a process that is not watched",
	.purpose = "CPU time per getppid() and per one-byte read() of /dev/zero, the median round of 20,000.",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.run = run,
};
