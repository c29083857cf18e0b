/* Make the exporter that a target asks for. */
#include "export/exporter_registry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "export/console_exporter.h"
#include "export/file_exporter.h"

static int otlp_create(struct exporter **exporter, struct loop *loop, const struct export_target *target,
		       const struct otlp_exporter_options *options, char *message, size_t size)
{
	struct otlp_exporter_options here = *options;

	here.target = target;
	return otlp_exporter_create(exporter, loop, &here, message, size);
}

static int console_create(struct exporter **exporter, struct loop *loop, char *message, size_t size)
{
	int error;

	*exporter = console_exporter_create(loop, STDOUT_FILENO);
	if (*exporter != NULL)
		return 0;
	error = -errno;
	snprintf(message, size, "Standard output cannot be written: %s. Give the receiver one, or another exporter.",
		 strerror(-error));
	return error;
}

static int file_create(struct exporter **exporter, struct loop *loop, const char *path, char *message, size_t size)
{
	int error;

	*exporter = file_exporter_create(loop, path);
	if (*exporter != NULL)
		return 0;
	error = -errno;
	snprintf(message, size,
		 "The file \"%s\" cannot be written: %s. Its directory has to exist, and the receiver's user "
		 "has to be allowed to write there.",
		 path, strerror(-error));
	return error;
}

int exporter_create(struct exporter **exporter, struct loop *loop, const struct export_target *target,
		    const struct otlp_exporter_options *options, char *message, size_t size)
{
	switch (target->kind) {
	case EXPORT_OTLP_GRPC:
	case EXPORT_OTLP_HTTP:
		break;
	case EXPORT_CONSOLE:
		return console_create(exporter, loop, message, size);
	case EXPORT_FILE:
		return file_create(exporter, loop, target->path, message, size);
	}
	return otlp_create(exporter, loop, target, options, message, size);
}
