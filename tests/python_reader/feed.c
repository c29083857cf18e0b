/* Stand in for the sensor before a reader in another language: every record type, through the sensor's own handoff and
 * ring, several times around it, with pauses in which the reader must fall asleep. Prints each record as it should be
 * read.
 *
 * usage: feed SOCKET
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handoff.h"
#include "ring_session.h"
#include "vectors/record_text.h"

/* A round is about 40 KiB: each passes the end of the smallest ring at another place. */
enum { ROUNDS = 20, WAIT_MS = 20000 };

struct feed {
	struct ring_session session;
	uint64_t counters[SENSOR_COUNTER_COUNT];
	bool attached;
};

static void give_up(const char *why)
{
	fprintf(stderr, "feed: %s\n", why);
	exit(1);
}

static int offer(void *context, struct handoff_offer *made)
{
	struct feed *feed = context;

	return ring_session_open(&feed->session, made);
}

static void attached(void *context, uint32_t peer_pid)
{
	struct feed *feed = context;

	(void)peer_pid;
	feed->attached = true;
}

static void detached(void *context)
{
	(void)context;
	give_up("the reader left too early");
}

static void refused(void *context, enum shm_handoff_status status, uint32_t peer_pid, uint32_t peer_uid)
{
	(void)context;
	(void)status;
	(void)peer_pid;
	(void)peer_uid;
	give_up("the reader was turned away");
}

static bool has_room(struct feed *feed)
{
	return shm_ring_writer_has_room(&feed->session.writer, SHM_RECORD_BYTES_MAX);
}

static bool reader_sleeps(struct feed *feed)
{
	return *(volatile const uint32_t *)&feed->session.segment.control->reader_asleep != 0 &&
	       shm_ring_writer_unread(&feed->session.writer) == 0;
}

static void wait_until(struct feed *feed, bool (*condition)(struct feed *feed))
{
	for (int waited_ms = 0; !condition(feed); waited_ms++) {
		if (waited_ms == WAIT_MS)
			give_up("the reader stands still");
		if (!ring_session_end_pass(&feed->session, 1))
			give_up("the reader broke the protocol");
		poll(NULL, 0, 1);
	}
}

/* `record` is complete but for its length. */
static void put(struct feed *feed, void *record, uint32_t length)
{
	static char text[RECORD_TEXT_BYTES_MAX];
	struct shm_record_header *header = record;
	struct shm_record_view view;

	wait_until(feed, has_room);
	if (!ring_session_write(&feed->session, record, length))
		give_up("a record found no room");
	header->length = (length + 7) & ~UINT32_C(7);
	if (shm_record_check(record, header->length, &view) != SHM_CHECK_OK)
		give_up("a record is wrong");
	record_text(&view, text);
	puts(text);
}

/* A record with room for what it counts. */
static uint64_t room[SHM_RECORD_BYTES_MAX / sizeof(uint64_t)];

static void *room_clear(void)
{
	return memset(room, 0, sizeof(room));
}

static void put_process(struct feed *feed, uint64_t round)
{
	static const char strings[] = "nginx/usr/sbin/nginxnginx\0-g/system.slice0123456789abcdefpodshopa=b";
	struct shm_record_process *process = room_clear();

	*process = (struct shm_record_process){
		.header.type = SHM_RECORD_PROCESS,
		.process_id = round,
		.start_time_unix_ns = UINT64_C(1700000000000000000) + round,
		.pid = 1000,
		.parent_pid = 1,
		.uid = 33,
		.namespace_pid = 10,
		.pid_namespace = UINT32_C(4026531836),
		.net_namespace = UINT32_C(4026531840),
		.command_bytes = 5,
		.executable_bytes = 15,
		.command_line_bytes = 8,
		.cgroup_bytes = 13,
		.container_id_bytes = 16,
		.pod_uid_bytes = 3,
		.service_name_bytes = 4,
		.resource_attributes_bytes = 3,
	};
	memcpy(process + 1, strings, sizeof(strings) - 1);
	put(feed, process, (uint32_t)(sizeof(*process) + sizeof(strings) - 1));
}

static void put_connections(struct feed *feed, uint64_t round)
{
	static const char path[] = "@a\xff path";
	struct shm_record_connection *connection = room_clear();

	for (uint8_t family = SHM_FAMILY_IPV4; family <= SHM_FAMILY_UNIX; family++) {
		const uint16_t path_bytes = family == SHM_FAMILY_UNIX ? sizeof(path) - 1 : 0;

		*connection = (struct shm_record_connection){
			.header = {.type = SHM_RECORD_CONNECTION, .flags = family},
			.connection_id = round * 8 + family,
			.process_id = round,
			.time_ns = round * 1000,
			.family = family,
			.role = family - 1,
			.local_port = 80,
			.remote_port = 65535,
			.unix_path_bytes = path_bytes,
			.net_namespace = UINT32_C(4026531840),
			.local_address = {127, 0, 0, 1},
			.remote_address = {0x20, 1, 0xd, 0xb8},
		};
		memcpy(connection + 1, path, path_bytes);
		put(feed, connection, (uint32_t)sizeof(*connection) + path_bytes);
	}
}

static void put_data(struct feed *feed, uint64_t round, uint16_t captured_bytes, uint16_t flags)
{
	struct shm_record_data *data = room_clear();
	uint8_t *bytes = (uint8_t *)(data + 1);

	*data = (struct shm_record_data){
		.header = {.type = SHM_RECORD_DATA, .flags = flags},
		.connection_id = round * 8 + 1,
		.time_ns = round * 1000 + 1,
		.offset = round << 33,
		.byte_count = UINT32_C(70000) + captured_bytes,
		.captured_bytes = captured_bytes,
	};
	for (uint32_t i = 0; i < captured_bytes; i++)
		bytes[i] = (uint8_t)(i * 7 + round);
	put(feed, data, (uint32_t)sizeof(*data) + captured_bytes);
}

static void put_ends(struct feed *feed, uint64_t round)
{
	struct shm_record_connection_close close_record = {
		.header.type = SHM_RECORD_CONNECTION_CLOSE,
		.connection_id = round * 8 + 1,
		.time_ns = round * 1000 + 2,
		.sent_bytes = UINT64_MAX,
		.received_bytes = round,
		.retransmits = 3,
		.reason = (uint8_t)(round % 3),
	};
	struct shm_record_process_exit exit_record = {
		.header.type = SHM_RECORD_PROCESS_EXIT,
		.process_id = round,
		.time_ns = round * 1000 + 3,
	};

	put(feed, &close_record, sizeof(close_record));
	put(feed, &exit_record, sizeof(exit_record));
}

static void put_news(struct feed *feed, uint64_t round)
{
	struct shm_record_clock clock_record = {
		.header.type = SHM_RECORD_CLOCK, .monotonic_ns = round, .unix_ns = round + 1, .boot_ns = round + 2};
	struct shm_record_loss loss = {
		.header.type = SHM_RECORD_LOSS, .time_ns = round, .records = 5, .stage = SHM_LOSS_KERNEL_RING};
	struct shm_record_snapshot_end snapshot_end = {
		.header.type = SHM_RECORD_SNAPSHOT_END, .time_ns = round, .processes = 1, .connections = 3};
	struct shm_record_counters *counters = room_clear();
	uint64_t *values = (uint64_t *)(counters + 1);

	*counters = (struct shm_record_counters){
		.header.type = SHM_RECORD_COUNTERS, .time_ns = round, .count = SENSOR_COUNTER_COUNT};
	for (uint64_t i = 0; i < SENSOR_COUNTER_COUNT; i++)
		values[i] = i * round;
	put(feed, counters, (uint32_t)(sizeof(*counters) + SENSOR_COUNTER_COUNT * sizeof(uint64_t)));
	put(feed, &clock_record, sizeof(clock_record));
	put(feed, &loss, sizeof(loss));
	put(feed, &snapshot_end, sizeof(snapshot_end));
}

static void put_round(struct feed *feed, uint64_t round)
{
	put_news(feed, round);
	put_process(feed, round);
	put_connections(feed, round);
	put_data(feed, round, SHM_CAPTURE_BYTES_MAX, 0);
	put_data(feed, round, (uint16_t)(round * 37 % 8192), SHM_DATA_SENT);
	put_data(feed, round, SHM_CAPTURE_BYTES_MAX, SHM_DATA_SENT);
	put_data(feed, round, 0, SHM_DATA_END_OF_STREAM);
	put_ends(feed, round);
	/* Every other round the next one finds the reader asleep. */
	if (round % 2 == 0)
		wait_until(feed, reader_sleeps);
}

int main(int argc, char **argv)
{
	static struct feed feed;
	struct handoff *handoff;
	char message[256];

	if (argc != 2)
		give_up("usage: feed SOCKET");
	ring_session_init(&feed.session, SHM_RING_BYTES_MIN, feed.counters);
	if (handoff_open(&handoff, argv[1], geteuid(),
			 &(struct handoff_handler){offer, attached, detached, refused, &feed}, message,
			 sizeof(message)) != 0)
		give_up(message);
	while (!feed.attached) {
		struct pollfd ready = {.fd = handoff_fd(handoff), .events = POLLIN};

		if (poll(&ready, 1, WAIT_MS) != 1)
			give_up("no reader came");
		handoff_on_ready(handoff);
	}
	for (uint64_t round = 1; round <= ROUNDS; round++)
		put_round(&feed, round);
	ring_session_close(&feed.session);
	fprintf(stderr, "%llu records, %llu doorbells\n",
		(unsigned long long)feed.counters[SENSOR_COUNTER_RECORDS_PUBLISHED],
		(unsigned long long)feed.counters[SENSOR_COUNTER_WAKEUPS]);
	handoff_close(handoff);
	return feed.counters[SENSOR_COUNTER_WAKEUPS] < ROUNDS / 2 ? 1 : 0;
}
