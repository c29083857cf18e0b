/* Listen to libbpf, which hands on the verifier's log: a name for the sentence, the rest for a bug report. */
#include "refusal.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

/* libbpf has one callback per process, without a context. */
static struct {
	const char *log_path;
	FILE *log;
	char text[256];
	char program[64];
} heard;

static void log_open(void)
{
	if (heard.log || !heard.log_path || !heard.log_path[0])
		return;
	int fd = open(heard.log_path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	heard.log = fdopen(fd, "w");
	if (!heard.log)
		close(fd);
}

__attribute__((format(printf, 2, 0))) static int hear(enum libbpf_print_level level, const char *format,
						      va_list arguments)
{
	if (level != LIBBPF_WARN)
		return 0;
	log_open();
	if (heard.log) {
		va_list again;
		va_copy(again, arguments);
		vfprintf(heard.log, format, again);
		va_end(again);
	}
	if (heard.text[0])
		return 0;
	vsnprintf(heard.text, sizeof(heard.text), format, arguments);
	heard.text[strcspn(heard.text, "\n")] = 0;
	if (sscanf(heard.text, "libbpf: prog '%63[^']'", heard.program) != 1)
		heard.program[0] = 0;
	return 0;
}

void refusal_listen(const char *log_path)
{
	heard.log_path = log_path;
	heard.text[0] = 0;
	heard.program[0] = 0;
	libbpf_set_print(hear);
}

const char *refusal_program(void)
{
	return heard.program[0] ? heard.program : NULL;
}

const char *refusal_text(void)
{
	return heard.text;
}

bool refusal_logged(void)
{
	return heard.log != NULL;
}

void refusal_end(void)
{
	if (heard.log)
		fclose(heard.log);
	heard.log = NULL;
	heard.log_path = NULL;
}
