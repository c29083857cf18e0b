/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Find or make the connection table's entry of a socket, decide whether and for whom it is watched, and announce it.
 *
 * The owner is the process that used the socket first. It changes when the owner calls execve, when the owner has
 * ended, and when another process begins to receive a new turn: whoever reads the requests answers for them. A process
 * that only writes to a socket of another (the child of a CGI server) does not take it, so that two writers do not make
 * the connection change hands with every call. */
#ifndef BPF_FLOW_CONNECTION_BPF_H
#define BPF_FLOW_CONNECTION_BPF_H

#include "emit/connection.bpf.h"
#include "flow/process.bpf.h"
#include "maps/http2.bpf.h"
#include "maps/listeners.bpf.h"

static __always_inline bool port_in_ranges(const volatile struct config_port_range *ranges, uint32_t count,
					   uint16_t local, uint16_t remote)
{
	for (uint32_t i = 0; i < CONFIG_PORT_RANGES_MAX && i < count; i++) {
		uint16_t first = ranges[i].first, last = ranges[i].last;
		if ((local >= first && local <= last) || (remote >= first && remote <= last))
			return true;
	}
	return false;
}

static __always_inline bool ports_are_watched(struct sock *sk)
{
	if (!config.include_port_count && !config.exclude_port_count)
		return true;
	uint16_t local = sock_local_port(sk), remote = sock_remote_port(sk);
	if (port_in_ranges(config.exclude_ports, config.exclude_port_count, local, remote))
		return false;
	return !config.include_port_count ||
	       port_in_ranges(config.include_ports, config.include_port_count, local, remote);
}

/* For connections whose handshake was not seen. */
static __always_inline uint8_t tcp_role(struct sock *sk)
{
	struct listener key = {.net_namespace = sock_net_namespace(sk), .port = sock_local_port(sk)};

	if (sock_state(sk) == KERNEL_TCP_SYN_RECV || bpf_map_lookup_elem(&listeners, &key))
		return SHM_ROLE_SERVER;
	return SHM_ROLE_CLIENT;
}

/* An accepted socket shares the address of its listener; a connecting one is rarely bound. */
static __always_inline uint8_t unix_role(struct sock *sk)
{
	struct unix_address *own = unix_own_address(sk), *peer = unix_peer_address(sk);

	if (own && !peer)
		return SHM_ROLE_SERVER;
	if (peer && !own)
		return SHM_ROLE_CLIENT;
	return SHM_ROLE_UNKNOWN;
}

/* NULL if the table is full, which has been counted then. Inline, as its entry in the making takes a third of the stack
 * that all calls share, and before 6.x what other calls take is added to it. */
static __always_inline struct connection *connection_insert(struct sock *sk, uint8_t role, uint16_t flags)
{
	uint64_t key = (uint64_t)sk;
	struct connection fresh = {
		.connection_id = connection_id_next(),
		.opened_ns = bpf_ktime_get_ns(),
		.generation = state.verdict_generation,
		.role = role,
		.flags = flags,
	};

	bpf_map_update_elem(&connections, &key, &fresh, BPF_NOEXIST);
	struct connection *connection = bpf_map_lookup_elem(&connections, &key);
	if (!connection)
		counter_increment(SENSOR_COUNTER_CONNECTION_TABLE_FULL);
	return connection;
}

/* `bytes` are those that the present call has moved. */
static __noinline struct connection *connection_adopt(struct sock *sk, uint64_t bytes)
{
	if (sock_state(sk) == KERNEL_TCP_CLOSE)
		return NULL; /* its end has been reported already */
	enum { SYN_AND_FIN = 2 };
	uint16_t flags = CONNECTION_UNIX | (state.walk_done ? 0 : CONNECTION_JOINED);
	bool tcp = sock_is_tcp(sk);
	if (tcp) {
		flags = tcp_bytes_passed(sk) > bytes + SYN_AND_FIN ? CONNECTION_JOINED : 0;
		if (!ports_are_watched(sk))
			flags |= CONNECTION_FILTERED;
	}
	return connection_insert(sk, tcp ? tcp_role(sk) : unix_role(sk), flags);
}

static __always_inline void connection_forget_walks(struct connection *connection)
{
	if (!connection->http2_kept)
		return;
	for (uint64_t direction = RECEIVED; direction <= SENT; direction++) {
		struct http2_direction key = {.connection_id = connection->connection_id, .direction = direction};
		bpf_map_delete_elem(&http2_walks, &key);
	}
	connection->http2_kept = 0;
}

/* Bytes pass, or have passed, that nobody counts. */
static __always_inline void connection_join(struct connection *connection)
{
	connection->flags |= CONNECTION_JOINED;
	connection->http2_mode[RECEIVED] = connection->http2_mode[SENT] = HTTP2_PLAIN;
	connection_forget_walks(connection);
}

/* Take the entry out of the tables. */
static __always_inline void connection_remove(struct connection *connection, uint64_t key)
{
	struct descriptor descriptor = connection->descriptor;

	connection_forget_walks(connection);
	if (descriptor.pid) {
		uint64_t *user = bpf_map_lookup_elem(&descriptors, &descriptor);
		if (user && *user == key)
			bpf_map_delete_elem(&descriptors, &descriptor);
	}
	bpf_map_delete_elem(&connections, &key);
}

/* The receiver's peer over a Unix socket is the Collector. */
static __always_inline bool peer_is_receiver(struct sock *sk)
{
	return state.receiver_pid && sock_is_unix(sk) &&
	       pid_number(KERNEL_READ(sk, sk_peer_pid)) == state.receiver_pid;
}

/* Take over what has been decided about the owner since this connection last asked. */
static __noinline void connection_verdict(struct connection *connection, struct sock *sk)
{
	uint32_t pid = connection->pid, generation = *(volatile uint32_t *)&state.verdict_generation;
	struct process_entry *process = bpf_map_lookup_elem(&processes, &pid);

	/* Read before the verdict: one that changes in between is asked for again. */
	connection->generation = generation;
	if (process && process->verdict < VERDICT_IGNORE && peer_is_receiver(sk)) {
		process->verdict = VERDICT_IGNORE;
		__sync_fetch_and_add(&state.verdict_generation, 1);
	}
	if (process && process->verdict >= VERDICT_IGNORE) {
		connection_close_emit(connection, sk, SHM_CLOSE_EVICTED);
		connection->flags &= ~(CONNECTION_KNOWN | CONNECTION_ANNOUNCED);
		connection->flags |= CONNECTION_IGNORED;
	} else if (connection->flags & CONNECTION_IGNORED) {
		connection_join(connection);
		connection->connection_id = connection_id_next();
		connection->flags &= ~CONNECTION_IGNORED;
	}
}

/* Whether a process that is not the owner becomes it. Outside of the sensor's pid namespace it does always, so that
 * nothing is seen of it on a socket that both sides use, and whoever comes after it takes the socket back. */
static __always_inline bool owner_changes(struct connection *connection, struct task_struct *task, uint32_t pid,
					  uint32_t direction)
{
	uint32_t owner = connection->pid;

	if (!owner || owner == pid)
		return true;
	if (direction == RECEIVED && connection->turn != RECEIVED + 1)
		return true;
	if (task_is_outside(task))
		return true;
	struct process_entry *process = bpf_map_lookup_elem(&processes, &owner);
	return !process || process->verdict == VERDICT_OUTSIDE;
}

static __noinline bool connection_own(struct connection *connection, struct sock *sk, struct task_struct *task)
{
	struct process_entry *process = process_get(task);

	if (!process) {
		connection_join(connection);
		return false;
	}
	connection->process_id = process->process_id;
	connection->pid = KERNEL_READ(task, tgid);
	connection->exec_id = task_exec_id(task);
	connection->flags &= ~CONNECTION_ANNOUNCED;
	if (task_is_kernel_thread(task))
		connection->flags |= CONNECTION_FILTERED;
	connection_verdict(connection, sk);
	return true;
}

static __noinline void connection_announce(struct connection *connection, struct sock *sk, struct task_struct *task)
{
	struct process_entry *process = process_get(task);

	if (!process || process->process_id != connection->process_id || !process_announce(process, task))
		return;
	uint64_t now_ns = bpf_ktime_get_ns();
	bool emitted = sock_is_tcp(sk) ? connection_tcp_emit(connection, sk, now_ns)
				       : connection_unix_emit(connection, sk, now_ns);
	if (emitted)
		connection->flags |= CONNECTION_KNOWN | CONNECTION_ANNOUNCED;
}

/* Do what the first use of a socket, a new owner or a new verdict asks for. True if the connection is to be captured.
 *
 * A global function: the verifier checks it once and apart from its callers. Its arguments are scalars for that: `sock`
 * and `task` are addresses. */
__weak int connection_settle(uint64_t sock, uint64_t inode, uint64_t user, uint64_t direction, uint64_t bytes)
{
	struct sock *sk = (struct sock *)sock;
	struct task_struct *task = (struct task_struct *)user;
	struct connection *connection = bpf_map_lookup_elem(&connections, &sock);

	if (connection && connection->inode && connection->inode != inode) {
		/* The end of the socket that was here before has not been seen. */
		connection_close_emit(connection, NULL, SHM_CLOSE_EVICTED);
		connection_remove(connection, sock);
		connection = NULL;
	}
	if (!connection)
		connection = connection_adopt(sk, bytes);
	if (!connection)
		return false;
	connection->inode = inode;
	if (connection->flags & CONNECTION_FILTERED)
		return false;
	uint32_t pid = KERNEL_READ(task, tgid);
	if (connection->pid != pid || connection->exec_id != task_exec_id(task)) {
		if (owner_changes(connection, task, pid, direction) && !connection_own(connection, sk, task))
			return false;
	} else if (connection->generation != state.verdict_generation) {
		connection_verdict(connection, sk);
	}
	if (connection->flags & (CONNECTION_IGNORED | CONNECTION_FILTERED))
		return false;
	if (!(connection->flags & CONNECTION_ANNOUNCED))
		connection_announce(connection, sk, task);
	return true;
}

/* The entry of a stream socket that `task` uses; NULL if it is not to be captured. A socket that is in the table has
 * been found watchable before. */
static __always_inline struct connection *connection_get(struct socket *socket, struct sock *sk,
							 struct task_struct *task, uint32_t direction, uint64_t bytes)
{
	uint64_t key = (uint64_t)sk, inode = socket_inode_number(socket);
	struct connection *connection = bpf_map_lookup_elem(&connections, &key);

	if (connection && connection->inode == inode) {
		uint16_t flags = connection->flags;
		if (flags & CONNECTION_FILTERED)
			return NULL;
		if (connection->pid == (uint32_t)KERNEL_READ(task, tgid) && connection->exec_id == task_exec_id(task) &&
		    connection->generation == state.verdict_generation) {
			if (flags & CONNECTION_IGNORED)
				return NULL;
			if (flags & CONNECTION_ANNOUNCED)
				return connection;
		}
	} else if (!sock_is_watchable(sk)) {
		return NULL;
	}
	/* What a helper copies is a scalar to the verifier, what is loaded a pointer. */
	bpf_core_read(&key, sizeof(key), &socket->sk);
	if (!connection_settle(key, inode, (uint64_t)task, direction, bytes))
		return NULL;
	return bpf_map_lookup_elem(&connections, &key);
}

#endif
