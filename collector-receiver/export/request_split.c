/* Copy the items of a request within a range, with the messages that they stand in. */
#include "export/request_split.h"

#include <errno.h>
#include <string.h>

#include "otlp/protobuf_reader.h"
#include "otlp/wire.h"

enum {
	SPLIT_DEPTH_MAX = 5,
};

/* Which field leads from a request to its items, level by level. A metric holds its points in one field of several,
 * by its type: gauge, sum, histogram, exponential histogram, summary. */
static const struct {
	unsigned depth;
	uint32_t fields[SPLIT_DEPTH_MAX]; /* a bit for each number */
} ways[OTLP_SIGNAL_COUNT] = {
	[OTLP_TRACES] = {3, {1u << 1, 1u << 2, 1u << 2}},
	[OTLP_METRICS] = {5, {1u << 1, 1u << 2, 1u << 2, 1u << 5 | 1u << 7 | 1u << 9 | 1u << 10 | 1u << 11, 1u << 1}},
};

struct cut {
	enum otlp_signal signal;
	uint64_t from, to; /* items to keep */
	uint64_t seen;
	bool malformed;
	struct wire_buffer out;
};

static bool leads_on(const struct cut *cut, unsigned depth, const struct protobuf_field *field)
{
	return field->type == PROTOBUF_BYTES && field->number < 32 &&
	       (ways[cut->signal].fields[depth] >> field->number & 1) != 0;
}

static uint64_t cut_message(struct cut *cut, unsigned depth, const uint8_t *bytes, size_t length);

/* A message on the way: kept if any of its items is. */
static uint64_t cut_inner(struct cut *cut, unsigned depth, const struct protobuf_field *field)
{
	const size_t before = cut->out.length;
	const size_t begin = wire_message_begin(&cut->out, field->number);
	const uint64_t kept = cut_message(cut, depth + 1, field->bytes, field->length);

	if (kept == 0 && !cut->out.failed)
		cut->out.length = before;
	else
		wire_message_end(&cut->out, begin);
	return kept;
}

/* Returns how many items were kept. */
static uint64_t cut_message(struct cut *cut, unsigned depth, const uint8_t *bytes, size_t length)
{
	const bool last = depth + 1 == ways[cut->signal].depth;
	struct protobuf_reader reader = protobuf_read(bytes, length);
	struct protobuf_field field;
	uint64_t kept = 0;

	for (const uint8_t *at = reader.at; protobuf_next(&reader, &field); at = reader.at) {
		bool keep = true;

		if (leads_on(cut, depth, &field) && !last) {
			kept += cut_inner(cut, depth, &field);
			continue;
		}
		if (leads_on(cut, depth, &field)) {
			keep = cut->seen >= cut->from && cut->seen < cut->to;
			cut->seen++;
			kept += keep;
		}
		if (keep)
			wire_add_raw(&cut->out, at, (size_t)(reader.at - at));
	}
	cut->malformed = cut->malformed || reader.malformed;
	return kept;
}

static int cut_request(const struct otlp_request *request, uint64_t from, uint64_t to, struct otlp_request **part)
{
	struct cut cut = {.signal = request->signal, .from = from, .to = to};
	const uint64_t kept = cut_message(&cut, 0, request->bytes, request->length);
	int error = 0;

	*part = NULL;
	if (cut.out.failed)
		error = -ENOMEM;
	else if (cut.malformed || cut.seen != request->items || kept != to - from)
		error = -EINVAL;
	if (error == 0) {
		*part = otlp_request_create(request->signal, cut.out.length);
		error = *part == NULL ? -ENOMEM : 0;
	}
	if (error == 0) {
		(*part)->items = (uint32_t)kept;
		memcpy((*part)->bytes, cut.out.bytes, cut.out.length);
	}
	wire_buffer_free(&cut.out);
	return error;
}

int request_split(const struct otlp_request *request, struct otlp_request **first, struct otlp_request **second)
{
	int error;

	if (request->items < 2)
		return -EINVAL;
	error = cut_request(request, 0, request->items / 2, first);
	if (error == 0)
		error = cut_request(request, request->items / 2, request->items, second);
	if (error < 0 && *first != NULL) {
		otlp_request_release(*first);
		*first = NULL;
	}
	return error;
}
