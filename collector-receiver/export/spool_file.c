/* Read and write the parts of a spool's file. */
#include "export/spool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum {
	SEARCH_BYTES = 16 * 1024,
};

uint32_t spool_checksum(const void *bytes, size_t length)
{
	return (uint32_t)crc32_z(0, bytes, length);
}

static int read_at(int fd, void *bytes, size_t length, uint64_t at)
{
	for (size_t done = 0; done < length;) {
		const ssize_t n = pread(fd, (char *)bytes + done, length - done, (off_t)(at + done));

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EBADMSG;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int write_at(int fd, const void *bytes, size_t length, uint64_t at)
{
	for (size_t done = 0; done < length;) {
		const ssize_t n = pwrite(fd, (const char *)bytes + done, length - done, (off_t)(at + done));

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int sync_file(const struct spool_file *file)
{
	return file->sync && fdatasync(file->fd) != 0 ? -errno : 0;
}

int spool_file_create(struct spool_file *file, uint64_t bytes)
{
	struct spool_header header = {
		.magic = SPOOL_MAGIC,
		.version = SPOOL_VERSION,
		.capacity = (bytes - SPOOL_DATA_OFFSET) / SPOOL_ALIGNMENT * SPOOL_ALIGNMENT,
	};
	struct spool_position position = {.generation = 0};
	int error;

	/* What an earlier spool left must not look like this one's. */
	if (ftruncate(file->fd, 0) != 0)
		return -errno;
	error = posix_fallocate(file->fd, 0, (off_t)bytes);
	if (error != 0) {
		(void)!ftruncate(file->fd, 0);
		return -error;
	}
	header.crc = spool_checksum(&header, offsetof(struct spool_header, crc));
	file->capacity = header.capacity;
	error = spool_file_write_position(file, &position);
	if (error == 0)
		error = write_at(file->fd, &header, sizeof(header), 0);
	return error != 0 ? error : sync_file(file);
}

int spool_file_load(struct spool_file *file)
{
	struct spool_header header;
	const off_t end = lseek(file->fd, 0, SEEK_END);
	int error = end < 0 ? -errno : read_at(file->fd, &header, sizeof(header), 0);

	if (error != 0)
		return error;
	if (header.magic == SPOOL_MAGIC && header.version != SPOOL_VERSION)
		return -EPROTONOSUPPORT;
	if (header.magic != SPOOL_MAGIC || header.crc != spool_checksum(&header, offsetof(struct spool_header, crc)) ||
	    end < SPOOL_DATA_OFFSET || header.capacity > (uint64_t)end - SPOOL_DATA_OFFSET ||
	    header.capacity % SPOOL_ALIGNMENT != 0 || header.capacity < SPOOL_ALIGNMENT)
		return -EBADMSG;
	file->capacity = header.capacity;
	return 0;
}

static uint64_t slot_of(uint64_t generation)
{
	return SPOOL_SLOT_OFFSET * (1 + generation % 2);
}

int spool_file_read_position(const struct spool_file *file, struct spool_position *position)
{
	bool found = false;

	for (uint64_t i = 0; i < 2; i++) {
		struct spool_position slot;

		if (read_at(file->fd, &slot, sizeof(slot), slot_of(i)) != 0 ||
		    slot.crc != spool_checksum(&slot, offsetof(struct spool_position, crc)) || slot.generation == 0 ||
		    slot.offset % SPOOL_ALIGNMENT != 0)
			continue;
		if (!found || slot.generation > position->generation)
			*position = slot;
		found = true;
	}
	return found ? 0 : -EBADMSG;
}

int spool_file_write_position(const struct spool_file *file, struct spool_position *position)
{
	int error;

	position->generation++;
	position->crc = spool_checksum(position, offsetof(struct spool_position, crc));
	error = write_at(file->fd, position, sizeof(*position), slot_of(position->generation));
	return error != 0 ? error : sync_file(file);
}

static uint64_t place_of(const struct spool_file *file, uint64_t offset)
{
	return SPOOL_DATA_OFFSET + offset % file->capacity;
}

static bool record_is_whole(const struct spool_file *file, const struct spool_record *record, uint64_t offset)
{
	return record->magic == SPOOL_MAGIC && record->offset == offset &&
	       record->crc == spool_checksum(record, offsetof(struct spool_record, crc)) &&
	       record->type <= SPOOL_SKIP && spool_record_size(record) <= file->capacity - offset % file->capacity;
}

int spool_file_read_record(const struct spool_file *file, uint64_t offset, struct spool_record *record)
{
	const int error = read_at(file->fd, record, sizeof(*record), place_of(file, offset));

	if (error != 0)
		return error;
	return record_is_whole(file, record, offset) ? 0 : -EBADMSG;
}

int spool_file_read_payload(const struct spool_file *file, const struct spool_record *record, void *bytes)
{
	const int error = read_at(file->fd, bytes, record->length, place_of(file, record->offset) + sizeof(*record));

	if (error != 0)
		return error;
	return spool_checksum(bytes, record->length) == record->payload_crc ? 0 : -EBADMSG;
}

int spool_file_write_record(const struct spool_file *file, struct spool_record *record, const void *bytes)
{
	const uint64_t at = place_of(file, record->offset);
	int error = 0;

	record->magic = SPOOL_MAGIC;
	if (record->type != SPOOL_SKIP) {
		record->payload_crc = spool_checksum(bytes, record->length);
		error = write_at(file->fd, bytes, record->length, at + sizeof(*record));
	}
	record->crc = spool_checksum(record, offsetof(struct spool_record, crc));
	if (error == 0)
		error = write_at(file->fd, record, sizeof(*record), at);
	return error != 0 || record->type == SPOOL_SKIP ? error : sync_file(file);
}

uint64_t spool_file_search(const struct spool_file *file, uint64_t from, uint64_t to, uint64_t sequence)
{
	char piece[SEARCH_BYTES];

	while (from < to) {
		const uint64_t to_end = file->capacity - from % file->capacity;
		const uint64_t most = to - from < to_end ? to - from : to_end;
		const size_t length = most < sizeof(piece) ? (size_t)most : sizeof(piece);

		if (read_at(file->fd, piece, length, place_of(file, from)) != 0)
			return to;
		for (size_t i = 0; i < length; i += SPOOL_ALIGNMENT) {
			struct spool_record record;

			memcpy(&record, piece + i, sizeof(record));
			if (record_is_whole(file, &record, from + i) && record.sequence >= sequence)
				return from + i;
		}
		from += length;
	}
	return to;
}
