// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Visit what exists already: the listening ports first, then the connected sockets. Go through the connection table:
 * report holes that wait, end Unix sockets that are gone. */
#include "kernel_types.h"

#include <bpf/bpf_tracing.h>

#include "flow/descriptor.bpf.h"

static __always_inline struct sock *walk_sock(struct file *file)
{
	struct socket *socket = file ? socket_from_file(file) : NULL;

	return socket ? KERNEL_READ(socket, sk) : NULL;
}

SEC("iter/task_file")
int walk_listeners(struct bpf_iter__task_file *ctx)
{
	struct sock *sk = walk_sock(ctx->file);

	if (!sk || !sock_is_tcp(sk) || sock_state(sk) != KERNEL_TCP_LISTEN)
		return 0;
	struct listener key = {.net_namespace = sock_net_namespace(sk), .port = sock_local_port(sk)};
	uint8_t value = 1;
	bpf_map_update_elem(&listeners, &key, &value, BPF_ANY);
	return 0;
}

SEC("iter/task_file")
int walk_sockets(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct sock *sk = walk_sock(ctx->file);

	if (!task || !sk || !sock_is_watchable(sk))
		return 0;
	uint8_t socket_state = sock_state(sk);
	if (socket_state != KERNEL_TCP_ESTABLISHED && socket_state != KERNEL_TCP_CLOSE_WAIT)
		return 0;
	uint64_t key = (uint64_t)sk;
	if (bpf_map_lookup_elem(&connections, &key))
		return 0; /* in use since the programs were attached, or shared with a process visited before */
	/* The leader stands for the process, and what a helper copies is a scalar to the verifier. */
	uint64_t leader = (uint64_t)KERNEL_READ(task, group_leader);
	connection_settle(key, socket_inode_number(KERNEL_READ(sk, sk_socket)), leader, SENT, 0);
	return 0;
}

/* The entry that the iterator stands at; NULL at the end. What the context holds can only be read. */
static __always_inline struct connection *walk_connection(struct bpf_iter__bpf_map_elem *ctx, uint64_t *key)
{
	uint64_t *at = ctx->key;

	if (!at)
		return NULL;
	*key = *at;
	return bpf_map_lookup_elem(&connections, key);
}

/* Bytes that were counted without an event, where nothing has followed for a while. */
SEC("iter/bpf_map_elem")
int flush_holes(struct bpf_iter__bpf_map_elem *ctx)
{
	uint64_t key = 0;
	struct connection *connection = walk_connection(ctx, &key);

	if (!connection || !(connection->flags & CONNECTION_ANNOUNCED))
		return 0;
	for (uint32_t direction = RECEIVED; direction <= SENT; direction++) {
		if (!data_has_holes(connection, direction))
			continue;
		if (connection->last_ns[direction] < state.flush_before_ns)
			data_holes_emit(connection, direction);
		else
			state.holes_counted = 1;
	}
	return 0;
}

/* Unix sockets whose end no hook has seen. */
SEC("iter/bpf_map_elem")
int sweep_sockets(struct bpf_iter__bpf_map_elem *ctx)
{
	uint64_t key = 0;
	struct connection *connection = walk_connection(ctx, &key);

	if (connection && connection->flags & CONNECTION_UNIX)
		unix_end(connection, key);
	return 0;
}
