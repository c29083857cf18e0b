/* The receiver's options: what may be configured, and the values in force. */
#ifndef RECEIVER_OPTIONS_H
#define RECEIVER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/option.h"
#include "exchanges/redaction.h"
#include "export/otlp_exporter.h"
#include "export_target.h"
#include "loop.h"

enum receiver_temporality {
	TEMPORALITY_CUMULATIVE,
	TEMPORALITY_DELTA,
};

enum receiver_compression {
	COMPRESSION_AUTO, /* gzip over TCP, none over a Unix socket */
	COMPRESSION_NONE,
	COMPRESSION_GZIP,
};

enum receiver_sizer {
	SIZER_REQUESTS,
	SIZER_ITEMS,
	SIZER_BYTES,
};

/* The variables OTEL_EXPORTER_OTLP_<SIGNAL>_*: what differs for one signal. NULL, 0 or empty: nothing. */
struct receiver_signal_options {
	char *endpoint;
	int protocol;
	struct option_texts headers;
	uint64_t timeout_ns;
	enum receiver_compression compression;
	char *ca_file;
	char *cert_file;
	char *key_file;
};

enum { RECEIVER_LIST_MAX = 64 }; /* known methods, and redacted query keys */

struct receiver_options {
	char *socket_path; /* the sensor's */
	uid_t user;	   /* to become when started as root, never 0 */
	bool user_given;   /* false: `user` is the default */
	char *status_socket; /* NULL or empty: none */
	bool status_socket_given;
	bool status; /* only ask the one that runs, and leave */
	bool alive;
	enum loop_backend loop;
	uint64_t shutdown_timeout_ns;
	uint32_t connections_max;
	uint32_t processes_max;
	uint64_t buffer_bytes; /* of all connections together */

	struct option_texts exports; /* at least one, each valid for export_target.h */
	uint64_t timeout_ns;
	enum receiver_compression compression;
	struct option_texts headers; /* "name=value" */
	uint64_t request_bytes_max;
	bool queue_enabled;
	enum receiver_sizer sizer; /* of queue_size */
	uint64_t queue_size;	   /* of each exporter */
	uint64_t queue_bytes;
	struct {
		char *directory; /* NULL or empty: none */
		uint64_t bytes;
		uint64_t max_age_ns;
		bool fsync;
	} storage;
	struct retry_options retry;
	struct {
		char *ca_file;
		char *cert_file;
		char *key_file;
		char *server_name_override;
		bool insecure;
		bool insecure_skip_verify;
		int min_version; /* 12, 13 */
	} tls;
	struct receiver_signal_options signals[OTLP_SIGNAL_COUNT];
	bool timeout_given; /* false: timeout_ns is the default */

	uint32_t batch_spans;
	uint64_t batch_delay_ns;
	bool export_unsampled;
	uint64_t metric_interval_ns;
	enum receiver_temporality temporality;
	uint32_t cardinality_limit; /* series of one metric */

	struct option_texts known_methods;
	bool body_sizes;
	bool database_server_spans;
	bool returned_rows;
	struct option_texts redacted_query_keys;
	enum redaction_query_text query_text;
	char *service_name;	   /* the receiver's own */
	char *resource_attributes; /* the same; NULL if there are none */
	bool command_line;

	/* OTEL_* variables whose meaning depends on other options; used up by receiver_options_read. */
	char *otlp_endpoint;
	int otlp_protocol; /* an export_kind */
	uint64_t queue_spans;
};

/* Read file, environment and flags. Returns -1 to go on, or the exit status to leave with at once, everything there is
 * to say having been said: 0 after --help, --version and --check-config, 2 when something is wrong. `options` must be
 * zeroed and is to be freed in any case. */
int receiver_options_read(struct receiver_options *options, int argc, char **argv) __attribute__((warn_unused_result));
void receiver_options_free(struct receiver_options *options);

/* Those of one OTLP exporter, which borrows the texts; all but the target itself. */
struct otlp_exporter_options receiver_options_exporter(const struct receiver_options *options,
						       const struct export_target *target);

#endif
