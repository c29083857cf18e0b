/* Write a checked record as one line of text. */
#include "vectors/record_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum field_kind { FIELD_END, FIELD_NUMBER, FIELD_ADDRESS };

struct field {
	enum field_kind kind;
	const char *name;
	size_t offset, size;
};

#define FIELD_OF(kind, type, name)                                                                                     \
	{                                                                                                              \
		kind, #name, offsetof(struct type, name), sizeof(((struct type *)0)->name)                             \
	}
#define NUMBER(type, name) FIELD_OF(FIELD_NUMBER, type, name)

enum { FIELDS_MAX = 12 };

static const struct field fields[SHM_RECORD_TYPE_END][FIELDS_MAX] = {
	[SHM_RECORD_PROCESS] =
		{
			NUMBER(shm_record_process, process_id),
			NUMBER(shm_record_process, start_time_unix_ns),
			NUMBER(shm_record_process, pid),
			NUMBER(shm_record_process, parent_pid),
			NUMBER(shm_record_process, uid),
			NUMBER(shm_record_process, namespace_pid),
			NUMBER(shm_record_process, pid_namespace),
			NUMBER(shm_record_process, net_namespace),
		},
	[SHM_RECORD_PROCESS_EXIT] =
		{
			NUMBER(shm_record_process_exit, process_id),
			NUMBER(shm_record_process_exit, time_ns),
		},
	[SHM_RECORD_CONNECTION] =
		{
			NUMBER(shm_record_connection, connection_id),
			NUMBER(shm_record_connection, process_id),
			NUMBER(shm_record_connection, time_ns),
			NUMBER(shm_record_connection, family),
			NUMBER(shm_record_connection, role),
			NUMBER(shm_record_connection, local_port),
			NUMBER(shm_record_connection, remote_port),
			NUMBER(shm_record_connection, net_namespace),
			FIELD_OF(FIELD_ADDRESS, shm_record_connection, local_address),
			FIELD_OF(FIELD_ADDRESS, shm_record_connection, remote_address),
		},
	[SHM_RECORD_DATA] =
		{
			NUMBER(shm_record_data, connection_id),
			NUMBER(shm_record_data, time_ns),
			NUMBER(shm_record_data, offset),
			NUMBER(shm_record_data, byte_count),
		},
	[SHM_RECORD_CONNECTION_CLOSE] =
		{
			NUMBER(shm_record_connection_close, connection_id),
			NUMBER(shm_record_connection_close, time_ns),
			NUMBER(shm_record_connection_close, sent_bytes),
			NUMBER(shm_record_connection_close, received_bytes),
			NUMBER(shm_record_connection_close, retransmits),
			NUMBER(shm_record_connection_close, reason),
		},
	[SHM_RECORD_LOSS] =
		{
			NUMBER(shm_record_loss, time_ns),
			NUMBER(shm_record_loss, records),
			NUMBER(shm_record_loss, bytes),
			NUMBER(shm_record_loss, stage),
		},
	[SHM_RECORD_CLOCK] =
		{
			NUMBER(shm_record_clock, monotonic_ns),
			NUMBER(shm_record_clock, unix_ns),
			NUMBER(shm_record_clock, boot_ns),
		},
	[SHM_RECORD_COUNTERS] =
		{
			NUMBER(shm_record_counters, time_ns),
		},
	[SHM_RECORD_SNAPSHOT_END] =
		{
			NUMBER(shm_record_snapshot_end, time_ns),
			NUMBER(shm_record_snapshot_end, processes),
			NUMBER(shm_record_snapshot_end, connections),
		},
};

struct out {
	char *text;
	size_t length;
};

__attribute__((format(printf, 2, 3))) static void out_print(struct out *out, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	out->length += (size_t)vsnprintf(out->text + out->length, RECORD_TEXT_BYTES_MAX - out->length, format,
					 arguments);
	va_end(arguments);
}

static uint64_t number_at(const uint8_t *at, size_t size)
{
	uint16_t half;
	uint32_t word;
	uint64_t whole;

	switch (size) {
	case sizeof(half):
		memcpy(&half, at, sizeof(half));
		return half;
	case sizeof(word):
		memcpy(&word, at, sizeof(word));
		return word;
	case sizeof(whole):
		memcpy(&whole, at, sizeof(whole));
		return whole;
	default:
		return *at;
	}
}

static void out_fields(struct out *out, const struct shm_record_header *header)
{
	for (const struct field *field = fields[header->type]; field->kind != FIELD_END; field++) {
		const uint8_t *at = (const uint8_t *)header + field->offset;

		out_print(out, " %s=", field->name);
		if (field->kind == FIELD_NUMBER)
			out_print(out, "%" PRIu64, number_at(at, field->size));
		else
			for (size_t i = 0; i < field->size; i++)
				out_print(out, "%02x", at[i]);
	}
}

static void out_string(struct out *out, const char *name, struct shm_string string)
{
	out_print(out, " %s=\"", name);
	for (size_t i = 0; i < string.length; i++) {
		const unsigned char byte = (unsigned char)string.bytes[i];
		const bool is_plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';

		out_print(out, is_plain ? "%c" : "\\x%02x", byte);
	}
	out_print(out, "\"");
}

static void out_process_strings(struct out *out, const struct shm_record_view *view)
{
	out_string(out, "command", view->process.command);
	out_string(out, "executable", view->process.executable);
	out_string(out, "command_line", view->process.command_line);
	out_string(out, "cgroup", view->process.cgroup);
	out_string(out, "container_id", view->process.container_id);
	out_string(out, "pod_uid", view->process.pod_uid);
	out_string(out, "service_name", view->process.service_name);
	out_string(out, "resource_attributes", view->process.resource_attributes);
}

static void out_values(struct out *out, const struct shm_record_view *view)
{
	out_print(out, " values=");
	for (uint32_t i = 0; i < view->counters.fixed->count; i++)
		out_print(out, "%s%" PRIu64, i == 0 ? "" : ",", view->counters.values[i]);
}

void record_text(const struct shm_record_view *view, char text[RECORD_TEXT_BYTES_MAX])
{
	struct out out = {.text = text};

	out_print(&out, "%s flags=%u", shm_record_type_name(view->header->type), view->header->flags);
	out_fields(&out, view->header);
	if (view->header->type == SHM_RECORD_PROCESS)
		out_process_strings(&out, view);
	if (view->header->type == SHM_RECORD_CONNECTION)
		out_string(&out, "unix_path", view->connection.unix_path);
	if (view->header->type == SHM_RECORD_DATA)
		out_string(&out, "captured", (struct shm_string){.bytes = (const char *)view->data.bytes,
								 .length = view->data.fixed->captured_bytes});
	if (view->header->type == SHM_RECORD_COUNTERS)
		out_values(&out, view);
}
