/* The attribute keys that this program writes: one table for the code and for the bytes on the wire.
 * ATTRIBUTE(id, key). Keys are those of semantic conventions 1.44.0 but for shmotel.*, which are ours. */
#ifndef OTLP_ATTRIBUTE_NAMES_H
#define OTLP_ATTRIBUTE_NAMES_H

#include <stdint.h>

#include "exchanges/slice.h"

#define ATTRIBUTE_NAMES(ATTRIBUTE)                                                                                     \
	ATTRIBUTE(CLIENT_ADDRESS, "client.address")                                                                    \
	ATTRIBUTE(DB_NAMESPACE, "db.namespace")                                                                        \
	ATTRIBUTE(DB_OPERATION_BATCH_SIZE, "db.operation.batch.size")                                                  \
	ATTRIBUTE(DB_OPERATION_NAME, "db.operation.name")                                                              \
	ATTRIBUTE(DB_QUERY_SUMMARY, "db.query.summary")                                                                \
	ATTRIBUTE(DB_QUERY_TEXT, "db.query.text")                                                                      \
	ATTRIBUTE(DB_RESPONSE_RETURNED_ROWS, "db.response.returned_rows")                                              \
	ATTRIBUTE(DB_RESPONSE_STATUS_CODE, "db.response.status_code")                                                  \
	ATTRIBUTE(DB_STORED_PROCEDURE_NAME, "db.stored_procedure.name")                                                \
	ATTRIBUTE(DB_SYSTEM_NAME, "db.system.name")                                                                    \
	ATTRIBUTE(ERROR_TYPE, "error.type")                                                                            \
	ATTRIBUTE(HTTP_REQUEST_BODY_SIZE, "http.request.body.size")                                                    \
	ATTRIBUTE(HTTP_REQUEST_METHOD, "http.request.method")                                                          \
	ATTRIBUTE(HTTP_REQUEST_METHOD_ORIGINAL, "http.request.method_original")                                        \
	ATTRIBUTE(HTTP_RESPONSE_BODY_SIZE, "http.response.body.size")                                                  \
	ATTRIBUTE(HTTP_RESPONSE_STATUS_CODE, "http.response.status_code")                                              \
	ATTRIBUTE(NETWORK_PEER_ADDRESS, "network.peer.address")                                                        \
	ATTRIBUTE(NETWORK_PEER_PORT, "network.peer.port")                                                              \
	ATTRIBUTE(NETWORK_PROTOCOL_VERSION, "network.protocol.version")                                                \
	ATTRIBUTE(NETWORK_TRANSPORT, "network.transport")                                                              \
	ATTRIBUTE(RPC_METHOD, "rpc.method")                                                                            \
	ATTRIBUTE(RPC_METHOD_ORIGINAL, "rpc.method_original")                                                          \
	ATTRIBUTE(RPC_RESPONSE_STATUS_CODE, "rpc.response.status_code")                                                \
	ATTRIBUTE(RPC_SYSTEM_NAME, "rpc.system.name")                                                                  \
	ATTRIBUTE(SERVER_ADDRESS, "server.address")                                                                    \
	ATTRIBUTE(SERVER_PORT, "server.port")                                                                          \
	ATTRIBUTE(URL_FULL, "url.full")                                                                                \
	ATTRIBUTE(URL_PATH, "url.path")                                                                                \
	ATTRIBUTE(URL_QUERY, "url.query")                                                                              \
	ATTRIBUTE(URL_SCHEME, "url.scheme")                                                                            \
	ATTRIBUTE(USER_AGENT_ORIGINAL, "user_agent.original")                                                          \
	ATTRIBUTE(SHMOTEL_HEAD, "shmotel.head")                                                                        \
	ATTRIBUTE(SHMOTEL_RPC_REQUEST_MESSAGES, "shmotel.rpc.request.messages")                                        \
	ATTRIBUTE(SHMOTEL_RPC_RESPONSE_MESSAGES, "shmotel.rpc.response.messages")                                      \
	ATTRIBUTE(SHMOTEL_END, "shmotel.end")                                                                          \
	ATTRIBUTE(SHMOTEL_OUTCOME, "shmotel.outcome")                                                                  \
	ATTRIBUTE(SHMOTEL_START, "shmotel.start")                                                                      \
	ATTRIBUTE(OTEL_METRIC_OVERFLOW, "otel.metric.overflow")                                                        \
	ATTRIBUTE(CONTAINER_ID, "container.id")                                                                        \
	ATTRIBUTE(HOST_ARCH, "host.arch")                                                                              \
	ATTRIBUTE(HOST_ID, "host.id")                                                                                  \
	ATTRIBUTE(HOST_NAME, "host.name")                                                                              \
	ATTRIBUTE(K8S_POD_UID, "k8s.pod.uid")                                                                          \
	ATTRIBUTE(OS_TYPE, "os.type")                                                                                  \
	ATTRIBUTE(PROCESS_COMMAND_LINE, "process.command_line")                                                        \
	ATTRIBUTE(PROCESS_CREATION_TIME, "process.creation.time")                                                      \
	ATTRIBUTE(PROCESS_EXECUTABLE_NAME, "process.executable.name")                                                  \
	ATTRIBUTE(PROCESS_EXECUTABLE_PATH, "process.executable.path")                                                  \
	ATTRIBUTE(PROCESS_PID, "process.pid")                                                                          \
	ATTRIBUTE(SERVICE_INSTANCE_ID, "service.instance.id")                                                          \
	ATTRIBUTE(SERVICE_NAME, "service.name")                                                                        \
	ATTRIBUTE(TELEMETRY_DISTRO_NAME, "telemetry.distro.name")                                                      \
	ATTRIBUTE(TELEMETRY_DISTRO_VERSION, "telemetry.distro.version")                                                \
	ATTRIBUTE(TELEMETRY_SDK_LANGUAGE, "telemetry.sdk.language")                                                    \
	ATTRIBUTE(TELEMETRY_SDK_NAME, "telemetry.sdk.name")                                                            \
	ATTRIBUTE(TELEMETRY_SDK_VERSION, "telemetry.sdk.version")

enum attribute_name {
#define ATTRIBUTE_ID(id, key) ATTRIBUTE_##id,
	ATTRIBUTE_NAMES(ATTRIBUTE_ID)
#undef ATTRIBUTE_ID
		ATTRIBUTE_NAME_COUNT
};

_Static_assert(ATTRIBUTE_NAME_COUNT <= 64, "sets of attribute names are bits of a word");
#define ATTRIBUTE_BIT(id) (UINT64_C(1) << ATTRIBUTE_##id)

enum {
	ATTRIBUTE_KEY_ROOM = 38,
};

/* A key as it stands at the head of a KeyValue: field 1, length, text. One run of bytes of 2 + length; the encoder
 * copies the whole struct, whose size is fixed, and moves on by what counts. */
struct attribute_key {
	uint8_t tag;
	uint8_t length;
	char text[ATTRIBUTE_KEY_ROOM];
};

extern const struct attribute_key attribute_keys[ATTRIBUTE_NAME_COUNT];

static inline struct slice attribute_key_text(enum attribute_name name)
{
	return (struct slice){attribute_keys[name].text, attribute_keys[name].length};
}

#endif
