/* Print what each loaded program costs the verifier and the kernel's memory, and fail when it costs more than is
 * written down here: growth is to be seen and meant. Kernels count differently; a ceiling is for the worst of those
 * tested, 6.1, 6.12 and 6.18, and a margin. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "capture.h"

enum { SKIPPED = 77, VERIFIER_LIMIT = 1000000 };

/* Names as the kernel keeps them, cut to 15 characters. */
static const struct {
	const char *name;
	uint32_t verified;
} ceilings[] = {
	{"syscall_exit", 200000},    {"tcp_send_exit", 150000},   {"tcp_recv_exit_4", 150000},
	{"tcp_recv_exit_5", 150000}, {"tcp_recv_exit_6", 150000}, {"tcp_page_exit", 150000},
	{"tcp_splice_exit", 150000}, {"unix_send_exit", 150000},
	{"unix_recv_exit", 150000}, {"unix_page_exit", 150000}, {"unix_splice_exi", 150000}, {"unix_release_en", 15000},
	{"process_exec", 100},	    {"process_exit", 1000},	{"tcp_state", 80000},	     {"tcp_destroyed", 30000},
	{"walk_listeners", 1000},   {"walk_sockets", 50000},	{"flush_holes", 15000},	     {"sweep_sockets", 15000},
};

static bool exceeds_ceiling(const char *name, uint32_t verified)
{
	for (size_t i = 0; i < sizeof(ceilings) / sizeof(ceilings[0]); i++) {
		if (strcmp(name, ceilings[i].name) == 0)
			return verified > ceilings[i].verified;
	}
	return false; /* of another process */
}

/* False if it costs more than it may. Kernels before 5.16 do not tell, and print 0. */
static bool print_program(uint32_t id)
{
	struct bpf_prog_info info = {0};
	uint32_t length = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0)
		return true;
	bool exceeds = false;
	if (bpf_obj_get_info_by_fd(fd, &info, &length) == 0) {
		exceeds = exceeds_ceiling(info.name, info.verified_insns);
		printf("%-16s verified %6u of %d, %5u instructions, %6u bytes of machine code%s\n", info.name,
		       info.verified_insns, VERIFIER_LIMIT, info.xlated_prog_len / 8, info.jited_prog_len,
		       exceeds ? ": more than its ceiling" : "");
	}
	close(fd);
	return !exceeds;
}

/* Returns 0, 1 for a program that costs too much, or SKIPPED. */
static int print_programs(uint32_t pid_namespace)
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
		.pid_namespace = pid_namespace,
	};
	struct capture *capture;
	char message[512];
	uint32_t before = 0, id = 0;

	while (bpf_prog_get_next_id(before, &id) == 0)
		before = id;
	int error = capture_open(&capture, &options, message, sizeof(message));
	printf("%s%s\n", message, pid_namespace ? "; in a pid namespace" : "");
	if (error)
		return SKIPPED;
	int failed = 0;
	for (id = before; bpf_prog_get_next_id(id, &id) == 0;)
		failed |= !print_program(id);
	capture_close(capture);
	return failed;
}

int main(void)
{
	int failed = print_programs(0);

	/* As in a sidecar, where more is asked about who a process is. No reason to skip after the first. */
	if (failed != SKIPPED && print_programs(1))
		failed = EXIT_FAILURE;
	return failed;
}
