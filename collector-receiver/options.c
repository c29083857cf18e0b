/* Read the receiver's options, and settle what follows from several of them. */
#include "options.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options_export.h"
#include "options_table.h"

static const struct option_table *const table = &receiver_option_table;

#define SOURCE(member) option_table_source(table, reading, offsetof(struct receiver_options, member))

static void decode_percent(char *text)
{
	char *out = text;

	for (const char *in = text; *in != '\0'; in++) {
		char digits[3] = {0};

		if (in[0] == '%' && isxdigit((unsigned char)in[1]) && isxdigit((unsigned char)in[2])) {
			memcpy(digits, in + 1, 2);
			*out++ = (char)strtoul(digits, NULL, 16);
			in += 2;
		} else {
			*out++ = *in;
		}
	}
	*out = '\0';
}

/* The variable's values are percent-encoded, as in W3C Baggage. */
static void decode_headers(struct receiver_options *options, const struct option_reading *reading)
{
	for (size_t i = 0; SOURCE(headers) == OPTION_FROM_ENVIRONMENT && i < options->headers.count; i++)
		decode_percent(options->headers.items[i]);
	for (size_t signal = 0; signal < OTLP_SIGNAL_COUNT; signal++) {
		for (size_t i = 0; i < options->signals[signal].headers.count; i++)
			decode_percent(options->signals[signal].headers.items[i]);
	}
}

static bool check_length(const char *key, const struct option_texts *texts, struct option_reading *reading)
{
	if (texts->count <= RECEIVER_LIST_MAX)
		return true;
	snprintf(reading->complaint, sizeof(reading->complaint), "%s: the list has %zu elements; give at most %d", key,
		 texts->count, RECEIVER_LIST_MAX);
	return false;
}

static bool settle(struct receiver_options *options, struct option_reading *reading)
{
	options->user_given = SOURCE(user) != OPTION_FROM_DEFAULT;
	options->status_socket_given = SOURCE(status_socket) != OPTION_FROM_DEFAULT;
	options->timeout_given = SOURCE(timeout_ns) != OPTION_FROM_DEFAULT;
	if (options->user == 0) {
		snprintf(reading->complaint, sizeof(reading->complaint),
			 "receiver.user: the receiver never runs as root; name a user without privilege, such as one "
			 "made "
			 "with `useradd --system shmotel`");
		return false;
	}
	for (size_t i = 0; i < OTLP_SIGNAL_COUNT; i++) {
		if (SOURCE(signals[i].protocol) == OPTION_FROM_DEFAULT)
			options->signals[i].protocol = options->otlp_protocol;
	}
	/* The variables stand above the file and below --export and SHMOTEL_EXPORT. */
	if (SOURCE(exports) < OPTION_FROM_ENVIRONMENT && !receiver_exports_apply(options)) {
		snprintf(reading->complaint, sizeof(reading->complaint),
			 "the options cannot be kept: there is no memory");
		return false;
	}
	decode_headers(options, reading);
	if (!receiver_exports_check(options, reading->complaint, sizeof(reading->complaint)) ||
	    !check_length("receiver.http.known_methods", &options->known_methods, reading) ||
	    !check_length("receiver.redaction.query_keys", &options->redacted_query_keys, reading))
		return false;
	if (options->queue_spans != 0 && SOURCE(queue_size) < OPTION_FROM_ENVIRONMENT)
		options->queue_size = (options->queue_spans + options->batch_spans - 1) / options->batch_spans;
	return true;
}

int receiver_options_read(struct receiver_options *options, int argc, char **argv)
{
	struct option_reading reading;
	enum option_outcome outcome = option_table_read(table, OPTION_FILE_DEFAULT, argc, argv, options, &reading);

	if (outcome == OPTION_DONE)
		return 0;
	if (outcome == OPTION_WRONG || !settle(options, &reading)) {
		fprintf(stderr, "%s: %s\n", table->program, reading.complaint);
		return 2;
	}
	if (outcome == OPTION_CHECK) {
		if (!receiver_exports_check_files(options, reading.complaint, sizeof(reading.complaint))) {
			fprintf(stderr, "%s: %s\n", table->program, reading.complaint);
			return 2;
		}
		option_table_print(table, &reading, options, stdout);
		receiver_exports_print(options, stdout);
		return 0;
	}
	return -1;
}

void receiver_options_free(struct receiver_options *options)
{
	option_table_free(table, options);
}
