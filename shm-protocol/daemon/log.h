/* One line to standard error per thing worth saying, at most once a minute where strangers could make it more. */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include <stdint.h>

enum log_level {
	LOG_LEVEL_ERROR,   /* "error: ..." */
	LOG_LEVEL_WARNING, /* "warning: ..." */
	LOG_LEVEL_INFO,	   /* the text alone: "ready: ..." is such a line */
};

/* Longer lines are cut. */
enum { LOG_LINE_BYTES_MAX = 1024 };

/* Write one line with a single write(2), if there is room for it: a log that nobody reads does not stop the daemon, and
 * the next line that is written says how many were not. Control characters, which may come from strangers, are printed
 * as '?'. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One call site's allowance. Zeroed, it lets the first line through. */
struct log_limit {
	uint64_t closed_until_ns; /* CLOCK_MONOTONIC */
	uint64_t suppressed;	  /* lines since the last that was written */
};

/* As log_line, at most once a minute; the next line that passes says how many did not. */
void log_line_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* One allowance per place in the code. */
#define LOG_LIMITED(level, ...)                                                                                        \
	do {                                                                                                           \
		static struct log_limit log_limit_here;                                                                \
		log_line_limited(&log_limit_here, (level), __VA_ARGS__);                                               \
	} while (0)

#endif
