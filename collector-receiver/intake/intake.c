/* Keep this receiver attached to a sensor and hand over every record that comes out of its ring. */
#include "intake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "counters.h"
#include "segment_client.h"
#include "shm_protocol/ring_reader.h"

enum {
	/* Between two looks at the loop's other business. */
	BATCH_RECORDS = 1024,

	SENTENCE_BYTES = 512,
};

static const uint64_t retry_ns_min = 100 * 1000 * 1000;
static const uint64_t retry_ns_max = 1000 * 1000 * 1000;

enum intake_state {
	INTAKE_WAITING,  /* for the retry timer */
	INTAKE_ASKING,   /* connected, no answer yet */
	INTAKE_ATTACHED,
};

struct intake {
	enum intake_state state;
	struct loop *loop;
	const char *socket_path;
	struct record_sink sink;
	struct loop_watch connection;
	struct loop_watch doorbell;
	struct loop_timer retry;
	uint64_t retry_ns;
	uint64_t attached_ns;
	struct segment_grant grant;
	struct shm_ring_reader reader;
	char told[SENTENCE_BYTES]; /* the last problem told */
	uint64_t copy[SHM_RECORD_BYTES_MAX / sizeof(uint64_t)];
};

static void intake_tell(struct intake *intake, const char *sentence)
{
	if (strcmp(intake->told, sentence) == 0)
		return;
	snprintf(intake->told, sizeof(intake->told), "%s", sentence);
	if (intake->sink.problem != NULL)
		intake->sink.problem(intake->sink.context, sentence);
}

/* Let go of everything that the present state holds, and try again later. */
static void intake_reset(struct intake *intake, const char *sentence)
{
	const bool was_attached = intake->state == INTAKE_ATTACHED;

	loop_watch_remove(intake->loop, &intake->connection);
	if (intake->connection.fd >= 0)
		close(intake->connection.fd);
	intake->connection.fd = -1;
	if (was_attached) {
		loop_watch_remove(intake->loop, &intake->doorbell);
		segment_grant_release(&intake->grant);
	}
	intake->state = INTAKE_WAITING;
	/* Shorter sessions let the wait grow: a sensor that dies or breaks its ring at once would else be asked for a
	 * snapshot of the host ten times a second. */
	if (was_attached && loop_now_ns() - intake->attached_ns > retry_ns_max)
		intake->retry_ns = retry_ns_min;
	loop_timer_set(intake->loop, &intake->retry, loop_now_ns() + intake->retry_ns);
	intake->retry_ns = intake->retry_ns * 2 > retry_ns_max ? retry_ns_max : intake->retry_ns * 2;
	if (was_attached)
		intake->sink.detached(intake->sink.context);
	intake_tell(intake, sentence);
}

static void record_hand_over(struct intake *intake)
{
	const struct shm_record_header *header = (const void *)intake->copy;
	struct shm_record_view view;

	counter_add(COUNTER_RECORDS_READ, 1);
	switch (shm_record_check(intake->copy, header->length, &view)) {
	case SHM_CHECK_OK:
		intake->sink.record(intake->sink.context, &view);
		break;
	case SHM_CHECK_UNKNOWN_TYPE:
		counter_add(COUNTER_RECORDS_UNKNOWN, 1);
		break;
	case SHM_CHECK_SHORT:
	case SHM_CHECK_COUNTS:
	case SHM_CHECK_VALUE:
		counter_add(COUNTER_RECORDS_MALFORMED, 1);
		break;
	}
}

/* Hand over at most `records_max` records and `bytes_max` bytes. */
static enum shm_read intake_read(struct intake *intake, uint64_t records_max, uint64_t bytes_max)
{
	struct shm_ring_reader *reader = &intake->reader;
	const uint64_t start = reader->head;
	enum shm_read found = SHM_READ_RECORD;

	for (uint64_t i = 0; i < records_max && reader->head - start < bytes_max; i++) {
		found = shm_ring_reader_next(reader, intake->copy);
		if (found != SHM_READ_RECORD)
			break;
		record_hand_over(intake);
	}
	shm_ring_reader_release(reader);
	if (found == SHM_READ_EMPTY && intake->sink.drained != NULL)
		intake->sink.drained(intake->sink.context);
	return found;
}

static void intake_read_or_reset(struct intake *intake, uint64_t records_max, uint64_t bytes_max)
{
	if (intake_read(intake, records_max, bytes_max) != SHM_READ_VIOLATION)
		return;
	counter_add(COUNTER_RING_VIOLATIONS, 1);
	intake_reset(intake, "the sensor wrote a ring that cannot be read: attaching anew");
}

void intake_drain(struct intake *intake)
{
	/* A ring full, so that a sensor that keeps writing does not keep us here. */
	if (intake->state == INTAKE_ATTACHED)
		intake_read_or_reset(intake, UINT64_MAX, intake->reader.capacity);
}

static void intake_attach(struct intake *intake)
{
	const struct shm_segment *segment = &intake->grant.segment;
	int error;

	intake->doorbell.fd = intake->grant.doorbell_fd;
	error = loop_watch_add(intake->loop, &intake->doorbell);
	if (error != 0) {
		segment_grant_release(&intake->grant);
		intake_reset(intake, "the sensor's doorbell cannot be watched");
		return;
	}
	shm_ring_reader_init(&intake->reader, segment->producer, segment->control, segment->data,
			     segment->ring_bytes);
	intake->state = INTAKE_ATTACHED;
	intake->attached_ns = loop_now_ns();
	intake->told[0] = '\0';
	counter_add(COUNTER_ATTACHES, 1);
	intake->sink.attached(intake->sink.context, segment->generation, intake->grant.sensor_pid);
}

/* The sensor's answer, or the sign that it is gone. */
static void connection_on_ready(void *context, unsigned events)
{
	struct intake *intake = context;
	char sentence[SENTENCE_BYTES];
	char byte;

	(void)events;
	if (intake->state == INTAKE_ASKING) {
		switch (segment_client_receive(intake->connection.fd, &intake->grant, sentence, sizeof(sentence))) {
		case SEGMENT_ANSWER_ATTACHED:
			intake_attach(intake);
			break;
		case SEGMENT_ANSWER_NONE_YET:
			break;
		case SEGMENT_ANSWER_NO:
			intake_reset(intake, sentence);
		}
		return;
	}
	if (recv(intake->connection.fd, &byte, 1, MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* What it published before it went is still ours to read. */
	intake_drain(intake);
	if (intake->state == INTAKE_ATTACHED)
		intake_reset(intake, "the sensor is gone: waiting for the next one");
}

static void doorbell_on_ready(void *context, unsigned events)
{
	struct intake *intake = context;
	struct epoll_event event;

	(void)events;
	if (epoll_wait(intake->grant.doorbell_fd, &event, 1, 0) < 0 && errno != EINTR) {
		counter_add(COUNTER_RING_VIOLATIONS, 1);
		intake_reset(intake, "the sensor's doorbell is not one: attaching anew");
		return;
	}
	intake_read_or_reset(intake, BATCH_RECORDS, UINT64_MAX);
}

static bool intake_may_sleep(void *context)
{
	struct intake *intake = context;

	if (intake->state != INTAKE_ATTACHED || shm_ring_reader_sleep(&intake->reader))
		return true;
	intake_read_or_reset(intake, BATCH_RECORDS, UINT64_MAX);
	return false;
}

static void intake_woke(void *context)
{
	struct intake *intake = context;

	if (intake->state == INTAKE_ATTACHED)
		shm_ring_reader_wake(&intake->reader);
}

/* Go on from what segment_client_connect returned. */
static void intake_ask(struct intake *intake, int fd, const char *sentence)
{
	intake->connection.fd = fd;
	if (fd >= 0 && loop_watch_add(intake->loop, &intake->connection) == 0)
		intake->state = INTAKE_ASKING;
	else
		intake_reset(intake, fd >= 0 ? "the connection to the sensor cannot be watched" : sentence);
}

static void intake_retry(void *context)
{
	struct intake *intake = context;
	char sentence[SENTENCE_BYTES];
	int fd = segment_client_connect(intake->socket_path, sentence, sizeof(sentence));

	intake_ask(intake, fd, sentence);
}

int intake_open(struct intake **intake, struct loop *loop, const char *socket_path, const struct record_sink *sink,
		char *message, size_t message_size)
{
	int fd = segment_client_connect(socket_path, message, message_size);
	struct intake *made;

	*intake = NULL;
	if (fd == -ENAMETOOLONG)
		return fd;
	made = calloc(1, sizeof(*made));
	if (made == NULL) {
		snprintf(message, message_size, "out of memory");
		if (fd >= 0)
			close(fd);
		return -ENOMEM;
	}
	made->loop = loop;
	made->socket_path = socket_path;
	made->sink = *sink;
	made->retry_ns = retry_ns_min;
	made->connection = (struct loop_watch){.events = LOOP_READ, .ready = connection_on_ready, .context = made};
	made->doorbell = (struct loop_watch){.events = LOOP_READ, .ready = doorbell_on_ready, .context = made};
	made->retry = (struct loop_timer){.fire = intake_retry, .context = made};
	loop_idle_set(loop, &(struct loop_idle){.may_sleep = intake_may_sleep, .woke = intake_woke, .context = made});
	intake_ask(made, fd, message);
	*intake = made;
	return 0;
}

void intake_close(struct intake *intake)
{
	if (intake == NULL)
		return;
	intake->sink.problem = NULL;
	intake_reset(intake, "");
	loop_timer_cancel(intake->loop, &intake->retry);
	loop_idle_set(intake->loop, NULL);
	free(intake);
}

bool intake_is_attached(const struct intake *intake)
{
	return intake->state == INTAKE_ATTACHED;
}

uint64_t intake_lag_bytes(struct intake *intake)
{
	return intake->state == INTAKE_ATTACHED ? shm_ring_reader_lag(&intake->reader) : 0;
}
