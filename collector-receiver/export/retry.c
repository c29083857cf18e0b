/* Exponential back-off with jitter. */
#include "export/retry.h"

void retry_begin(struct retry *retry, const struct retry_options *options, uint64_t now_ns)
{
	retry->started_ns = now_ns;
	retry->interval_ns = options->initial_interval_ns;
}

static uint64_t retry_jittered_ns(uint64_t interval_ns, double factor, uint32_t random)
{
	const double position = (double)random / (double)UINT32_MAX * 2 - 1; /* -1 to 1 */

	return (uint64_t)((double)interval_ns * (1 + factor * position));
}

static uint64_t retry_grown_ns(const struct retry_options *options, uint64_t interval_ns)
{
	const double grown_ns = (double)interval_ns * options->multiplier;

	return grown_ns >= (double)options->max_interval_ns ? options->max_interval_ns : (uint64_t)grown_ns;
}

bool retry_next(struct retry *retry, const struct retry_options *options, uint64_t now_ns, uint64_t throttle_ns,
		uint32_t random, uint64_t *delay_ns)
{
	const uint64_t elapsed_ns = now_ns - retry->started_ns;
	uint64_t wait_ns = retry_jittered_ns(retry->interval_ns, options->randomization_factor, random);

	if (!options->enabled)
		return false;
	if (wait_ns < throttle_ns)
		wait_ns = throttle_ns;
	if (options->max_elapsed_time_ns != 0 &&
	    (elapsed_ns >= options->max_elapsed_time_ns || wait_ns > options->max_elapsed_time_ns - elapsed_ns))
		return false;
	retry->interval_ns = retry_grown_ns(options, retry->interval_ns);
	*delay_ns = wait_ns;
	return true;
}
