/* Listen on the status socket, and send each visitor one text. */
#define _GNU_SOURCE /* accept4 */
#include "status_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	BACKLOG = 8,
	VISITORS_PER_PASS = 8,
	ANSWER_MS_MAX = 1000,
	LEAVING_TRIES = 3,
};

struct status_socket {
	struct loop *loop;
	struct loop_watch watch;
	status_text_fn text;
	void *context;
	char buffer[STATUS_TEXT_MAX];
};

void status_socket_prepare(const char *path, uid_t uid)
{
	const struct passwd *entry = getpwuid(uid);
	const gid_t gid = entry != NULL ? entry->pw_gid : (gid_t)uid;
	char directory[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *end;
	int fd;

	snprintf(directory, sizeof(directory), "%s", path);
	end = strrchr(directory, '/');
	if (geteuid() != 0 || end == NULL || end == directory)
		return;
	*end = '\0';
	if (mkdir(directory, 0755) != 0)
		return;
	/* By descriptor: root gives away what it has made, and nothing that was put in its place. */
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)!fchown(fd, uid, gid);
	close(fd);
}

static void status_visit(struct status_socket *self, int fd)
{
	const size_t length = self->text(self->context, self->buffer, sizeof(self->buffer));

	/* What does not fit is not waited for: this side owes its visitors nothing. */
	(void)!send(fd, self->buffer, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void status_ready(void *context, unsigned events)
{
	struct status_socket *self = context;

	(void)events;
	for (int i = 0; i < VISITORS_PER_PASS; i++) {
		const int fd = accept4(self->watch.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		status_visit(self, fd);
	}
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return address;
}

enum listener {
	LISTENER_NONE,
	LISTENER_LEAVING,
	LISTENER_ALIVE,
};

/* A receiver answers whoever connects. The kernel of one that was killed while io_uring polled its socket lets people
 * connect for a moment, and then drops them. */
static enum listener find_listener(const struct sockaddr_un *address)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	enum listener found = LISTENER_ALIVE;
	char byte;

	if (fd < 0)
		return LISTENER_ALIVE;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0)
		found = errno == ECONNREFUSED ? LISTENER_NONE : LISTENER_ALIVE;
	else if (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, ANSWER_MS_MAX) == 1 &&
		 recv(fd, &byte, 1, 0) <= 0)
		found = LISTENER_LEAVING;
	close(fd);
	return found;
}

/* Whether the file at the path is a socket that its owner has left behind. */
static bool is_stale(const struct sockaddr_un *address)
{
	enum listener listener = LISTENER_LEAVING;
	struct stat status;

	if (lstat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode))
		return false;
	for (int i = 0; i < LEAVING_TRIES && listener == LISTENER_LEAVING; i++)
		listener = find_listener(address);
	return listener == LISTENER_NONE;
}

static int status_listen(int fd, const char *path)
{
	const struct sockaddr_un address = address_of(path);
	mode_t mask;
	int error;

	if (is_stale(&address))
		(void)unlink(path);
	mask = umask(0117);
	error = bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ? -errno : 0;
	umask(mask);
	return error == 0 && listen(fd, BACKLOG) != 0 ? -errno : error;
}

int status_socket_open(struct status_socket **out, struct loop *loop, const char *path, status_text_fn text,
		       void *context, char *message, size_t size)
{
	struct status_socket *self = calloc(1, sizeof(*self));
	int error = self == NULL ? -ENOMEM : 0;

	if (error == 0) {
		*self = (struct status_socket){.loop = loop, .text = text, .context = context};
		self->watch = (struct loop_watch){.events = LOOP_READ, .ready = status_ready, .context = self};
		self->watch.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		error = self->watch.fd < 0 ? -errno : status_listen(self->watch.fd, path);
	}
	if (error == 0)
		error = loop_watch_add(loop, &self->watch);
	if (error == 0) {
		*out = self;
		return 0;
	}
	snprintf(message, size,
		 "--status will find nobody: the socket %s cannot be made: %s; its directory has to be the "
		 "receiver's user's to write, or --status-socket another",
		 path, error == -EADDRINUSE ? "another receiver listens there" : strerror(-error));
	status_socket_close(self);
	return error;
}

void status_socket_close(struct status_socket *self)
{
	if (self == NULL)
		return;
	loop_watch_remove(self->loop, &self->watch);
	if (self->watch.fd >= 0)
		close(self->watch.fd);
	free(self);
}
