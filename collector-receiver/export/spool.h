/* Requests that wait for one exporter on disk: first in, first out, in one preallocated file that is used as a ring.
 * What was put there is found again after the receiver was killed. docs/adr/0012 says why it is so. */
#ifndef EXPORT_SPOOL_H
#define EXPORT_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "otlp/request.h"

struct spool;

struct spool_options {
	const char *directory; /* has to exist; NULL: no spool */
	uint64_t bytes;	       /* of the file; at least SPOOL_BYTES_MIN */
	uint64_t max_age_ns;   /* older requests are given up; 0: never */
	bool fsync;	       /* wait for the disk after each request: survives the host, too */
};

enum {
	SPOOL_BYTES_MIN = 1024 * 1024,
};

struct spool_status {
	uint64_t records;
	uint64_t items[OTLP_SIGNAL_COUNT];
	uint64_t bytes;
	uint64_t bytes_max;
};

/* Open the file that belongs to `owner`, the export specification, and find what an earlier receiver left in it; make
 * it if it is not there. Damage is counted and stepped over. The descriptor stays open: nothing is opened later. 0;
 * -ENOSPC or -EDQUOT if the disk has no room for it; -EBUSY if another receiver has it; or -errno. With a sentence in
 * message. */
int spool_open(struct spool **spool, const struct spool_options *options, const char *owner, char *message,
	       size_t message_size) __attribute__((warn_unused_result));
void spool_close(struct spool *spool); /* what waits stays in the file; NULL is allowed */

/* When all exporters have opened theirs: name in the log the spools in the directory that nobody has. */
void spool_say_orphans(const char *directory);

/* 0, -ENOSPC when it is full, or -errno when the disk failed. The request is not kept in memory. */
int spool_put(struct spool *spool, const struct otlp_request *request) __attribute__((warn_unused_result));

/* The oldest, with a reference for the caller, or NULL: there is none, or no memory to hold it. It stays in the file
 * until spool_done. Damaged and too old ones before it are counted and forgotten. `maybe_sent`: an earlier receiver had
 * begun to send it. */
struct otlp_request *spool_take(struct spool *spool, bool *maybe_sent) __attribute__((warn_unused_result));
/* The request that was taken is about to be sent. */
void spool_mark_sending(struct spool *spool);
/* It has ended, well or badly. */
void spool_done(struct spool *spool);
uint32_t spool_taken_items(const struct spool *spool); /* of the request that was taken */
/* The request that was taken is older than it may get. */
bool spool_taken_is_too_old(const struct spool *spool);

bool spool_is_empty(const struct spool *spool);
void spool_status(const struct spool *spool, struct spool_status *status);

#endif
