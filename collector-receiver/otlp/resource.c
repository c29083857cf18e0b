/* Choose the resource attributes of a process and encode them. */
#define _GNU_SOURCE /* memrchr */
#include "otlp/resource.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "counters.h"
#include "exchanges/redaction.h"
#include "otlp/attribute_names.h"
#include "otlp/resource_attributes.h"
#include "otlp/uuid_v5.h"

enum {
	RESOURCE_FIELD = 1,
	RESOURCE_ATTRIBUTES_FIELD = 1,
	TEXT_MAX = 4096,
};

/* The namespace that the conventions give for service.instance.id. */
static const uint8_t instance_namespace[16] = {0x4d, 0x63, 0x00, 0x9a, 0x8d, 0x0f, 0x11, 0xee,
					       0xaa, 0xd7, 0x4c, 0x79, 0x6e, 0xd8, 0xe3, 0x20};

static const struct slice deleted_suffix = SLICE_LITERAL(" (deleted)");

static void add_text(struct wire_buffer *out, enum attribute_name name, struct slice raw, size_t length_max)
{
	char bytes[TEXT_MAX];
	struct redaction_space space = {bytes, 0, sizeof(bytes)};

	if (raw.length > 0)
		wire_add_string_attribute(out, RESOURCE_ATTRIBUTES_FIELD, attribute_key_text(name),
					  redaction_text(&space, raw, length_max));
}

static void add_string(struct wire_buffer *out, enum attribute_name name, const char *text)
{
	add_text(out, name, (struct slice){text, strlen(text)}, REDACTION_RESOURCE_VALUE_MAX);
}

static struct slice executable_path(const struct process *process)
{
	struct slice path = process->executable;

	if (path.length > deleted_suffix.length &&
	    memcmp(path.bytes + path.length - deleted_suffix.length, deleted_suffix.bytes, deleted_suffix.length) == 0)
		path.length -= deleted_suffix.length;
	return path;
}

static struct slice executable_name(const struct process *process)
{
	struct slice path = executable_path(process);
	const char *slash = path.length > 0 ? memrchr(path.bytes, '/', path.length) : NULL;

	if (path.length == 0)
		return process->command;
	return slash == NULL ? path : (struct slice){slash + 1, path.length - (size_t)(slash + 1 - path.bytes)};
}

static struct slice find_attribute(const struct resource_attributes *given, enum attribute_name name)
{
	for (uint32_t i = 0; i < given->count; i++)
		if (slice_equal(given->items[i].key, attribute_key_text(name)))
			return given->items[i].value;
	return (struct slice){0};
}

static void add_service_name(struct wire_buffer *out, const struct process *process,
			     const struct resource_attributes *given)
{
	char text[sizeof("unknown_service:") + REDACTION_HOST_MAX];
	struct slice name = process->service_name.length > 0 ? process->service_name
							     : find_attribute(given, ATTRIBUTE_SERVICE_NAME);
	struct slice executable = executable_name(process);

	if (name.length == 0 && executable.length > 0) {
		int length = executable.length < REDACTION_HOST_MAX ? (int)executable.length : REDACTION_HOST_MAX;

		name.length = (size_t)snprintf(text, sizeof(text), "unknown_service:%.*s", length, executable.bytes);
		name.bytes = text;
	} else if (name.length == 0) {
		name = SLICE_LITERAL("unknown_service");
	}
	add_text(out, ATTRIBUTE_SERVICE_NAME, name, REDACTION_RESOURCE_VALUE_MAX);
}

/* Stable over restarts of both programs: the sensor gives a process the same process_id each time, while its start time
 * on the wall clock is reckoned anew and never comes out the same to the nanosecond. */
static void add_instance_id(struct wire_buffer *out, const struct process *process, const struct host_identity *host)
{
	char name[UUID_NAME_MAX];
	char uuid[UUID_TEXT_LENGTH + 1];
	int length = snprintf(name, sizeof(name), "%s/%" PRIu32 "/%" PRIu64,
			      host->id[0] != '\0' ? host->id : host->name, process->pid, process->process_id);

	uuid_v5_text(instance_namespace, (struct slice){name, (size_t)length}, uuid);
	add_string(out, ATTRIBUTE_SERVICE_INSTANCE_ID, uuid);
}

static void add_creation_time(struct wire_buffer *out, uint64_t unix_ns)
{
	char text[sizeof("2000-01-01T00:00:00.000Z") + 16];
	time_t seconds = (time_t)(unix_ns / 1000000000);
	struct tm when;
	size_t length;

	if (unix_ns == 0 || gmtime_r(&seconds, &when) == NULL)
		return;
	length = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &when);
	snprintf(text + length, sizeof(text) - length, ".%03uZ", (unsigned)(unix_ns / 1000000 % 1000));
	add_string(out, ATTRIBUTE_PROCESS_CREATION_TIME, text);
}

static void add_command_line(struct wire_buffer *out, struct slice arguments)
{
	char text[REDACTION_RESOURCE_VALUE_MAX];
	size_t length = arguments.length < sizeof(text) ? arguments.length : sizeof(text);

	while (length > 0 && arguments.bytes[length - 1] == '\0')
		length--;
	for (size_t i = 0; i < length; i++)
		text[i] = arguments.bytes[i] == '\0' ? ' ' : arguments.bytes[i];
	add_text(out, ATTRIBUTE_PROCESS_COMMAND_LINE, (struct slice){text, length}, sizeof(text));
}

static void add_process(struct wire_buffer *out, const struct process *process, const struct resource_rules *rules)
{
	wire_add_integer_attribute(out, RESOURCE_ATTRIBUTES_FIELD, attribute_key_text(ATTRIBUTE_PROCESS_PID),
				   process->pid);
	add_creation_time(out, process->start_time_unix_ns);
	add_text(out, ATTRIBUTE_PROCESS_EXECUTABLE_NAME, executable_name(process), REDACTION_HOST_MAX);
	add_text(out, ATTRIBUTE_PROCESS_EXECUTABLE_PATH, executable_path(process), REDACTION_RESOURCE_VALUE_MAX);
	if (rules->command_line)
		add_command_line(out, process->command_line);
	add_text(out, ATTRIBUTE_CONTAINER_ID, process->container_id, REDACTION_HOST_MAX);
	add_text(out, ATTRIBUTE_K8S_POD_UID, process->pod_uid, REDACTION_HOST_MAX);
}

/* Ours to say, whatever the process says. */
static bool is_observed(struct slice key)
{
	static const struct slice prefixes[] = {SLICE_LITERAL("process."), SLICE_LITERAL("telemetry.")};
	static const enum attribute_name names[] = {ATTRIBUTE_CONTAINER_ID, ATTRIBUTE_K8S_POD_UID, ATTRIBUTE_HOST_ID,
						    ATTRIBUTE_HOST_ARCH, ATTRIBUTE_OS_TYPE};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (key.length >= prefixes[i].length && memcmp(key.bytes, prefixes[i].bytes, prefixes[i].length) == 0)
			return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_equal(key, attribute_key_text(names[i])))
			return true;
	return false;
}

static void add_given(struct wire_buffer *out, const struct resource_attributes *given)
{
	for (uint32_t i = 0; i < given->count; i++) {
		struct resource_attribute item = given->items[i];
		char bytes[TEXT_MAX];
		struct redaction_space space = {bytes, 0, sizeof(bytes)};

		if (is_observed(item.key) || slice_equal(item.key, attribute_key_text(ATTRIBUTE_SERVICE_NAME)))
			continue;
		item.key = redaction_text(&space, item.key, REDACTION_HOST_MAX);
		item.value = redaction_text(&space, item.value, REDACTION_RESOURCE_VALUE_MAX);
		wire_add_string_attribute(out, RESOURCE_ATTRIBUTES_FIELD, item.key, item.value);
	}
}

static void add_host(struct wire_buffer *out, const struct host_identity *host, const struct resource_attributes *given)
{
	if (find_attribute(given, ATTRIBUTE_HOST_NAME).bytes == NULL)
		add_string(out, ATTRIBUTE_HOST_NAME, host->name);
	add_string(out, ATTRIBUTE_HOST_ID, host->id);
	add_string(out, ATTRIBUTE_HOST_ARCH, host->arch);
	add_string(out, ATTRIBUTE_OS_TYPE, "linux");
	add_string(out, ATTRIBUTE_TELEMETRY_SDK_NAME, "shmotel");
	add_string(out, ATTRIBUTE_TELEMETRY_SDK_LANGUAGE, "c");
	add_string(out, ATTRIBUTE_TELEMETRY_SDK_VERSION, SHMOTEL_VERSION);
	add_string(out, ATTRIBUTE_TELEMETRY_DISTRO_NAME, "shmotel");
	add_string(out, ATTRIBUTE_TELEMETRY_DISTRO_VERSION, SHMOTEL_VERSION);
}

void resource_encode(struct wire_buffer *out, const struct process *process, const struct resource_rules *rules)
{
	static const struct process nobody;
	struct resource_attributes given = {.count = 0};
	size_t begin = wire_message_begin(out, RESOURCE_FIELD);
	const struct process *p = process != NULL ? process : &nobody;

	if (resource_attributes_parse(p->resource_attributes, &given) != 0)
		counter_add(COUNTER_RESOURCE_ATTRIBUTES_INVALID, 1);
	add_service_name(out, p, &given);
	if (process != NULL) {
		if (find_attribute(&given, ATTRIBUTE_SERVICE_INSTANCE_ID).bytes == NULL)
			add_instance_id(out, p, rules->host);
		add_process(out, p, rules);
	}
	add_given(out, &given);
	add_host(out, rules->host, &given);
	wire_message_end(out, begin);
}
