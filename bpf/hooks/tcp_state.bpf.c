// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Follow the life of TCP connections: who opened them, when a direction ends, when they are gone. */
#include "kernel_types.h"

#include <bpf/bpf_tracing.h>

#include "flow/connection.bpf.h"

/* What the peer has acknowledged against what was counted: io_uring under the tracepoint capture, the TLS of the kernel
 * and MPTCP take ways that no hook is on. Of connections from their beginning that nobody asked to leave out. */
static __always_inline void sent_account(struct sock *sk, const struct connection *connection)
{
	enum { SYN_AND_FIN = 2 };

	if (connection->flags & (CONNECTION_FILTERED | CONNECTION_IGNORED | CONNECTION_JOINED))
		return;
	if (KERNEL_READ((struct tcp_sock *)sk, bytes_acked) > connection->offset[SENT] + SYN_AND_FIN)
		counter_increment(SENSOR_COUNTER_SENT_UNSEEN);
}

static __always_inline void state_closed(struct sock *sk, struct connection *connection)
{
	uint8_t reason = SHM_CLOSE_NORMAL;

	if (KERNEL_READ(sk, sk_err) || connection->flags & CONNECTION_RESET)
		reason = SHM_CLOSE_RESET;
	sent_account(sk, connection);
	connection_close_emit(connection, sk, reason);
	connection_remove(connection, (uint64_t)sk);
}

/* The handshake tells the role. No process is known here; the first that uses the socket becomes the owner. */
static __always_inline void state_established(struct sock *sk, int old_state)
{
	if (old_state != KERNEL_TCP_SYN_SENT && old_state != KERNEL_TCP_SYN_RECV)
		return;
	uint8_t role = old_state == KERNEL_TCP_SYN_SENT ? SHM_ROLE_CLIENT : SHM_ROLE_SERVER;
	uint64_t key = (uint64_t)sk;
	struct connection *former = bpf_map_lookup_elem(&connections, &key);
	if (former) /* connect(2) anew, after a connection that was dissolved with AF_UNSPEC */
		state_closed(sk, former);
	connection_insert(sk, role, ports_are_watched(sk) ? 0 : CONNECTION_FILTERED);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state, struct sock *sk, int old_state, int new_state)
{
	uint64_t key = (uint64_t)sk;

	if (!sock_is_tcp(sk))
		return 0;
	if (new_state == KERNEL_TCP_ESTABLISHED) {
		state_established(sk, old_state);
		return 0;
	}
	struct connection *connection = bpf_map_lookup_elem(&connections, &key);
	if (!connection)
		return 0;
	switch (new_state) {
	case KERNEL_TCP_FIN_WAIT1:
	case KERNEL_TCP_LAST_ACK:
		if (connection->flags & CONNECTION_KNOWN)
			data_end_emit(connection, SENT, bpf_ktime_get_ns());
		break;
	case KERNEL_TCP_CLOSE:
		/* While a process holds the socket, bytes may wait to be read, or have been read or written by a call
		 * that has not returned: tcp_destroyed reports the end then. */
		if (KERNEL_READ(sk, sk_socket)) {
			if (KERNEL_READ(sk, sk_err))
				connection->flags |= CONNECTION_RESET;
			break;
		}
		state_closed(sk, connection);
		break;
	}
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(tcp_destroyed, struct sock *sk)
{
	uint64_t key = (uint64_t)sk;
	struct connection *connection = bpf_map_lookup_elem(&connections, &key);

	if (connection)
		state_closed(sk, connection);
	return 0;
}
