/* Ask a running receiver how it is. */
#include "status_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static int status_connect(const char *path)
{
	const struct timeval patience = {.tv_sec = STATUS_PATIENCE_S};
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int error;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0)
		return -errno;
	/* The send timeout is connect's, too. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

/* The whole text; its length, or -errno. */
static ssize_t status_read(int fd, char *text, size_t size)
{
	size_t length = 0;

	while (length < size) {
		const ssize_t n = recv(fd, text + length, size - length, 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		length += n > 0 ? (size_t)n : 0;
	}
	return length > 0 ? (ssize_t)length : -EPIPE;
}

enum status_exit status_ask(const char *path, bool first_line_only)
{
	static char text[STATUS_TEXT_MAX + 1];
	const int fd = status_connect(path);
	ssize_t length = fd;

	if (fd >= 0) {
		length = status_read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (length < 0) {
		fprintf(stderr, "shmotel-receiver: no receiver answers at %s: %s\n", path,
			length == -EAGAIN ? "it took too long" : strerror((int)-length));
		return STATUS_NO_ANSWER;
	}
	text[length] = '\0';
	if (first_line_only)
		text[strcspn(text, "\n") + 1] = '\0';
	fputs(text, stdout);
	return strncmp(text, "ready", strlen("ready")) == 0 ? STATUS_READY : STATUS_NOT_READY;
}
