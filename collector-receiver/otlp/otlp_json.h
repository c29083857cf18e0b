/* Write OTLP messages as OTLP/JSON: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding. */
#ifndef OTLP_JSON_H
#define OTLP_JSON_H

#include <protobuf-c/protobuf-c.h>

#include "exchanges/slice.h"
#include "otlp/wire.h"

enum {
	OTLP_JSON_DEPTH_MAX = 32, /* messages in messages */
};

/* Append an encoded message of the type as one JSON object without line ends: lowerCamelCase names, trace and span ids
 * in hexadecimal, other bytes in base64, 64-bit integers as strings, enums as numbers, fields of default value left
 * out. From the bytes at once, no tree between; the values of a list have to stand together, as our own encoder writes
 * them. Strings are taken to be UTF-8. False, with part of it in `out`: not such a message. Failure of memory shows in
 * out->failed. */
bool otlp_json_write(struct wire_buffer *out, const ProtobufCMessageDescriptor *type, struct slice message)
	__attribute__((warn_unused_result));

#endif
