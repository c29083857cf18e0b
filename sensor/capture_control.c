/* Steer the loaded programs: walk what exists, flush, verdicts. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "capture_config.h"
#include "capture.skel.h"
#include "capture_session.h"
#include "process_entry.h"

#define NS_PER_S  1000000000ULL
#define NS_PER_MS 1000000ULL

/* Run an iterator to its end. Its programs write no text: what they find goes into the ring. */
static int iterator_run(struct bpf_program *program, const struct bpf_iter_attach_opts *options)
{
	struct bpf_link *link = bpf_program__attach_iter(program, options);
	if (!link)
		return -errno;
	int error = 0, fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0) {
		error = -errno;
		bpf_link__destroy(link);
		return error;
	}
	char unused[64];
	ssize_t got;
	while ((got = read(fd, unused, sizeof(unused))) > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
		;
	if (got < 0)
		error = -errno;
	close(fd);
	bpf_link__destroy(link);
	return error;
}

int capture_walk(struct capture *capture)
{
	/* Roles of the connections come from the listeners, so these are first. */
	int error = iterator_run(capture->programs->progs.walk_listeners, NULL);

	if (!error)
		error = iterator_run(capture->programs->progs.walk_sockets, NULL);
	capture->programs->bss->state.walk_done = 1;
	return error;
}

static int connections_visit(struct capture *capture, struct bpf_program *program)
{
	union bpf_iter_link_info info = {
		.map.map_fd = (uint32_t)bpf_map__fd(capture->programs->maps.connections),
	};
	/* Not LIBBPF_OPTS: libbpf refuses it when the compiler leaves something in the padding at the end. */
	struct bpf_iter_attach_opts options;
	memset(&options, 0, sizeof(options));
	options.sz = sizeof(options);
	options.link_info = &info;
	options.link_info_len = sizeof(info);
	return iterator_run(program, &options);
}

int capture_sweep(struct capture *capture)
{
	/* unix_release sees every end. */
	if (capture->mode == CAPTURE_FENTRY || !capture->programs->rodata->config.unix_sockets)
		return 0;
	return connections_visit(capture, capture->programs->progs.sweep_sockets);
}

int capture_flush(struct capture *capture, uint32_t idle_ms)
{
	struct capture_state *state = &capture->programs->bss->state;

	if (!state->holes_counted)
		return 0;
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t now_ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec, idle_ns = idle_ms * NS_PER_MS;
	state->flush_before_ns = now_ns > idle_ns ? now_ns - idle_ns : 0;
	state->holes_counted = 0;
	return connections_visit(capture, capture->programs->progs.flush_holes);
}

int capture_set_verdict(struct capture *capture, uint32_t kernel_pid, enum verdict verdict)
{
	int table = bpf_map__fd(capture->programs->maps.processes);
	struct process_entry entry = {0};

	if (bpf_map_lookup_elem(table, &kernel_pid, &entry) != 0)
		return -errno;
	/* The number may have passed to another process. */
	if (entry.verdict == VERDICT_OUTSIDE)
		return -ENOENT;
	entry.verdict = verdict;
	if (bpf_map_update_elem(table, &kernel_pid, &entry, BPF_EXIST) != 0)
		return -errno;
	__atomic_fetch_add(&capture->programs->bss->state.verdict_generation, 1, __ATOMIC_RELEASE);
	return 0;
}

int capture_set_receiver(struct capture *capture, uint32_t pid)
{
	capture->programs->bss->state.receiver_pid = pid;
	/* Elsewhere than in the initial namespace it is no key of the table: the relay decides by what was
	 * announced. */
	if (!pid || capture->programs->rodata->config.pid_namespace)
		return 0;
	/* A process that the programs have not met has no entry: they ignore it when they do. */
	int error = capture_set_verdict(capture, pid, VERDICT_IGNORE);
	return error == -ENOENT ? 0 : error;
}
