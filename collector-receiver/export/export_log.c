/* Say a sentence, unless its like was said within the last minute. */
#include "export/export_log.h"

#include <stdarg.h>
#include <stdio.h>

#include "loop.h"

void export_log_say(struct export_log *log, enum export_log_reason reason, const char *format, ...)
{
	char sentence[LOG_LINE_BYTES_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	if (reason != EXPORT_LOG_RECOVERED) {
		snprintf(log->last, sizeof(log->last), "%.*s", (int)sizeof(log->last) - 1, sentence);
		log->last_ns = loop_now_ns();
	}
	log_line_limited(&log->limits[reason], reason == EXPORT_LOG_RECOVERED ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
			 "%s: %s", log->name, sentence);
}
