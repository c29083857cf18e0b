/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Emit connection and connection_close events. */
#ifndef BPF_EMIT_CONNECTION_BPF_H
#define BPF_EMIT_CONNECTION_BPF_H

#include "emit/data.bpf.h"
#include "lib/sock_tuple.bpf.h"

enum { CONNECTION_UNIX_BYTES_MAX = sizeof(struct shm_record_connection) + (SHM_UNIX_PATH_BYTES_MAX + 7) / 8 * 8 };

static __always_inline void connection_fill(struct shm_record_connection *record, struct connection *connection,
					    struct sock *sk)
{
	record->header.length = sizeof(*record);
	record->header.type = SHM_RECORD_CONNECTION;
	record->header.flags = (connection->flags & CONNECTION_JOINED ? SHM_CONNECTION_JOINED : 0) |
			       (connection->flags & CONNECTION_KNOWN ? SHM_CONNECTION_OWNER : 0);
	record->connection_id = connection->connection_id;
	record->process_id = connection->process_id;
	record->time_ns = connection->opened_ns;
	record->role = connection->role;
	record->unix_path_bytes = 0;
	record->net_namespace = sock_net_namespace(sk);
	record->_pad = 0;
}

/* Copy the address that the listening end is bound to; an abstract name gets '@' for its leading NUL. */
static __always_inline void connection_unix_path(struct shm_record_connection *record, struct unix_address *address)
{
	enum { SUN_PATH_OFFSET = 2 };
	uint8_t *path = (uint8_t *)(record + 1);

	for (int i = 0; i < (SHM_UNIX_PATH_BYTES_MAX + 7) / 8; i++)
		((uint64_t *)path)[i] = 0;
	if (!address)
		return;
	uint64_t bytes = (uint32_t)KERNEL_READ(address, len);
	if (bytes <= SUN_PATH_OFFSET)
		return;
	bytes -= SUN_PATH_OFFSET;
	if (bytes > SHM_UNIX_PATH_BYTES_MAX)
		bytes = SHM_UNIX_PATH_BYTES_MAX;
	void *from = (void *)address + bpf_core_field_offset(address->name[0].sun_path);
	if (bpf_probe_read_kernel(path, bytes, from))
		return;
	if (!path[0]) {
		path[0] = '@';
	} else if (bytes > 1) {
		/* bind(2) counts the terminating NUL, a path of full length has none */
		uint64_t last = bytes - 1;
		if (last < SHM_UNIX_PATH_BYTES_MAX && !path[last])
			bytes = last;
	}
	record->unix_path_bytes = bytes;
	record->header.length = (sizeof(*record) + bytes + 7) & ~7ULL;
}

static __noinline bool connection_unix_emit(struct connection *connection, struct sock *sk, uint64_t now_ns)
{
	struct shm_record_connection *record = ring_reserve(CONNECTION_UNIX_BYTES_MAX);

	if (!record)
		return false;
	connection_fill(record, connection, sk);
	record->family = SHM_FAMILY_UNIX;
	record->local_port = 0;
	record->remote_port = 0;
	address_store(record->local_address, 0, 0, 0, 0);
	address_store(record->remote_address, 0, 0, 0, 0);
	struct unix_address *address = unix_own_address(sk);
	connection_unix_path(record, address ? address : unix_peer_address(sk));
	bpf_ringbuf_submit(record, ring_submit_flags(now_ns));
	return true;
}

static __noinline bool connection_tcp_emit(struct connection *connection, struct sock *sk, uint64_t now_ns)
{
	struct shm_record_connection *record = ring_reserve(sizeof(*record));

	if (!record)
		return false;
	connection_fill(record, connection, sk);
	sock_tcp_tuple(sk, record);
	bpf_ringbuf_submit(record, ring_submit_flags(now_ns));
	return true;
}

/* Report what is still unreported of both directions, then the end. Does not touch the table. */
static __noinline void connection_close_emit(struct connection *connection, struct sock *sk, uint8_t reason)
{
	if (!(connection->flags & CONNECTION_KNOWN))
		return;
	data_holes_emit(connection, RECEIVED);
	data_holes_emit(connection, SENT);
	uint64_t now_ns = bpf_ktime_get_ns();
	struct shm_record_connection_close *record = ring_reserve(sizeof(*record));
	if (!record)
		return;
	record->header.length = sizeof(*record);
	record->header.type = SHM_RECORD_CONNECTION_CLOSE;
	record->header.flags = 0;
	record->connection_id = connection->connection_id;
	record->time_ns = now_ns;
	record->sent_bytes = connection->offset[SENT];
	record->received_bytes = connection->offset[RECEIVED];
	record->retransmits = sk && sock_is_tcp(sk) ? KERNEL_READ((struct tcp_sock *)sk, total_retrans) : 0;
	record->reason = reason;
	record->_pad[0] = record->_pad[1] = record->_pad[2] = 0;
	bpf_ringbuf_submit(record, ring_submit_flags(now_ns));
}

#endif
