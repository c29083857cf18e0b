/* Try the files that the exporters will use, as the user that will use them. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options_export.h"

static bool check_directory(const char *directory, char *complaint, size_t size)
{
	if (directory == NULL || euidaccess(directory, R_OK | W_OK | X_OK) == 0)
		return true;
	snprintf(complaint, size,
		 "receiver.sending_queue.storage.directory: \"%s\" cannot be used: %s. It has to exist, and the "
		 "receiver's user has to be allowed to write there.",
		 directory, strerror(errno));
	return false;
}

static bool check_files(const struct receiver_options *options, char *complaint, size_t size)
{
	for (size_t i = 0; i < options->exports.count; i++) {
		struct export_target target;
		struct otlp_exporter_options otlp;
		struct tls_context *tls;
		char message[512];

		(void)!export_target_parse(&target, options->exports.items[i]);
		if (target.kind != EXPORT_OTLP_GRPC && target.kind != EXPORT_OTLP_HTTP)
			continue;
		otlp = receiver_options_exporter(options, &target);
		if (!check_directory(otlp.spool.directory, complaint, size))
			return false;
		if (!export_target_has_tls(&target, otlp.tls.insecure))
			continue;
		if (tls_context_create(&tls, &otlp.tls, target.host, "h2", message, sizeof(message)) != 0) {
			snprintf(complaint, size, "receiver: %s", message);
			return false;
		}
		tls_context_free(tls);
	}
	return true;
}

bool receiver_exports_check_files(const struct receiver_options *options, char *complaint, size_t size)
{
	const uid_t uid = geteuid();
	const gid_t gid = getegid();
	const struct passwd *entry = getpwuid(options->user);
	const bool root = uid == 0;
	bool right;

	/* What root may read says nothing of what the receiver may. */
	if (root && (setgroups(0, NULL) != 0 || setegid(entry != NULL ? entry->pw_gid : (gid_t)options->user) != 0 ||
		     seteuid(options->user) != 0)) {
		snprintf(complaint, size, "receiver.user: this user cannot be tried: %s", strerror(errno));
		return false;
	}
	right = check_files(options, complaint, size);
	if (root && (seteuid(uid) != 0 || setegid(gid) != 0))
		abort();
	return right;
}
