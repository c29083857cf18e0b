/* Landlock's part of the cage. */
#include "sandbox_landlock.h"

#include <errno.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The ABI as linux/landlock.h of Linux 6.12 has it (version 6): older headers know less of it. */
struct ruleset {
	uint64_t handled_access_fs;
	uint64_t handled_access_net; /* since version 4 */
	uint64_t scoped;	     /* since version 6 */
};

struct port_rule {
	uint64_t allowed_access;
	uint64_t port;
};

enum {
	ABI_REFER = 2,
	ABI_TRUNCATE = 3,
	ABI_TCP = 4,
	ABI_IOCTL_DEV = 5,
	ABI_SCOPE = 6,

	RULE_NET_PORT = 2,
	ACCESS_NET_BIND_TCP = 1 << 0,
	ACCESS_NET_CONNECT_TCP = 1 << 1,
	SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0,
	SCOPE_SIGNAL = 1 << 1,
};

/* Every right over files that version `abi` knows; none of them is granted anywhere. */
static uint64_t file_rights(int abi)
{
	unsigned bits = 13;

	if (abi >= ABI_IOCTL_DEV)
		bits = 16;
	else if (abi >= ABI_TRUNCATE)
		bits = 15;
	else if (abi >= ABI_REFER)
		bits = 14;
	return (UINT64_C(1) << bits) - 1;
}

static size_t ruleset_size(int abi)
{
	if (abi >= ABI_SCOPE)
		return sizeof(struct ruleset);
	return abi >= ABI_TCP ? offsetof(struct ruleset, scoped) : offsetof(struct ruleset, handled_access_net);
}

static int allow_ports(int fd, const struct sandbox_needs *needs)
{
	for (size_t i = 0; i < needs->tcp_port_count; i++) {
		struct port_rule rule = {.allowed_access = ACCESS_NET_CONNECT_TCP, .port = needs->tcp_ports[i]};

		if (syscall(SYS_landlock_add_rule, fd, RULE_NET_PORT, &rule, 0) != 0)
			return -errno;
	}
	return 0;
}

int sandbox_landlock_enter(const struct sandbox_needs *needs, char *message, size_t message_size)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset ruleset = {.handled_access_fs = file_rights((int)abi)};
	int result = 0;
	long fd;

	if (abi < 1) {
		snprintf(message, message_size, "no Landlock (%s)", strerror(errno));
		return 0;
	}
	if (abi >= ABI_TCP)
		ruleset.handled_access_net = ACCESS_NET_BIND_TCP | ACCESS_NET_CONNECT_TCP;
	if (abi >= ABI_SCOPE)
		ruleset.scoped = SCOPE_SIGNAL | (needs->abstract_names ? 0 : SCOPE_ABSTRACT_UNIX_SOCKET);
	fd = syscall(SYS_landlock_create_ruleset, &ruleset, ruleset_size((int)abi), 0);
	if (fd < 0)
		return -errno;
	if (abi >= ABI_TCP)
		result = allow_ports((int)fd, needs);
	if (result == 0 && syscall(SYS_landlock_restrict_self, fd, 0) != 0)
		result = -errno;
	close((int)fd);
	snprintf(message, message_size, "Landlock version %ld", abi);
	return result;
}
