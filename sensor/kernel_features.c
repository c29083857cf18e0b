/* Find out what this kernel and these privileges allow, by trying it. */
#include "kernel_features.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#define STATE_TRACEPOINT "btf_trace_inet_sock_set_state"

enum { RINGBUF_PROBE_BYTES = 65536 }; /* a multiple of every page size */

static const struct bpf_insn return_zero[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
	{.code = BPF_JMP | BPF_EXIT},
};

/* bpf_probe_read_kernel of nothing: kernel lockdown takes the helper away. */
static const struct bpf_insn read_kernel_memory[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_10},
	{.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_1, .imm = -8},
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 8},
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = 0},
	{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_read_kernel},
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
	{.code = BPF_JMP | BPF_EXIT},
};

static bool has_function(const struct btf *kernel, const char *name)
{
	return btf__find_by_name_kind(kernel, name, BTF_KIND_FUNC) > 0;
}

/* The descriptor of the program, or -errno if the kernel refuses it. */
static int tracing_load(const struct btf *kernel, const char *target, uint32_t kind, enum bpf_attach_type attach,
			const struct bpf_insn *program, size_t count)
{
	int target_id = btf__find_by_name_kind(kernel, target, kind);
	if (target_id < 0)
		return -ENOENT;
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach, .attach_btf_id = (uint32_t)target_id);
	int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "probe", "Dual BSD/GPL", program, count, &options);
	return fd < 0 ? -errno : fd;
}

/* Returns -errno if the kernel refuses, else 0. */
static int probe_tracing(const struct btf *kernel, const char *target, uint32_t kind, enum bpf_attach_type attach)
{
	const size_t length = sizeof(return_zero) / sizeof(return_zero[0]);
	int program = tracing_load(kernel, target, kind, attach, return_zero, length);
	if (program < 0)
		return program;
	int link = bpf_raw_tracepoint_open(NULL, program);
	int error = link < 0 ? -errno : 0;
	if (link >= 0)
		close(link);
	close(program);
	return error;
}

/* 5.12: r0 = fetch-and-add on a stack slot. */
static bool probe_atomic_fetch(void)
{
	const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_10, .src_reg = BPF_REG_0, .off = -8},
		{.code = BPF_STX | BPF_ATOMIC | BPF_DW,
		 .dst_reg = BPF_REG_10,
		 .src_reg = BPF_REG_0,
		 .off = -8,
		 .imm = BPF_ADD | BPF_FETCH},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "probe", "Dual BSD/GPL", program,
			       sizeof(program) / sizeof(program[0]), NULL);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static int probe_ring_buffer(char *message, size_t message_size)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "probe", 0, 0, RINGBUF_PROBE_BYTES, NULL);
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	int error = -errno;
	if (error == -EPERM)
		snprintf(message, message_size,
			 "the kernel refuses BPF (EPERM): run as root, or give CAP_BPF and CAP_PERFMON, and before "
			 "Linux 5.11 LimitMEMLOCK=infinity");
	else if (error == -ENOSYS)
		snprintf(message, message_size, "the kernel has no bpf system call: it needs CONFIG_BPF_SYSCALL");
	else
		snprintf(message, message_size,
			 "the kernel cannot make a BPF ring buffer (%s): Linux 5.8 or later is needed",
			 strerror(-error));
	return error;
}

static int probe_tracepoint(const struct btf *kernel, char *message, size_t message_size)
{
	int error = probe_tracing(kernel, STATE_TRACEPOINT, BTF_KIND_TYPEDEF, BPF_TRACE_RAW_TP);

	if (error == -EPERM)
		snprintf(message, message_size,
			 "the kernel refuses tracing programs (EPERM): give CAP_PERFMON too");
	else if (error)
		snprintf(message, message_size,
			 "the kernel cannot attach to its own tracepoints (%s): it needs CONFIG_BPF_EVENTS and "
			 "CONFIG_FTRACE_SYSCALLS",
			 strerror(-error));
	return error;
}

static int probe_kernel_memory(const struct btf *kernel, char *message, size_t message_size)
{
	int program = tracing_load(kernel, STATE_TRACEPOINT, BTF_KIND_TYPEDEF, BPF_TRACE_RAW_TP, read_kernel_memory,
				   sizeof(read_kernel_memory) / sizeof(read_kernel_memory[0]));
	if (program >= 0) {
		close(program);
		return 0;
	}
	snprintf(message, message_size,
		 "the kernel does not let programs read its memory (%s): kernel lockdown must not be set to "
		 "confidentiality",
		 strerror(-program));
	return program;
}

/* The number of arguments of tcp_recvmsg: 6 until 5.18, 5 since 5.19, 4 since 7.x. */
static uint8_t function_arguments(const struct btf *kernel, const char *name)
{
	int id = btf__find_by_name_kind(kernel, name, BTF_KIND_FUNC);
	if (id < 0)
		return 0;
	const struct btf_type *function = btf__type_by_id(kernel, (uint32_t)id);
	const struct btf_type *prototype = btf__type_by_id(kernel, function->type);
	return (uint8_t)btf_vlen(prototype);
}

static void probe_iov_iter(const struct btf *kernel, struct kernel_features *features)
{
	int id = btf__find_by_name_kind(kernel, "iter_type", BTF_KIND_ENUM);
	if (id < 0)
		return;
	const struct btf_type *type = btf__type_by_id(kernel, (uint32_t)id);
	const struct btf_enum *value = btf_enum(type);
	for (uint32_t i = 0; i < btf_vlen(type); i++, value++) {
		const char *name = btf__name_by_offset(kernel, value->name_off);
		if (strcmp(name, "ITER_UBUF") == 0) {
			features->iov_iter_has_ubuf = true;
			features->iov_iter_ubuf = (uint8_t)value->val;
		} else if (strcmp(name, "ITER_IOVEC") == 0) {
			features->iov_iter_iovec = (uint8_t)value->val;
		}
	}
}

int kernel_features_probe(struct kernel_features *features, char *message, size_t message_size)
{
	*features = (struct kernel_features){0};
	int error = probe_ring_buffer(message, message_size);
	if (error)
		return error;
	struct btf *kernel = btf__load_vmlinux_btf();
	if (!kernel) {
		error = -errno;
		snprintf(message, message_size,
			 "the kernel does not describe its types (/sys/kernel/btf/vmlinux: %s): it needs "
			 "CONFIG_DEBUG_INFO_BTF",
			 error == -ESRCH ? "not there" : strerror(-error));
		return error;
	}
	error = probe_tracepoint(kernel, message, message_size);
	if (error == 0)
		error = probe_kernel_memory(kernel, message, message_size);
	if (error == 0) {
		features->fexit_error = -probe_tracing(kernel, "tcp_sendmsg", BTF_KIND_FUNC, BPF_TRACE_FEXIT);
		features->fexit = features->fexit_error == 0;
		features->atomic_fetch = probe_atomic_fetch();
		features->rdonly_cast = has_function(kernel, "bpf_rdonly_cast");
		features->tcp_recvmsg_arguments = function_arguments(kernel, "tcp_recvmsg");
		features->tcp_sendpage = has_function(kernel, "tcp_sendpage");
		features->unix_sendpage = has_function(kernel, "unix_stream_sendpage");
		probe_iov_iter(kernel, features);
	}
	btf__free(kernel);
	return error;
}
