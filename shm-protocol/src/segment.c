/* Make, seal, map and check the two shared segments. */
#include "shm_protocol/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "order.h"
#include "shm_protocol/limits.h"

#ifndef MFD_NOEXEC_SEAL /* Linux 6.3 */
#define MFD_NOEXEC_SEAL 0x0008U
#endif

enum {
	/* Inaccessible on both sides of the mapping: any length that a record can have faults here instead of
	 * reaching a neighbour. */
	GUARD_BYTES = 1024 * 1024,

	DATA_SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL,
	CONTROL_SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
};

_Static_assert(GUARD_BYTES >= (int)SHM_RECORD_BYTES_MAX, "a record of the longest length ends inside the guard");
_Static_assert(GUARD_BYTES % (int)SHM_PRODUCER_PAGE_BYTES == 0, "the guard keeps the mapping aligned");

static bool ring_bytes_valid(uint64_t ring_bytes)
{
	return ring_bytes >= SHM_RING_BYTES_MIN && ring_bytes <= SHM_RING_BYTES_MAX &&
	       (ring_bytes & (ring_bytes - 1)) == 0;
}

static size_t data_file_bytes(uint64_t ring_bytes)
{
	return SHM_PRODUCER_PAGE_BYTES + (size_t)ring_bytes;
}

/* guard | producer page | ring data | ring data again | guard */
static size_t reservation_bytes(uint64_t ring_bytes)
{
	return GUARD_BYTES + data_file_bytes(ring_bytes) + (size_t)ring_bytes + GUARD_BYTES;
}

static int memfd_make(const char *name, size_t bytes, mode_t mode)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	/* Its mode would let any holder of the descriptor open it afresh. Allocated now, so that want of memory is an
	 * error here and not a signal at the first write. */
	if (fchmod(fd, mode) != 0 || fallocate(fd, 0, 0, (off_t)bytes) != 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

/* Map both files of the segment with `data_protection` on the data file. Returns 0 or -errno. */
static int segment_map(struct shm_segment *segment, int data_protection)
{
	size_t file_bytes = data_file_bytes(segment->ring_bytes);
	size_t total = reservation_bytes(segment->ring_bytes);
	uint8_t *base = mmap(NULL, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (base == MAP_FAILED)
		return -errno;

	uint8_t *page = base + GUARD_BYTES;
	void *control = MAP_FAILED;

	if (mmap(page, file_bytes, data_protection, MAP_SHARED | MAP_FIXED, segment->data_fd, 0) == MAP_FAILED ||
	    mmap(page + file_bytes, (size_t)segment->ring_bytes, data_protection, MAP_SHARED | MAP_FIXED,
		 segment->data_fd, SHM_PRODUCER_PAGE_BYTES) == MAP_FAILED ||
	    (control = mmap(NULL, SHM_CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, segment->control_fd, 0)) ==
		    MAP_FAILED) {
		int error = -errno;

		munmap(base, total);
		return error;
	}
	segment->producer = (void *)page;
	segment->data = page + SHM_PRODUCER_PAGE_BYTES;
	segment->control = control;
	return 0;
}

static void segment_unmap(struct shm_segment *segment)
{
	if (segment->producer == NULL)
		return;
	munmap((uint8_t *)segment->producer - GUARD_BYTES, reservation_bytes(segment->ring_bytes));
	munmap(segment->control, SHM_CONTROL_BYTES);
	segment->producer = NULL;
	segment->control = NULL;
	segment->data = NULL;
}

static void producer_page_fill(struct shm_producer_page *page, uint64_t ring_bytes, uint64_t generation)
{
	page->layout_major = SHM_LAYOUT_MAJOR;
	page->layout_minor = SHM_LAYOUT_MINOR;
	page->endian_tag = SHM_LAYOUT_ENDIAN_TAG;
	page->ring_bytes = ring_bytes;
	page->record_bytes_max = SHM_RECORD_BYTES_MAX;
	page->record_align_bytes = SHM_RECORD_ALIGN_BYTES;
	page->generation = generation;
	/* Release, so that the fields are seen before the magic that vouches for them. */
	shm_store_release_64(&page->magic, SHM_LAYOUT_MAGIC);
}

static int segment_fill_and_seal(struct shm_segment *segment)
{
	if (getrandom(&segment->generation, sizeof(segment->generation), 0) != sizeof(segment->generation))
		return -EIO;
	segment->data_fd = memfd_make("shmotel-data", data_file_bytes(segment->ring_bytes), 0400);
	if (segment->data_fd < 0)
		return segment->data_fd;
	segment->control_fd = memfd_make("shmotel-control", SHM_CONTROL_BYTES, 0600);
	if (segment->control_fd < 0)
		return segment->control_fd;

	int error = segment_map(segment, PROT_READ | PROT_WRITE);

	if (error != 0)
		return error;
	producer_page_fill(segment->producer, segment->ring_bytes, segment->generation);
	if (fcntl(segment->data_fd, F_ADD_SEALS, DATA_SEALS) != 0 ||
	    fcntl(segment->control_fd, F_ADD_SEALS, CONTROL_SEALS) != 0)
		return -errno;
	return 0;
}

int shm_segment_create(struct shm_segment *segment, uint64_t ring_bytes)
{
	*segment = (struct shm_segment){.data_fd = -1, .control_fd = -1, .ring_bytes = ring_bytes};
	if (!ring_bytes_valid(ring_bytes))
		return -EINVAL;

	int error = segment_fill_and_seal(segment);

	if (error != 0)
		shm_segment_close(segment);
	return error;
}

/* A descriptor that is not a memfd has no seals at all. */
static bool has_seals(int fd, int wanted)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & wanted) == wanted;
}

static bool has_size(int fd, uint64_t bytes)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == bytes;
}

static enum shm_attach producer_page_check(const struct shm_producer_page *page, uint64_t ring_bytes)
{
	/* Acquire, so that the magic is seen before the fields that it vouches for. */
	if (shm_load_acquire_64(&page->magic) != SHM_LAYOUT_MAGIC)
		return SHM_ATTACH_MAGIC;
	if (page->layout_major != SHM_LAYOUT_MAJOR || page->endian_tag != SHM_LAYOUT_ENDIAN_TAG ||
	    page->record_align_bytes != SHM_RECORD_ALIGN_BYTES || page->record_bytes_max > SHM_RECORD_BYTES_MAX)
		return SHM_ATTACH_VERSION;
	if (page->ring_bytes != ring_bytes)
		return SHM_ATTACH_SIZE;
	return SHM_ATTACH_OK;
}

enum shm_attach shm_segment_attach(struct shm_segment *segment, int data_fd, int control_fd, uint64_t ring_bytes)
{
	*segment = (struct shm_segment){.data_fd = -1, .control_fd = -1};
	/* Seals first: without them a size is true only at the moment of asking. */
	if (!has_seals(data_fd, DATA_SEALS) || !has_seals(control_fd, CONTROL_SEALS))
		return SHM_ATTACH_SEALS;
	if (!ring_bytes_valid(ring_bytes) || !has_size(data_fd, data_file_bytes(ring_bytes)) ||
	    !has_size(control_fd, SHM_CONTROL_BYTES))
		return SHM_ATTACH_SIZE;

	struct shm_segment mapped = {.data_fd = data_fd, .control_fd = control_fd, .ring_bytes = ring_bytes};
	int error = segment_map(&mapped, PROT_READ);

	if (error != 0) {
		errno = -error;
		return SHM_ATTACH_MAP;
	}

	enum shm_attach result = producer_page_check(mapped.producer, ring_bytes);

	if (result != SHM_ATTACH_OK) {
		segment_unmap(&mapped);
		return result;
	}
	mapped.generation = mapped.producer->generation;
	*segment = mapped;
	return SHM_ATTACH_OK;
}

void shm_segment_close(struct shm_segment *segment)
{
	segment_unmap(segment);
	if (segment->data_fd > 0)
		close(segment->data_fd);
	if (segment->control_fd > 0)
		close(segment->control_fd);
	segment->data_fd = -1;
	segment->control_fd = -1;
}

const char *shm_attach_message(enum shm_attach result)
{
	switch (result) {
	case SHM_ATTACH_OK:
		return "the ring is attached";
	case SHM_ATTACH_SEALS:
		return "the memory that the sensor passed is not sealed, so it could change under the receiver: the "
		       "peer is not a shmotel-sensor of this version";
	case SHM_ATTACH_SIZE:
		return "the memory that the sensor passed has another size than announced";
	case SHM_ATTACH_MAGIC:
		return "the memory that the sensor passed is not a shmotel ring";
	case SHM_ATTACH_VERSION:
		return "the sensor writes another layout than this receiver reads: install both from one release";
	case SHM_ATTACH_MAP:
		return "the memory that the sensor passed could not be mapped";
	}
	return "unknown result";
}
