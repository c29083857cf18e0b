/* Measure what the machine can do: copying within the cache, a cache line going back and forth. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

enum { COPIES = 200 * 1000, WINDOW_BYTES = 1024 * 1024, BOUNCES = 200 * 1000 };

uint64_t bench_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
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

double bench_median(double *values, unsigned count)
{
	qsort(values, count, sizeof(*values), double_compare);
	return count % 2 != 0 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

double bench_memcpy_ns(uint32_t bytes)
{
	static uint8_t from[WINDOW_BYTES], to[WINDOW_BYTES];
	uint32_t at = 0;
	uint64_t start_ns;

	memset(from, 1, sizeof(from));
	memset(to, 2, sizeof(to));
	start_ns = bench_now_ns();
	for (int i = 0; i < COPIES; i++) {
		memcpy(to + at, from + at, bytes);
		__asm__ volatile("" ::: "memory");
		at = at + 2 * bytes > WINDOW_BYTES ? 0 : at + bytes;
	}
	return (double)(bench_now_ns() - start_ns) / COPIES;
}

static void bounce(uint32_t *word, uint32_t mine)
{
	for (uint32_t i = 0; i < BOUNCES; i++) {
		while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != 2 * i + mine)
			;
		__atomic_store_n(word, 2 * i + mine + 1, __ATOMIC_RELEASE);
	}
}

double bench_pingpong_ns(const int cpus[2])
{
	uint32_t *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t start_ns;
	pid_t child;

	if (word == MAP_FAILED)
		return 0;
	child = fork();
	if (child == 0) {
		bench_pin(cpus[1]);
		bounce(word, 1);
		_exit(0);
	}
	bench_pin(cpus[0]);
	start_ns = bench_now_ns();
	if (child > 0) {
		bounce(word, 0);
		waitpid(child, NULL, 0);
	}

	const double elapsed_ns = (double)(bench_now_ns() - start_ns);

	munmap(word, 4096);
	return child > 0 ? elapsed_ns / BOUNCES : 0;
}
