/* What a process in a cage may try, and how it ends. */
#ifndef CAGE_ATTEMPTS_H
#define CAGE_ATTEMPTS_H

#include <stddef.h>
#include <sys/types.h>

enum {
	WORKED = 0,
	WHATEVER = 254, /* of `behind`: the kernel may say yes or no, as it is configured */
	NO_CAGE = 255,  /* the cage itself could not be entered */
};

/* One forbidden thing. It is the rule of `call`, or that there is none, that refuses it: where that call is let
 * through, the attempt works or fails with `behind`. */
struct attempt {
	const char *name;
	int call;
	int (*make)(void); /* 0 or more: it worked; -1 with errno */
	int behind;        /* WORKED, an errno or WHATEVER */
	int refused;       /* 0: the process is ended; else the errno */
};

/* Enter the cage with a hole for one system call, or NULL for none; exits with NO_CAGE on failure. */
typedef void cage_enter_fn(const int *hole);

/* Make a directory with a file that belongs to `uid`. */
int attempts_prepare(uid_t uid);
void attempts_tidy(void);
extern char attempts_file[64];
extern const char *attempts_text; /* what the file holds in the next attempt */

/* How a child ends that tries this in the cage: WORKED, the errno of the attempt, NO_CAGE, or minus the signal. */
int attempt_fate(int (*make)(void), cage_enter_fn *enter, const int *hole);

/* Each attempt is refused in the cage `whole`, and is not in `filter_only`, the same without the barriers behind the
 * filter, with a hole for the call. Fails the test with the name of the attempt and of the rule. */
void attempts_check(const struct attempt *attempts, size_t count, cage_enter_fn *whole, cage_enter_fn *filter_only);

/* Every system call but the named ones ends the process, whatever its arguments. */
void other_calls_check(const char *const *names, size_t count, cage_enter_fn *whole);

int try_socket_netlink(void);
int try_socket_packet(void);
int try_socket_udp(void);
int try_socket_tcp(void);
int try_socket_unix_stream(void);
int try_socket_unix_datagram(void);
int try_socket_wide_family(void);
int try_bind(void);
int try_listen(void);
int try_execve(void);
int try_fork(void);
int try_vfork(void);
int try_thread(void);
int try_ptrace(void);
int try_read_other_memory(void);
int try_kill_other(void);
int try_kill_self(void);
int try_map_executable(void);
int try_protect_executable(void);
int try_protect_key_executable(void);
int try_remove_pages(void);
int try_futex_requeue(void);
int try_new_ring(void);
int try_bpf_load(void);
int try_perf_event(void);
int try_setuid(void);
int try_capset(void);
int try_prctl_dumpable(void);
int try_raise_limit(void);
int try_mount(void);
int try_unshare(void);
int try_chroot(void);
int try_memfd(void);
int try_open_write(void);
int try_open_create(void);
int try_open_unnamed(void);
int try_open_read(void);
int try_open_by_handle(void);
int try_stat(void);
int try_unlink(void);
int try_rename(void);
int try_link(void);
int try_chmod(void);
int try_fchmod_setuid(void);
int try_truncate(void);
int try_ioctl(void);
int try_dup_flags(void);
int try_old_interface(void);

#endif
