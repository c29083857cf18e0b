/* Read the counters of the kernel side in place: one row for each CPU, mapped once. */
#include <errno.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "capture_config.h"
#include "capture.skel.h"
#include "capture_session.h"
#include "counter_row.h"

static size_t rows_bytes(const struct capture *capture)
{
	return (size_t)capture->counter_cpus * sizeof(struct counter_row);
}

int capture_counters_map(struct capture *capture)
{
	int table = bpf_map__fd(capture->programs->maps.counters);
	void *rows = mmap(NULL, rows_bytes(capture), PROT_READ, MAP_SHARED, table, 0);

	if (rows == MAP_FAILED)
		return -errno;
	capture->counter_rows = rows;
	return 0;
}

void capture_counters_unmap(struct capture *capture)
{
	if (capture->counter_rows)
		munmap((void *)capture->counter_rows, rows_bytes(capture));
	capture->counter_rows = NULL;
}

static uint64_t counter_sum(const struct capture *capture, enum sensor_counter counter)
{
	uint64_t sum = 0;

	for (int cpu = 0; cpu < capture->counter_cpus; cpu++)
		sum += __atomic_load_n(&capture->counter_rows[cpu].values[counter], __ATOMIC_RELAXED);
	return sum;
}

void capture_counters(struct capture *capture, uint64_t counters[SENSOR_COUNTER_COUNT])
{
	static const enum sensor_counter of_kernel[] = {
		SENSOR_COUNTER_EVENTS_CAPTURED,	      SENSOR_COUNTER_KERNEL_RING_FULL,
		SENSOR_COUNTER_CONNECTION_TABLE_FULL, SENSOR_COUNTER_PROCESS_TABLE_FULL,
		SENSOR_COUNTER_USER_MEMORY_UNREADABLE, SENSOR_COUNTER_COMPAT_CALLS,
		SENSOR_COUNTER_HTTP2_PLACE_LOST,      SENSOR_COUNTER_SENT_UNSEEN,
	};

	for (size_t i = 0; i < sizeof(of_kernel) / sizeof(of_kernel[0]); i++)
		counters[of_kernel[i]] = counter_sum(capture, of_kernel[i]);
	counters[SENSOR_COUNTER_EVENTS_DRAINED] = capture->events_drained;
	counters[SENSOR_COUNTER_EVENTS_MALFORMED] = capture->events_malformed;
}

void capture_recursion(const struct capture *capture, uint64_t counters[SENSOR_COUNTER_COUNT])
{
	struct bpf_program *program;
	uint64_t sum = 0;

	bpf_object__for_each_program(program, capture->programs->obj)
	{
		struct bpf_prog_info info = {0};
		uint32_t length = sizeof(info);
		int fd = bpf_program__fd(program);
		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &length) == 0)
			sum += info.recursion_misses;
	}
	counters[SENSOR_COUNTER_PROGRAM_RECURSION] = sum;
}
