// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Capture where the kernel's TCP functions return: cheaper than system calls, and io_uring comes this way too. */
#include "kernel_types.h"

#include <bpf/bpf_tracing.h>

#include "flow/message.bpf.h"

static __always_inline struct socket *tcp_socket(struct sock *sk)
{
	return KERNEL_READ(sk, sk_socket);
}

SEC("fexit/tcp_sendmsg")
int BPF_PROG(tcp_send_exit, struct sock *sk, struct msghdr *message, uint64_t size, int result)
{
	return message_moved(SCRATCH_TCP_SEND, tcp_socket(sk), message, SENT, size, 0, result);
}

static __always_inline int tcp_received(struct sock *sk, struct msghdr *message, uint64_t size, int flags, int result)
{
	return message_moved(SCRATCH_TCP_RECEIVE, tcp_socket(sk), message, RECEIVED, size, flags, result);
}

/* One of the three is loaded: lib/core_compat.bpf.h. */
SEC("fexit/tcp_recvmsg")
int BPF_PROG(tcp_recv_exit_6, struct sock *sk, struct msghdr *message, uint64_t size, int nonblock, int flags,
	     int *address_bytes, int result)
{
	return tcp_received(sk, message, size, flags, result);
}

SEC("fexit/tcp_recvmsg")
int BPF_PROG(tcp_recv_exit_5, struct sock *sk, struct msghdr *message, uint64_t size, int flags, int *address_bytes,
	     int result)
{
	return tcp_received(sk, message, size, flags, result);
}

SEC("fexit/tcp_recvmsg")
int BPF_PROG(tcp_recv_exit_4, struct sock *sk, struct msghdr *message, uint64_t size, int flags, int result)
{
	return tcp_received(sk, message, size, flags, result);
}

/* sendfile and splice to a socket until 6.4; since then they go through tcp_sendmsg. */
SEC("fexit/tcp_sendpage")
int BPF_PROG(tcp_page_exit, struct sock *sk, void *page, int offset, uint64_t size, int flags, int result)
{
	return message_moved(SCRATCH_TCP_SENDPAGE, tcp_socket(sk), NULL, SENT, size, 0, result);
}

SEC("fexit/tcp_splice_read")
int BPF_PROG(tcp_splice_exit, struct socket *socket, void *position, void *pipe, uint64_t size, unsigned int flags,
	     long result)
{
	return message_moved(SCRATCH_TCP_SPLICE, socket, NULL, RECEIVED, size, 0, result);
}
