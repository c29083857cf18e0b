/* TLS to an endpoint, by OpenSSL. Everything that is read from files is read when the context is made, so that it works
 * where no file can be opened afterwards. */
#ifndef EXPORT_TLS_H
#define EXPORT_TLS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The names are those of the Collector's exporters, under `tls`. NULL: not given. */
struct tls_options {
	const char *ca_file;   /* PEM; instead of the system's authorities */
	const char *cert_file; /* PEM, this side's, with its chain; goes with key_file */
	const char *key_file;
	const char *server_name_override; /* the name that is expected and asked for, instead of the endpoint's host */
	bool insecure;			  /* no TLS where the endpoint does not say whether; not looked at here */
	bool insecure_skip_verify;
	int min_version; /* 12 or 13: TLS 1.2, 1.3 */
};

struct tls_context;
struct tls_session;

/* `host` is a name or an address, `alpn` the one protocol that is offered, at most 255 bytes. 0, or -errno with a
 * sentence in message. */
int tls_context_create(struct tls_context **context, const struct tls_options *options, const char *host,
		       const char *alpn, char *message, size_t message_size) __attribute__((warn_unused_result));
void tls_context_free(struct tls_context *context); /* after its sessions; NULL is allowed */

/* A result beside -EAGAIN, which waits for bytes to come: what TLS has to send first finds no room. */
#define TLS_WANTS_WRITE (-EINPROGRESS)

/* Over a connected, or connecting, non-blocking socket, which stays the caller's. NULL: no memory. */
struct tls_session *tls_session_open(const struct tls_context *context, int fd);
void tls_session_close(struct tls_session *session); /* says good-bye, if there is room for it; NULL is allowed */

/* 0 when done, -EAGAIN, TLS_WANTS_WRITE, -ECONNRESET, or -EPROTO with a problem. */
int tls_session_handshake(struct tls_session *session) __attribute__((warn_unused_result));
/* The same, with the bytes received or sent; 0 is the good-bye of the other side. A connection that ends without it is
 * -ECONNRESET: what came before may have been cut short by anybody on the way. */
ssize_t tls_session_receive(struct tls_session *session, void *bytes, size_t size) __attribute__((warn_unused_result));
ssize_t tls_session_send(struct tls_session *session, const void *bytes, size_t length)
	__attribute__((warn_unused_result));

/* After -EPROTO: what is wrong and what to do; one sentence. */
const char *tls_session_problem(const struct tls_session *session);

#endif
