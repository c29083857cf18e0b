/* Keep the processes that were announced. */
#include "connections/process_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "connections/id_map.h"
#include "counters.h"

enum { PROCESS_STRINGS = 8 };

/* A process with what the table needs beside it. */
struct entry {
	struct process process; /* first: the table is handed pointers to it */
	char *strings;          /* one block for all of them */
	uint64_t exit_ns;       /* 0 while it lives */
	uint32_t references;
	uint32_t slot;
	struct entry *previous, *next; /* list of those that nothing refers to, longest first */
};

struct process_table {
	struct id_map map;
	struct entry **entries; /* by slot; free slots hold NULL */
	uint32_t processes_max;
	uint32_t count;
	uint32_t slot_hint;
	uint64_t revision;
	struct entry *exited_first, *exited_last;
	struct entry *idle_first, *idle_last;
};

struct process_table *process_table_create(uint32_t processes_max)
{
	struct process_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return NULL;
	table->processes_max = processes_max;
	table->entries = calloc(processes_max, sizeof(struct entry *));
	if (table->entries == NULL || id_map_init(&table->map, processes_max) != 0) {
		free(table->entries);
		free(table);
		return NULL;
	}
	return table;
}

/* An unreferenced entry is in one of two lists: those of exited processes and of living ones. */
static struct entry **list_first(struct process_table *table, const struct entry *entry)
{
	return entry->exit_ns != 0 ? &table->exited_first : &table->idle_first;
}

static struct entry **list_last(struct process_table *table, const struct entry *entry)
{
	return entry->exit_ns != 0 ? &table->exited_last : &table->idle_last;
}

static void list_append(struct process_table *table, struct entry *entry)
{
	struct entry **last = list_last(table, entry);

	entry->previous = *last;
	entry->next = NULL;
	if (*last != NULL)
		(*last)->next = entry;
	else
		*list_first(table, entry) = entry;
	*last = entry;
}

static void list_remove(struct process_table *table, struct entry *entry)
{
	if (entry->previous != NULL)
		entry->previous->next = entry->next;
	else
		*list_first(table, entry) = entry->next;
	if (entry->next != NULL)
		entry->next->previous = entry->previous;
	else
		*list_last(table, entry) = entry->previous;
}

static void forget(struct process_table *table, struct entry *entry)
{
	assert(entry->references == 0);
	list_remove(table, entry);
	id_map_remove(&table->map, entry->process.process_id);
	table->entries[entry->slot] = NULL;
	table->slot_hint = entry->slot;
	table->count--;
	free(entry->strings);
	free(entry);
}

void process_table_clear(struct process_table *table)
{
	while (table->exited_first != NULL)
		forget(table, table->exited_first);
	while (table->idle_first != NULL)
		forget(table, table->idle_first);
	assert(table->count == 0);
}

void process_table_destroy(struct process_table *table)
{
	if (table == NULL)
		return;
	process_table_clear(table);
	id_map_free(&table->map);
	free(table->entries);
	free(table);
}

static struct entry *find(const struct process_table *table, uint64_t process_id)
{
	uint32_t slot = id_map_find(&table->map, process_id);

	return slot == ID_MAP_NONE ? NULL : table->entries[slot];
}

/* All strings of the record in one block; their slices in the order of the record's fields. NULL without memory. */
static char *copy_strings(const struct shm_record_view *view, struct slice copies[PROCESS_STRINGS])
{
	const struct shm_string strings[PROCESS_STRINGS] = {
		view->process.command,      view->process.executable, view->process.command_line,
		view->process.cgroup,       view->process.container_id, view->process.pod_uid,
		view->process.service_name, view->process.resource_attributes,
	};
	size_t bytes = 1;

	for (int i = 0; i < PROCESS_STRINGS; i++)
		bytes += strings[i].length;
	char *block = malloc(bytes);
	char *at = block;

	for (int i = 0; block != NULL && i < PROCESS_STRINGS; i++) {
		copies[i] = (struct slice){at, strings[i].length};
		if (strings[i].length > 0)
			memcpy(at, strings[i].bytes, strings[i].length);
		at += strings[i].length;
	}
	return block;
}

static void take_over(struct process_table *table, struct entry *entry, const struct shm_record_process *fixed,
		      const struct slice strings[PROCESS_STRINGS])
{
	entry->process = (struct process){
		.process_id = fixed->process_id,
		.start_time_unix_ns = fixed->start_time_unix_ns,
		.revision = ++table->revision,
		.pid = fixed->pid,
		.parent_pid = fixed->parent_pid,
		.uid = fixed->uid,
		.namespace_pid = fixed->namespace_pid,
		.command = strings[0],
		.executable = strings[1],
		.command_line = strings[2],
		.cgroup = strings[3],
		.container_id = strings[4],
		.pod_uid = strings[5],
		.service_name = strings[6],
		.resource_attributes = strings[7],
	};
}

/* A new entry in a free slot; the table is not full. */
static struct entry *add(struct process_table *table, uint64_t process_id)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (entry == NULL)
		return NULL;
	while (table->entries[table->slot_hint] != NULL)
		table->slot_hint = (table->slot_hint + 1) % table->processes_max;
	entry->slot = table->slot_hint;
	table->entries[entry->slot] = entry;
	table->count++;
	id_map_add(&table->map, process_id, entry->slot);
	list_append(table, entry);
	return entry;
}

static bool make_room(struct process_table *table)
{
	if (table->count < table->processes_max)
		return true;
	counter_add(COUNTER_PROCESS_TABLE_FULL, 1);
	struct entry *oldest = table->exited_first != NULL ? table->exited_first : table->idle_first;

	if (oldest == NULL)
		return false;
	forget(table, oldest);
	return true;
}

void process_table_announce(struct process_table *table, const struct shm_record_view *view)
{
	const struct shm_record_process *fixed = view->process.fixed;
	struct slice strings[PROCESS_STRINGS];
	struct entry *entry = find(table, fixed->process_id);

	if (entry == NULL && !make_room(table))
		return;
	char *block = copy_strings(view, strings);

	if (block != NULL && entry == NULL)
		entry = add(table, fixed->process_id);
	if (block == NULL || entry == NULL) {
		counter_add(COUNTER_PROCESS_TABLE_FULL, 1);
		free(block);
		return;
	}
	free(entry->strings);
	entry->strings = block;
	take_over(table, entry, fixed, strings);
}

void process_table_exit(struct process_table *table, uint64_t process_id, uint64_t now_ns)
{
	struct entry *entry = find(table, process_id);

	if (entry == NULL || entry->exit_ns != 0)
		return;
	if (entry->references == 0)
		list_remove(table, entry);
	entry->exit_ns = now_ns == 0 ? 1 : now_ns;
	if (entry->references == 0)
		list_append(table, entry);
}

struct process *process_table_hold(struct process_table *table, uint64_t process_id)
{
	struct entry *entry = find(table, process_id);

	if (entry == NULL)
		return NULL;
	if (entry->references++ == 0)
		list_remove(table, entry);
	return &entry->process;
}

void process_table_release(struct process_table *table, struct process *process)
{
	struct entry *entry = (struct entry *)process;

	if (entry == NULL)
		return;
	assert(entry->references > 0);
	if (--entry->references == 0)
		list_append(table, entry);
}

void process_table_tick(struct process_table *table, uint64_t now_ns)
{
	while (table->exited_first != NULL && now_ns > table->exited_first->exit_ns &&
	       now_ns - table->exited_first->exit_ns > PROCESS_LINGER_NS)
		forget(table, table->exited_first);
}

uint32_t process_table_count(const struct process_table *table)
{
	return table->count;
}
