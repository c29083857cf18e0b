/* Make the two ends of a connection over loopback. */
#include "socket_pair.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
};

static uint16_t port_of(int socket)
{
	union address address = {0};
	socklen_t length = sizeof(address);

	assert_int_equal(getsockname(socket, &address.any, &length), 0);
	return ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
}

static void connect_and_accept(struct socket_pair *pair, int family, const union address *to, socklen_t length)
{
	pair->client = socket(family, SOCK_STREAM, 0);
	assert_true(pair->client >= 0);
	assert_int_equal(connect(pair->client, &to->any, length), 0);
	pair->server = accept(pair->listener, NULL, NULL);
	assert_true(pair->server >= 0);
}

struct socket_pair socket_pair_tcp(enum pair_kind kind)
{
	struct socket_pair pair = {.server = -1, .client = -1};
	union address address = {0};
	int off = 0;

	pair.listener = socket(kind == PAIR_IPV4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);
	assert_true(pair.listener >= 0);
	if (kind == PAIR_IPV4) {
		address.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	} else {
		address.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
		if (kind == PAIR_IPV6)
			address.v6.sin6_addr = in6addr_loopback;
		assert_int_equal(setsockopt(pair.listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)), 0);
	}
	socklen_t length = kind == PAIR_IPV4 ? sizeof(address.v4) : sizeof(address.v6);
	assert_int_equal(bind(pair.listener, &address.any, length), 0);
	assert_int_equal(listen(pair.listener, 8), 0);
	pair.server_port = port_of(pair.listener);
	if (kind == PAIR_IPV6) {
		address.v6.sin6_port = htons(pair.server_port);
		connect_and_accept(&pair, AF_INET6, &address, sizeof(address.v6));
	} else {
		address.v4 = (struct sockaddr_in){.sin_family = AF_INET,
						  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
						  .sin_port = htons(pair.server_port)};
		connect_and_accept(&pair, AF_INET, &address, sizeof(address.v4));
	}
	pair.client_port = port_of(pair.client);
	return pair;
}

static socklen_t unix_address(union address *address, const char *path)
{
	size_t length = strlen(path);

	assert_true(length < sizeof(address->un.sun_path));
	*address = (union address){.un.sun_family = AF_UNIX};
	memcpy(address->un.sun_path, path, length);
	if (path[0] == '@')
		address->un.sun_path[0] = 0;
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (path[0] != '@'));
}

int socket_listen_unix(const char *path)
{
	union address address;
	socklen_t length = unix_address(&address, path);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	if (path[0] != '@')
		unlink(path);
	assert_true(listener >= 0);
	assert_int_equal(bind(listener, &address.any, length), 0);
	assert_int_equal(listen(listener, 8), 0);
	return listener;
}

int socket_connect_unix(const char *path)
{
	union address address;
	socklen_t length = unix_address(&address, path);
	int client = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(client >= 0);
	assert_int_equal(connect(client, &address.any, length), 0);
	return client;
}

struct socket_pair socket_pair_unix(const char *path)
{
	struct socket_pair pair = {.listener = socket_listen_unix(path)};

	pair.client = socket_connect_unix(path);
	pair.server = accept(pair.listener, NULL, NULL);
	assert_true(pair.server >= 0);
	return pair;
}

void socket_pair_close(struct socket_pair *pair)
{
	int *sockets[] = {&pair->client, &pair->server, &pair->listener};

	for (size_t i = 0; i < 3; i++) {
		if (*sockets[i] >= 0)
			close(*sockets[i]);
		*sockets[i] = -1;
	}
}

void socket_reset(int *socket)
{
	struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	assert_int_equal(setsockopt(*socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	close(*socket);
	*socket = -1;
}
