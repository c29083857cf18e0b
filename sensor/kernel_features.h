/* What this kernel and these privileges allow the sensor to load. */
#ifndef SENSOR_KERNEL_FEATURES_H
#define SENSOR_KERNEL_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;

struct kernel_features {
	bool fexit;        /* BPF trampolines: programs at the exit of kernel functions */
	bool atomic_fetch; /* BPF atomics that return the old value */
	bool rdonly_cast;  /* bpf_rdonly_cast */
	int fexit_error;   /* errno that refused the trampoline; 0 if fexit is true */

	/* How tcp_recvmsg and struct iov_iter look in this kernel. */
	uint8_t tcp_recvmsg_arguments;
	bool iov_iter_has_ubuf;
	uint8_t iov_iter_ubuf, iov_iter_iovec; /* values of enum iter_type, or bits of the older `type` */
};

/* Returns 0; or -errno if something is missing without which nothing can be captured, with a sentence in `message` that
 * names it and says what to do. */
int kernel_features_probe(struct kernel_features *features, char *message, size_t message_size)
	__attribute__((warn_unused_result));

/* Whether the running kernel has a function of that name that a program can be attached to. */
bool kernel_has_function(const struct btf *kernel, const char *name);

#endif
