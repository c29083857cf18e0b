/* Find the spools in a directory that no exporter has. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/log.h"
#include "export/spool_state.h"

/* Every spool in use is locked, those of this process and of other receivers alike. The lock is tried and not kept: its
 * owner may be starting at this moment. */
static int open_unused(int directory, const char *name)
{
	const int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat status;

	if (fd < 0)
		return -1;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && flock(fd, LOCK_SH | LOCK_NB) == 0 &&
	    flock(fd, LOCK_UN) == 0)
		return fd;
	close(fd);
	return -1;
}

static void say_orphan(int directory, const char *path, const char *name)
{
	struct spool spool = {.file.fd = open_unused(directory, name)};
	struct spool_status left;

	if (spool.file.fd < 0)
		return;
	snprintf(spool.path, sizeof(spool.path), "%s/%s", path, name);
	if (spool_load(&spool) == 0) {
		spool_status(&spool, &left);
		log_line(LOG_LEVEL_WARNING,
			 "the spool %s belongs to no exporter that is configured: its %" PRIu64 " spans and %" PRIu64
			 " data points wait until it is configured again; remove the file to give them up",
			 spool.path, left.items[OTLP_TRACES], left.items[OTLP_METRICS]);
	}
	close(spool.file.fd);
}

void spool_say_orphans(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		if (fnmatch("*.spool", entry->d_name, 0) == 0)
			say_orphan(dirfd(directory), path, entry->d_name);
	}
	if (directory != NULL)
		closedir(directory);
}
