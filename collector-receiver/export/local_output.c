/* Write whole lines, or say that it failed. */
#include "export/local_output.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "counters.h"
#include "daemon/log.h"

static int write_all(struct local_output *output, struct slice lines)
{
	while (lines.length > 0) {
		ssize_t wrote = write(output->fd, lines.bytes, lines.length);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return wrote < 0 ? -errno : -EIO;
		lines = (struct slice){lines.bytes + wrote, lines.length - (size_t)wrote};
		output->torn = lines.length > 0;
	}
	return 0;
}

void local_output_failed(struct local_output *output, int error)
{
	counter_add(COUNTER_EXPORT_WRITE_FAILED, 1);
	LOG_LIMITED(LOG_LEVEL_WARNING, "exporter %s: could not write: %s", output->name, strerror(-error));
}

void local_output_write(struct local_output *output, struct slice lines, const struct otlp_request *request)
{
	int error = output->torn ? write_all(output, SLICE_LITERAL("\n")) : 0;

	if (error == 0)
		error = write_all(output, lines);
	if (error != 0) {
		local_output_failed(output, error);
		return;
	}
	counter_add(request->signal == OTLP_TRACES ? COUNTER_EXPORT_SENT_SPANS : COUNTER_EXPORT_SENT_POINTS,
		    request->items);
}
