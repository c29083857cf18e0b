/* Define the handoff: what passes over the sensor's Unix socket (SOCK_SEQPACKET) when a receiver attaches.
 *
 * The receiver connects. The sensor checks SO_PEERCRED and answers with exactly one message, struct shm_handoff.
 * With SHM_HANDOFF_ACCEPTED three descriptors travel in it by SCM_RIGHTS, in the order of enum shm_handoff_fd.
 * The receiver sends nothing, ever. The connection stays open as the sign of life of both: end of file means that
 * the other is gone and the generation is over.
 */
#ifndef SHM_PROTOCOL_HANDOFF_H
#define SHM_PROTOCOL_HANDOFF_H

#include "shm_protocol/types.h"

enum shm_handoff_status {
	SHM_HANDOFF_ACCEPTED = 0,
	SHM_HANDOFF_BUSY = 1,    /* another receiver is attached and alive */
	SHM_HANDOFF_REFUSED = 2, /* this uid may not attach */
	SHM_HANDOFF_FAILED = 3,  /* the sensor could not make a ring; its log says why */
};

enum shm_handoff_fd {
	SHM_HANDOFF_FD_DATA = 0,
	SHM_HANDOFF_FD_CONTROL = 1,
	SHM_HANDOFF_FD_DOORBELL = 2, /* see below */
	SHM_HANDOFF_FD_COUNT = 3,
};

/* The doorbell is an eventfd that stays with the sensor. What the receiver gets is an epoll instance that holds it,
 * edge-triggered: it polls readable once the bell has rung, and one epoll_wait(fd, &event, 1, 0) silences it. The
 * eventfd itself must not cross: its O_NONBLOCK belongs to the open file description that both would share, so a
 * receiver could clear it, fill the counter, and hold the sensor in write(2) for ever. */

struct shm_handoff {
	uint64_t magic; /* SHM_LAYOUT_MAGIC */
	uint16_t layout_major;
	uint16_t layout_minor;
	uint32_t status; /* enum shm_handoff_status */
	uint64_t generation;
	uint64_t ring_bytes;
	uint32_t sensor_pid;
	uint32_t sensor_uid;
	uint32_t other_pid; /* with SHM_HANDOFF_BUSY: the receiver that is attached */
	uint32_t _pad;
};

_Static_assert(sizeof(struct shm_handoff) == 48, "shm_handoff");

#endif
