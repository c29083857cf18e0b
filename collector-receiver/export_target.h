/* Take apart what --export says: which exporter, and where to. */
#ifndef RECEIVER_EXPORT_TARGET_H
#define RECEIVER_EXPORT_TARGET_H

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

struct export_target {
	enum export_kind kind;
	enum export_place place;
	char path[4096]; /* path, or abstract name */
	char host[256];	 /* name or address, without brackets */
	uint16_t port;
};

/* otlp-grpc:unix:///PATH  otlp-grpc:unix-abstract:NAME  otlp-grpc:http://HOST[:PORT]  the same with otlp-http
 * console  file:PATH
 * Returns NULL, or what is wrong and what to do, to be read after the specification. */
const char *export_target_parse(struct export_target *target, const char *specification);

#endif
