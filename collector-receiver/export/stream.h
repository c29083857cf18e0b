/* Bytes to and from an endpoint: a non-blocking socket, with TLS on it or not. */
#ifndef EXPORT_STREAM_H
#define EXPORT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "export/endpoint.h"

struct tls_context;
struct tls_session;

enum {
	/* Ask for no less: then nothing that TLS has decrypted stays behind without an event to tell of it. */
	STREAM_RECEIVE_MIN_BYTES = 16 * 1024,
	STREAM_PROBLEM_MAX = 512,
};

struct stream {
	int fd; /* -1: closed */
	bool connecting;
	bool wants_write;	 /* TLS has to write before it can go on reading */
	struct tls_session *tls; /* NULL: none */
	char problem[STREAM_PROBLEM_MAX]; /* after -EPROTO: what is wrong, and what to do; a sentence */
};

/* A new connection, by path each time: a Collector that was restarted has another socket under the same name. `attempt`
 * chooses among the addresses of a host. `tls` is NULL, or borrowed for the stream's life. 0 or -errno. */
int stream_open(struct stream *stream, const struct endpoint *endpoint, unsigned attempt,
		const struct tls_context *tls) __attribute__((warn_unused_result));
/* Over a descriptor that is connected already, without TLS; for tests. */
void stream_open_fd(struct stream *stream, int fd);
void stream_move(struct stream *to, struct stream *from); /* `from` is closed afterwards */
void stream_close(struct stream *stream);		  /* nothing if it is closed */

/* Go on connecting and shaking hands. 0 when bytes may pass, -EAGAIN until then, else -errno; -EPROTO has a problem. */
int stream_establish(struct stream *stream) __attribute__((warn_unused_result));

/* Bytes received, 0 at the end, -EAGAIN, or -errno. At least STREAM_RECEIVE_MIN_BYTES of room. */
ssize_t stream_receive(struct stream *stream, void *bytes, size_t size) __attribute__((warn_unused_result));
/* Bytes taken, -EAGAIN (offer the same bytes again), or -errno. */
ssize_t stream_send(struct stream *stream, const void *bytes, size_t length) __attribute__((warn_unused_result));

/* The loop events to wait for. */
unsigned stream_events(const struct stream *stream, bool to_send);
static inline bool stream_wants_write(const struct stream *stream)
{
	return stream->wants_write;
}

#endif
