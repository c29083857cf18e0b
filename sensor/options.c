/* The sensor's option table, and what follows from it. */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/option_table.h"
#include "shm_protocol/limits.h"

#define USER_DEFAULT "shmotel-sensor"

#define AT(member) OPTION_AT(struct sensor_options, member)

_Static_assert((int)OPTION_PORT_RANGES_MAX == (int)CAPTURE_PORT_RANGES_MAX, "a full list of ranges fits");

static const struct option_choice capture_modes[] = {
	{"auto", CAPTURE_AUTO},
	{"fentry", CAPTURE_FENTRY},
	{"tracepoint", CAPTURE_TRACEPOINT},
	{NULL, 0},
};

static const char *check_socket_path(const char *path)
{
	if (path[0] != '/')
		return "is not an absolute path; give one, such as /run/shmotel/sensor.sock";
	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return "is too long for a Unix socket; give a path of at most 107 bytes";
	return NULL;
}

static const char *check_not_empty(const char *text)
{
	return text[0] == '\0' ? "is empty; give a pattern, or leave it out" : NULL;
}

static const struct option rows[] = {
	{"sensor.socket", "socket", "SHMOTEL_SOCKET", "Unix socket where a receiver attaches",
	 "/run/shmotel/sensor.sock", .type = OPTION_TEXT, .check = check_socket_path, AT(socket_path)},
	{"sensor.allow_uid", "allow-uid", "SHMOTEL_ALLOW_UID",
	 "user, by name or number, who may attach; default shmotel where that user exists, else nobody (65534)",
	 .type = OPTION_USER, AT(allow_uid)},
	{"sensor.user", "user", "SHMOTEL_SENSOR_USER",
	 "user, by name or number, to go on as after attaching when started as root; default shmotel-sensor where "
	 "that user exists, else root without its capabilities",
	 "", .type = OPTION_TEXT, AT(user)},
	{"sensor.capture", "capture", "SHMOTEL_CAPTURE", "way into the kernel", "auto", .choices = capture_modes,
	 .type = OPTION_CHOICE, AT(capture.mode)},
	{"sensor.verifier_log", "verifier-log", "SHMOTEL_VERIFIER_LOG",
	 "file for what the kernel says when it refuses a program, for bug reports", "", .type = OPTION_TEXT,
	 AT(verifier_log)},
	{"sensor.capture_bytes", "capture-bytes", "SHMOTEL_CAPTURE_BYTES",
	 "bytes copied of each message; the rest is counted only", "4KiB", .least = "64B", .most = "16KiB",
	 .type = OPTION_BYTES, AT(capture.capture_bytes)},
	{"sensor.kernel_ring_bytes", "kernel-ring-bytes", "SHMOTEL_KERNEL_RING_BYTES",
	 "size of the ring between kernel and sensor, a power of two", "4MiB", .least = "64KiB", .most = "1GiB",
	 .type = OPTION_BYTES, .power_of_two = true, AT(capture.kernel_ring_bytes)},
	{"sensor.ring_bytes", "ring-bytes", "SHMOTEL_RING_BYTES",
	 "size of the ring between sensor and receiver, a power of two", "4MiB", .least = "64KiB", .most = "1GiB",
	 .type = OPTION_BYTES, .power_of_two = true, AT(ring_bytes)},
	{"sensor.connections_max", "connections-max", "SHMOTEL_CONNECTIONS_MAX", "connection ends watched at once",
	 "65536", .least = "64", .most = "4194304", .type = OPTION_COUNT, AT(capture.connections_max)},
	{"sensor.processes_max", "processes-max", "SHMOTEL_PROCESSES_MAX", "processes watched at once", "16384",
	 .least = "64", .most = "4194304", .type = OPTION_COUNT, AT(capture.processes_max)},
	{"sensor.unix_sockets", "unix-sockets", "SHMOTEL_UNIX_SOCKETS", "watch Unix stream sockets too", "true",
	 .type = OPTION_BOOLEAN, AT(capture.unix_sockets)},
	{"sensor.filters.ports.include", "include-port", "SHMOTEL_INCLUDE_PORTS",
	 "watch only connections with one of these ports at either end", .type = OPTION_PORTS, AT(include_ports)},
	{"sensor.filters.ports.exclude", "exclude-port", "SHMOTEL_EXCLUDE_PORTS",
	 "do not watch connections with one of these ports at either end", .type = OPTION_PORTS, AT(exclude_ports)},
	{"sensor.filters.executables.include", "include-executable", "SHMOTEL_INCLUDE_EXECUTABLES",
	 "watch only executables that match one of these patterns", .check = check_not_empty, .type = OPTION_TEXTS,
	 AT(include_executables)},
	{"sensor.filters.executables.exclude", "exclude-executable", "SHMOTEL_EXCLUDE_EXECUTABLES",
	 "do not watch executables that match one of these patterns", .check = check_not_empty, .type = OPTION_TEXTS,
	 AT(exclude_executables)},
	{"sensor.filters.cgroups.include", "include-cgroup", "SHMOTEL_INCLUDE_CGROUPS",
	 "watch only cgroups whose path matches one of these patterns", .check = check_not_empty, .type = OPTION_TEXTS,
	 AT(include_cgroups)},
	{"sensor.filters.cgroups.exclude", "exclude-cgroup", "SHMOTEL_EXCLUDE_CGROUPS",
	 "do not watch cgroups whose path matches one of these patterns", .check = check_not_empty,
	 .type = OPTION_TEXTS, AT(exclude_cgroups)},
	{"sensor.filters.watch_collectors", "watch-collectors", "SHMOTEL_WATCH_COLLECTORS",
	 "watch Collectors too (executables otelcol*, alloy), which may then report their own reports", "false",
	 .type = OPTION_BOOLEAN, AT(watch_collectors)},
	/* The receiver's, read here so that the port of its Collector is never watched. */
	{"receiver.export", .type = OPTION_TEXTS, AT(receiver_exports)},
};

static const struct option_table table = {
	.program = "shmotel-sensor",
	.purpose =
		"watch the host's TCP and Unix stream sockets with eBPF and pass what they carry to shmotel-receiver",
	.version = SHMOTEL_VERSION,
	.part = "sensor",
	.other_part = "receiver",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
};

static const char *behind(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0 ? text + strlen(prefix) : text;
}

/* The port of "otlp-grpc:http://HOST:PORT" and its like, or 0: the receiver is the one to complain about a wrong
 * specification. */
static uint16_t export_port(const char *specification)
{
	const char *kind = behind(behind(specification, "traces/"), "metrics/");
	const char *authority = behind(behind(kind, "otlp-grpc:"), "otlp-http:");
	unsigned long port = 0;

	if (authority == kind || strncmp(authority, "unix", 4) == 0)
		return 0;
	authority = behind(behind(authority, "http://"), "https://");
	authority += authority[0] == '[' ? strcspn(authority, "]") : strcspn(authority, ":/");
	authority = behind(authority, "]");
	if (authority[0] != ':') /* the default */
		return strncmp(kind, "otlp-grpc:", strlen("otlp-grpc:")) == 0 ? 4317 : 4318;
	port = strtoul(authority + 1, NULL, 10);
	return port <= UINT16_MAX ? (uint16_t)port : 0;
}

static bool exclude_export_ports(struct sensor_options *options, struct option_reading *reading)
{
	struct option_ports *ports = &options->exclude_ports;

	for (size_t i = 0; i < options->receiver_exports.count; i++) {
		uint16_t port = export_port(options->receiver_exports.items[i]);

		if (port == 0)
			continue;
		if (ports->count == OPTION_PORT_RANGES_MAX) {
			snprintf(reading->complaint, sizeof(reading->complaint),
				 "sensor.filters.ports.exclude: there is no room for port %u of the receiver's "
				 "Collector; "
				 "exclude fewer than 16 ranges, joining neighbours",
				 port);
			return false;
		}
		ports->ranges[ports->count++] = (struct option_port_range){port, port};
	}
	return true;
}

static void hand_over_ports(struct sensor_options *options)
{
	struct capture_options *capture = &options->capture;

	capture->include_port_count = options->include_ports.count;
	capture->exclude_port_count = options->exclude_ports.count;
	for (size_t i = 0; i < OPTION_PORT_RANGES_MAX; i++) {
		capture->include_ports[i].first = options->include_ports.ranges[i].first;
		capture->include_ports[i].last = options->include_ports.ranges[i].last;
		capture->exclude_ports[i].first = options->exclude_ports.ranges[i].first;
		capture->exclude_ports[i].last = options->exclude_ports.ranges[i].last;
	}
}

static bool number_parse(const char *text, uid_t *uid)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 || number >= UINT32_MAX)
		return false;
	*uid = (uid_t)number;
	return true;
}

static bool run_as_decide(struct sensor_options *options, struct option_reading *reading)
{
	struct privileges_options *run_as = &options->run_as;
	bool given = options->user[0] != '\0';
	bool number = number_parse(options->user, &run_as->uid);
	const struct passwd *entry = number ? getpwuid(run_as->uid) : getpwnam(given ? options->user : USER_DEFAULT);

	if (entry == NULL && given && !number) {
		snprintf(reading->complaint, sizeof(reading->complaint),
			 "sensor.user: \"%.256s\" is not a user of this machine; create it with `useradd --system`, or "
			 "give the name or number of one that exists",
			 options->user);
		return false;
	}
	/* A number without an account has a group of the same number, as is usual for nobody. */
	if (entry != NULL)
		run_as->uid = entry->pw_uid;
	run_as->gid = entry != NULL ? entry->pw_gid : (gid_t)run_as->uid;
	/* The default is for those who start it as root; anybody else stays who he is. */
	run_as->change_user = given || (entry != NULL && geteuid() == 0);
	return true;
}

static int outcome_conclude(const struct option_table *read_table, enum option_outcome outcome,
			    struct sensor_options *options, struct option_reading *reading)
{
	if (outcome == OPTION_DONE)
		return 0;
	if (outcome == OPTION_WRONG || !exclude_export_ports(options, reading) ||
	    (read_table == &table && !run_as_decide(options, reading))) {
		fprintf(stderr, "%s: %s\n", table.program, reading->complaint);
		return 2;
	}
	hand_over_ports(options);
	if (outcome == OPTION_CHECK) {
		option_table_print(&table, reading, options, stdout);
		return 0;
	}
	return -1;
}

int sensor_options_read(struct sensor_options *options, int argc, char **argv)
{
	struct option_reading reading;
	enum option_outcome outcome = option_table_read(&table, OPTION_FILE_DEFAULT, argc, argv, options, &reading);

	return outcome_conclude(&table, outcome, options, &reading);
}

/* To look up a user may take libraries to load and sockets to connect. Here their rows are texts that nobody reads. */
int sensor_options_reread(struct sensor_options *options, int argc, char **argv)
{
	struct option reread_rows[sizeof(rows) / sizeof(rows[0])];
	struct option_table reread_table = table;
	struct option_reading reading;
	enum option_outcome outcome;

	memcpy(reread_rows, rows, sizeof(rows));
	reread_table.rows = reread_rows;
	for (size_t i = 0; i < reread_table.row_count; i++) {
		if (reread_rows[i].type != OPTION_USER)
			continue;
		reread_rows[i].type = OPTION_TEXT;
		reread_rows[i].offset = offsetof(struct sensor_options, user);
		reread_rows[i].size = sizeof(options->user);
	}
	outcome = option_table_read(&reread_table, OPTION_FILE_DEFAULT, argc, argv, options, &reading);
	return outcome_conclude(&reread_table, outcome, options, &reading);
}

void sensor_options_free(struct sensor_options *options)
{
	option_table_free(&table, options);
}
