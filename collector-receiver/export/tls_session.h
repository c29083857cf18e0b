/* What the two files of TLS share: tls_context.c (files, trust) and tls_session.c (one connection). */
#ifndef EXPORT_TLS_SESSION_H
#define EXPORT_TLS_SESSION_H

#include <openssl/ssl.h>

#include "export/tls.h"

struct tls_context {
	SSL_CTX *ctx;
	BIO_METHOD *bio;
	char name[256]; /* expected of the server */
	bool is_address;
	char alpn[16];
};

/* Bytes by send and recv on the socket, so that a closed one is an error and not a signal. */
bool tls_bio_method_create(struct tls_context *context);

#endif
