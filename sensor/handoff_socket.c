/* Bind the handoff socket: every check of the path, and a sentence for each thing that can be wrong with it. */
#include "handoff_socket.h"

#include <errno.h>
#include <libgen.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { PENDING_CONNECTIONS_MAX = 8 };

/* One that is missing is made, so that all can enter and nobody else can write. */
static int directory_examine(const char *directory, struct stat *st)
{
	if (stat(directory, st) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	if (mkdir(directory, 0755) != 0 || chmod(directory, 0755) != 0 || stat(directory, st) != 0)
		return -errno;
	return 0;
}

static int directory_check(const char *path, char *message, size_t message_size)
{
	char copy[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct stat st;

	snprintf(copy, sizeof(copy), "%s", path);

	const char *directory = dirname(copy);
	int error = directory_examine(directory, &st);

	if (error != 0) {
		if (error == -ENOENT)
			snprintf(message, message_size,
				 "the directory %s of the socket cannot be made, as the one above does not exist: "
				 "create it or choose another --socket",
				 directory);
		else
			snprintf(message, message_size, "the directory %s of the socket cannot be made or examined: %s",
				 directory, strerror(-error));
		return error;
	}
	if (!S_ISDIR(st.st_mode)) {
		snprintf(message, message_size, "%s is not a directory: choose another --socket", directory);
		return -ENOTDIR;
	}
	/* Whoever can rename in the directory can put another socket in place of ours. */
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (st.st_mode & S_ISVTX) == 0) {
		snprintf(message, message_size,
			 "the directory %s of the socket can be written by others: chmod go-w it or choose another "
			 "--socket",
			 directory);
		return -EPERM;
	}
	return 0;
}

static bool somebody_answers(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return true;

	/* EAGAIN is a full backlog and EPROTOTYPE a socket of another kind: both have an owner. */
	bool answers = connect(fd, (const void *)address, sizeof(*address)) == 0 || errno != ECONNREFUSED;

	close(fd);
	return answers;
}

/* Make way: remove what a dead sensor left behind, and nothing else. */
static int stale_socket_remove(const struct sockaddr_un *address, char *message, size_t message_size)
{
	struct stat st;

	if (lstat(address->sun_path, &st) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(message, message_size, "%s exists and is not a socket: remove it or choose another --socket",
			 address->sun_path);
		return -EEXIST;
	}
	if (somebody_answers(address)) {
		snprintf(message, message_size,
			 "another program listens on %s: stop the other shmotel-sensor or choose another --socket",
			 address->sun_path);
		return -EADDRINUSE;
	}
	if (unlink(address->sun_path) != 0) {
		int error = -errno;

		snprintf(message, message_size, "the socket %s of an earlier run cannot be removed: %s",
			 address->sun_path, strerror(-error));
		return error;
	}
	return 0;
}

/* Without the privilege to give it away, the socket can be shared with a group that both belong to. The group only lets
 * them to the door: who attaches is decided by uid. */
static bool socket_share(const char *path, uid_t allowed_uid)
{
	const struct passwd *entry = getpwuid(allowed_uid);

	return entry != NULL && lchown(path, (uid_t)-1, entry->pw_gid) == 0 && chmod(path, 0660) == 0;
}

static int socket_bind(int fd, const struct sockaddr_un *address, uid_t allowed_uid, char *message,
		       size_t message_size)
{
	/* The mode of the unbound socket becomes that of the file: there is no moment when others can connect. */
	if (fchmod(fd, 0600) != 0 || bind(fd, (const void *)address, sizeof(*address)) != 0) {
		int error = -errno;

		if (error == -EACCES || error == -EPERM || error == -EROFS)
			snprintf(message, message_size,
				 "no permission to make a socket at %s: run as root or choose another --socket",
				 address->sun_path);
		else
			snprintf(message, message_size, "the socket %s cannot be bound: %s", address->sun_path,
				 strerror(-error));
		return error;
	}
	if (allowed_uid != geteuid() && lchown(address->sun_path, allowed_uid, (gid_t)-1) != 0 &&
	    !socket_share(address->sun_path, allowed_uid)) {
		snprintf(message, message_size,
			 "the socket %s cannot be given to uid %u: put the sensor's user into that user's group, run "
			 "as root, or with --allow-uid %u",
			 address->sun_path, (unsigned)allowed_uid, (unsigned)geteuid());
		unlink(address->sun_path);
		return -EPERM;
	}
	return 0;
}

int handoff_socket_listen(const char *path, uid_t allowed_uid, char *message, size_t message_size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (path[0] == '\0' || strlen(path) >= sizeof(address.sun_path)) {
		snprintf(message, message_size,
			 "the socket path has %zu bytes and may have 1 to %zu: choose another --socket", strlen(path),
			 sizeof(address.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);

	int error = directory_check(path, message, message_size);

	if (error == 0)
		error = stale_socket_remove(&address, message, message_size);
	if (error != 0)
		return error;

	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		error = -errno;
		snprintf(message, message_size, "no socket can be made: %s", strerror(-error));
		return error;
	}
	error = socket_bind(fd, &address, allowed_uid, message, message_size);
	if (error == 0 && listen(fd, PENDING_CONNECTIONS_MAX) != 0) {
		error = -errno;
		snprintf(message, message_size, "the socket %s cannot be listened on: %s", path, strerror(-error));
		unlink(path);
	}
	if (error != 0) {
		close(fd);
		return error;
	}
	return fd;
}
