/* What the two files of the spool share: spool.c (in and out) and spool_recover.c (finding again). */
#ifndef EXPORT_SPOOL_STATE_H
#define EXPORT_SPOOL_STATE_H

#include "export/spool.h"
#include "export/spool_file.h"

struct spool {
	struct spool_file file;
	uint64_t max_age_ns;
	struct spool_position head; /* of the oldest record; as it is on disk */
	uint64_t tail;		    /* offset behind the newest */
	uint64_t sequence;	    /* of the next record */
	uint64_t items[OTLP_SIGNAL_COUNT]; /* of all records ever: head.items of them are gone */
	struct spool_record taken;	   /* if has_taken: the oldest */
	bool has_taken;
	char path[4096];
};

/* Find what is in the file that is open, and change nothing. 0, -EBADMSG, -EPROTONOSUPPORT, or -errno. */
int spool_load(struct spool *spool) __attribute__((warn_unused_result));
/* Use the file that is open as it is, or make it anew if it is new, empty of requests and of another size, or no spool
 * at all. 0 or -errno. */
int spool_load_or_create(struct spool *spool, uint64_t bytes) __attribute__((warn_unused_result));
/* Count what an earlier receiver left. */
void spool_count_found(const struct spool *spool);
/* Count the items between two running totals as lost by damage, if there are any. */
void spool_count_gap(const struct spool *spool, const uint64_t before[], const uint64_t after[]);

#endif
