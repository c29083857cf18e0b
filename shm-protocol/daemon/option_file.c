/* Read the options of one program out of the YAML file that both share.
 *
 * libcyaml is given a schema made from the table: mappings where keys have dots, sequences for lists, and text for
 * everything else, so that a value means the same in a file as in a flag. */
#include "daemon/option_file.h"

#include <assert.h>
#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/option_branch.h"
#include "daemon/option_diagnosis.h"
#include "daemon/option_value.h"

enum {
	FILE_BYTES_MAX = 1024 * 1024,
	FIELDS_MAX = 2 * OPTION_ROWS_MAX,
	NAME_BYTES_MAX = 48,
};

/* What libcyaml fills for one key: text, list of texts, or the slots of a mapping. NULL: not in the file. */
struct slot {
	void *value;
	uint64_t count;
};

struct schema {
	cyaml_schema_field_t fields[FIELDS_MAX];
	char names[FIELDS_MAX][NAME_BYTES_MAX];
	size_t used;
};

static const cyaml_schema_value_t list_entry = {
	.type = CYAML_STRING,
	.flags = CYAML_FLAG_POINTER,
	.data_size = 1,
	.string = {0, CYAML_UNLIMITED},
};

static cyaml_schema_field_t *schema_take(struct schema *schema, size_t count)
{
	cyaml_schema_field_t *fields = schema->fields + schema->used;

	assert(schema->used + count <= FIELDS_MAX);
	schema->used += count;
	return fields;
}

static size_t branch_count(const struct option *rows, size_t count, size_t skip)
{
	size_t branches = 0;

	for (size_t i = 0; i < count; i += option_branch_at(rows + i, count - i, skip).count)
		branches++;
	return branches;
}

/* The schema of the mapping whose keys are what follows `skip` bytes. `ignored` is one more key, of any contents. */
static cyaml_schema_value_t schema_mapping(struct schema *schema, const struct option *rows, size_t count, size_t skip,
					   const char *ignored)
{
	size_t branches = branch_count(rows, count, skip);
	cyaml_schema_field_t *fields = schema_take(schema, branches + (ignored != NULL) + 1);
	cyaml_schema_field_t *field = fields;

	for (size_t i = 0; i < count; field++) {
		struct option_branch b = option_branch_at(rows + i, count - i, skip);
		char *name = schema->names[field - schema->fields];

		assert(b.length < NAME_BYTES_MAX);
		memcpy(name, b.rows[0].key + skip, b.length);
		field->key = name;
		field->data_offset = (uint32_t)((size_t)(field - fields) * sizeof(struct slot));
		if (!b.leaf) {
			field->value = schema_mapping(schema, b.rows, b.count, skip + b.length + 1, NULL);
		} else if (b.rows[0].type == OPTION_TEXTS || b.rows[0].type == OPTION_PORTS) {
			field->value = (cyaml_schema_value_t){.type = CYAML_SEQUENCE, .data_size = sizeof(char *)};
			field->value.sequence.entry = &list_entry;
			field->value.sequence.max = CYAML_UNLIMITED;
			field->count_offset = field->data_offset + (uint32_t)offsetof(struct slot, count);
			field->count_size = sizeof(uint64_t);
		} else {
			field->value = (cyaml_schema_value_t){.type = CYAML_STRING, .data_size = 1};
			field->value.string.max = CYAML_UNLIMITED;
		}
		field->value.flags = CYAML_FLAG_POINTER_NULL | CYAML_FLAG_OPTIONAL;
		i += b.count;
	}
	if (ignored != NULL)
		*field = (cyaml_schema_field_t){.key = ignored,
						.value = {.type = CYAML_IGNORE, .flags = CYAML_FLAG_OPTIONAL}};
	return (cyaml_schema_value_t){
		.type = CYAML_MAPPING,
		.flags = CYAML_FLAG_POINTER_NULL,
		.data_size = (uint32_t)((branches + 1) * sizeof(struct slot)),
		.mapping = {.fields = fields},
	};
}

static bool take_leaf(const struct option *row, const struct slot *slot, void *values,
		      char complaint[OPTION_COMPLAINT_BYTES])
{
	char **items = slot->value;

	option_value_clear(row, values);
	/* libcyaml does not tell [] from nothing at all, so [""] is how a list is emptied. */
	if (row->type != OPTION_TEXTS && row->type != OPTION_PORTS)
		return option_value_set(row, values, slot->value, OPTION_FROM_FILE, complaint);
	if (slot->count == 1 && items[0][0] == '\0')
		return true;
	for (size_t i = 0; i < slot->count; i++) {
		if (!option_value_set(row, values, items[i], OPTION_FROM_FILE, complaint))
			return false;
	}
	return true;
}

/* Returns the row whose value is wrong, or NULL. */
static const struct option *take_mapping(const struct slot *slots, const struct option *rows, size_t count, size_t skip,
					 const struct option_table *table, void *values, enum option_source *sources,
					 char complaint[OPTION_COMPLAINT_BYTES])
{
	for (size_t i = 0; slots != NULL && i < count; slots++) {
		struct option_branch b = option_branch_at(rows + i, count - i, skip);
		const struct option *wrong = NULL;

		i += b.count;
		if (!b.leaf)
			wrong = take_mapping(slots->value, b.rows, b.count, skip + b.length + 1, table, values, sources,
					     complaint);
		else if (slots->value != NULL) {
			sources[b.rows - table->rows] = OPTION_FROM_FILE;
			if (!take_leaf(b.rows, slots, values, complaint))
				wrong = b.rows;
		}
		if (wrong != NULL)
			return wrong;
	}
	return NULL;
}

/* Read the rows of one part. Strict: anything that the rows do not allow is an error. */
static bool read_part(const struct option_table *table, const char *file, const char *text, size_t length,
		      const struct option *rows, size_t count, bool strict, void *values, enum option_source *sources,
		      char complaint[OPTION_COMPLAINT_BYTES])
{
	struct schema schema = {0};
	struct option_diagnosis d = {0};
	cyaml_schema_value_t root = schema_mapping(&schema, rows, count, 0, strict ? table->other_part : NULL);
	cyaml_config_t config = {
		.log_fn = option_diagnosis_log,
		.log_ctx = &d,
		.mem_fn = cyaml_mem,
		.log_level = CYAML_LOG_ERROR,
		.flags = strict ? CYAML_CFG_DEFAULT : CYAML_CFG_IGNORE_UNKNOWN_KEYS,
	};
	char value_complaint[OPTION_COMPLAINT_BYTES];
	const struct option *wrong;
	void *slots = NULL;

	if (cyaml_load_data((const uint8_t *)text, length, &config, &root, &slots, NULL) != CYAML_OK) {
		option_diagnosis_explain(&d, table, file, rows, count, complaint);
		return false;
	}
	wrong = take_mapping(slots, rows, count, 0, table, values, sources, value_complaint);
	if (wrong != NULL)
		snprintf(complaint, OPTION_COMPLAINT_BYTES, "%s: %s: %.500s", file, wrong->key, value_complaint);
	cyaml_free(&config, &root, slots, 0);
	return wrong == NULL;
}

static char *read_whole(const char *path, size_t *length)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;

	if (file == NULL)
		return NULL;
	text = malloc(FILE_BYTES_MAX + 1);
	if (text != NULL) {
		*length = fread(text, 1, FILE_BYTES_MAX + 1, file);
		if (ferror(file) != 0 || *length > FILE_BYTES_MAX) {
			errno = ferror(file) != 0 ? errno : EFBIG;
			free(text);
			text = NULL;
		}
	}
	fclose(file);
	return text;
}

static bool in_part(const struct option *row, const char *part)
{
	size_t length = strlen(part);

	return row->key != NULL && strncmp(row->key, part, length) == 0 && row->key[length] == '.';
}

/* The rows of one part stand together. */
static const struct option *rows_of(const struct option_table *table, const char *part, size_t *count)
{
	const struct option *first = NULL;

	*count = 0;
	for (size_t i = 0; i < table->row_count; i++) {
		if (!in_part(&table->rows[i], part))
			continue;
		first = first != NULL ? first : &table->rows[i];
		(*count)++;
		assert(first + *count == &table->rows[i] + 1);
	}
	return first;
}

bool option_file_read(const struct option_table *table, const char *path, bool missing_is_fine, void *values,
		      enum option_source *sources, char complaint[OPTION_COMPLAINT_BYTES])
{
	char ignored[OPTION_COMPLAINT_BYTES];
	size_t length = 0;
	size_t count;
	const struct option *rows;
	char *text = read_whole(path, &length);
	bool read;

	if (text == NULL && errno == ENOENT && missing_is_fine)
		return true;
	if (text == NULL) {
		snprintf(complaint, OPTION_COMPLAINT_BYTES,
			 "%.400s: the configuration file cannot be read (%s); correct "
			 "--config or the file's permissions",
			 path, strerror(errno));
		return false;
	}
	rows = rows_of(table, table->part, &count);
	read = read_part(table, path, text, length, rows, count, true, values, sources, complaint);
	rows = rows_of(table, table->other_part, &count);
	if (read && count != 0 && !read_part(table, path, text, length, rows, count, false, values, sources, ignored))
		ignored[0] = '\0'; /* the other program will complain */
	free(text);
	return read;
}
