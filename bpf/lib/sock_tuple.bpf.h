/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Find a socket behind a descriptor and read what it connects. No maps. */
#ifndef BPF_LIB_SOCK_TUPLE_BPF_H
#define BPF_LIB_SOCK_TUPLE_BPF_H

#include <bpf/bpf_endian.h>

#include "lib/core_compat.bpf.h"
#include "shm_protocol/record.h"

/* NULL for files of other kinds. */
static __always_inline struct socket *socket_from_file(struct file *file)
{
	struct inode *inode = KERNEL_READ(file, f_inode);

	if ((KERNEL_READ(inode, i_mode) & KERNEL_S_IFMT) != KERNEL_S_IFSOCK)
		return NULL;
	return KERNEL_READ(file, private_data);
}

static __always_inline struct socket *socket_from_descriptor(struct task_struct *task, uint64_t descriptor)
{
	struct files_struct *files = KERNEL_READ(task, files);
	struct fdtable *table = KERNEL_READ(files, fdt);

	if (descriptor >= KERNEL_READ(table, max_fds))
		return NULL;
	struct file *file = kernel_pointer_read(KERNEL_READ(table, fd) + descriptor);
	return file ? socket_from_file(file) : NULL;
}

/* Tells a socket from a later one at the same address. */
static __always_inline uint64_t socket_inode_number(struct socket *socket)
{
	return KERNEL_READ((struct socket_alloc *)socket, vfs_inode.i_ino);
}

static __always_inline uint8_t sock_state(struct sock *sk)
{
	return KERNEL_READ(sk, __sk_common.skc_state);
}

static __always_inline bool sock_is_stream(struct sock *sk)
{
	return KERNEL_READ(sk, sk_type) == KERNEL_SOCK_STREAM;
}

static __always_inline bool sock_is_tcp(struct sock *sk)
{
	uint16_t family = KERNEL_READ(sk, __sk_common.skc_family);

	return (family == KERNEL_AF_INET || family == KERNEL_AF_INET6) &&
	       KERNEL_READ(sk, sk_protocol) == KERNEL_IPPROTO_TCP && sock_is_stream(sk);
}

static __always_inline bool sock_is_unix(struct sock *sk)
{
	return KERNEL_READ(sk, __sk_common.skc_family) == KERNEL_AF_UNIX && sock_is_stream(sk);
}

static __always_inline bool sock_is_watchable(struct sock *sk)
{
	return sock_is_tcp(sk) || (config.unix_sockets && sock_is_unix(sk));
}

static __always_inline uint16_t sock_local_port(struct sock *sk)
{
	return KERNEL_READ(sk, __sk_common.skc_num);
}

static __always_inline uint16_t sock_remote_port(struct sock *sk)
{
	return bpf_ntohs(KERNEL_READ(sk, __sk_common.skc_dport));
}

static __always_inline uint32_t sock_net_namespace(struct sock *sk)
{
	struct net *net = KERNEL_READ(sk, __sk_common.skc_net.net);

	return KERNEL_READ(net, ns.inum);
}

static __always_inline void address_store(uint8_t *to, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	uint32_t *words = (uint32_t *)to;

	words[0] = a;
	words[1] = b;
	words[2] = c;
	words[3] = d;
}

static __always_inline bool address_is_mapped(const struct in6_addr *address)
{
	const uint32_t *words = address->in6_u.u6_addr32;

	return words[0] == 0 && words[1] == 0 && words[2] == bpf_htonl(0xffff);
}

/* Fill family, ports and addresses of a TCP socket; a v4-mapped address becomes the IPv4 address that it stands for. */
static __always_inline void sock_tcp_tuple(struct sock *sk, struct shm_record_connection *to)
{
	to->local_port = sock_local_port(sk);
	to->remote_port = sock_remote_port(sk);
	if (KERNEL_READ(sk, __sk_common.skc_family) == KERNEL_AF_INET) {
		to->family = SHM_FAMILY_IPV4;
		address_store(to->local_address, KERNEL_READ(sk, __sk_common.skc_rcv_saddr), 0, 0, 0);
		address_store(to->remote_address, KERNEL_READ(sk, __sk_common.skc_daddr), 0, 0, 0);
		return;
	}

	struct in6_addr local, remote;
	bpf_core_read(&local, sizeof(local), &sk->__sk_common.skc_v6_rcv_saddr);
	bpf_core_read(&remote, sizeof(remote), &sk->__sk_common.skc_v6_daddr);
	uint32_t *l = local.in6_u.u6_addr32, *r = remote.in6_u.u6_addr32;
	if (address_is_mapped(&local) && address_is_mapped(&remote)) {
		to->family = SHM_FAMILY_IPV4;
		address_store(to->local_address, l[3], 0, 0, 0);
		address_store(to->remote_address, r[3], 0, 0, 0);
	} else {
		to->family = SHM_FAMILY_IPV6;
		address_store(to->local_address, l[0], l[1], l[2], l[3]);
		address_store(to->remote_address, r[0], r[1], r[2], r[3]);
	}
}

/* Bytes that the process has read or written since the connection was made, to within the one that a SYN counts. */
static __always_inline uint64_t tcp_bytes_passed(struct sock *sk)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	uint32_t unread = KERNEL_READ(tcp, rcv_nxt) - KERNEL_READ(tcp, copied_seq);
	uint32_t unacknowledged = KERNEL_READ(tcp, write_seq) - KERNEL_READ(tcp, snd_una);
	uint64_t received = KERNEL_READ(tcp, bytes_received);

	return (received > unread ? received - unread : 0) + KERNEL_READ(tcp, bytes_acked) + unacknowledged;
}

static __always_inline struct unix_address *unix_own_address(struct sock *sk)
{
	return KERNEL_READ((struct unix_sock *)sk, addr);
}

static __always_inline struct unix_address *unix_peer_address(struct sock *sk)
{
	struct sock *peer = KERNEL_READ((struct unix_sock *)sk, peer);

	return peer ? unix_own_address(peer) : NULL;
}

#endif
