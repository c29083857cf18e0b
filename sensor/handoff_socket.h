/* Bind the handoff socket: every check of the path, and a sentence for each thing that can be wrong with it. */
#ifndef SENSOR_HANDOFF_SOCKET_H
#define SENSOR_HANDOFF_SOCKET_H

#include <stddef.h>
#include <sys/types.h>

/* A listening, non-blocking SOCK_SEQPACKET socket at `path` that only `allowed_uid` can connect to. Returns the
 * descriptor, or -errno with one sentence in `message`. */
int handoff_socket_listen(const char *path, uid_t allowed_uid, char *message, size_t message_size)
	__attribute__((warn_unused_result));

#endif
