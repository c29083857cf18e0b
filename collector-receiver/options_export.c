/* From the options to the exporters: which there are, and with what settings each. */
#include "options_export.h"

#include <stdlib.h>
#include <string.h>

#include "export/fan_out.h"

enum { QUEUE_REQUESTS_MAX = 65536 }; /* that may wait, whatever the sizer */

static const uint64_t HTTP_TIMEOUT_NS = 30000000000; /* the Collector's, for otlp_http */

static void exports_clear(struct option_texts *exports)
{
	while (exports->count > 0)
		free(exports->items[--exports->count]);
}

static bool exports_add(struct option_texts *exports, const char *signals, const char *rest, const char *path)
{
	char **items = realloc(exports->items, (exports->count + 1) * sizeof(*items));

	if (items == NULL)
		return false;
	exports->items = items;
	if (asprintf(&items[exports->count], "%s%s%s", signals, rest, path) < 0)
		return false;
	exports->count++;
	return true;
}

static const char *const protocol_names[] = {[EXPORT_OTLP_GRPC] = "otlp-grpc:", [EXPORT_OTLP_HTTP] = "otlp-http:"};

static bool is_url(const char *endpoint)
{
	return strstr(endpoint, "://") != NULL && strncmp(endpoint, "unix:", 5) != 0;
}

/* A signal's own endpoint. The OTLP specification: a URL without a path means its root. */
static bool add_signal_endpoint(struct option_texts *exports, const struct receiver_signal_options *own, int protocol,
				const char *signals)
{
	const char *authority = is_url(own->endpoint) ? strstr(own->endpoint, "://") + 3 : NULL;
	const bool rootless = protocol == EXPORT_OTLP_HTTP && authority != NULL && strchr(authority, '/') == NULL;
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "%s%s", signals, protocol_names[protocol]);
	return exports_add(exports, prefix, own->endpoint, rootless ? "/" : "");
}

/* The endpoint for all signals, for one of them: the path that is added to it has to be written out. */
static bool add_common_endpoint(struct option_texts *exports, const char *endpoint, int protocol, size_t signal,
				const char *signals)
{
	static const char *const paths[] = {[OTLP_TRACES] = "/v1/traces", [OTLP_METRICS] = "/v1/metrics"};
	char prefix[32], base[1024];
	size_t length = strlen(endpoint);

	while (is_url(endpoint) && length > 0 && endpoint[length - 1] == '/')
		length--;
	snprintf(prefix, sizeof(prefix), "%s%s", signals, protocol_names[protocol]);
	snprintf(base, sizeof(base), "%.*s", (int)length, endpoint);
	return exports_add(exports, prefix, base,
			   protocol == EXPORT_OTLP_HTTP && is_url(endpoint) ? paths[signal] : "");
}

/* The exporters of the file, for one signal. */
static bool add_narrowed(struct option_texts *exports, const struct option_texts *from, const char *signals)
{
	for (size_t i = 0; i < from->count; i++) {
		struct export_target target;

		if (export_target_parse(&target, from->items[i]) == NULL && target.signals != EXPORT_SIGNALS_ALL) {
			if (strncmp(from->items[i], signals, strlen(signals)) == 0 &&
			    !exports_add(exports, "", from->items[i], ""))
				return false;
		} else if (!exports_add(exports, signals, from->items[i], "")) {
			return false;
		}
	}
	return true;
}

static bool signal_differs(const struct receiver_signal_options *own)
{
	return own->endpoint != NULL || own->headers.count > 0 || own->timeout_ns != 0 ||
	       own->compression != COMPRESSION_AUTO || own->ca_file != NULL || own->cert_file != NULL ||
	       own->key_file != NULL;
}

static bool apply_signal(struct receiver_options *options, size_t signal,
			 const struct option_texts *before)
{
	const struct receiver_signal_options *own = &options->signals[signal];
	const char *signals = export_signals_prefix(1u << signal);
	const int protocol = own->protocol;

	if (own->endpoint != NULL)
		return add_signal_endpoint(&options->exports, own, protocol, signals);
	if (options->otlp_endpoint != NULL)
		return add_common_endpoint(&options->exports, options->otlp_endpoint, protocol, signal, signals);
	return add_narrowed(&options->exports, before, signals);
}

bool receiver_exports_apply(struct receiver_options *options)
{
	const bool split =
		signal_differs(&options->signals[OTLP_TRACES]) || signal_differs(&options->signals[OTLP_METRICS]);
	struct option_texts before = options->exports;
	bool done = true;

	if (options->otlp_endpoint == NULL && !split)
		return true;
	options->exports = (struct option_texts){0};
	if (!split)
		done = exports_add(&options->exports, protocol_names[options->otlp_protocol], options->otlp_endpoint,
				   "");
	for (size_t i = 0; split && done && i < OTLP_SIGNAL_COUNT; i++)
		done = apply_signal(options, i, &before);
	exports_clear(&before);
	free(before.items);
	return done;
}

static bool check_targets(const struct receiver_options *options, char *complaint, size_t size)
{
	for (size_t i = 0; i < options->exports.count; i++) {
		struct export_target target;
		const char *wrong = export_target_parse(&target, options->exports.items[i]);

		if (wrong != NULL) {
			snprintf(complaint, size, "receiver.export: \"%.256s\" %s",
				 options->exports.items[i], wrong);
			return false;
		}
	}
	if (options->exports.count > FAN_OUT_EXPORTERS_MAX) {
		snprintf(complaint, size,
			 "receiver.export: there may be at most %d exporters; name fewer", FAN_OUT_EXPORTERS_MAX);
		return false;
	}
	if (options->exports.count == 0)
		snprintf(complaint, size,
			 "receiver.export: the list is empty; name at least one exporter, such as console");
	return options->exports.count != 0;
}

/* What is empty is not given. */
static const char *given(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

static void apply_own(struct otlp_exporter_options *to, enum receiver_compression *compression,
		      const struct receiver_signal_options *own)
{
	if (own->headers.count > 0) {
		to->headers = (const char *const *)own->headers.items;
		to->header_count = own->headers.count;
	}
	if (own->timeout_ns != 0)
		to->timeout_ns = own->timeout_ns;
	if (own->compression != COMPRESSION_AUTO)
		*compression = own->compression;
	if (own->ca_file != NULL)
		to->tls.ca_file = own->ca_file;
	if (own->cert_file != NULL)
		to->tls.cert_file = own->cert_file;
	if (own->key_file != NULL)
		to->tls.key_file = own->key_file;
}

/* queue_size in the unit of the sizer; by bytes and items the number of requests is bounded too, to bound the memory of
 * the queue itself. */
static void apply_queue(struct otlp_exporter_options *to, const struct receiver_options *options)
{
	to->queue_enabled = options->queue_enabled;
	to->queue_bytes = options->queue_bytes;
	to->queue_requests = QUEUE_REQUESTS_MAX;
	switch (options->sizer) {
	case SIZER_REQUESTS:
		to->queue_requests =
			options->queue_size < QUEUE_REQUESTS_MAX ? (uint32_t)options->queue_size : QUEUE_REQUESTS_MAX;
		break;
	case SIZER_ITEMS:
		to->queue_items = options->queue_size;
		break;
	case SIZER_BYTES:
		to->queue_bytes = options->queue_size;
		break;
	}
}

struct otlp_exporter_options receiver_options_exporter(const struct receiver_options *options,
						       const struct export_target *target)
{
	enum receiver_compression compression = options->compression;
	struct otlp_exporter_options result = {
		.headers = (const char *const *)options->headers.items,
		.header_count = options->headers.count,
		.timeout_ns = target->kind == EXPORT_OTLP_HTTP && !options->timeout_given ? HTTP_TIMEOUT_NS
											   : options->timeout_ns,
		.max_request_bytes = options->request_bytes_max,
		.retry = options->retry,
		.tls = {
			.ca_file = given(options->tls.ca_file),
			.cert_file = given(options->tls.cert_file),
			.key_file = given(options->tls.key_file),
			.server_name_override = given(options->tls.server_name_override),
			.insecure = options->tls.insecure,
			.insecure_skip_verify = options->tls.insecure_skip_verify,
			.min_version = options->tls.min_version,
		},
	};

	result.spool = (struct spool_options){
		.directory = given(options->storage.directory),
		.bytes = options->storage.bytes,
		.max_age_ns = options->storage.max_age_ns,
		.fsync = options->storage.fsync,
	};
	apply_queue(&result, options);
	for (size_t signal = 0; signal < OTLP_SIGNAL_COUNT; signal++) {
		if ((unsigned)target->signals == 1u << signal)
			apply_own(&result, &compression, &options->signals[signal]);
	}
	result.gzip = compression == COMPRESSION_GZIP ||
		      (compression == COMPRESSION_AUTO && target->place == EXPORT_PLACE_TCP);
	return result;
}

/* What an exporter would refuse at start is refused here, so that --check-config says it too. */
static bool check_otlp(const struct receiver_options *options, char *complaint, size_t size)
{
	for (size_t i = 0; i < options->exports.count; i++) {
		struct export_target target;
		struct otlp_exporter_options otlp;
		char message[256];

		(void)!export_target_parse(&target, options->exports.items[i]);
		otlp = receiver_options_exporter(options, &target);
		if (otlp_exporter_options_check(&otlp, message, sizeof(message)) == 0)
			continue;
		snprintf(complaint, size, "receiver: %s", message);
		return false;
	}
	return true;
}

bool receiver_exports_check(const struct receiver_options *options, char *complaint, size_t size)
{
	return check_targets(options, complaint, size) && check_otlp(options, complaint, size);
}

void receiver_exports_print(const struct receiver_options *options, FILE *out)
{
	for (size_t i = 0; i < options->exports.count; i++) {
		struct export_target target;
		struct otlp_exporter_options otlp;

		(void)!export_target_parse(&target, options->exports.items[i]);
		if (target.kind != EXPORT_OTLP_GRPC && target.kind != EXPORT_OTLP_HTTP)
			continue;
		otlp = receiver_options_exporter(options, &target);
		fprintf(out, "exporter %s: timeout %gs, compression %s, %zu headers, TLS %s\n",
			options->exports.items[i], (double)otlp.timeout_ns / 1e9, otlp.gzip ? "gzip" : "none",
			otlp.header_count,
			!export_target_has_tls(&target, otlp.tls.insecure) ? "no"
			: otlp.tls.insecure_skip_verify			   ? "yes, any certificate"
									   : "yes");
	}
}
