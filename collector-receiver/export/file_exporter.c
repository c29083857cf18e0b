/* Append export requests to a file as OTLP/JSON lines. */
#include "export/file_exporter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export/local_exporter.h"
#include "otlp/otlp_json.h"
#include "otlp/request_unpack.h"

enum {
	FILE_MODE = 0640, /* telemetry is not for everybody */
};

static bool file_render(struct local_exporter *self, const struct otlp_request *request)
{
	const struct slice message = {(const char *)request->bytes, request->length};
	const bool whole = otlp_json_write(&self->text, otlp_request_type(request->signal), message);

	wire_add_raw(&self->text, "\n", 1);
	return whole;
}

static const struct exporter_type file_type = {
	.name = "file",
	.submit = local_exporter_submit,
	.idle = local_exporter_idle,
	.drain = local_exporter_drain,
	.status = local_exporter_status,
	.destroy = local_exporter_destroy,
};

/* Non-blocking, so that a named pipe which nobody reads is an error and not a wait. */
static int file_open(const char *path)
{
	int fd;

	if (strcmp(path, "-") == 0)
		return local_exporter_share(STDOUT_FILENO);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, FILE_MODE);
	return fd < 0 ? -errno : fd;
}

struct exporter *file_exporter_create(struct loop *loop, const char *path)
{
	struct local_exporter *self = calloc(1, sizeof(*self));
	int fd = self == NULL ? -ENOMEM : file_open(path);
	int error = fd < 0 ? fd : local_exporter_init(self, &file_type, loop, fd);

	if (error < 0) {
		free(self);
		errno = -error;
		return NULL;
	}
	self->render = file_render;
	return &self->base;
}
