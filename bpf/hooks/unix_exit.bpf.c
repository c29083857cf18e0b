// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Capture where the kernel's functions for Unix stream sockets return, and see their sockets end. */
#include "kernel_types.h"

#include <bpf/bpf_tracing.h>

#include "flow/message.bpf.h"

SEC("fexit/unix_stream_sendmsg")
int BPF_PROG(unix_send_exit, struct socket *socket, struct msghdr *message, uint64_t size, int result)
{
	return message_moved(SCRATCH_UNIX_SEND, socket, message, SENT, size, 0, result);
}

SEC("fexit/unix_stream_recvmsg")
int BPF_PROG(unix_recv_exit, struct socket *socket, struct msghdr *message, uint64_t size, int flags, int result)
{
	return message_moved(SCRATCH_UNIX_RECEIVE, socket, message, RECEIVED, size, flags, result);
}

/* Until 6.4, as tcp_sendpage. */
SEC("fexit/unix_stream_sendpage")
int BPF_PROG(unix_page_exit, struct socket *socket, void *page, int offset, uint64_t size, int flags, long result)
{
	return message_moved(SCRATCH_UNIX_SENDPAGE, socket, NULL, SENT, size, 0, result);
}

SEC("fexit/unix_stream_splice_read")
int BPF_PROG(unix_splice_exit, struct socket *socket, void *position, void *pipe, uint64_t size, unsigned int flags,
	     long result)
{
	return message_moved(SCRATCH_UNIX_SPLICE, socket, NULL, RECEIVED, size, 0, result);
}

SEC("fentry/unix_release")
int BPF_PROG(unix_release_entry, struct socket *socket)
{
	uint64_t key = (uint64_t)KERNEL_READ(socket, sk);
	struct connection *connection = bpf_map_lookup_elem(&connections, &key);

	if (!connection)
		return 0;
	connection_close_emit(connection, NULL, SHM_CLOSE_NORMAL);
	connection_remove(connection, key);
	return 0;
}
