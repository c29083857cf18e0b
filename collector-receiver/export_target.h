/* Take apart what --export says: which exporter, and where to. */
#ifndef RECEIVER_EXPORT_TARGET_H
#define RECEIVER_EXPORT_TARGET_H

#include <stdbool.h>
#include <stdint.h>

enum export_kind {
	EXPORT_OTLP_GRPC,
	EXPORT_OTLP_HTTP,
	EXPORT_CONSOLE,
	EXPORT_FILE,
};

enum export_place {
	EXPORT_PLACE_NONE,
	EXPORT_PLACE_PATH,     /* Unix socket, or the file */
	EXPORT_PLACE_ABSTRACT, /* Unix socket with an abstract name */
	EXPORT_PLACE_TCP,
};

enum export_signals {
	EXPORT_TRACES = 1 << 0, /* the bits of otlp_signal in otlp/request.h */
	EXPORT_METRICS = 1 << 1,
	EXPORT_SIGNALS_ALL = EXPORT_TRACES | EXPORT_METRICS,
};

enum export_scheme {
	EXPORT_SCHEME_NONE, /* HOST:PORT: TLS, unless tls.insecure */
	EXPORT_SCHEME_HTTP,
	EXPORT_SCHEME_HTTPS,
};

struct export_target {
	enum export_kind kind;
	enum export_place place;
	enum export_signals signals; /* that go there */
	enum export_scheme scheme;   /* of EXPORT_PLACE_TCP */
	char path[4096];	     /* path, or abstract name */
	char host[256];		     /* name or address, without brackets */
	uint16_t port;
	char url_path[1024]; /* of otlp-http: what stands before /v1/traces; or all of it, if path_is_whole */
	bool path_is_whole;
};

/* otlp-grpc:unix:///PATH  otlp-grpc:unix-abstract:NAME  otlp-grpc:http[s]://HOST[:PORT]  otlp-grpc:HOST[:PORT]
 * the same with otlp-http, but for the last; its URL may have a path  console  file:PATH
 * each with traces/ or metrics/ before it, for that signal alone: then the path of a URL is the whole one.
 * Returns NULL, or what is wrong and what to do, to be read after the specification. */
const char *export_target_parse(struct export_target *target, const char *specification);

bool export_target_has_tls(const struct export_target *target, bool insecure);
const char *export_signals_prefix(enum export_signals signals); /* "traces/", "metrics/", "" for both */

#endif
