/* Ask the sensor for its ring. */
#include "segment_client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* More than the answer has, so that an answer with too many is seen as such and every one is closed. */
enum { DESCRIPTORS_MAX = 2 * SHM_HANDOFF_FD_COUNT };

struct answer {
	struct shm_handoff handoff;
	ssize_t bytes;
	int flags;
	int fds[DESCRIPTORS_MAX];
	size_t fd_count;
};

static void connect_explain(const char *path, int error, char *message, size_t message_size)
{
	const unsigned uid = (unsigned)geteuid();

	switch (error) {
	case ENOENT:
		snprintf(message, message_size,
			 "there is no socket at %s: start shmotel-sensor, or give both the same --socket", path);
		break;
	case ECONNREFUSED:
		snprintf(message, message_size, "nobody listens on %s: start shmotel-sensor", path);
		break;
	case EACCES:
	case EPERM:
		snprintf(message, message_size,
			 "uid %u may not open %s: start shmotel-sensor with --allow-uid %u, or run as the uid that it "
			 "allows",
			 uid, path, uid);
		break;
	case EAGAIN:
		snprintf(message, message_size, "the sensor does not take connections on %s: is it stopped?", path);
		break;
	case EPROTOTYPE:
		snprintf(message, message_size, "%s is not the socket of a shmotel-sensor: correct --socket", path);
		break;
	default:
		snprintf(message, message_size, "%s cannot be connected to: %s", path, strerror(error));
	}
}

int segment_client_connect(const char *path, char *message, size_t message_size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (path[0] == '\0' || strlen(path) >= sizeof(address.sun_path)) {
		snprintf(message, message_size,
			 "the socket path has %zu bytes and may have 1 to %zu: choose another --socket", strlen(path),
			 sizeof(address.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);

	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (const void *)&address, sizeof(address)) != 0) {
		int error = errno;

		connect_explain(path, error, message, message_size);
		if (fd >= 0)
			close(fd);
		return -error;
	}
	return fd;
}

/* Gather the descriptors of every control message, however many: each is open now and has to be closed. */
static void descriptors_collect(struct msghdr *message, struct answer *answer)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL; part = CMSG_NXTHDR(message, part)) {
		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;

		size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(fd));
			if (answer->fd_count < DESCRIPTORS_MAX)
				answer->fds[answer->fd_count++] = fd;
			else
				close(fd);
		}
	}
}

static int answer_receive(int fd, struct answer *answer)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(answer->fds))];
	} control;
	struct iovec part = {.iov_base = &answer->handoff, .iov_len = sizeof(answer->handoff)};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};

	memset(answer, 0, sizeof(*answer));
	answer->bytes = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (answer->bytes < 0)
		return -errno;
	answer->flags = message.msg_flags;
	descriptors_collect(&message, answer);
	return 0;
}

static void answer_close_descriptors(struct answer *answer)
{
	for (size_t i = 0; i < answer->fd_count; i++)
		close(answer->fds[i]);
	answer->fd_count = 0;
}

/* Whether this is a whole answer of a sensor that we understand. */
static bool answer_is_sound(const struct answer *answer, char *message, size_t message_size)
{
	const struct shm_handoff *handoff = &answer->handoff;

	if (answer->bytes == 0) {
		snprintf(message, message_size, "the sensor hung up without an answer: its log says why");
		return false;
	}
	if (answer->bytes != sizeof(*handoff) || (answer->flags & MSG_TRUNC) != 0 ||
	    handoff->magic != SHM_LAYOUT_MAGIC) {
		snprintf(message, message_size,
			 "the answer is not one of a shmotel-sensor: correct --socket, or install both from one "
			 "release");
		return false;
	}
	if (handoff->layout_major != SHM_LAYOUT_MAJOR) {
		snprintf(message, message_size,
			 "the sensor writes layout %u and this receiver reads layout %u: install both from one release",
			 handoff->layout_major, (unsigned)SHM_LAYOUT_MAJOR);
		return false;
	}
	return true;
}

static bool answer_is_yes(const struct answer *answer, char *message, size_t message_size)
{
	const struct shm_handoff *handoff = &answer->handoff;
	const unsigned uid = (unsigned)geteuid();

	switch (handoff->status) {
	case SHM_HANDOFF_ACCEPTED:
		break;
	case SHM_HANDOFF_BUSY:
		snprintf(message, message_size,
			 "another receiver (pid %" PRIu32 ") is attached to the sensor: stop it first",
			 handoff->other_pid);
		return false;
	case SHM_HANDOFF_REFUSED:
		snprintf(message, message_size,
			 "the sensor does not admit uid %u: start it with --allow-uid %u, or run as the uid it allows",
			 uid, uid);
		return false;
	case SHM_HANDOFF_FAILED:
		snprintf(message, message_size, "the sensor could not make a ring: its log says why");
		return false;
	default:
		snprintf(message, message_size, "the sensor answers with status %" PRIu32 ", which is not known",
			 handoff->status);
		return false;
	}
	if ((answer->flags & MSG_CTRUNC) != 0 || answer->fd_count != SHM_HANDOFF_FD_COUNT) {
		/* Also when this process has no descriptor to spare: the kernel then drops those that do not fit. */
		snprintf(message, message_size,
			 "the sensor's answer carries %zu descriptors instead of %d: are too many files open?",
			 answer->fd_count, SHM_HANDOFF_FD_COUNT);
		return false;
	}
	return true;
}

static bool grant_take(struct segment_grant *grant, const struct answer *answer, char *message, size_t message_size)
{
	enum shm_attach result = shm_segment_attach(&grant->segment, answer->fds[SHM_HANDOFF_FD_DATA],
						    answer->fds[SHM_HANDOFF_FD_CONTROL], answer->handoff.ring_bytes);

	if (result == SHM_ATTACH_MAP) {
		snprintf(message, message_size, "%s: %s", shm_attach_message(result), strerror(errno));
		return false;
	}
	if (result != SHM_ATTACH_OK) {
		snprintf(message, message_size, "%s", shm_attach_message(result));
		return false;
	}
	grant->doorbell_fd = answer->fds[SHM_HANDOFF_FD_DOORBELL];
	grant->sensor_pid = answer->handoff.sensor_pid;
	return true;
}

enum segment_answer segment_client_receive(int fd, struct segment_grant *grant, char *message, size_t message_size)
{
	struct answer answer;
	int error = answer_receive(fd, &answer);

	if (error == -EAGAIN || error == -EINTR)
		return SEGMENT_ANSWER_NONE_YET;
	if (error != 0) {
		snprintf(message, message_size, "the sensor's answer cannot be read: %s", strerror(-error));
		return SEGMENT_ANSWER_NO;
	}
	if (!answer_is_sound(&answer, message, message_size) || !answer_is_yes(&answer, message, message_size) ||
	    !grant_take(grant, &answer, message, message_size)) {
		answer_close_descriptors(&answer);
		return SEGMENT_ANSWER_NO;
	}
	if (grant->segment.generation != answer.handoff.generation) {
		snprintf(message, message_size, "the ring is not of the generation that the sensor announced");
		segment_grant_release(grant);
		return SEGMENT_ANSWER_NO;
	}
	return SEGMENT_ANSWER_ATTACHED;
}

void segment_grant_release(struct segment_grant *grant)
{
	shm_segment_close(&grant->segment);
	if (grant->doorbell_fd > 0)
		close(grant->doorbell_fd);
	grant->doorbell_fd = -1;
}
