/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Declare the fields of kernel structures that the programs read; CO-RE finds where the running kernel keeps them. */
#ifndef BPF_KERNEL_TYPES_H
#define BPF_KERNEL_TYPES_H

#include <linux/bpf.h>

#include "shm_protocol/types.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sock;
struct socket;
struct file;
struct task_struct;
struct pid_namespace;

/* Registers at a system call. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r10, r9, r8, ax, cx, dx, si, di, orig_ax;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	uint64_t regs[31];
	uint64_t orig_x0;
	int32_t syscallno;
};
#else
#error "system call registers of this architecture are not described"
#endif

/* Namespaces and control groups. */
struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

struct pid_namespace {
	struct ns_common ns;
};

struct nsproxy {
	struct net *net_ns;
};

struct kernfs_node {
	uint64_t id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

/* Files. */
struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct qstr d_name;
};

struct path {
	struct dentry *dentry;
};

struct inode {
	uint16_t i_mode;
	unsigned long i_ino;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

/* A kernel structure that is one pointer: lets an element of an array of pointers be loaded like a field. */
struct hlist_node;
struct hlist_head {
	struct hlist_node *first;
};

/* Tasks. */
struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
};

struct mm_struct {
	unsigned long arg_start, arg_end, env_start, env_end;
	struct file *exe_file;
};

typedef struct {
	uint32_t val;
} kuid_t;

struct cred {
	kuid_t euid;
};

struct thread_info {
	unsigned long flags;
	uint32_t status;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	int pid;
	int tgid;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	struct signal_struct *signal;
	uint64_t start_boottime;
	uint64_t self_exec_id;
	struct mm_struct *mm;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct css_set *cgroups;
	struct pid *thread_pid;
	const struct cred *cred;
	char comm[16];
};

/* Sockets. */
typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	union {
		uint32_t u6_addr32[4];
	} in6_u;
};

struct sock_common {
	uint32_t skc_daddr;
	uint32_t skc_rcv_saddr;
	uint16_t skc_dport;
	uint16_t skc_num;
	unsigned short skc_family;
	unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
	uint16_t sk_type;
	uint16_t sk_protocol;
	int sk_err;
	struct socket *sk_socket;
	struct pid *sk_peer_pid;
};

struct socket {
	struct file *file;
	struct sock *sk;
};

struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
};

struct tcp_sock {
	uint32_t rcv_nxt;
	uint32_t copied_seq;
	uint32_t snd_una;
	uint32_t write_seq;
	uint64_t bytes_received;
	uint64_t bytes_acked;
	uint32_t total_retrans;
};

struct sockaddr_un {
	uint16_t sun_family;
	char sun_path[108];
};

struct unix_address {
	int len;
	struct sockaddr_un name[1];
};

struct unix_sock {
	struct unix_address *addr;
	struct sock *peer;
};

/* What a send reads from and a receive writes to. */
struct iov_iter {
	uint8_t iter_type;
	size_t iov_offset;
};

struct msghdr {
	struct iov_iter msg_iter;
	unsigned int msg_flags;
};

/* Contexts of the iterators. */
struct bpf_iter__task_file {
	struct task_struct *task;
	uint32_t fd;
	struct file *file;
};

struct bpf_iter__bpf_map_elem {
	void *key;
	void *value;
};

#pragma clang attribute pop

/* Constants of the kernel's ABI that no header for user programs gives to BPF programs. */
enum {
	KERNEL_AF_UNIX = 1,
	KERNEL_AF_INET = 2,
	KERNEL_AF_INET6 = 10,
	KERNEL_SOCK_STREAM = 1,
	KERNEL_IPPROTO_TCP = 6,
	KERNEL_S_IFMT = 0170000,
	KERNEL_S_IFSOCK = 0140000,
	KERNEL_PF_KTHREAD = 0x00200000,
	KERNEL_MAX_PID_NS_LEVEL = 32,

	KERNEL_TCP_ESTABLISHED = 1,
	KERNEL_TCP_SYN_SENT = 2,
	KERNEL_TCP_SYN_RECV = 3,
	KERNEL_TCP_FIN_WAIT1 = 4,
	KERNEL_TCP_CLOSE = 7,
	KERNEL_TCP_CLOSE_WAIT = 8,
	KERNEL_TCP_LAST_ACK = 9,
	KERNEL_TCP_LISTEN = 10,

	KERNEL_MSG_OOB = 0x1,
	KERNEL_MSG_PEEK = 0x2,
	KERNEL_MSG_TRUNC = 0x20,
	KERNEL_MSG_ERRQUEUE = 0x2000,
};

/* Structures of the system call ABI, read from the process: their layout never changes. */
struct abi_iovec {
	uint64_t base;
	uint64_t length;
};

/* The part of a message that says where its bytes are. */
struct abi_message_vector {
	uint64_t iov;
	uint64_t iov_count;
};

struct abi_msghdr {
	uint64_t name;
	uint64_t name_bytes;
	struct abi_message_vector vector;
	uint64_t control;
	uint64_t control_bytes;
	uint64_t flags;
};

struct abi_mmsghdr {
	struct abi_msghdr header;
	uint32_t length;
	uint32_t _pad;
};

#endif
