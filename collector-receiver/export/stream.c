/* A socket, and TLS where it is asked for. */
#include "export/stream.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "export/tls.h"
#include "export/transport.h"
#include "loop.h"

int stream_open(struct stream *stream, const struct endpoint *endpoint, unsigned attempt, const struct tls_context *tls)
{
	*stream = (struct stream){.fd = transport_connect(endpoint, attempt), .connecting = true};
	if (stream->fd < 0)
		return stream->fd;
	if (tls == NULL)
		return 0;
	stream->tls = tls_session_open(tls, stream->fd);
	if (stream->tls != NULL)
		return 0;
	stream_close(stream);
	return -ENOMEM;
}

void stream_open_fd(struct stream *stream, int fd)
{
	*stream = (struct stream){.fd = fd};
}

void stream_move(struct stream *to, struct stream *from)
{
	*to = *from;
	from->fd = -1;
	from->tls = NULL;
}

void stream_close(struct stream *stream)
{
	tls_session_close(stream->tls);
	stream->tls = NULL;
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
}

/* What TLS says, with its sentence kept and its wish to write remembered. */
static ssize_t stream_tls(struct stream *stream, ssize_t result)
{
	stream->wants_write = result == TLS_WANTS_WRITE;
	if (result == TLS_WANTS_WRITE)
		return -EAGAIN;
	if (result == -EPROTO)
		snprintf(stream->problem, sizeof(stream->problem), "%s", tls_session_problem(stream->tls));
	return result;
}

int stream_establish(struct stream *stream)
{
	if (stream->connecting) {
		const int error = transport_finish(stream->fd);

		if (error < 0)
			return error;
		stream->connecting = false;
	}
	return stream->tls == NULL ? 0 : (int)stream_tls(stream, tls_session_handshake(stream->tls));
}

ssize_t stream_receive(struct stream *stream, void *bytes, size_t size)
{
	ssize_t n;

	if (stream->tls != NULL)
		return stream_tls(stream, tls_session_receive(stream->tls, bytes, size));
	do
		n = recv(stream->fd, bytes, size, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

ssize_t stream_send(struct stream *stream, const void *bytes, size_t length)
{
	ssize_t n;

	if (stream->tls != NULL) {
		n = tls_session_send(stream->tls, bytes, length);
		return n == TLS_WANTS_WRITE ? -EAGAIN : n;
	}
	do
		n = send(stream->fd, bytes, length, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

unsigned stream_events(const struct stream *stream, bool to_send)
{
	if (stream->connecting)
		return LOOP_WRITE;
	return LOOP_READ | (to_send || stream->wants_write ? LOOP_WRITE : 0u);
}
