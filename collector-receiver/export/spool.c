/* Keep requests in a file, in order, and find them again. */
#define _GNU_SOURCE /* O_NOFOLLOW */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/log.h"
#include "export/export_outcome.h"
#include "export/spool_state.h"

static uint64_t unix_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* A head that cannot be written is one that an older head on disk stands for: after a crash its records are sent again,
 * of which only the oldest may be known as a possible duplicate. Disks that fail so are said, and rare. */
static void head_write(struct spool *spool)
{
	const int error = spool_file_write_position(&spool->file, &spool->head);

	if (error != 0)
		LOG_LIMITED(LOG_LEVEL_WARNING, "the spool %s cannot be written: %s", spool->path, strerror(-error));
}

static void head_advance(struct spool *spool, const struct spool_record *record)
{
	spool->head.offset = record->offset + spool_record_size(record);
	spool->head.sequence = record->sequence + 1;
	for (size_t i = 0; i < OTLP_SIGNAL_COUNT; i++)
		spool->head.items[i] = record->items_before[i];
	if (record->type != SPOOL_SKIP)
		spool->head.items[record->type] += record->items;
	spool->head.sending = 0;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

/* The specification as a file name, for people, and a checksum of it, so that no two share a name. */
static void name_file(char *out, size_t size, const char *directory, const char *owner)
{
	char name[96];
	size_t n = 0;

	for (; owner[n] != '\0' && n + 1 < sizeof(name); n++)
		name[n] = strchr("/:@ ", owner[n]) != NULL ? '_' : owner[n];
	name[n] = '\0';
	snprintf(out, size, "%s/%s-%08x.spool", directory, name, spool_checksum(owner, strlen(owner)));
}

/* The file of nobody else, who could read along or change what is believed later. A link would be one as well. */
static int check_file(int fd)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return -errno;
	if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || status.st_nlink != 1)
		return -EPERM;
	return (status.st_mode & 077) != 0 && fchmod(fd, 0600) != 0 ? -errno : 0;
}

/* Another receiver that only tries the lock, in spool_say_orphans, is waited for; one that has it is not. */
static int lock_file(int fd)
{
	const struct timespec pause = {.tv_nsec = 10000000};

	for (int tries = 10; flock(fd, LOCK_EX | LOCK_NB) != 0; tries--) {
		if (errno != EWOULDBLOCK || tries == 0)
			return errno == EWOULDBLOCK ? -EBUSY : -errno;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int open_file(struct spool *spool)
{
	int error;

	spool->file.fd = open(spool->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	if (spool->file.fd < 0)
		return -errno;
	error = check_file(spool->file.fd);
	return error != 0 ? error : lock_file(spool->file.fd);
}

static void explain(char *message, size_t size, const char *path, uint64_t bytes, int error)
{
	if (error == -EBUSY)
		snprintf(message, size, "The spool %s is in use by another receiver: give each its own directory.",
			 path);
	else if (error == -ENOSPC || error == -EDQUOT)
		snprintf(message, size, "The disk has no room for the spool %s of %" PRIu64 " bytes.", path, bytes);
	else if (error == -EPERM || error == -ELOOP)
		snprintf(message, size,
			 "The spool %s is not a file that belongs to the receiver's user alone: see who put it "
			 "there, and remove it.",
			 path);
	else
		snprintf(message, size,
			 "The spool %s cannot be used: %s. Its directory has to exist, and the receiver's user "
			 "has to be allowed to write there.",
			 path, strerror(-error));
}

int spool_open(struct spool **out, const struct spool_options *options, const char *owner, char *message, size_t size)
{
	struct spool *spool = calloc(1, sizeof(*spool));
	int error;

	assert(options->bytes >= SPOOL_BYTES_MIN);
	if (spool == NULL) {
		snprintf(message, size, "There is no memory for a spool.");
		return -ENOMEM;
	}
	name_file(spool->path, sizeof(spool->path), options->directory, owner);
	spool->file.sync = options->fsync;
	spool->max_age_ns = options->max_age_ns;
	error = open_file(spool);
	if (error == 0)
		error = spool_load_or_create(spool, options->bytes);
	if (error != 0) {
		explain(message, size, spool->path, options->bytes, error);
		spool_close(spool);
		return error;
	}
	spool_count_found(spool);
	*out = spool;
	return 0;
}

void spool_close(struct spool *spool)
{
	if (spool == NULL)
		return;
	if (spool->file.fd >= 0)
		close(spool->file.fd);
	free(spool);
}

/* --- in and out --------------------------------------------------------------------------------------------------- */

static struct spool_record next_record(const struct spool *spool, enum spool_record_type type, uint32_t length)
{
	return (struct spool_record){
		.type = type,
		.offset = spool->tail,
		.sequence = spool->sequence,
		.unix_ns = unix_now_ns(),
		.items_before = {spool->items[OTLP_TRACES], spool->items[OTLP_METRICS]},
		.length = length,
	};
}

static void tail_advance(struct spool *spool, const struct spool_record *record)
{
	spool->tail += spool_record_size(record);
	spool->sequence++;
	if (record->type != SPOOL_SKIP)
		spool->items[record->type] += record->items;
}

int spool_put(struct spool *spool, const struct otlp_request *request)
{
	const uint64_t capacity = spool->file.capacity;
	const uint64_t to_end = capacity - spool->tail % capacity;
	struct spool_record record =
		next_record(spool, (enum spool_record_type)request->signal, (uint32_t)request->length);
	uint64_t size;
	int error = 0;

	_Static_assert((int)SPOOL_TRACES == (int)OTLP_TRACES && (int)SPOOL_METRICS == (int)OTLP_METRICS, "the same");
	if (request->length > capacity - sizeof(record))
		return -ENOSPC;
	size = spool_record_size(&record);
	if (size + (size > to_end ? to_end : 0) > capacity - (spool->tail - spool->head.offset))
		return -ENOSPC;
	if (size > to_end) {
		struct spool_record skip = next_record(spool, SPOOL_SKIP, (uint32_t)(to_end - sizeof(skip)));

		error = spool_file_write_record(&spool->file, &skip, NULL);
		if (error != 0)
			return error;
		tail_advance(spool, &skip);
		record = next_record(spool, (enum spool_record_type)request->signal, (uint32_t)request->length);
	}
	record.items = request->items;
	error = spool_file_write_record(&spool->file, &record, request->bytes);
	if (error == 0)
		tail_advance(spool, &record);
	return error;
}

static bool is_too_old(const struct spool *spool, const struct spool_record *record)
{
	const uint64_t now_ns = unix_now_ns();

	/* A clock that was set back makes nothing old. */
	return spool->max_age_ns != 0 && now_ns > record->unix_ns && now_ns - record->unix_ns > spool->max_age_ns;
}

bool spool_taken_is_too_old(const struct spool *spool)
{
	return spool->has_taken && is_too_old(spool, &spool->taken);
}

static void record_lost(struct spool *spool, const struct spool_record *record, enum export_outcome outcome,
			const char *why)
{
	const enum otlp_signal signal = (enum otlp_signal)record->type;

	export_outcome_count(outcome, signal, record->items);
	LOG_LIMITED(LOG_LEVEL_WARNING, "%u %s in the spool %s are lost: %s", record->items, export_items_name(signal),
		    spool->path, why);
	head_advance(spool, record);
}

/* Read the record at the head. False: it is damaged, and the head is behind it now. */
static bool head_read(struct spool *spool, struct spool_record *record)
{
	uint64_t found;

	if (spool_file_read_record(&spool->file, spool->head.offset, record) == 0 &&
	    record->sequence >= spool->head.sequence && record->offset + spool_record_size(record) <= spool->tail) {
		spool_count_gap(spool, spool->head.items, record->items_before);
		memcpy(spool->head.items, record->items_before, sizeof(spool->head.items));
		return true;
	}
	found = spool_file_search(&spool->file, spool->head.offset + SPOOL_ALIGNMENT, spool->tail,
				  spool->head.sequence + 1);
	spool->head.offset = found;
	spool->head.sequence++;
	spool->head.sending = 0;
	if (found >= spool->tail) {
		spool_count_gap(spool, spool->head.items, spool->items);
		memcpy(spool->head.items, spool->items, sizeof(spool->items));
		spool->head.sequence = spool->sequence;
	}
	return false;
}

/* The request of a record that is whole; NULL if it is damaged or too old, and forgotten, or there is no memory. */
static struct otlp_request *record_load(struct spool *spool, const struct spool_record *record)
{
	struct otlp_request *request;

	if (record->type == SPOOL_SKIP) {
		head_advance(spool, record);
		return NULL;
	}
	if (is_too_old(spool, record)) {
		record_lost(spool, record, EXPORT_EXPIRED, "they are older than max_age");
		return NULL;
	}
	request = otlp_request_create((enum otlp_signal)record->type, record->length);
	if (request == NULL)
		return NULL;
	request->items = record->items;
	if (spool_file_read_payload(&spool->file, record, request->bytes) == 0)
		return request;
	otlp_request_release(request);
	record_lost(spool, record, EXPORT_CORRUPT, "they are damaged");
	return NULL;
}

struct otlp_request *spool_take(struct spool *spool, bool *maybe_sent)
{
	const uint64_t before = spool->head.offset;
	struct otlp_request *request = NULL;

	assert(!spool->has_taken);
	while (request == NULL && !spool_is_empty(spool)) {
		const uint64_t offset = spool->head.offset;

		if (!head_read(spool, &spool->taken))
			continue;
		request = record_load(spool, &spool->taken);
		if (request == NULL && spool->head.offset == offset)
			return NULL; /* no memory: it stays */
	}
	*maybe_sent = spool->head.sending != 0;
	spool->has_taken = request != NULL;
	if (spool->head.offset != before)
		head_write(spool);
	return request;
}

void spool_mark_sending(struct spool *spool)
{
	assert(spool->has_taken);
	if (spool->head.sending)
		return;
	spool->head.sending = 1;
	head_write(spool);
}

void spool_done(struct spool *spool)
{
	assert(spool->has_taken);
	head_advance(spool, &spool->taken);
	spool->has_taken = false;
	head_write(spool);
}

uint32_t spool_taken_items(const struct spool *spool)
{
	assert(spool->has_taken);
	return spool->taken.items;
}

bool spool_is_empty(const struct spool *spool)
{
	return spool->head.offset >= spool->tail;
}

void spool_status(const struct spool *spool, struct spool_status *status)
{
	*status = (struct spool_status){
		.records = spool->sequence - spool->head.sequence,
		.bytes = spool->tail - spool->head.offset,
		.bytes_max = spool->file.capacity,
	};
	for (size_t i = 0; i < OTLP_SIGNAL_COUNT; i++)
		status->items[i] = spool->items[i] - spool->head.items[i];
}
