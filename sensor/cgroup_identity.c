/* Find the container and the pod of a process in the text of /proc/PID/cgroup. */
#include "cgroup_identity.h"

#include <string.h>

enum {
	CONTAINER_ID_BYTES = 64,
	ECS_ID_BYTES = 32,
	ECS_SUFFIX_BYTES_MAX = 20,
	STATIC_POD_UID_BYTES = 32, /* kubelet names a static pod by a hash, without dashes */
};

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool all(const char *bytes, size_t length, bool (*is)(char))
{
	for (size_t i = 0; i < length; i++)
		if (!is(bytes[i]))
			return false;
	return true;
}

static bool ends_with(struct shm_string string, const char *suffix)
{
	size_t length = strlen(suffix);

	return string.length >= length && memcmp(string.bytes + string.length - length, suffix, length) == 0;
}

static struct shm_string without_suffix(struct shm_string string, const char *suffix)
{
	if (ends_with(string, suffix))
		string.length -= strlen(suffix);
	return string;
}

/* ID, PREFIX-ID and PREFIX-ID.scope, where ID is 64 hex digits: docker, containerd, cri-o, podman,
 * nerdctl, with the cgroupfs and the systemd driver. */
static bool container_name_parse(struct shm_string name, struct shm_string *id)
{
	name = without_suffix(name, ".scope");
	if (name.length < CONTAINER_ID_BYTES)
		return false;
	struct shm_string prefix = {name.bytes, name.length - CONTAINER_ID_BYTES};

	if (prefix.length > 0 && !ends_with(prefix, "-"))
		return false;
	/* conmon watches over the container from outside, in a cgroup named after it. */
	if (ends_with(prefix, "conmon-"))
		return false;
	*id = (struct shm_string){name.bytes + prefix.length, CONTAINER_ID_BYTES};
	return all(id->bytes, id->length, is_hex);
}

/* Fargate: /ecs/TASK/ID, where TASK is 32 hex digits and ID is 32 hex digits, a dash and decimal digits. */
static bool ecs_name_parse(struct shm_string path, struct shm_string name, struct shm_string *id)
{
	if (name.length < ECS_ID_BYTES + 2 || name.length > ECS_ID_BYTES + 1 + ECS_SUFFIX_BYTES_MAX ||
	    memmem(path.bytes, path.length, "/ecs/", 5) == NULL)
		return false;
	*id = name;
	return all(name.bytes, ECS_ID_BYTES, is_hex) && name.bytes[ECS_ID_BYTES] == '-' &&
	       all(name.bytes + ECS_ID_BYTES + 1, name.length - ECS_ID_BYTES - 1, is_digit);
}

static size_t uuid_copy(const char *bytes, char *uid)
{
	for (size_t i = 0; i < CGROUP_POD_UID_BYTES; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		/* A dash separates slices in systemd's names, so its driver writes an underscore. */
		if (dash ? bytes[i] != '-' && bytes[i] != '_' : !is_hex(bytes[i]))
			return 0;
		uid[i] = dash ? '-' : bytes[i];
	}
	return CGROUP_POD_UID_BYTES;
}

/* podUID or PREFIX-podUID.slice. Returns the length of the uid, 0 if the name is no pod's. */
static size_t pod_name_parse(struct shm_string name, char *uid)
{
	static const size_t lengths[] = {CGROUP_POD_UID_BYTES, STATIC_POD_UID_BYTES};

	name = without_suffix(name, ".slice");
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		if (name.length < lengths[i] + 3)
			continue;
		struct shm_string prefix = {name.bytes, name.length - lengths[i]};
		const char *bytes = name.bytes + prefix.length;

		if (!ends_with(prefix, "pod") || (prefix.length > 3 && !ends_with(prefix, "-pod")))
			continue;
		if (lengths[i] == CGROUP_POD_UID_BYTES)
			return uuid_copy(bytes, uid);
		if (all(bytes, STATIC_POD_UID_BYTES, is_hex)) {
			memcpy(uid, bytes, STATIC_POD_UID_BYTES);
			return STATIC_POD_UID_BYTES;
		}
	}
	return 0;
}

/* Colons separate as slashes do: a runtime that was told systemd's SLICE:PREFIX:ID and made directories writes that. */
static size_t name_start(struct shm_string path, size_t end)
{
	while (end > 0 && path.bytes[end - 1] != '/' && path.bytes[end - 1] != ':')
		end--;
	return end;
}

/* From the innermost name outwards: of nested containers the inner one is the process's own. */
static void path_parse(struct shm_string path, struct cgroup_identity *identity)
{
	bool kubernetes = memmem(path.bytes, path.length, "kubepods", 8) != NULL;
	size_t end = path.length;

	identity->path = path;
	identity->container_id = (struct shm_string){path.bytes, 0};
	identity->pod_uid_bytes = 0;
	while (end > 0) {
		size_t start = name_start(path, end);
		struct shm_string name = {path.bytes + start, end - start};
		struct shm_string id;

		if (identity->container_id.length == 0 &&
		    (container_name_parse(name, &id) || ecs_name_parse(path, name, &id)))
			identity->container_id = id;
		if (kubernetes && identity->pod_uid_bytes == 0)
			identity->pod_uid_bytes = pod_name_parse(name, identity->pod_uid);
		end = start > 0 ? start - 1 : 0;
	}
}

/* How much a line tells: a container before a path of version 2, that before systemd's hierarchy, any before "/". */
static int line_rank(struct shm_string controllers, const struct cgroup_identity *identity)
{
	if (identity->container_id.length > 0)
		return 5;
	if (identity->path.length <= 1)
		return 1;
	if (controllers.length == 0)
		return 4;
	return ends_with(controllers, "name=systemd") ? 3 : 2;
}

void cgroup_identity_parse(const char *text, size_t length, struct cgroup_identity *identity)
{
	const char *end = text + length;
	int best = 0;

	*identity = (struct cgroup_identity){.path = {text, 0}, .container_id = {text, 0}};
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *line_end = newline == NULL ? end : newline;
		const char *first = memchr(text, ':', (size_t)(line_end - text));
		const char *second = first == NULL ? NULL : memchr(first + 1, ':', (size_t)(line_end - first - 1));

		if (second != NULL) {
			struct shm_string path = {second + 1, (size_t)(line_end - second - 1)};
			struct shm_string controllers = {first + 1, (size_t)(second - first - 1)};
			struct cgroup_identity candidate;

			path_parse(without_suffix(path, " (deleted)"), &candidate);
			int rank = line_rank(controllers, &candidate);

			if (rank > best) {
				best = rank;
				*identity = candidate;
			}
		}
		text = newline == NULL ? end : newline + 1;
	}
}
