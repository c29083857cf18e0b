/* Find what an earlier receiver left in a spool, damage or not. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "counters.h"
#include "daemon/log.h"
#include "export/export_outcome.h"
#include "export/spool_state.h"

void spool_count_gap(const struct spool *spool, const uint64_t before[], const uint64_t after[])
{
	for (size_t i = 0; i < OTLP_SIGNAL_COUNT; i++) {
		const uint64_t lost = after[i] - before[i];

		if (after[i] <= before[i])
			continue;
		export_outcome_count(EXPORT_CORRUPT, (enum otlp_signal)i, lost);
		log_line(LOG_LEVEL_WARNING, "the spool %s is damaged: %" PRIu64 " %s in it are lost", spool->path, lost,
			 export_items_name((enum otlp_signal)i));
	}
}

/* A record that is not whole: go on at the next one that is. False: there is none, this is the end. */
static bool step_over_damage(struct spool *spool)
{
	const uint64_t limit = spool->head.offset + spool->file.capacity;
	const uint64_t found =
		spool_file_search(&spool->file, spool->tail + SPOOL_ALIGNMENT, limit, spool->sequence + 1);

	if (found >= limit)
		return false;
	spool->tail = found;
	return true;
}

/* Walk from the head to the end: what is there is waiting. */
static void find_tail(struct spool *spool)
{
	const uint64_t limit = spool->head.offset + spool->file.capacity;
	struct spool_record record;

	spool->tail = spool->head.offset;
	spool->sequence = spool->head.sequence;
	memcpy(spool->items, spool->head.items, sizeof(spool->items));
	while (spool->tail < limit) {
		if (spool_file_read_record(&spool->file, spool->tail, &record) != 0 ||
		    record.sequence < spool->sequence) {
			if (!step_over_damage(spool))
				break;
			continue;
		}
		for (size_t i = 0; i < OTLP_SIGNAL_COUNT; i++)
			spool->items[i] = record.items_before[i];
		if (record.type != SPOOL_SKIP)
			spool->items[record.type] += record.items;
		spool->sequence = record.sequence + 1;
		spool->tail += spool_record_size(&record);
	}
}

void spool_count_found(const struct spool *spool)
{
	struct spool_status status;

	spool_status(spool, &status);
	if (status.records == 0)
		return;
	counter_add(COUNTER_EXPORT_RECOVERED_SPANS, status.items[OTLP_TRACES]);
	counter_add(COUNTER_EXPORT_RECOVERED_POINTS, status.items[OTLP_METRICS]);
	log_line(LOG_LEVEL_INFO,
		 "the spool %s holds %" PRIu64 " spans and %" PRIu64 " data points of an earlier receiver", spool->path,
		 status.items[OTLP_TRACES], status.items[OTLP_METRICS]);
}

int spool_load(struct spool *spool)
{
	int error = spool_file_load(&spool->file);

	if (error == 0)
		error = spool_file_read_position(&spool->file, &spool->head);
	if (error == 0)
		find_tail(spool);
	return error;
}

int spool_load_or_create(struct spool *spool, uint64_t bytes)
{
	const uint64_t capacity = (bytes - SPOOL_DATA_OFFSET) / SPOOL_ALIGNMENT * SPOOL_ALIGNMENT;
	const off_t size = lseek(spool->file.fd, 0, SEEK_END);
	int error = spool_load(spool);

	if ((error == -EBADMSG || error == -EPROTONOSUPPORT) && size > 0)
		log_line(LOG_LEVEL_WARNING, "the spool %s %s and is made anew: what was in it is lost", spool->path,
			 error == -EBADMSG ? "cannot be read" : "was written by another version of the receiver");
	if (error == -EBADMSG || error == -EPROTONOSUPPORT ||
	    (error == 0 && spool_is_empty(spool) && spool->file.capacity != capacity)) {
		error = spool_file_create(&spool->file, bytes);
		spool->head = (struct spool_position){.generation = 1};
		if (error == 0)
			find_tail(spool);
	}
	return error;
}
