/* Make the two ends of a connection over loopback. */
#ifndef TESTS_HOOKS_SOCKET_PAIR_H
#define TESTS_HOOKS_SOCKET_PAIR_H

#include <stdbool.h>
#include <stdint.h>

struct socket_pair {
	int server, client, listener; /* -1 when closed */
	uint16_t server_port, client_port;
};

enum pair_kind {
	PAIR_IPV4,
	PAIR_IPV6,
	PAIR_MAPPED, /* an IPv6 listener, reached over IPv4 */
};

struct socket_pair socket_pair_tcp(enum pair_kind kind);
struct socket_pair socket_pair_unix(const char *path); /* a leading '@' makes it abstract */
int socket_listen_unix(const char *path);
int socket_connect_unix(const char *path);
void socket_pair_close(struct socket_pair *pair);

/* close(2) with RST instead of FIN. */
void socket_reset(int *socket);

#endif
