/* Feed connections_record with conversations written as text, and write down the exchanges that come out. */
#ifndef SUPPORT_RECORD_FEED_H
#define SUPPORT_RECORD_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "connections/connections.h"
#include "support/guard_page.h"

enum { FEED_RECEIVED, FEED_SENT };

enum { FEED_LOG_BYTES = 1 << 20, FEED_TIME_STEP_NS = 1000 };

/* A feed has one current connection. Times grow by FEED_TIME_STEP_NS a record, from FEED_TIME_STEP_NS. */
struct feed {
	struct connections *connections;
	struct guard_page guard;
	uint64_t connection_id;
	uint64_t offsets[2];
	uint64_t now_ns;
	uint32_t exchanges;
	bool times; /* note start and end times too */
	size_t log_length;
	char log[FEED_LOG_BYTES]; /* one line per exchange */
};

struct feed *feed_create(void);
struct feed *feed_create_limited(const struct connections_limits *limits);
void feed_destroy(struct feed *feed);

/* Forget what was written down. */
void feed_clear_log(struct feed *feed);

void feed_process(struct feed *feed, uint64_t process_id, const char *service_name);
void feed_process_exit(struct feed *feed, uint64_t process_id);

/* A new connection becomes the current one: owner process 1, role SHM_ROLE_*, flags SHM_CONNECTION_*. */
void feed_connection(struct feed *feed, uint8_t role, uint16_t flags);

/* The next bytes of a direction as one record, each placed against a guard page. */
void feed_bytes(struct feed *feed, int direction, const char *bytes, size_t length);
void feed_text(struct feed *feed, int direction, const char *text);

/* A record of `length` bytes of which the first `captured` are shown. */
void feed_cut(struct feed *feed, int direction, const char *bytes, size_t captured, size_t length);

/* The same; `frame`: the kernel side says that an HTTP/2 frame begins at the first byte. */
void feed_frames(struct feed *feed, int direction, const char *bytes, size_t captured, size_t length, bool frame);

/* What is to be known of a byte besides its value. */
enum feed_mark {
	FEED_MARK_FRAME = 1, /* the kernel side says that an HTTP/2 frame begins here */
	FEED_MARK_HOLE = 2,  /* it does not show this byte */
};

/* The next bytes with their marks: one record for each run of shown bytes, with the hole behind it. `shown`: holes,
 * too, are shown. */
void feed_marked(struct feed *feed, int direction, const char *bytes, const unsigned char *marks, size_t length,
		 bool shown);

/* Bytes pass that no record tells of: lost, or beyond the capture budget. */
void feed_skip(struct feed *feed, int direction, uint64_t bytes);

/* The next bytes, or the loss of them. */
void feed_unless_lost(struct feed *feed, int direction, const char *bytes, size_t length, bool seen);

/* A record at any offset; the feed's own offset stays. */
void feed_at(struct feed *feed, int direction, uint64_t offset, const char *bytes, size_t length);

void feed_end(struct feed *feed, int direction); /* end of stream, no bytes */
void feed_close(struct feed *feed, uint8_t reason); /* SHM_CLOSE_* */

#endif
