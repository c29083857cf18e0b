/* Begin with nothing that the parent left open. */
#include "daemon/inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int standard_descriptors_fill(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			return -errno;
	} while (fd <= STDERR_FILENO);
	close(fd);
	return 0;
}

/* By number, as the C library has it only since 2.34. Before Linux 5.9, and where a container forbids what it does not
 * know, one by one. */
static void foreign_descriptors_close(void)
{
	long most = sysconf(_SC_OPEN_MAX);

	if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0) == 0)
		return;
	for (int fd = STDERR_FILENO + 1; fd < most; fd++)
		close(fd);
}

int inherited_descriptors_close(void)
{
	foreign_descriptors_close();
	return standard_descriptors_fill();
}
