/* Read host name, machine id and architecture. */
#include "otlp/host_identity.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

static const char *const machine_id_paths[] = {"/etc/machine-id", "/var/lib/dbus/machine-id"};

static const struct {
	const char *machine;
	const char *arch;
} architectures[] = {
	{"x86_64", "amd64"}, {"aarch64", "arm64"}, {"i686", "x86"},    {"i386", "x86"},	   {"armv7l", "arm32"},
	{"armv6l", "arm32"}, {"ppc64le", "ppc64"}, {"ppc64", "ppc64"}, {"s390x", "s390x"},
};

static void read_machine_id(char *out)
{
	for (size_t i = 0; i < sizeof(machine_id_paths) / sizeof(machine_id_paths[0]); i++) {
		FILE *file = fopen(machine_id_paths[i], "re");

		if (file == NULL)
			continue;
		if (fgets(out, HOST_IDENTITY_TEXT_MAX, file) == NULL)
			out[0] = '\0';
		fclose(file);
		out[strcspn(out, "\n")] = '\0';
		if (out[0] != '\0')
			return;
	}
}

void host_identity_read(struct host_identity *host)
{
	struct utsname names;

	memset(host, 0, sizeof(*host));
	read_machine_id(host->id);
	if (uname(&names) != 0)
		return;
	snprintf(host->name, sizeof(host->name), "%s", names.nodename);
	snprintf(host->arch, sizeof(host->arch), "%s", names.machine);
	for (size_t i = 0; i < sizeof(architectures) / sizeof(architectures[0]); i++)
		if (strcmp(names.machine, architectures[i].machine) == 0)
			snprintf(host->arch, sizeof(host->arch), "%s", architectures[i].arch);
}
