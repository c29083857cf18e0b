/* Ask a running receiver how it is. */
#include "status_socket.h"

#include <errno.h>
#include <poll.h>
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
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

/* The whole text; its length, or -errno. The patience is for all of it: a byte now and then does not renew it. */
static ssize_t status_read(int fd, char *text, size_t size)
{
	const uint64_t deadline_ns = loop_now_ns() + (uint64_t)STATUS_PATIENCE_S * 1000000000;
	size_t length = 0;

	while (length < size) {
		const uint64_t now_ns = loop_now_ns();
		struct pollfd readable = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (now_ns >= deadline_ns || poll(&readable, 1, (int)((deadline_ns - now_ns) / 1000000) + 1) == 0)
			return -EAGAIN;
		n = recv(fd, text + length, size - length, MSG_DONTWAIT);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n == 0)
			break;
		length += n > 0 ? (size_t)n : 0;
	}
	return length > 0 ? (ssize_t)length : -EPIPE;
}

/* The receiver is the process that is trusted least, and who asks may be root at a terminal: nothing but text and line
 * ends is printed. */
static void status_print(char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		const unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 && c != '\n') || c == 0x7f ||
		    (c >= 0x80 && c < 0xa0 && i > 0 && (unsigned char)text[i - 1] == 0xc2))
			text[i] = '?';
	}
	fwrite(text, 1, length, stdout);
}

enum status_exit status_ask(const char *path, bool first_line_only)
{
	static char text[STATUS_TEXT_MAX];
	const int fd = status_connect(path);
	const char *line;
	ssize_t length = fd;

	if (fd >= 0) {
		length = status_read(fd, text, sizeof(text));
		close(fd);
	}
	if (length < 0) {
		fprintf(stderr, "shmotel-receiver: no receiver answers at %s: %s\n", path,
			length == -EAGAIN ? "it took too long" : strerror((int)-length));
		return STATUS_NO_ANSWER;
	}
	line = memchr(text, '\n', (size_t)length);
	if (first_line_only && line != NULL)
		length = line + 1 - text;
	status_print(text, (size_t)length);
	return length >= 6 && memcmp(text, "ready\n", 6) == 0 ? STATUS_READY : STATUS_NOT_READY;
}
