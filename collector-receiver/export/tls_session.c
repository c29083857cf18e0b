/* One connection's TLS, and what is wrong with it in words. */
#include "export/tls_session.h"

#include <assert.h>
#include <limits.h>
#include <openssl/err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	PROBLEM_MAX = 512,
};

struct tls_session {
	SSL *ssl;
	const struct tls_context *context;
	bool established;
	char problem[PROBLEM_MAX];
};

/* --- the socket --------------------------------------------------------------------------------------------------- */

static int bio_fd(BIO *bio)
{
	return (int)(intptr_t)BIO_get_data(bio);
}

static int bio_write(BIO *bio, const char *bytes, int length)
{
	const ssize_t n = send(bio_fd(bio), bytes, (size_t)length, MSG_NOSIGNAL);

	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	return (int)n;
}

static int bio_read(BIO *bio, char *bytes, int size)
{
	const ssize_t n = recv(bio_fd(bio), bytes, (size_t)size, 0);

	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(bio);
	return (int)n;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

bool tls_bio_method_create(struct tls_context *context)
{
	context->bio = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without signals");
	return context->bio != NULL && BIO_meth_set_write(context->bio, bio_write) == 1 &&
	       BIO_meth_set_read(context->bio, bio_read) == 1 && BIO_meth_set_ctrl(context->bio, bio_control) == 1;
}

struct tls_session *tls_session_open(const struct tls_context *context, int fd)
{
	struct tls_session *session = calloc(1, sizeof(*session));
	BIO *bio = BIO_new(context->bio);

	if (session != NULL)
		session->ssl = SSL_new(context->ctx);
	if (bio == NULL || session == NULL || session->ssl == NULL ||
	    (!context->is_address && SSL_set_tlsext_host_name(session->ssl, context->name) != 1)) {
		BIO_free(bio);
		tls_session_close(session);
		return NULL;
	}
	BIO_set_data(bio, (void *)(intptr_t)fd);
	BIO_set_init(bio, 1);
	SSL_set_bio(session->ssl, bio, bio);
	session->context = context;
	return session;
}

void tls_session_close(struct tls_session *session)
{
	if (session == NULL)
		return;
	if (session->established)
		(void)SSL_shutdown(session->ssl);
	SSL_free(session->ssl);
	ERR_clear_error();
	free(session);
}

/* --- what is wrong ------------------------------------------------------------------------------------------------ */

static void problem_of_certificate(struct tls_session *session, long result)
{
	char *out = session->problem;
	const size_t size = sizeof(session->problem);
	const char *name = session->context->name;

	switch (result) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		snprintf(out, size, "The certificate of %s has expired: renew it, or correct this machine's clock.",
			 name);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		snprintf(out, size, "The certificate of %s is not valid yet: correct this machine's clock.", name);
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		snprintf(out, size,
			 "The server's certificate is not for %s: correct the endpoint, or name what the "
			 "certificate is for with tls.server_name_override.",
			 name);
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		snprintf(out, size,
			 "The certificate of %s comes from an authority that is not trusted here: name that authority "
			 "with tls.ca_file.",
			 name);
		break;
	default:
		snprintf(out, size, "The certificate of %s is not accepted: %s.", name,
			 X509_verify_cert_error_string(result));
	}
}

/* An alert of the server comes as SSL_R_..._ALERT_..., 1000 above its number. */
static bool is_alert_about_client(int reason)
{
	switch (reason - SSL_AD_REASON_OFFSET) {
	case SSL_AD_BAD_CERTIFICATE:
	case SSL_AD_UNSUPPORTED_CERTIFICATE:
	case SSL_AD_CERTIFICATE_REVOKED:
	case SSL_AD_CERTIFICATE_EXPIRED:
	case SSL_AD_CERTIFICATE_UNKNOWN:
	case SSL_AD_UNKNOWN_CA:
	case SSL_AD_ACCESS_DENIED:
	case SSL_AD_CERTIFICATE_REQUIRED:
		return true;
	default:
		return false;
	}
}

static void problem_of_error(struct tls_session *session, unsigned long error)
{
	const int reason = ERR_GET_REASON(error);
	const char *text = ERR_reason_error_string(error);
	const char *name = session->context->name;

	if (is_alert_about_client(reason))
		snprintf(session->problem, sizeof(session->problem),
			 "The server %s does not accept this side's certificate (%s): give tls.cert_file and "
			 "tls.key_file, from an authority that it trusts.",
			 name, text);
	else if (reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE)
		snprintf(session->problem, sizeof(session->problem),
			 "The server %s refuses the handshake: it may ask for a certificate (tls.cert_file, "
			 "tls.key_file), or speak no TLS that this side does.",
			 name);
	else if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST)
		snprintf(session->problem, sizeof(session->problem),
			 "The server %s does not speak TLS on this port: write http:// if that is meant.", name);
	else
		snprintf(session->problem, sizeof(session->problem), "TLS with %s failed: %s.", name,
			 text != NULL ? text : "no reason is known");
}

static bool has_alpn(struct tls_session *session)
{
	const unsigned char *chosen;
	unsigned length;

	SSL_get0_alpn_selected(session->ssl, &chosen, &length);
	/* HTTP/1.1 is what a server without ALPN speaks. HTTP/2 it has to promise. */
	if (length == strlen(session->context->alpn) ? memcmp(chosen, session->context->alpn, length) == 0
						     : length == 0 && strcmp(session->context->alpn, "h2") != 0)
		return true;
	snprintf(session->problem, sizeof(session->problem),
		 "The server %s does not offer %s on this port: is it the one for gRPC (4317), and not for HTTP "
		 "(4318)?",
		 session->context->name, session->context->alpn);
	return false;
}

/* The meaning of a result of OpenSSL that is not a success. */
static ssize_t judge(struct tls_session *session, int result)
{
	const int kind = SSL_get_error(session->ssl, result);
	const long verified = SSL_get_verify_result(session->ssl);
	const unsigned long error = ERR_peek_error();
	const int system = errno;

	ERR_clear_error();
	switch (kind) {
	case SSL_ERROR_WANT_READ:
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANTS_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SSL:
		break;
	default:
		return system > 0 && result < 0 ? -system : -ECONNRESET;
	}
	session->established = false; /* no good-bye after this */
	if (ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK)
		problem_of_certificate(session, verified);
	else
		problem_of_error(session, error);
	return -EPROTO;
}

/* --- the connection ----------------------------------------------------------------------------------------------- */

int tls_session_handshake(struct tls_session *session)
{
	int result;
	ssize_t error;

	ERR_clear_error();
	errno = 0;
	result = SSL_connect(session->ssl);
	if (result == 1) {
		session->established = true;
		return has_alpn(session) ? 0 : -EPROTO;
	}
	error = judge(session, result);
	return error == 0 ? -ECONNRESET : (int)error;
}

ssize_t tls_session_receive(struct tls_session *session, void *bytes, size_t size)
{
	int n;

	ERR_clear_error();
	errno = 0;
	n = SSL_read(session->ssl, bytes, size > INT_MAX ? INT_MAX : (int)size);
	return n > 0 ? n : judge(session, n);
}

ssize_t tls_session_send(struct tls_session *session, const void *bytes, size_t length)
{
	ssize_t error;
	int n;

	ERR_clear_error();
	errno = 0;
	n = SSL_write(session->ssl, bytes, length > INT_MAX ? INT_MAX : (int)length);
	if (n > 0)
		return n;
	error = judge(session, n);
	return error == 0 ? -ECONNRESET : error;
}

const char *tls_session_problem(const struct tls_session *session)
{
	return session->problem;
}
