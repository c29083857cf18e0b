/* Print what each loaded program costs the verifier and the kernel's memory: information, not a gate. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "capture.h"

enum { SKIPPED = 77, VERIFIER_LIMIT = 1000000 };

static void print_program(uint32_t id)
{
	struct bpf_prog_info info = {0};
	uint32_t length = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0)
		return;
	if (bpf_obj_get_info_by_fd(fd, &info, &length) == 0)
		printf("%-16s verified %6u of %d, %5u instructions, %6u bytes of machine code\n", info.name,
		       info.verified_insns, VERIFIER_LIMIT, info.xlated_prog_len / 8, info.jited_prog_len);
	close(fd);
}

int main(void)
{
	const char *mode = getenv("SHMOTEL_TEST_CAPTURE");
	const struct capture_options options = {
		.mode = mode && strcmp(mode, "fentry") == 0 ? CAPTURE_FENTRY : CAPTURE_TRACEPOINT,
		.capture_bytes = 8192,
		.kernel_ring_bytes = 1 << 20,
		.connections_max = 1024,
		.processes_max = 1024,
		.unix_sockets = true,
		.new_process_verdict = VERDICT_IGNORE,
	};
	struct capture *capture;
	char message[512];
	uint32_t before = 0, id = 0;

	while (bpf_prog_get_next_id(before, &id) == 0)
		before = id;
	int error = capture_open(&capture, &options, message, sizeof(message));
	printf("%s\n", message);
	if (error)
		return SKIPPED;
	for (id = before; bpf_prog_get_next_id(id, &id) == 0;)
		print_program(id);
	capture_close(capture);
	return 0;
}
