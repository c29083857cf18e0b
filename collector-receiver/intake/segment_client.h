/* Ask the sensor for its ring: connect to the handoff socket, take the answer and the descriptors, attach. */
#ifndef RECEIVER_SEGMENT_CLIENT_H
#define RECEIVER_SEGMENT_CLIENT_H

#include <stddef.h>

#include "shm_protocol/handoff.h"
#include "shm_protocol/segment.h"

enum segment_answer {
	SEGMENT_ANSWER_ATTACHED,
	SEGMENT_ANSWER_NONE_YET, /* nothing to read: wait */
	SEGMENT_ANSWER_NO,       /* turned away, or the answer is not acceptable: hang up, perhaps try again later */
};

/* What the sensor gave. */
struct segment_grant {
	struct shm_segment segment;
	int doorbell_fd; /* see shm_protocol/handoff.h: polled for reading, silenced with epoll_wait */
	uint32_t sensor_pid;
};

/* A non-blocking connection to the socket at `path`, or -errno with one sentence in `message`. */
int segment_client_connect(const char *path, char *message, size_t message_size) __attribute__((warn_unused_result));

/* Take the sensor's answer from the connection. On SEGMENT_ANSWER_ATTACHED the grant is the caller's to release; on
 * SEGMENT_ANSWER_NO nothing is left open and `message` holds one sentence: why, and what to do. */
enum segment_answer segment_client_receive(int fd, struct segment_grant *grant, char *message, size_t message_size)
	__attribute__((warn_unused_result));

/* Unmap and close. Safe on a released grant. */
void segment_grant_release(struct segment_grant *grant);

#endif
