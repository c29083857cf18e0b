/* The socket where the running receiver says how it is: whoever connects is sent one text. */
#ifndef RECEIVER_STATUS_SOCKET_H
#define RECEIVER_STATUS_SOCKET_H

#include <stddef.h>
#include <sys/types.h>

#include "loop.h"

enum {
	STATUS_TEXT_MAX = 32 * 1024, /* fits the buffer of a new Unix socket: sending it never waits */
};

struct status_socket;

/* Write the text; its length, less than size. */
typedef size_t (*status_text_fn)(void *context, char *text, size_t size);

/* As root, before that is given up: make the directory of the socket if there is none, for `uid` to write. A failure
 * shows when the socket is opened. */
void status_socket_prepare(const char *path, uid_t uid);

/* Listen there, mode 0660, in place of a socket that nobody listens on any more. 0, or -errno with a sentence. */
int status_socket_open(struct status_socket **socket, struct loop *loop, const char *path, status_text_fn text,
		       void *context, char *message, size_t message_size) __attribute__((warn_unused_result));
/* Leaves the file: the cage lets none be removed. NULL is allowed. */
void status_socket_close(struct status_socket *socket);

/* --- the other end ------------------------------------------------------------------------------------------------ */

enum status_exit {
	STATUS_READY = 0,
	STATUS_NOT_READY = 1, /* it answers, and says why not */
	STATUS_NO_ANSWER = 3, /* nobody listens there, or not within STATUS_PATIENCE_S */
};

enum { STATUS_PATIENCE_S = 5 };

/* Ask the receiver that listens at `path`, and print what it says: all of it, or only its first line. */
enum status_exit status_ask(const char *path, bool first_line_only);

#endif
