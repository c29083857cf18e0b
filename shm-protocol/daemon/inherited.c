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

int inherited_descriptors_close(void)
{
	/* By number, as the C library has it only since 2.34. Linux 5.9. */
	if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0) != 0)
		return -errno;
	return standard_descriptors_fill();
}
