/* Encode the scopes and the schema once, at compile time. */
#include "otlp/scope.h"

#include <stdint.h>

#define SCHEMA_URL "https://opentelemetry.io/schemas/1.44.0"

/* InstrumentationScope{1: name, 2: version}; lengths are below 128, so that they are one byte. */
#define SCOPE(variable, text)                                                                                          \
	static const struct {                                                                                          \
		uint8_t tag, length, name_tag, name_length;                                                            \
		char name[sizeof(text) - 1];                                                                           \
		uint8_t version_tag, version_length;                                                                   \
		char version[sizeof(SHMOTEL_VERSION) - 1];                                                             \
	} __attribute__((packed)) variable = {                                                                         \
		0x0a, sizeof(text) + sizeof(SHMOTEL_VERSION) + 2, 0x0a, sizeof(text) - 1, text, 0x12,                  \
		sizeof(SHMOTEL_VERSION) - 1, SHMOTEL_VERSION}

SCOPE(http, "shmotel/http");
SCOPE(rpc, "shmotel/rpc");
SCOPE(database, "shmotel/database");
SCOPE(self, "shmotel");

static const struct {
	uint8_t tag, length;
	char url[sizeof(SCHEMA_URL) - 1];
} __attribute__((packed)) schema_url = {0x1a, sizeof(SCHEMA_URL) - 1, SCHEMA_URL};

const struct slice otlp_scopes[OTLP_SCOPE_COUNT] = {
	[OTLP_SCOPE_HTTP] = {(const char *)&http, sizeof(http)},
	[OTLP_SCOPE_RPC] = {(const char *)&rpc, sizeof(rpc)},
	[OTLP_SCOPE_DATABASE] = {(const char *)&database, sizeof(database)},
	[OTLP_SCOPE_SELF] = {(const char *)&self, sizeof(self)},
};
const struct slice otlp_schema_url = {(const char *)&schema_url, sizeof(schema_url)};
