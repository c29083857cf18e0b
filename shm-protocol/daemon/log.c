/* Write log lines to standard error. */
#include "daemon/log.h"

#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const uint64_t LIMIT_NS = UINT64_C(60) * 1000 * 1000 * 1000;

static const char *const prefixes[] = {
	[LOG_LEVEL_ERROR] = "error: ",
	[LOG_LEVEL_WARNING] = "warning: ",
	[LOG_LEVEL_INFO] = "",
};

static size_t append(char *line, size_t used, const char *format, ...) __attribute__((format(printf, 3, 4)));
static size_t vappend(char *line, size_t used, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));
static void write_line(enum log_level level, uint64_t suppressed, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));

static uint64_t lost_lines; /* since the last that was written */

/* snprintf that keeps count: returns the new length, never past the last byte but one. */
static size_t vappend(char *line, size_t used, const char *format, va_list arguments)
{
	int n = vsnprintf(line + used, LOG_LINE_BYTES_MAX - used, format, arguments);

	if (n < 0)
		return used;
	return used + (size_t)n < LOG_LINE_BYTES_MAX - 1 ? used + (size_t)n : LOG_LINE_BYTES_MAX - 1;
}

static size_t append(char *line, size_t used, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	used = vappend(line, used, format, arguments);
	va_end(arguments);
	return used;
}

static void write_line(enum log_level level, uint64_t suppressed, const char *format, va_list arguments)
{
	struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
	char line[LOG_LINE_BYTES_MAX + 1];
	size_t used = append(line, 0, "%s", prefixes[level]);

	used = vappend(line, used, format, arguments);
	if (suppressed != 0)
		used = append(line, used, " (%" PRIu64 " more since the last such line)", suppressed);
	if (lost_lines != 0)
		used = append(line, used, " (%" PRIu64 " lines before this one could not be written)", lost_lines);
	for (size_t i = 0; i < used; i++) {
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	}
	line[used++] = '\n';
	/* A log that cannot be written, or that nobody reads, must not stop the daemon. */
	if (poll(&room, 1, 0) == 0 || write(STDERR_FILENO, line, used) < 0)
		lost_lines++;
	else
		lost_lines = 0;
}

void log_line(enum log_level level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	write_line(level, 0, format, arguments);
	va_end(arguments);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void log_line_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
{
	uint64_t now = now_ns();
	va_list arguments;

	if (now < limit->closed_until_ns) {
		limit->suppressed++;
		return;
	}
	va_start(arguments, format);
	write_line(level, limit->suppressed, format, arguments);
	va_end(arguments);
	limit->closed_until_ns = now + LIMIT_NS;
	limit->suppressed = 0;
}
