/* Tell the service manager that the program is ready, as sd_notify(3) does. */
#include "daemon/readiness.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/log.h"

static int manager_connect(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const size_t length = strlen(name);
	int fd, error;

	if ((name[0] != '/' && name[0] != '@') || length >= sizeof(address.sun_path))
		return -EAFNOSUPPORT;
	memcpy(address.sun_path, name, length);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

int readiness_open(void)
{
	const char *name = getenv("NOTIFY_SOCKET");
	int fd;

	if (name == NULL || name[0] == '\0')
		return -1;
	fd = manager_connect(name);
	if (fd >= 0)
		return fd;
	log_line(LOG_LEVEL_WARNING, "the service manager cannot be told when all is ready: NOTIFY_SOCKET=%s: %s", name,
		 strerror(-fd));
	return -1;
}

void readiness_tell(int fd)
{
	static const char message[] = "READY=1";

	if (fd < 0)
		return;
	if (write(fd, message, sizeof(message) - 1) < 0)
		log_line(LOG_LEVEL_WARNING, "the service manager could not be told that all is ready: %s",
			 strerror(errno));
	close(fd);
}
