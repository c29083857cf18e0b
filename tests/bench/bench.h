/* Name the benchmarks and give them what all of them need: a clock, two processors, an output format. */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include <stdbool.h>
#include <stdint.h>

/* One subcommand. Its main gets what follows the name on the command line, argv[0] being the name. */
struct bench_command {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *help;
};

int bench_ring_main(int argc, char **argv);

/* CLOCK_MONOTONIC. */
uint64_t bench_now_ns(void);

/* Two processors that this process may use. False if there are not two. */
bool bench_two_cpus(int cpus[2]);
void bench_pin(int cpu);

/* Sorts in place. */
double bench_median(double *values, unsigned count);

/* What the machine can do at this moment, to set a measurement against: ns to copy `bytes` within the cache, ns for a
 * cache line to go to the other processor and back. */
double bench_memcpy_ns(uint32_t bytes);
double bench_pingpong_ns(const int cpus[2]);

#endif
