/* Name the benchmarks and give them what all of them need: options, a clock, two processors, statistics. */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One option with a number; every command has --json and --help besides. */
struct bench_option {
	const char *name; /* without the dashes */
	const char *help;
	uint64_t least, most;
	uint64_t *value; /* holds the default */
};

/* One subcommand. `run` prints its measurements, as JSON objects one a line or for people, and returns the exit
 * status. */
struct bench_command {
	const char *name;
	const char *summary; /* a few words for the list of commands */
	const char *purpose; /* for its own --help */
	const struct bench_option *options;
	size_t option_count;
	int (*run)(bool json);
};

extern const struct bench_command ring_bench, encode_bench, parse_bench, sensor_bench, load_bench,
	syscalls_bench;

/* CLOCK_MONOTONIC, and the CPU time of the calling thread. */
uint64_t bench_now_ns(void);
uint64_t bench_cpu_ns(void);

/* How often the scheduler took the processor away from this process. */
uint64_t bench_switches(void);

/* Two processors that this process may use. False if there are not two. */
bool bench_two_cpus(int cpus[2]);
void bench_pin(int cpu);

/* Sort in place. `percent` of the values are below bench_percentile. */
double bench_median(double *values, size_t count);
double bench_percentile(double *values, size_t count, unsigned percent);

/* What the machine can do at this moment, to set a measurement against, each the best of several trials: ns to copy
 * `bytes` within the cache, ns for a cache line to go to the other processor and back. */
double bench_memcpy_ns(uint32_t bytes);
double bench_pingpong_ns(const int cpus[2]);

#endif
