/* The socket addresses that an export target stands for. */
#ifndef EXPORT_ENDPOINT_H
#define EXPORT_ENDPOINT_H

#include <stddef.h>
#include <sys/socket.h>

#include "export_target.h"

enum {
	ENDPOINT_TEXT_MAX = 300,
	ENDPOINT_ADDRESSES_MAX = 4, /* of one host name; further ones are not tried */
};

struct endpoint {
	enum export_place place;
	char name[ENDPOINT_TEXT_MAX];	   /* for people: the path, "@name", or "host:port" */
	char authority[ENDPOINT_TEXT_MAX]; /* for HTTP: "localhost" for unix, else host:port */
	struct {
		struct sockaddr_storage address;
		socklen_t length;
	} addresses[ENDPOINT_ADDRESSES_MAX];
	size_t address_count; /* at least 1 */
};

/* Looks a host name up, which may block on DNS: at start-up, once. 0, or -EHOSTUNREACH with a sentence in message. */
int endpoint_resolve(struct endpoint *endpoint, const struct export_target *target, char *message, size_t message_size)
	__attribute__((warn_unused_result));

#endif
