/* The processes that the sensor announced, found by their id. A process stays while a connection refers to it, and for
 * a moment after its end, so that exchanges that finish late still have their resource. */
#ifndef CONNECTIONS_PROCESS_TABLE_H
#define CONNECTIONS_PROCESS_TABLE_H

#include "exchanges/process.h"
#include "shm_protocol/record_check.h"

/* An exited process that nothing refers to is kept this long. */
#define PROCESS_LINGER_NS UINT64_C(10000000000)

struct process_table;

/* At most `processes_max` processes. NULL if there is no memory. */
struct process_table *process_table_create(uint32_t processes_max) __attribute__((warn_unused_result));
void process_table_destroy(struct process_table *table);

/* Announce or announce again: the process of that id takes over what the record says, and its revision grows. A full
 * table forgets the one that was longest unreferenced, exited ones first; if all are referred to, or memory is
 * short, the record is counted and dropped. */
void process_table_announce(struct process_table *table, const struct shm_record_view *view);
void process_table_exit(struct process_table *table, uint64_t process_id, uint64_t now_ns);

/* NULL if unknown. A reference keeps the process; every hold needs its release. */
struct process *process_table_hold(struct process_table *table, uint64_t process_id);
void process_table_release(struct process_table *table, struct process *process);

/* Forget exited processes whose time is over. */
void process_table_tick(struct process_table *table, uint64_t now_ns);

/* Forget all of them. No reference may be left. */
void process_table_clear(struct process_table *table);

uint32_t process_table_count(const struct process_table *table);

#endif
