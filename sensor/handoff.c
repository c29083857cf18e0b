/* Let one permitted receiver at a time attach. */
#include "handoff.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "handoff_socket.h"
#include "shm_protocol/layout.h"

/* So that a crowd at the door does not keep the sensor from its work. */
enum { ACCEPTS_PER_PASS_MAX = 8 };

struct handoff {
	int epoll_fd;
	int listen_fd;
	int peer_fd; /* -1: nobody attached */
	uint32_t peer_pid;
	uid_t allowed_uid;
	struct handoff_handler handler;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct stat bound; /* the socket file as we made it */
};

static int epoll_watch(int epoll_fd, int fd)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = fd};

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

int handoff_open(struct handoff **handoff, const char *path, uid_t allowed_uid, const struct handoff_handler *handler,
		 char *message, size_t message_size)
{
	int listen_fd = handoff_socket_listen(path, allowed_uid, message, message_size);

	*handoff = NULL;
	if (listen_fd < 0)
		return listen_fd;

	struct handoff *made = calloc(1, sizeof(*made));

	if (made == NULL) {
		snprintf(message, message_size, "out of memory");
		unlink(path);
		close(listen_fd);
		return -ENOMEM;
	}
	made->listen_fd = listen_fd;
	made->peer_fd = -1;
	made->allowed_uid = allowed_uid;
	made->handler = *handler;
	memcpy(made->path, path, strlen(path) + 1);
	made->epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	int error = made->epoll_fd < 0 || lstat(path, &made->bound) != 0 ? -errno
									  : epoll_watch(made->epoll_fd, listen_fd);

	if (error != 0) {
		snprintf(message, message_size, "the socket %s cannot be watched: %s", path, strerror(-error));
		handoff_close(made);
		return error;
	}
	*handoff = made;
	return 0;
}

void handoff_close(struct handoff *handoff)
{
	struct stat now;

	if (handoff == NULL)
		return;
	/* Another sensor may have taken the name in the meantime. */
	if (lstat(handoff->path, &now) == 0 && now.st_dev == handoff->bound.st_dev &&
	    now.st_ino == handoff->bound.st_ino)
		unlink(handoff->path);
	if (handoff->peer_fd >= 0)
		close(handoff->peer_fd);
	if (handoff->epoll_fd >= 0)
		close(handoff->epoll_fd);
	close(handoff->listen_fd);
	free(handoff);
}

int handoff_fd(const struct handoff *handoff)
{
	return handoff->epoll_fd;
}

void handoff_disconnect(struct handoff *handoff)
{
	if (handoff->peer_fd < 0)
		return;
	close(handoff->peer_fd);
	handoff->peer_fd = -1;
	handoff->peer_pid = 0;
	handoff->handler.detached(handoff->handler.context);
}

/* One message, with the descriptors of `offer` if there is one. The socket is new and its buffer empty: if this cannot
 * be sent at once, it never will be. */
static int answer_send(const struct handoff *handoff, int fd, enum shm_handoff_status status,
		       const struct handoff_offer *offer)
{
	struct shm_handoff answer = {
		.magic = SHM_LAYOUT_MAGIC,
		.layout_major = SHM_LAYOUT_MAJOR,
		.layout_minor = SHM_LAYOUT_MINOR,
		.status = status,
		.generation = offer == NULL ? 0 : offer->generation,
		.ring_bytes = offer == NULL ? 0 : offer->ring_bytes,
		.sensor_pid = (uint32_t)getpid(),
		.sensor_uid = (uint32_t)getuid(),
		.other_pid = status == SHM_HANDOFF_BUSY ? handoff->peer_pid : 0,
	};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(offer->fds))];
	} control = {0};
	struct iovec part = {.iov_base = &answer, .iov_len = sizeof(answer)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (offer != NULL) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);

		struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(offer->fds));
		memcpy(CMSG_DATA(rights), offer->fds, sizeof(offer->fds));
	}
	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(answer) ? 0 : -EIO;
}

/* Returns 0 if the connection stays open as the attached receiver's. */
static int receiver_attach(struct handoff *handoff, int fd, uint32_t pid)
{
	const struct handoff_handler *handler = &handoff->handler;
	struct handoff_offer offer;

	if (handler->offer(handler->context, &offer) != 0) {
		/* Whether it hears of it or not, it is turned away. */
		(void)answer_send(handoff, fd, SHM_HANDOFF_FAILED, NULL);
		return -EIO;
	}
	if (epoll_watch(handoff->epoll_fd, fd) != 0 || answer_send(handoff, fd, SHM_HANDOFF_ACCEPTED, &offer) != 0) {
		handler->detached(handler->context);
		return -EIO;
	}
	handoff->peer_fd = fd;
	handoff->peer_pid = pid;
	handler->attached(handler->context, pid);
	return 0;
}

/* Returns 0 if the connection stays open. */
static int connection_answer(struct handoff *handoff, int fd)
{
	const struct handoff_handler *handler = &handoff->handler;
	struct ucred peer;
	socklen_t peer_bytes = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_bytes) != 0)
		return -errno;

	enum shm_handoff_status status = peer.uid != handoff->allowed_uid ? SHM_HANDOFF_REFUSED
					 : handoff->peer_fd >= 0	  ? SHM_HANDOFF_BUSY
									  : SHM_HANDOFF_ACCEPTED;

	if (status == SHM_HANDOFF_ACCEPTED)
		return receiver_attach(handoff, fd, (uint32_t)peer.pid);
	(void)answer_send(handoff, fd, status, NULL);
	handler->refused(handler->context, status, (uint32_t)peer.pid, (uint32_t)peer.uid);
	return -EPERM;
}

void handoff_on_ready(struct handoff *handoff)
{
	char byte;

	/* First, so that a receiver that comes right after the old one's end is not told that it is busy. A receiver
	 * sends nothing: end of file, an error and a byte all end the session. */
	if (handoff->peer_fd >= 0 &&
	    (recv(handoff->peer_fd, &byte, 1, MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EINTR)))
		handoff_disconnect(handoff);

	for (int i = 0; i < ACCEPTS_PER_PASS_MAX; i++) {
		int fd = accept4(handoff->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		if (connection_answer(handoff, fd) != 0)
			close(fd);
	}
}
