/* Complete what the kernel side saw of a process from /proc, into a record that is ready for the ring. */
#include "process_identity.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cgroup_identity.h"

/* The variable parts of a process record, in the order in which they stand there. */
enum string_kind {
	COMMAND,
	EXECUTABLE,
	COMMAND_LINE,
	CGROUP,
	CONTAINER_ID,
	POD_UID,
	SERVICE_NAME,
	RESOURCE_ATTRIBUTES,
	STRING_KINDS,
};

static const uint16_t string_bytes_max[STRING_KINDS] = {
	[COMMAND] = SHM_COMMAND_BYTES_MAX,
	[EXECUTABLE] = SHM_EXECUTABLE_BYTES_MAX,
	[COMMAND_LINE] = SHM_COMMAND_LINE_BYTES_MAX,
	[CGROUP] = SHM_CGROUP_BYTES_MAX,
	[CONTAINER_ID] = SHM_CONTAINER_ID_BYTES_MAX,
	[POD_UID] = SHM_POD_UID_BYTES_MAX,
	[SERVICE_NAME] = SHM_SERVICE_NAME_BYTES_MAX,
	[RESOURCE_ATTRIBUTES] = SHM_RESOURCE_ATTRIBUTES_BYTES_MAX,
};

struct strings {
	struct shm_string of[STRING_KINDS];
	char pod_uid[CGROUP_POD_UID_BYTES];
};

int process_identity_open(struct process_identity *identity, const char *proc_path)
{
	long ticks_per_second = sysconf(_SC_CLK_TCK);

	if (ticks_per_second <= 0)
		return -EINVAL;
	identity->tick_ns = UINT64_C(1000000000) / (uint64_t)ticks_per_second;
	identity->proc_fd = open(proc_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return identity->proc_fd < 0 ? -errno : 0;
}

void process_identity_close(struct process_identity *identity)
{
	if (identity->proc_fd >= 0)
		close(identity->proc_fd);
	identity->proc_fd = -1;
}

/* Fill `buffer` from its position `used` on. Returns the new fill; what could not be read is missing. */
static size_t fd_read(int fd, char *buffer, size_t used, size_t size)
{
	while (used < size) {
		ssize_t n = read(fd, buffer + used, size - used);

		if (n <= 0)
			break;
		used += (size_t)n;
	}
	return used;
}

static struct shm_string file_read(int directory, const char *name, char *buffer, size_t size)
{
	struct shm_string text = {buffer, 0};
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return text;
	text.length = fd_read(fd, buffer, 0, size);
	close(fd);
	return text;
}

static struct shm_string field_string(const char *field, size_t size)
{
	return (struct shm_string){field, strnlen(field, size)};
}

/* Some programs overwrite their arguments with a title and pad it with NULs: none of those at the end tell anything. */
static struct shm_string without_trailing(struct shm_string string, char c)
{
	while (string.length > 0 && string.bytes[string.length - 1] == c)
		string.length--;
	return string;
}

/* Field 22 of /proc/PID/stat. The command, field 2, may hold any byte: the last parenthesis closes it. */
static bool stat_start_ticks(struct shm_string stat, uint64_t *ticks)
{
	const char *end = stat.bytes + stat.length;
	const char *at = memrchr(stat.bytes, ')', stat.length);

	for (int field = 2; at != NULL && field < 22; field++) {
		at = memchr(at, ' ', (size_t)(end - at));
		at = at == NULL ? NULL : at + 1;
	}
	if (at == NULL || at == end)
		return false;
	*ticks = 0;
	for (; at < end && *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(*ticks, 10, ticks) || __builtin_add_overflow(*ticks, *at - '0', ticks))
			return false;
	return at < end && *at == ' ';
}

/* A descriptor of /proc/PID stays with the process that it was opened for, so one check covers all that is read
 * through it. Returns -1 if the pid is gone or belongs to somebody else by now. */
static int directory_open(struct process_identity *identity, const struct event_process *event)
{
	char name[16];
	uint64_t ticks;

	snprintf(name, sizeof(name), "%" PRIu32, event->pid);
	int directory = openat(identity->proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (directory < 0)
		return -1;
	struct shm_string stat = file_read(directory, "stat", identity->text, sizeof(identity->text));

	if (!stat_start_ticks(stat, &ticks) || ticks != event->start_boot_ns / identity->tick_ns) {
		close(directory);
		return -1;
	}
	return directory;
}

static bool variable_take(struct shm_string entry, const char *name, char *value, size_t size, struct shm_string *taken)
{
	size_t name_bytes = strlen(name);

	/* The first of several entries is the one that getenv finds. */
	if (taken->length > 0 || entry.length <= name_bytes || memcmp(entry.bytes, name, name_bytes) != 0)
		return false;
	taken->bytes = value;
	taken->length = entry.length - name_bytes < size ? entry.length - name_bytes : size;
	memcpy(value, entry.bytes + name_bytes, taken->length);
	return true;
}

static void entry_take(struct process_identity *identity, struct shm_string entry, struct strings *strings)
{
	if (!variable_take(entry, "OTEL_SERVICE_NAME=", identity->service_name, sizeof(identity->service_name),
			   &strings->of[SERVICE_NAME]))
		(void)variable_take(entry, "OTEL_RESOURCE_ATTRIBUTES=", identity->resource_attributes,
				    sizeof(identity->resource_attributes), &strings->of[RESOURCE_ATTRIBUTES]);
}

/* Walk the entries of the environment through one buffer. One longer than the buffer is judged by its beginning. */
static void environment_search(struct process_identity *identity, int directory, struct strings *strings)
{
	int fd = openat(directory, "environ", O_RDONLY | O_CLOEXEC);
	size_t used = 0, total = 0;
	bool within_entry = false;

	while (fd >= 0 && total < PROCESS_ENVIRONMENT_BYTES_MAX) {
		size_t kept = used;

		used = fd_read(fd, identity->text, used, sizeof(identity->text));
		total += used - kept;
		bool last = used < sizeof(identity->text);
		size_t at = 0;

		while (at < used) {
			struct shm_string entry = {identity->text + at, used - at};
			const char *nul = memchr(entry.bytes, '\0', entry.length);

			if (nul == NULL && at > 0 && !last)
				break;
			if (nul != NULL)
				entry.length = (size_t)(nul - entry.bytes);
			if (!within_entry)
				entry_take(identity, entry, strings);
			within_entry = nul == NULL;
			at += entry.length + (nul != NULL);
		}
		used -= at;
		memmove(identity->text, identity->text + at, used);
		if (last)
			break;
	}
	if (fd >= 0)
		close(fd);
	explicit_bzero(identity->text, sizeof(identity->text));
}

static struct shm_string executable_read(struct process_identity *identity, int directory)
{
	static const char deleted[] = " (deleted)";
	const size_t deleted_bytes = sizeof(deleted) - 1;
	ssize_t n = readlinkat(directory, "exe", identity->executable, sizeof(identity->executable));
	struct shm_string path = {identity->executable, n < 0 ? 0 : (size_t)n};

	if (path.length > deleted_bytes &&
	    memcmp(path.bytes + path.length - deleted_bytes, deleted, deleted_bytes) == 0)
		path.length -= deleted_bytes;
	return path;
}

/* Whether /proc still shows the program that the event speaks of, and not the one after an execve. */
static bool is_same_program(struct shm_string path, const struct event_process *event)
{
	struct shm_string name = field_string(event->file_name, sizeof(event->file_name));

	if (path.length == 0)
		return false;
	if (name.length >= sizeof(event->file_name) - 1) /* cut: no end to compare with */
		return true;
	return name.length <= path.length &&
	       memcmp(path.bytes + path.length - name.length, name.bytes, name.length) == 0;
}

/* Whether the event holds the environment to its end. */
static bool has_whole_environment(const struct event_process *event)
{
	return event->environment_bytes > 0 && event->environment_bytes < EVENT_ENVIRONMENT_BYTES_MAX;
}

/* An entry without its NUL is the one that the end of the room has cut. */
static void environment_from_event(struct process_identity *identity, const struct event_process *event,
				   struct strings *strings)
{
	size_t bytes = event->environment_bytes < EVENT_ENVIRONMENT_BYTES_MAX ? event->environment_bytes
									      : EVENT_ENVIRONMENT_BYTES_MAX;
	const char *at = event->environment, *end = at + bytes, *nul;

	for (; at < end && (nul = memchr(at, '\0', (size_t)(end - at))) != NULL; at = nul + 1)
		entry_take(identity, (struct shm_string){at, (size_t)(nul - at)}, strings);
}

static void strings_from_event(struct process_identity *identity, const struct event_process *event,
			       struct strings *strings)
{
	size_t argument_bytes = event->argument_bytes < EVENT_ARGUMENT_BYTES_MAX ? event->argument_bytes
										 : EVENT_ARGUMENT_BYTES_MAX;

	*strings = (struct strings){0};
	environment_from_event(identity, event, strings);
	strings->of[COMMAND] = field_string(event->command, sizeof(event->command));
	strings->of[EXECUTABLE] = field_string(event->file_name, sizeof(event->file_name));
	strings->of[COMMAND_LINE] =
		without_trailing((struct shm_string){event->arguments, argument_bytes}, '\0');
}

/* What is said of the program, as against the process, falls back to the event if /proc shows another program. */
static bool strings_from_proc(struct process_identity *identity, const struct event_process *event,
			      struct strings *strings)
{
	struct cgroup_identity cgroup;
	struct shm_string text;
	int directory = directory_open(identity, event);

	if (directory < 0)
		return false;
	text = file_read(directory, "cgroup", identity->cgroups, sizeof(identity->cgroups));
	cgroup_identity_parse(text.bytes, text.length, &cgroup);
	memcpy(strings->pod_uid, cgroup.pod_uid, cgroup.pod_uid_bytes);
	strings->of[CGROUP] = cgroup.path;
	strings->of[CONTAINER_ID] = cgroup.container_id;
	strings->of[POD_UID] = (struct shm_string){strings->pod_uid, cgroup.pod_uid_bytes};
	text = file_read(directory, "comm", identity->command, sizeof(identity->command));
	strings->of[COMMAND] = without_trailing(text, '\n');
	text = file_read(directory, "cmdline", identity->command_line, sizeof(identity->command_line));
	strings->of[COMMAND_LINE] = without_trailing(text, '\0');
	if (!has_whole_environment(event)) {
		strings->of[SERVICE_NAME].length = 0;
		strings->of[RESOURCE_ATTRIBUTES].length = 0;
		environment_search(identity, directory, strings);
	}
	/* Last, so that an execve during the reading is noticed. */
	strings->of[EXECUTABLE] = executable_read(identity, directory);
	close(directory);
	if (is_same_program(strings->of[EXECUTABLE], event))
		return true;

	struct strings program;

	strings_from_event(identity, event, &program);
	for (int kind = COMMAND; kind < STRING_KINDS; kind++)
		if (kind != CGROUP && kind != CONTAINER_ID && kind != POD_UID)
			strings->of[kind] = program.of[kind];
	return false;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void record_assemble(const struct event_process *event, const struct strings *strings,
			    struct process_record *record)
{
	uint16_t lengths[STRING_KINDS];
	size_t at = sizeof(record->fixed);

	for (int i = 0; i < STRING_KINDS; i++) {
		struct shm_string string = strings->of[i];

		lengths[i] = string.length < string_bytes_max[i] ? (uint16_t)string.length : string_bytes_max[i];
		if (lengths[i] > 0)
			memcpy(record->bytes + at, string.bytes, lengths[i]);
		at += lengths[i];
	}
	while (at % SHM_RECORD_ALIGN_BYTES != 0)
		record->bytes[at++] = 0;
	record->fixed = (struct shm_record_process){
		.header = {.length = (uint32_t)at, .type = SHM_RECORD_PROCESS},
		.process_id = event->process_id,
		.start_time_unix_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME) + event->start_boot_ns,
		.pid = event->pid,
		.parent_pid = event->parent_pid,
		.uid = event->uid,
		.namespace_pid = event->namespace_pid,
		.pid_namespace = event->pid_namespace,
		.net_namespace = event->net_namespace,
		.command_bytes = lengths[COMMAND],
		.executable_bytes = lengths[EXECUTABLE],
		.command_line_bytes = lengths[COMMAND_LINE],
		.cgroup_bytes = lengths[CGROUP],
		.container_id_bytes = lengths[CONTAINER_ID],
		.pod_uid_bytes = lengths[POD_UID],
		.service_name_bytes = lengths[SERVICE_NAME],
		.resource_attributes_bytes = lengths[RESOURCE_ATTRIBUTES],
	};
}

bool process_identity_complete(struct process_identity *identity, const struct event_process *event,
			       struct process_record *record)
{
	struct strings strings;

	strings_from_event(identity, event, &strings);
	bool complete = strings_from_proc(identity, event, &strings);

	record_assemble(event, &strings, record);
	return complete;
}
