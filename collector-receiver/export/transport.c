/* Connect, and explain failures. */
#include "export/transport.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int transport_connect(const struct endpoint *endpoint, unsigned attempt)
{
	const size_t i = attempt % endpoint->address_count;
	const struct sockaddr *address = (const struct sockaddr *)&endpoint->addresses[i].address;
	const int one = 1;
	const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (endpoint->place == EXPORT_PLACE_TCP) /* a request is written whole: waiting for more only delays it */
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, address, endpoint->addresses[i].length) < 0 && errno != EINPROGRESS) {
		const int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

int transport_finish(int fd)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		return -errno;
	return -error;
}

enum export_log_reason transport_explain(const struct endpoint *endpoint, int error, const char *problem,
					 char *sentence, size_t size)
{
	const char *name = endpoint->name;

	switch (-error) {
	case ENOENT:
		snprintf(sentence, size,
			 "There is no socket at %s: start the Collector, or give its otlp receiver "
			 "\"transport: unix\" and this path as endpoint.",
			 name);
		return EXPORT_LOG_NO_SOCKET;
	case ECONNREFUSED:
		if (endpoint->place == EXPORT_PLACE_PATH)
			snprintf(
				sentence, size,
				"Nobody listens on the socket %s, which a Collector that died has left "
				"behind: start the Collector, and remove the file first if it says that the address is "
				"in use.",
				name);
		else
			snprintf(sentence, size, "Nobody listens on %s: start the Collector, or correct the endpoint.",
				 name);
		return EXPORT_LOG_NO_LISTENER;
	case EACCES:
		snprintf(sentence, size,
			 "The socket %s may not be used: connecting needs write permission on it and "
			 "search permission on its directories. Run the Collector with UMask=0007 and put the "
			 "receiver's "
			 "user into its group.",
			 name);
		return EXPORT_LOG_NO_PERMISSION;
	case EAGAIN:
		snprintf(sentence, size,
			 "The socket %s has no room for another connection: its listener accepts none. "
			 "Look whether the Collector hangs or is overloaded.",
			 name);
		return EXPORT_LOG_BACKLOG_FULL;
	case EPROTO:
		snprintf(sentence, size, "%s", problem);
		return EXPORT_LOG_TLS;
	default:
		snprintf(sentence, size, "No connection to %s: %s.", name, strerror(-error));
		return EXPORT_LOG_CONNECT;
	}
}
