/* Clocks, processors and statistics; what the machine can do: copying within the cache, a cache line going back and
 * forth. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

enum { TRIALS = 10, COPIES = 20 * 1000, WINDOW_BYTES = 1024 * 1024, BOUNCES = 5 * 1000 };

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t bench_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t bench_cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t bench_switches(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_nivcsw : 0;
}

bool bench_two_cpus(int cpus[2])
{
	cpu_set_t set;
	int found = 0;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return false;
	for (int cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[found++] = cpu;
	return found == 2;
}

void bench_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		perror("sched_setaffinity");
}

static int double_compare(const void *left, const void *right)
{
	const double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

double bench_median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), double_compare);
	return count % 2 != 0 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

double bench_percentile(double *values, size_t count, unsigned percent)
{
	qsort(values, count, sizeof(*values), double_compare);
	return values[count * percent / 100 < count ? count * percent / 100 : count - 1];
}

/* One trial; what the machine does beside can only add to it. */
static double memcpy_trial_ns(uint8_t *to, const uint8_t *from, uint32_t bytes)
{
	const uint64_t start_ns = bench_now_ns();
	uint32_t at = 0;

	for (int i = 0; i < COPIES; i++) {
		memcpy(to + at, from + at, bytes);
		__asm__ volatile("" ::: "memory");
		at = at + 2 * bytes > WINDOW_BYTES ? 0 : at + bytes;
	}
	return (double)(bench_now_ns() - start_ns) / COPIES;
}

double bench_memcpy_ns(uint32_t bytes)
{
	static uint8_t from[WINDOW_BYTES], to[WINDOW_BYTES];
	double trials[TRIALS];

	memset(from, 1, sizeof(from));
	memset(to, 2, sizeof(to));
	for (int i = 0; i < TRIALS; i++)
		trials[i] = memcpy_trial_ns(to, from, bytes);
	return bench_percentile(trials, TRIALS, 0);
}

/* The other process's half: answer each odd turn. */
static void pingpong_answer(uint32_t *word)
{
	for (uint32_t turn = 1; turn < 2 * TRIALS * BOUNCES; turn += 2) {
		while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != turn)
			;
		__atomic_store_n(word, turn + 1, __ATOMIC_RELEASE);
	}
}

/* This process's half of all trials. */
static double pingpong_best_ns(uint32_t *word)
{
	double trials[TRIALS];
	uint32_t turn = 0;

	for (int i = 0; i < TRIALS; i++) {
		const uint64_t start_ns = bench_now_ns();

		for (int j = 0; j < BOUNCES; j++, turn += 2) {
			while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != turn)
				;
			__atomic_store_n(word, turn + 1, __ATOMIC_RELEASE);
		}
		trials[i] = (double)(bench_now_ns() - start_ns) / BOUNCES;
	}
	return bench_percentile(trials, TRIALS, 0);
}

double bench_pingpong_ns(const int cpus[2])
{
	uint32_t *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double best_ns = 0;
	pid_t child;

	if (word == MAP_FAILED)
		return 0;
	child = fork();
	if (child == 0) {
		bench_pin(cpus[1]);
		pingpong_answer(word);
		_exit(0);
	}
	bench_pin(cpus[0]);
	if (child > 0) {
		best_ns = pingpong_best_ns(word);
		waitpid(child, NULL, 0);
	}
	munmap(word, 4096);
	return best_ns;
}
