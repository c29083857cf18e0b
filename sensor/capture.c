/* Load the kernel side, attach it, and take it down. */
#include "capture.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "capture_config.h"
#include "capture.skel.h"
#include "capture_before_5_12.skel.h"
#include "capture_before_6_2.skel.h"
#include "capture_session.h"
#include "refusal.h"

_Static_assert((int)CAPTURE_PORT_RANGES_MAX == (int)CONFIG_PORT_RANGES_MAX, "port ranges");

enum {
	WAKEUP_RING_PARTS = 8, /* wake the sensor when so small a part of the ring is full */
	NS_PER_US = 1000,
};

static int options_check(const struct capture_options *options, char *message, size_t message_size)
{
	if (options->capture_bytes > SHM_CAPTURE_BYTES_MAX)
		snprintf(message, message_size, "capture bytes: %u is more than %d", options->capture_bytes,
			 SHM_CAPTURE_BYTES_MAX);
	else if (options->include_port_count > CAPTURE_PORT_RANGES_MAX ||
		 options->exclude_port_count > CAPTURE_PORT_RANGES_MAX)
		snprintf(message, message_size, "ports: more than %d ranges", CAPTURE_PORT_RANGES_MAX);
	else if (!options->connections_max || !options->processes_max)
		snprintf(message, message_size, "the tables for connections and processes must not be empty");
	else
		return 0;
	return -EINVAL;
}

static int mode_choose(struct capture *capture, enum capture_mode wanted, char *message, size_t message_size)
{
	const struct kernel_features *features = &capture->features;
	bool known = features->tcp_recvmsg_arguments >= 4 && features->tcp_recvmsg_arguments <= 6;

	capture->mode = wanted;
	if (wanted == CAPTURE_AUTO)
		capture->mode = features->fexit && known ? CAPTURE_FENTRY : CAPTURE_TRACEPOINT;
	if (capture->mode == CAPTURE_FENTRY && features->fexit && !known) {
		snprintf(message, message_size,
			 "this kernel's tcp_recvmsg takes %u arguments, which is not known: use --capture tracepoint",
			 features->tcp_recvmsg_arguments);
		return -ENOTSUP;
	}
	if (capture->mode == CAPTURE_FENTRY && !features->fexit) {
		snprintf(message, message_size,
			 "this kernel has no BPF trampolines (%s): use --capture tracepoint or auto",
			 strerror(features->fexit_error));
		return -ENOTSUP;
	}
	if (wanted != CAPTURE_AUTO)
		snprintf(message, message_size, "capture by %s: as configured", capture_mode_name(capture));
	else if (features->fexit)
		snprintf(message, message_size, "capture by fentry: this kernel has BPF trampolines");
	else
		snprintf(message, message_size, "capture by tracepoint: this kernel has no BPF trampolines (%s)",
			 strerror(features->fexit_error));
	return 0;
}

static void ports_configure(struct config_port_range *to, const struct capture_port_range *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		to[i] = (struct config_port_range){.first = from[i].first, .last = from[i].last};
}

static void programs_configure(struct capture *capture, const struct capture_options *options)
{
	const struct kernel_features *features = &capture->features;
	struct capture_config *config = &capture->programs->rodata->config;

	config->capture_bytes = options->capture_bytes;
	config->self_pid = options->self_pid;
	config->pid_namespace = options->pid_namespace;
	config->new_process_verdict = options->new_process_verdict;
	config->wakeup_bytes = options->kernel_ring_bytes / WAKEUP_RING_PARTS;
	config->wakeup_interval_ns = (uint64_t)options->wakeup_interval_us * NS_PER_US;
	config->has_rdonly_cast = features->rdonly_cast;
	config->unix_sockets = options->unix_sockets;
	config->iov_iter_has_ubuf = features->iov_iter_has_ubuf;
	config->iov_iter_ubuf = features->iov_iter_ubuf;
	config->iov_iter_iovec = features->iov_iter_iovec;
	config->include_port_count = (uint32_t)options->include_port_count;
	config->exclude_port_count = (uint32_t)options->exclude_port_count;
	ports_configure(config->include_ports, options->include_ports, options->include_port_count);
	ports_configure(config->exclude_ports, options->exclude_ports, options->exclude_port_count);
}

static int maps_size(const struct capture *capture, const struct capture_options *options)
{
	struct capture_bpf *programs = capture->programs;
	int error = bpf_map__set_max_entries(programs->maps.events, options->kernel_ring_bytes);

	if (!error)
		error = bpf_map__set_max_entries(programs->maps.connections, options->connections_max);
	if (!error)
		error = bpf_map__set_max_entries(programs->maps.descriptors, options->connections_max);
	if (!error)
		error = bpf_map__set_max_entries(programs->maps.http2_walks, options->connections_max);
	if (!error)
		error = bpf_map__set_max_entries(programs->maps.processes, options->processes_max);
	if (!error)
		error = bpf_map__set_max_entries(programs->maps.counters, (uint32_t)capture->counter_cpus);
	return error;
}

/* Which programs are loaded, and which of them run by themselves. */
static int programs_select(struct capture *capture)
{
	struct capture_bpf *programs = capture->programs;
	const struct kernel_features *features = &capture->features;
	bool fentry = capture->mode == CAPTURE_FENTRY, unix_fentry = fentry && programs->rodata->config.unix_sockets;
	const struct {
		struct bpf_program *program;
		bool load;
	} selection[] = {
		{programs->progs.syscall_exit, !fentry},
		{programs->progs.tcp_send_exit, fentry},
		{programs->progs.tcp_recv_exit_6, fentry && features->tcp_recvmsg_arguments == 6},
		{programs->progs.tcp_recv_exit_5, fentry && features->tcp_recvmsg_arguments == 5},
		{programs->progs.tcp_recv_exit_4, fentry && features->tcp_recvmsg_arguments == 4},
		{programs->progs.tcp_page_exit, fentry && features->tcp_sendpage},
		{programs->progs.tcp_splice_exit, fentry},
		{programs->progs.unix_send_exit, unix_fentry},
		{programs->progs.unix_recv_exit, unix_fentry},
		{programs->progs.unix_page_exit, unix_fentry && features->unix_sendpage},
		{programs->progs.unix_splice_exit, unix_fentry},
		{programs->progs.unix_release_entry, unix_fentry},
	};

	bpf_program__set_autoattach(programs->progs.walk_listeners, false);
	bpf_program__set_autoattach(programs->progs.walk_sockets, false);
	bpf_program__set_autoattach(programs->progs.flush_holes, false);
	bpf_program__set_autoattach(programs->progs.sweep_sockets, false);
	for (size_t i = 0; i < sizeof(selection) / sizeof(selection[0]); i++) {
		int error = bpf_program__set_autoload(selection[i].program, selection[i].load);
		if (error)
			return error;
	}
	return 0;
}

/* All builds have the same programs, maps and variables, so one skeleton fits them. */
static struct capture_bpf *programs_open(const struct kernel_features *features)
{
	struct capture_bpf *programs = calloc(1, sizeof(*programs));

	if (!programs)
		return NULL;
	int error = capture_bpf__create_skeleton(programs);
	if (!error && !features->rdonly_cast)
		programs->skeleton->data = capture_before_6_2_bpf__elf_bytes(&programs->skeleton->data_sz);
	if (!error && !features->atomic_fetch)
		programs->skeleton->data = capture_before_5_12_bpf__elf_bytes(&programs->skeleton->data_sz);
	if (!error)
		error = bpf_object__open_skeleton(programs->skeleton, NULL);
	if (error) {
		capture_bpf__destroy(programs);
		errno = -error;
		return NULL;
	}
	return programs;
}

static int programs_load(struct capture *capture, const struct capture_options *options)
{
	refusal_listen(options->verifier_log_path);
	capture->programs = programs_open(&capture->features);
	if (!capture->programs)
		return -errno;
	programs_configure(capture, options);
	int error = maps_size(capture, options);
	if (!error)
		error = programs_select(capture);
	if (!error)
		error = capture_bpf__load(capture->programs);
	if (!error)
		error = capture_bpf__attach(capture->programs);
	if (!error)
		error = capture_counters_map(capture);
	if (error)
		return error;
	capture->ring = ring_buffer__new(bpf_map__fd(capture->programs->maps.events), capture_event, capture, NULL);
	return capture->ring ? 0 : -errno;
}

/* Let go of the whole pages of what was read to load the programs: they are in the executable, and nobody reads them
 * again. */
static void pages_forget(const void *bytes, size_t size)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)bytes + page - 1) & ~(page - 1), to = ((uintptr_t)bytes + size) & ~(page - 1);

	if (from < to)
		(void)madvise((void *)from, to - from, MADV_DONTNEED);
}

static void loading_forget(const struct capture *capture)
{
	const struct bpf_object_skeleton *skeleton = capture->programs->skeleton;

	pages_forget(skeleton->data, skeleton->data_sz);
	/* libbpf has freed megabytes, among them the kernel's types. */
	malloc_trim(0);
}

static void programs_unload(struct capture *capture)
{
	ring_buffer__free(capture->ring);
	capture->ring = NULL;
	capture_counters_unmap(capture);
	capture_bpf__destroy(capture->programs);
	capture->programs = NULL;
}

/* One sentence: what was refused, and what to do. */
static void refusal_describe(const struct capture *capture, const struct capture_options *options, int error,
			     char *message, size_t message_size)
{
	struct utsname kernel = {0};
	char what[384];

	(void)uname(&kernel);
	if (refusal_program())
		snprintf(what, sizeof(what), "the program %s (%s)", refusal_program(), strerror(-error));
	else
		snprintf(what, sizeof(what), "the capture programs (%s; %s)", strerror(-error),
			 refusal_text()[0] ? refusal_text() : "no further reason");
	snprintf(message, message_size, "Linux %s refuses %s, so capture by %s is not possible here: %s%s%s",
		 kernel.release, what, capture_mode_name(capture),
		 options->mode == CAPTURE_AUTO ? "" : "try --capture auto, and ",
		 refusal_logged() ? "please report it with the file "
				  : "please report it with what --verifier-log FILE writes",
		 refusal_logged() ? options->verifier_log_path : "");
}

/* Under auto: the kernel has trampolines, but its verifier does not accept what would run there. */
static int programs_fall_back(struct capture *capture, const struct capture_options *options, char *message,
			      size_t message_size)
{
	char refused[64];

	snprintf(refused, sizeof(refused), "%s", refusal_program() ? refusal_program() : "programs of the other way");
	programs_unload(capture);
	capture->mode = CAPTURE_TRACEPOINT;
	int error = programs_load(capture, options);
	if (!error)
		snprintf(message, message_size, "capture by tracepoint: this kernel has BPF trampolines but refuses %s",
			 refused);
	return error;
}

int capture_open(struct capture **capture, const struct capture_options *options, char *message, size_t message_size)
{
	int error = options_check(options, message, message_size);
	if (error)
		return error;
	struct capture *made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	refusal_listen(NULL); /* what the probes are refused is not worth a word */
	made->counter_cpus = libbpf_num_possible_cpus();
	error = kernel_features_probe(&made->features, message, message_size);
	if (!error)
		error = mode_choose(made, options->mode, message, message_size);
	if (!error) {
		error = programs_load(made, options);
		if (error && options->mode == CAPTURE_AUTO && made->mode == CAPTURE_FENTRY)
			error = programs_fall_back(made, options, message, message_size);
		if (error)
			refusal_describe(made, options, error, message, message_size);
		else
			loading_forget(made);
	}
	refusal_end();
	if (error) {
		capture_close(made);
		return error;
	}
	*capture = made;
	return 0;
}

void capture_close(struct capture *capture)
{
	if (!capture)
		return;
	programs_unload(capture);
	free(capture);
}

const char *capture_mode_name(const struct capture *capture)
{
	return capture->mode == CAPTURE_FENTRY ? "fentry" : "tracepoint";
}

int capture_fd(const struct capture *capture)
{
	return ring_buffer__epoll_fd(capture->ring);
}
