/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* See the end of Unix sockets at close(2): they have no state tracepoint, and a tracepoint at the entry of close would
 * cost every system call of the host. What ends otherwise (dup2, close_range, exit) is noticed by the sweep; the peer's
 * end of stream and the end of the process tell the receiver earlier. */
#ifndef BPF_FLOW_DESCRIPTOR_BPF_H
#define BPF_FLOW_DESCRIPTOR_BPF_H

#include "flow/connection.bpf.h"

static __always_inline void descriptor_keep(struct connection *connection, struct socket *socket, uint64_t number)
{
	if (!config.unix_sockets || connection->flags & CONNECTION_DESCRIPTOR_KEPT)
		return;
	connection->flags |= CONNECTION_DESCRIPTOR_KEPT;
	struct sock *sk = KERNEL_READ(socket, sk);
	if (!sock_is_unix(sk))
		return;
	struct descriptor key = {.pid = task_current_pid(), .number = number};
	uint64_t value = (uint64_t)sk;
	if (bpf_map_update_elem(&descriptors, &key, &value, BPF_ANY) == 0)
		connection->descriptor = key;
}

/* Whether another descriptor, here or in another process, keeps the socket open. */
static __always_inline bool socket_is_open(struct sock *sk, uint64_t inode)
{
	struct socket *socket = KERNEL_READ(sk, sk_socket);

	if (!socket || socket_inode_number(socket) != inode)
		return false;
	struct file *file = KERNEL_READ(socket, file);
	return file && !file_release_pending(file);
}

/* End a Unix socket's entry, unless the socket is still open. */
static __always_inline bool unix_end(struct connection *connection, uint64_t key)
{
	if (socket_is_open((struct sock *)key, connection->inode))
		return false;
	connection_close_emit(connection, NULL, SHM_CLOSE_NORMAL);
	connection_remove(connection, key);
	return true;
}

static __noinline void descriptor_closed(uint64_t number)
{
	if (!config.unix_sockets)
		return;
	struct descriptor key = {.pid = task_current_pid(), .number = number};
	uint64_t *value = bpf_map_lookup_elem(&descriptors, &key);
	if (!value)
		return;
	uint64_t address = *value;
	bpf_map_delete_elem(&descriptors, &key);
	struct connection *connection = bpf_map_lookup_elem(&connections, &address);
	if (!connection || unix_end(connection, address))
		return;
	/* The next use, through another descriptor, keeps that one. */
	connection->descriptor.pid = 0;
	connection->flags &= ~CONNECTION_DESCRIPTOR_KEPT;
}

#endif
