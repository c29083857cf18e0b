/* Own one generation of the shared ring. */
#include "ring_session.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* Large enough to spread the cost of a fence and a doorbell, small enough for the reader to keep up meanwhile. */
enum { PUBLISH_BYTES = 4096 };

/* Waking the reader costs more than a short pass: it is woken before the end only of one that writes so much. */
enum { EARLY_BELL_BYTES = 16384 };

void ring_session_init(struct ring_session *session, uint64_t ring_bytes, uint64_t *counters)
{
	*session = (struct ring_session){
		.counters = counters,
		.ring_bytes = ring_bytes,
		.doorbell_fd = -1,
		.doorbell_view_fd = -1,
	};
}

static int doorbell_make(struct ring_session *session)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};

	session->doorbell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	session->doorbell_view_fd = epoll_create1(EPOLL_CLOEXEC);
	if (session->doorbell_fd < 0 || session->doorbell_view_fd < 0 ||
	    epoll_ctl(session->doorbell_view_fd, EPOLL_CTL_ADD, session->doorbell_fd, &event) != 0)
		return -errno;
	return 0;
}

static void session_release(struct ring_session *session)
{
	shm_segment_close(&session->segment);
	if (session->doorbell_fd >= 0)
		close(session->doorbell_fd);
	if (session->doorbell_view_fd >= 0)
		close(session->doorbell_view_fd);
	ring_session_init(session, session->ring_bytes, session->counters);
}

int ring_session_open(struct ring_session *session, struct handoff_offer *offer)
{
	struct shm_segment *segment = &session->segment;

	assert(!session->open);

	int error = shm_segment_create(segment, session->ring_bytes);

	if (error == 0)
		error = doorbell_make(session);
	if (error != 0) {
		session_release(session);
		return error;
	}
	shm_ring_writer_init(&session->writer, segment->producer, segment->control, segment->data,
			     segment->ring_bytes);
	session->open = true;
	*offer = (struct handoff_offer){
		.fds = {[SHM_HANDOFF_FD_DATA] = segment->data_fd,
			[SHM_HANDOFF_FD_CONTROL] = segment->control_fd,
			[SHM_HANDOFF_FD_DOORBELL] = session->doorbell_view_fd},
		.ring_bytes = segment->ring_bytes,
		.generation = segment->generation,
	};
	return 0;
}

/* A reader stays asleep, by its own word, until it has been given a CPU: within one pass it is woken once, and again at
 * the end if it may have slept since. */
static void session_publish(struct ring_session *session, bool ends_pass)
{
	uint64_t one = 1;

	session->bell_due = shm_ring_writer_publish(&session->writer) || session->bell_due;
	bool early = !session->bell_rung && session->writer.tail - session->pass_start >= EARLY_BELL_BYTES;

	if (!session->bell_due || (!ends_pass && !early))
		return;
	session->bell_due = false;
	session->bell_rung = true;
	/* Cannot block and cannot fail: nobody else holds this eventfd. */
	if (write(session->doorbell_fd, &one, sizeof(one)) == sizeof(one))
		session->counters[SENSOR_COUNTER_WAKEUPS]++;
}

static bool session_is_broken(const struct ring_session *session)
{
	return session->writer.violations != 0;
}

void ring_session_reader_gone(struct ring_session *session)
{
	if (!session->open)
		return;
	session->counters[SENSOR_COUNTER_READER_GONE] += shm_ring_writer_unread(&session->writer);
	session->counters[SENSOR_COUNTER_READER_VIOLATION] += session->writer.violations;
	session_release(session);
}

void ring_session_close(struct ring_session *session)
{
	if (!session->open)
		return;
	session_publish(session, true);
	session_release(session);
}

static void record_commit(struct ring_session *session)
{
	session->counters[SENSOR_COUNTER_RECORDS_PUBLISHED]++;
	session->counters[SENSOR_COUNTER_BYTES_PUBLISHED] += session->writer.reserved;
	shm_ring_writer_commit(&session->writer);
}

static bool loss_is_untold(const struct ring_session *session)
{
	return session->writer.lost_records != session->told_lost_records;
}

/* The caller knows that there is room. */
static void loss_tell(struct ring_session *session)
{
	const struct shm_ring_writer *writer = &session->writer;
	struct shm_record_loss *loss = shm_ring_writer_reserve(&session->writer, sizeof(*loss));
	struct timespec now;

	assert(loss != NULL);
	clock_gettime(CLOCK_MONOTONIC, &now);
	*loss = (struct shm_record_loss){
		.header = {.length = sizeof(*loss), .type = SHM_RECORD_LOSS},
		.time_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec,
		.records = writer->lost_records - session->told_lost_records,
		.bytes = writer->lost_bytes - session->told_lost_bytes,
		.stage = SHM_LOSS_SHARED_RING,
	};
	session->told_lost_records = writer->lost_records;
	session->told_lost_bytes = writer->lost_bytes;
	session->counters[SENSOR_COUNTER_RECORDS_OWN]++;
	record_commit(session);
}

/* Room for `length` bytes, behind the loss record if one is due: a reader learns of a loss where it happened. */
static void *room_make(struct ring_session *session, uint32_t length)
{
	struct shm_ring_writer *writer = &session->writer;

	if (loss_is_untold(session)) {
		if (!shm_ring_writer_has_room(writer, sizeof(struct shm_record_loss) + length)) {
			shm_ring_writer_count_lost(writer, length);
			return NULL;
		}
		loss_tell(session);
	}
	return shm_ring_writer_reserve(writer, length);
}

void *ring_session_reserve(struct ring_session *session, enum shm_record_type type, uint16_t flags, uint32_t length)
{
	uint32_t padded = (length + SHM_RECORD_ALIGN_BYTES - 1) & ~(uint32_t)(SHM_RECORD_ALIGN_BYTES - 1);

	assert(length >= sizeof(struct shm_record_header) && padded <= SHM_RECORD_BYTES_MAX);
	if (!session->open || session_is_broken(session)) {
		session->counters[SENSOR_COUNTER_NO_READER]++;
		return NULL;
	}

	uint64_t *words = room_make(session, padded);

	if (words == NULL) {
		session->counters[SENSOR_COUNTER_SHARED_RING_FULL]++;
		return NULL;
	}
	words[padded / sizeof(*words) - 1] = 0;
	*(struct shm_record_header *)(void *)words =
		(struct shm_record_header){.length = padded, .type = (uint16_t)type, .flags = flags};
	return words;
}

void ring_session_commit(struct ring_session *session)
{
	record_commit(session);
	if (shm_ring_writer_unpublished(&session->writer) >= PUBLISH_BYTES)
		session_publish(session, false);
}

bool ring_session_write(struct ring_session *session, const void *record, uint32_t length)
{
	const struct shm_record_header *header = record;
	uint8_t *room = ring_session_reserve(session, header->type, header->flags, length);

	if (room == NULL)
		return false;
	memcpy(room + sizeof(*header), (const uint8_t *)record + sizeof(*header), length - sizeof(*header));
	ring_session_commit(session);
	return true;
}

bool ring_session_end_pass(struct ring_session *session, uint64_t now_ns)
{
	if (!session->open)
		return true;
	if (!session_is_broken(session) && loss_is_untold(session) &&
	    shm_ring_writer_has_room(&session->writer, sizeof(struct shm_record_loss)))
		loss_tell(session);
	session_publish(session, true);
	session->bell_rung = false;
	session->pass_start = session->writer.tail;
	shm_ring_writer_beat(&session->writer, now_ns);
	return !session_is_broken(session);
}
