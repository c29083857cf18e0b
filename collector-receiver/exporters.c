/* Make the exporters that the options name. */
#include "exporters.h"

#include <assert.h>
#include <stdio.h>

#include "export/exporter_registry.h"
#include "export_target.h"

/* What the cage must let through for this target. */
static void needs_add(struct sandbox_needs *needs, const struct export_target *target)
{
	if (target->place == EXPORT_PLACE_ABSTRACT)
		needs->abstract_names = true;
	if (target->place == EXPORT_PLACE_TCP)
		needs->tcp_ports[needs->tcp_port_count++] = target->port;
}

static int open_one(struct fan_out *exporters, struct loop *loop, const struct receiver_options *options,
		    const char *text, const struct export_target *target, char *message, size_t message_size)
{
	struct otlp_exporter_options settings = receiver_options_exporter(options, target);
	struct exporter *exporter;
	int error;

	settings.specification = text;
	error = exporter_create(&exporter, loop, target, &settings, message, message_size);

	if (error != 0)
		return error;
	error = fan_out_add(exporters, exporter, target->signals);
	if (error != 0) {
		exporter->type->destroy(exporter);
		snprintf(message, message_size, "there may be at most %d exporters; name fewer", FAN_OUT_EXPORTERS_MAX);
	}
	return error;
}

int exporters_open(struct fan_out *exporters, struct loop *loop, const struct receiver_options *options,
		   struct sandbox_needs *needs, char *message, size_t message_size)
{
	_Static_assert((int)FAN_OUT_EXPORTERS_MAX <= (int)SANDBOX_PORTS_MAX, "the port of each exporter fits");
	for (size_t i = 0; i < options->exports.count; i++) {
		struct export_target target;
		const char *wrong = export_target_parse(&target, options->exports.items[i]);
		int error;

		assert(wrong == NULL && "receiver_options_read has seen to that");
		(void)wrong;
		error = open_one(exporters, loop, options, options->exports.items[i], &target, message, message_size);
		if (error != 0)
			return error;
		needs_add(needs, &target);
		needs->spool = options->storage.directory != NULL && options->storage.directory[0] != '\0';
	}
	if (needs->spool)
		spool_say_orphans(options->storage.directory);
	return 0;
}

void exporters_levels(void *context, struct self_levels *levels)
{
	const struct fan_out *exporters = context;

	_Static_assert((int)FAN_OUT_EXPORTERS_MAX <= (int)SELF_COMPONENTS_MAX, "the levels of each exporter fit");
	for (size_t i = 0; i < exporters->count; i++) {
		const struct exporter *exporter = exporters->exporters[i];
		struct exporter_status status = {.name = exporter->type->name};
		uint64_t *values = levels->components[i].values;

		exporter->type->status(exporter, &status);
		levels->components[i].name = status.name;
		values[SELF_LEVEL_QUEUE_SIZE] = status.requests;
		values[SELF_LEVEL_QUEUE_CAPACITY] = status.requests_max != 0 ? status.requests_max : SELF_LEVEL_ABSENT;
		values[SELF_LEVEL_SPANS] = status.items[OTLP_TRACES];
		values[SELF_LEVEL_POINTS] = status.items[OTLP_METRICS];
		values[SELF_LEVEL_SPOOL_SIZE] = status.has_spool ? status.spool.bytes : SELF_LEVEL_ABSENT;
		values[SELF_LEVEL_SPOOL_CAPACITY] = status.has_spool ? status.spool.bytes_max : SELF_LEVEL_ABSENT;
	}
	levels->count = exporters->count;
}
