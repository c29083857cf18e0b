/* Write OTLP messages as OTLP/JSON: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding. */
#ifndef OTLP_JSON_H
#define OTLP_JSON_H

#include <protobuf-c/protobuf-c.h>

#include "otlp/wire.h"

/* Append the message as one JSON object without line ends: lowerCamelCase names, trace and span ids in hexadecimal,
 * other bytes in base64, 64-bit integers as strings, enums as numbers, fields of default value left out. Works on any
 * message by its descriptor. Strings are taken to be UTF-8. Failure of memory shows in out->failed. */
void otlp_json_write(struct wire_buffer *out, const ProtobufCMessage *message);

#endif
