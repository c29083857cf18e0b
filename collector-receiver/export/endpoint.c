/* From an export target to socket addresses. */
#include "export/endpoint.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

/* A path ends with a NUL; an abstract name begins with one, and its length ends it. */
static void endpoint_set_unix(struct endpoint *endpoint, const struct export_target *target)
{
	struct sockaddr_un *address = (struct sockaddr_un *)&endpoint->addresses[0].address;
	const size_t length = strlen(target->path);
	const size_t at = target->place == EXPORT_PLACE_ABSTRACT;

	assert(length < sizeof(address->sun_path));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path + at, target->path, length);
	endpoint->addresses[0].length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
	endpoint->address_count = 1;
	snprintf(endpoint->name, sizeof(endpoint->name), "%s%.*s", at ? "@" : "", (int)length, target->path);
	/* Some servers refuse a path as authority; all accept this, which gRPC clients send to a Unix socket. */
	strcpy(endpoint->authority, "localhost");
}

static int endpoint_look_up(struct endpoint *endpoint, const struct export_target *target, char *message, size_t size)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list;
	char port[6];
	int error;

	snprintf(port, sizeof(port), "%u", (unsigned)target->port);
	error = getaddrinfo(target->host, port, &hints, &list);
	if (error != 0) {
		snprintf(message, size,
			 "The host \"%s\" was not found: %s. Host names are looked up once, at start: "
			 "correct the name, or write the address.",
			 target->host, gai_strerror(error));
		return -EHOSTUNREACH;
	}
	for (struct addrinfo *at = list; at != NULL && endpoint->address_count < ENDPOINT_ADDRESSES_MAX;
	     at = at->ai_next) {
		memcpy(&endpoint->addresses[endpoint->address_count].address, at->ai_addr, at->ai_addrlen);
		endpoint->addresses[endpoint->address_count].length = at->ai_addrlen;
		endpoint->address_count++;
	}
	freeaddrinfo(list);
	return 0;
}

int endpoint_resolve(struct endpoint *endpoint, const struct export_target *target, char *message, size_t size)
{
	const bool bracketed = strchr(target->host, ':') != NULL;

	memset(endpoint, 0, sizeof(*endpoint));
	endpoint->place = target->place;
	if (target->place != EXPORT_PLACE_TCP) {
		endpoint_set_unix(endpoint, target);
		return 0;
	}
	snprintf(endpoint->name, sizeof(endpoint->name), "%s%s%s:%u", bracketed ? "[" : "", target->host,
		 bracketed ? "]" : "", (unsigned)target->port);
	memcpy(endpoint->authority, endpoint->name, sizeof(endpoint->name));
	return endpoint_look_up(endpoint, target, message, size);
}
