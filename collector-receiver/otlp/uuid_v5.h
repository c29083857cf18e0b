/* Name-based UUIDs: RFC 9562, version 5. */
#ifndef OTLP_UUID_V5_H
#define OTLP_UUID_V5_H

#include <stdint.h>

#include "exchanges/slice.h"

enum {
	UUID_TEXT_LENGTH = 36,
};

/* SHA-1 (FIPS 180-4): only for version 5 UUIDs, which are identifiers and no secret. */
void uuid_sha1(const void *bytes, size_t length, uint8_t digest[20]);

/* The UUID of a name in the namespace, as 36 characters and a NUL. Names beyond UUID_NAME_MAX bytes are cut. */
enum {
	UUID_NAME_MAX = 512,
};
void uuid_v5_text(const uint8_t name_space[16], struct slice name, char out[UUID_TEXT_LENGTH + 1]);

#endif
