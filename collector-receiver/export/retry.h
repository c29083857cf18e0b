/* When to send a request again: the Collector's retry_on_failure, with its names and defaults. */
#ifndef EXPORT_RETRY_H
#define EXPORT_RETRY_H

#include <stdbool.h>
#include <stdint.h>

struct retry_options {
	bool enabled;
	uint64_t initial_interval_ns;
	double randomization_factor; /* 0 to 1: the interval is taken times 1 - factor to 1 + factor */
	double multiplier;	     /* at least 1 */
	uint64_t max_interval_ns;
	uint64_t max_elapsed_time_ns; /* 0: for ever */
};

#define RETRY_OPTIONS_DEFAULT                                                                                          \
	{                                                                                                              \
		.enabled = true, .initial_interval_ns = 5000000000, .randomization_factor = 0.5, .multiplier = 1.5,    \
		.max_interval_ns = 30000000000, .max_elapsed_time_ns = 300000000000,                                   \
	}

/* One request's attempts. */
struct retry {
	uint64_t started_ns; /* CLOCK_MONOTONIC at the first attempt */
	uint64_t interval_ns;
};

void retry_begin(struct retry *retry, const struct retry_options *options, uint64_t now_ns);

/* After a failure that may be retried: how long to wait, not less than throttle_ns, which the server asked for (0 if it
 * did not). False: give up, the wait would end after max_elapsed_time, or retrying is not enabled. `random` has to be
 * another number each time: clients of one endpoint must not come back together. */
bool retry_next(struct retry *retry, const struct retry_options *options, uint64_t now_ns, uint64_t throttle_ns,
		uint32_t random, uint64_t *delay_ns) __attribute__((warn_unused_result));

#endif
