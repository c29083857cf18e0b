/* Print spans and summaries for people. */
#include "export/console_exporter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "export/console_summary.h"
#include "export/console_text.h"
#include "export/local_exporter.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"
#include "otlp/request_unpack.h"

typedef Opentelemetry__Proto__Trace__V1__Span span_message;

struct console_exporter {
	struct local_exporter local; /* first */
	bool colour;
	bool head_written;
};

static void write_head(struct console_text *text)
{
	console_printf(text, "%s%-12s  %-*s %-6s %-*s %-6s%10s  %s%s\n", text->colour ? "\x1b[1m" : "", "TIME",
		       CONSOLE_SERVICE_WIDTH, "SERVICE", "KIND", CONSOLE_REQUEST_WIDTH, "REQUEST", "STATUS", "DURATION",
		       "TRACE", text->colour ? "\x1b[0m" : "");
}

static void write_time(struct console_text *text, uint64_t unix_ns)
{
	time_t seconds = (time_t)(unix_ns / 1000000000);
	struct tm when = {0};

	localtime_r(&seconds, &when);
	console_printf(text, "%02d:%02d:%02d.%03u  ", when.tm_hour, when.tm_min, when.tm_sec,
		       (unsigned)(unix_ns / 1000000 % 1000));
}

/* Method and path, or method and URL. */
static void write_request(struct console_text *text, const span_message *span)
{
	char request[4200];
	const char *where = console_attribute_string(span->attributes, span->n_attributes, "url.path");
	const char *method =
		console_attribute_string(span->attributes, span->n_attributes, "http.request.method_original");

	if (where == NULL)
		where = console_attribute_string(span->attributes, span->n_attributes, "url.full");
	snprintf(request, sizeof(request), "%s %s", method != NULL ? method : span->name, where != NULL ? where : "");
	console_column(text, request, CONSOLE_REQUEST_WIDTH);
}

/* The first of the convention's status code, the error, and how it ended, that there is. */
static const char *outcome_of(const span_message *span)
{
	static const char *const keys[] = {"rpc.response.status_code", "db.response.status_code", "shmotel.end",
					   "error.type"};
	const char *found = NULL;

	for (size_t i = 0; found == NULL && i < sizeof(keys) / sizeof(keys[0]); i++)
		found = console_attribute_string(span->attributes, span->n_attributes, keys[i]);
	return found != NULL ? found : "-";
}

static void write_status(struct console_text *text, const span_message *span)
{
	int64_t code = console_attribute_integer(span->attributes, span->n_attributes, "http.response.status_code");
	bool error = span->status != NULL &&
		     span->status->code == OPENTELEMETRY__PROTO__TRACE__V1__STATUS__STATUS_CODE__STATUS_CODE_ERROR;

	console_printf(text, "%s", error && text->colour ? "\x1b[31m" : "");
	if (code >= 0)
		console_printf(text, "%-6" PRId64, code);
	else
		console_printf(text, "%-6.6s", outcome_of(span));
	console_printf(text, "%s", error && text->colour ? "\x1b[0m" : "");
}

static void write_span(struct console_text *text, const char *service, const span_message *span)
{
	write_time(text, span->start_time_unix_nano);
	console_column(text, service, CONSOLE_SERVICE_WIDTH);
	console_column(text,
		       span->kind == OPENTELEMETRY__PROTO__TRACE__V1__SPAN__SPAN_KIND__SPAN_KIND_SERVER ? "server"
													: "client",
		       6);
	write_request(text, span);
	write_status(text, span);
	console_duration(text, (double)(span->end_time_unix_nano - span->start_time_unix_nano) / 1e9);
	console_printf(text, "  ");
	for (size_t i = 0; i < 4 && i < span->trace_id.len; i++)
		console_printf(text, "%02x", span->trace_id.data[i]);
	console_printf(text, "\n");
}

static void write_spans(struct console_text *text,
			const Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest *request)
{
	for (size_t i = 0; i < request->n_resource_spans; i++) {
		const Opentelemetry__Proto__Trace__V1__ResourceSpans *r = request->resource_spans[i];
		const char *service =
			console_attribute_string(r->resource->attributes, r->resource->n_attributes, "service.name");

		for (size_t j = 0; j < r->n_scope_spans; j++)
			for (size_t k = 0; k < r->scope_spans[j]->n_spans; k++)
				write_span(text, service != NULL ? service : "-", r->scope_spans[j]->spans[k]);
	}
}

static bool console_render(struct local_exporter *local, const struct otlp_request *request)
{
	struct console_exporter *self = (struct console_exporter *)local;
	struct console_text text = {&local->text, self->colour};
	ProtobufCMessage *message = otlp_request_unpack(request);

	if (message == NULL)
		return false;
	if (request->signal == OTLP_METRICS) {
		console_summary_write(&text, (const void *)message);
	} else {
		if (!self->head_written)
			write_head(&text);
		self->head_written = true;
		write_spans(&text, (const void *)message);
	}
	protobuf_c_message_free_unpacked(message, NULL);
	return true;
}

static const struct exporter_type console_type = {
	.name = "console",
	.submit = local_exporter_submit,
	.idle = local_exporter_idle,
	.drain = local_exporter_drain,
	.status = local_exporter_status,
	.destroy = local_exporter_destroy,
};

struct exporter *console_exporter_create(struct loop *loop, int fd)
{
	struct console_exporter *self = calloc(1, sizeof(*self));
	int own = self == NULL ? -ENOMEM : local_exporter_share(fd);
	int error = own < 0 ? own : local_exporter_init(&self->local, &console_type, loop, own);

	if (error < 0) {
		free(self);
		errno = -error;
		return NULL;
	}
	tzset(); /* reads the zone's file, which may be out of reach later */
	self->local.render = console_render;
	self->colour = isatty(fd) && getenv("NO_COLOR") == NULL;
	return &self->local.base;
}
