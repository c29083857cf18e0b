/* What this kernel and these privileges allow the sensor to load. */
#ifndef SENSOR_KERNEL_FEATURES_H
#define SENSOR_KERNEL_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel_features {
	bool fexit;        /* BPF trampolines: programs at the exit of kernel functions */
	bool atomic_fetch; /* BPF atomics that return the old value */
	bool rdonly_cast;  /* bpf_rdonly_cast */
	int fexit_error;   /* errno that refused the trampoline; 0 if fexit is true */

	/* How the functions and structures that fexit programs see look in this kernel. */
	bool tcp_sendpage, unix_sendpage; /* they exist: until 6.4 */
	uint8_t tcp_recvmsg_arguments;
	bool iov_iter_has_ubuf;
	uint8_t iov_iter_ubuf, iov_iter_iovec; /* values of enum iter_type, or bits of the older `type` */
};

/* Returns 0; or -errno if something is missing without which nothing can be captured, with a sentence in `message` that
 * names it and says what to do. */
int kernel_features_probe(struct kernel_features *features, char *message, size_t message_size)
	__attribute__((warn_unused_result));

#endif
