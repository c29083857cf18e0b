/* The bytes of a spool's file: a header, two copies of the position, and records in a ring. In this machine's byte
 * order: the file is not for other machines. Every structure carries a checksum, and is believed only with it. */
#ifndef EXPORT_SPOOL_FILE_H
#define EXPORT_SPOOL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SPOOL_MAGIC = 0x4c4f5053, /* "SPOL" */
	SPOOL_VERSION = 1,
	SPOOL_DATA_OFFSET = 4096,
	SPOOL_SLOT_OFFSET = 512, /* and twice that: each in a sector of its own */
	SPOOL_ALIGNMENT = 64,
};

enum spool_record_type {
	SPOOL_TRACES = 0, /* enum otlp_signal */
	SPOOL_METRICS = 1,
	SPOOL_SKIP = 2, /* nothing up to the end of the ring */
};

/* At the start of the file; written once. */
struct spool_header {
	uint32_t magic;
	uint32_t version;
	uint64_t capacity; /* of the ring, a multiple of SPOOL_ALIGNMENT */
	uint32_t reserved;
	uint32_t crc; /* of all before it; here and below */
};

/* Where the oldest record is. Two of them are written in turn, so that one is whole at every moment. */
struct spool_position {
	uint64_t generation; /* the greater one counts */
	uint64_t offset;     /* in the endless sequence of bytes of which the ring shows the last part */
	uint64_t sequence;
	uint64_t items[2];    /* of all records before it, by signal */
	uint32_t sending; /* the oldest record was about to be sent */
	uint32_t crc;
};

/* Before each request. Offset and sequence tell it from what an earlier lap left behind. */
struct spool_record {
	uint32_t magic;
	uint32_t type;
	uint64_t offset;
	uint64_t sequence;
	uint64_t unix_ns;
	uint64_t items_before[2]; /* of all records before it, by signal: what is lost in a gap can be counted */
	uint32_t items;
	uint32_t length; /* of the request behind it; of a skip: what is left of the ring */
	uint32_t payload_crc;
	uint32_t crc;
};

_Static_assert(sizeof(struct spool_header) == 24, "no padding");
_Static_assert(sizeof(struct spool_position) == 48, "no padding");
_Static_assert(sizeof(struct spool_record) == SPOOL_ALIGNMENT, "records stay aligned");

struct spool_file {
	int fd;
	uint64_t capacity;
	bool sync; /* wait for the disk */
};

uint32_t spool_checksum(const void *bytes, size_t length);

/* All: 0 or -errno; -EBADMSG if the bytes are not what they should be. */
int spool_file_create(struct spool_file *file, uint64_t bytes) __attribute__((warn_unused_result)); /* on file->fd */
/* The header of file->fd; -EPROTONOSUPPORT: of another version. */
int spool_file_load(struct spool_file *file) __attribute__((warn_unused_result));
int spool_file_read_position(const struct spool_file *file, struct spool_position *position)
	__attribute__((warn_unused_result));
int spool_file_write_position(const struct spool_file *file, struct spool_position *position)
	__attribute__((warn_unused_result)); /* as the next generation */
int spool_file_read_record(const struct spool_file *file, uint64_t offset, struct spool_record *record)
	__attribute__((warn_unused_result));
int spool_file_read_payload(const struct spool_file *file, const struct spool_record *record, void *bytes)
	__attribute__((warn_unused_result));
/* The payload first: a record is there when its header is. Completes the checksums. */
int spool_file_write_record(const struct spool_file *file, struct spool_record *record, const void *bytes)
	__attribute__((warn_unused_result));

/* The first offset from `from` on, and before `to`, where a record with at least this sequence is; `to` if there is
 * none. For the way on behind a damaged record. */
uint64_t spool_file_search(const struct spool_file *file, uint64_t from, uint64_t to, uint64_t sequence);

static inline uint64_t spool_record_size(const struct spool_record *record)
{
	return sizeof(*record) + ((uint64_t)record->length + SPOOL_ALIGNMENT - 1) / SPOOL_ALIGNMENT * SPOOL_ALIGNMENT;
}

#endif
