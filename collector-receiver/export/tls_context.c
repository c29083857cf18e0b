/* What all connections to one endpoint share: certificates, keys, and whom to believe. */
#include <assert.h>
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export/tls_session.h"

/* Where the systems keep all their authorities in one file. A directory of them is of no use: OpenSSL looks into that
 * when it meets a certificate, and then no file can be opened any more. */
static const char *const system_authorities[] = {
	"/etc/ssl/certs/ca-certificates.crt",		     /* Debian, Ubuntu, Alpine, Arch */
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Fedora, RHEL */
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem", /* openSUSE */
	"/etc/ssl/cert.pem",
};

/* A key with a passphrase cannot be read by a daemon; without this, OpenSSL would ask the terminal for it. */
static int no_passphrase(char *out, int size, int writing, void *context)
{
	(void)writing;
	(void)context;
	if (size > 0)
		out[0] = '\0';
	return 0;
}

static int file_fail(char *message, size_t size, const char *option, const char *path)
{
	const unsigned long error = ERR_peek_error();
	const char *reason = ERR_reason_error_string(error);

	if (ERR_SYSTEM_ERROR(error))
		reason = strerror(ERR_GET_REASON(error));
	snprintf(message, size,
		 "%s: \"%s\" cannot be used: %s. It has to be a file in PEM that the receiver's user may read.", option,
		 path, reason != NULL ? reason : "it holds nothing of the kind");
	ERR_clear_error();
	return -EINVAL;
}

static int load_authorities(struct tls_context *context, const struct tls_options *options, char *message, size_t size)
{
	const char *named = getenv("SSL_CERT_FILE"); /* as OpenSSL's own programs and Go's have it */

	if (options->insecure_skip_verify)
		return 0;
	if (options->ca_file != NULL)
		return SSL_CTX_load_verify_file(context->ctx, options->ca_file) == 1
			       ? 0
			       : file_fail(message, size, "tls.ca_file", options->ca_file);
	if (named != NULL && named[0] != '\0')
		return SSL_CTX_load_verify_file(context->ctx, named) == 1
			       ? 0
			       : file_fail(message, size, "SSL_CERT_FILE", named);
	for (size_t i = 0; i < sizeof(system_authorities) / sizeof(system_authorities[0]); i++) {
		if (access(system_authorities[i], R_OK) == 0 &&
		    SSL_CTX_load_verify_file(context->ctx, system_authorities[i]) == 1)
			return 0;
	}
	ERR_clear_error();
	snprintf(message, size,
		 "There is no list of certificate authorities on this system, such as %s: install ca-certificates, or "
		 "name the server's authority with tls.ca_file.",
		 system_authorities[0]);
	return -ENOENT;
}

static int load_identity(struct tls_context *context, const struct tls_options *options, char *message, size_t size)
{
	if ((options->cert_file == NULL) != (options->key_file == NULL)) {
		snprintf(message, size, "tls.cert_file and tls.key_file go together: give both, or neither.");
		return -EINVAL;
	}
	if (options->cert_file == NULL)
		return 0;
	if (SSL_CTX_use_certificate_chain_file(context->ctx, options->cert_file) != 1)
		return file_fail(message, size, "tls.cert_file", options->cert_file);
	if (SSL_CTX_use_PrivateKey_file(context->ctx, options->key_file, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(context->ctx) != 1)
		return file_fail(message, size, "tls.key_file", options->key_file);
	return 0;
}

static bool is_address(const char *host)
{
	unsigned char buffer[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, buffer) == 1 || inet_pton(AF_INET6, host, buffer) == 1;
}

static bool expect_name(struct tls_context *context)
{
	X509_VERIFY_PARAM *parameters = SSL_CTX_get0_param(context->ctx);

	if (context->is_address)
		return X509_VERIFY_PARAM_set1_ip_asc(parameters, context->name) == 1;
	/* The names that count are those of subjectAltName (RFC 9525): a common name may be any text. */
	X509_VERIFY_PARAM_set_hostflags(parameters,
					X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return X509_VERIFY_PARAM_set1_host(parameters, context->name, 0) == 1;
}

static bool set_up(struct tls_context *context, const struct tls_options *options, const char *alpn)
{
	const size_t length = strlen(alpn);
	unsigned char list[256];
	unsigned char random[16];

	assert(length < sizeof(list));
	list[0] = (unsigned char)length;
	memcpy(list + 1, alpn, length);
	context->ctx = SSL_CTX_new(TLS_client_method());
	/* The random bytes are not wanted: they have OpenSSL set its generator up before the cage closes. */
	if (context->ctx == NULL || RAND_bytes(random, sizeof(random)) != 1 || !tls_bio_method_create(context))
		return false;
	SSL_CTX_set_default_passwd_cb(context->ctx, no_passphrase);
	SSL_CTX_set_mode(context->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					       SSL_MODE_RELEASE_BUFFERS);
	/* A server that asks for handshake after handshake would only keep this side busy. */
	SSL_CTX_set_options(context->ctx, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_verify(context->ctx, options->insecure_skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	return SSL_CTX_set_min_proto_version(context->ctx,
					     options->min_version == 13 ? TLS1_3_VERSION : TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_alpn_protos(context->ctx, list, (unsigned)length + 1) == 0 && expect_name(context);
}

int tls_context_create(struct tls_context **out, const struct tls_options *options, const char *host, const char *alpn,
		       char *message, size_t size)
{
	struct tls_context *context = calloc(1, sizeof(*context));
	int error = -ENOMEM;

	if (context != NULL) {
		const char *name = options->server_name_override != NULL ? options->server_name_override : host;

		snprintf(context->name, sizeof(context->name), "%s", name);
		snprintf(context->alpn, sizeof(context->alpn), "%s", alpn);
		context->is_address = is_address(name);
		if (set_up(context, options, alpn))
			error = load_authorities(context, options, message, size);
		else
			snprintf(message, size, "TLS cannot be set up: there is no memory, or OpenSSL is broken.");
		if (error == 0)
			error = load_identity(context, options, message, size);
	}
	if (error == 0) {
		*out = context;
		return 0;
	}
	tls_context_free(context);
	ERR_clear_error();
	return error;
}

void tls_context_free(struct tls_context *context)
{
	if (context == NULL)
		return;
	SSL_CTX_free(context->ctx);
	BIO_meth_free(context->bio);
	free(context);
}
