/* Append export requests to a file as OTLP/JSON lines. */
#include "export/file_exporter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export/local_output.h"
#include "otlp/otlp_json.h"
#include "otlp/request_unpack.h"

enum {
	FILE_MODE = 0640, /* telemetry is not for everybody */
};

struct file_exporter {
	struct exporter base;
	struct local_output output;
	struct wire_buffer line;
};

static void file_submit(struct exporter *base, struct otlp_request *request)
{
	struct file_exporter *self = (struct file_exporter *)base;
	ProtobufCMessage *message = otlp_request_unpack(request);

	if (message == NULL) {
		local_output_failed(&self->output, -ENOMEM);
		return;
	}
	wire_buffer_reset(&self->line);
	otlp_json_write(&self->line, message);
	wire_add_raw(&self->line, "\n", 1);
	protobuf_c_message_free_unpacked(message, NULL);
	if (self->line.failed)
		local_output_failed(&self->output, -ENOMEM);
	else
		local_output_write(&self->output, (struct slice){(char *)self->line.bytes, self->line.length}, request);
}

static bool file_idle(const struct exporter *base)
{
	(void)base;
	return true;
}

static void file_drain(struct exporter *base, uint64_t deadline_ns)
{
	(void)base;
	(void)deadline_ns;
}

static void file_destroy(struct exporter *base)
{
	struct file_exporter *self = (struct file_exporter *)base;

	wire_buffer_free(&self->line);
	if (self->output.fd != STDOUT_FILENO)
		close(self->output.fd);
	free(self);
}

static const struct exporter_type file_type = {
	.name = "file",
	.submit = file_submit,
	.idle = file_idle,
	.drain = file_drain,
	.destroy = file_destroy,
};

struct exporter *file_exporter_create(const char *path)
{
	struct file_exporter *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return NULL;
	self->base.type = &file_type;
	self->output = (struct local_output){STDOUT_FILENO, "file", false};
	if (strcmp(path, "-") != 0)
		self->output.fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, FILE_MODE);
	if (self->output.fd < 0) {
		int error = errno;

		free(self);
		errno = error;
		return NULL;
	}
	return &self->base;
}
