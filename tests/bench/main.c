/* shmotel-bench: measure the parts of shmotel, each against what the machine can do in the same run. */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const struct bench_command *const commands[] = {&ring_bench,   &encode_bench, &parse_bench,
						       &sensor_bench, &load_bench,   &syscalls_bench};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]), OPTIONS_MAX = 8 };

static void help_print(FILE *out)
{
	fprintf(out, "usage: shmotel-bench COMMAND [--json] [options]\n\nCommands:\n");
	for (int i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(out, "\n--json prints one JSON object per measurement. COMMAND --help lists its options.\n"
		     "--version prints the version.\n");
}

static void command_help_print(const struct bench_command *command, FILE *out)
{
	fprintf(out, "usage: shmotel-bench %s [options]\n\n%s\n\nOptions:\n", command->name, command->purpose);
	fprintf(out, "  --%-18s %s\n", "json", "print one JSON object per measurement");
	for (size_t i = 0; i < command->option_count; i++) {
		const struct bench_option *option = &command->options[i];

		fprintf(out, "  --%-15s N  %s (%" PRIu64 " to %" PRIu64 ", default %" PRIu64 ")\n", option->name,
			option->help, option->least, option->most, *option->value);
	}
	fprintf(out, "  --%-18s %s\n", "help", "print this");
}

static bool number_read(const struct bench_option *option, const char *text)
{
	char *end;

	errno = 0;
	const unsigned long long value = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value < option->least || value > option->most) {
		fprintf(stderr, "shmotel-bench: --%s takes a number from %" PRIu64 " to %" PRIu64 "\n", option->name,
			option->least, option->most);
		return false;
	}
	*option->value = value;
	return true;
}

static int command_run(const struct bench_command *command, int argc, char **argv)
{
	struct option options[OPTIONS_MAX + 3] = {{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}};
	bool json = false;
	int found, at = 0;

	assert(command->option_count <= OPTIONS_MAX);
	for (size_t i = 0; i < command->option_count; i++)
		options[i + 2] = (struct option){command->options[i].name, required_argument, NULL, 'n'};
	while ((found = getopt_long(argc, argv, "h", options, &at)) != -1) {
		if (found == 'h')
			command_help_print(command, stdout);
		if (found == 'h' || found == '?')
			return found == 'h' ? 0 : 2;
		if (found == 'j')
			json = true;
		else if (!number_read(&command->options[at - 2], optarg))
			return 2;
	}
	if (optind < argc) {
		fprintf(stderr, "shmotel-bench: \"%s\" is not an option of %s\n", argv[optind], command->name);
		return 2;
	}
	return command->run(json);
}

int main(int argc, char **argv)
{
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		help_print(stdout);
		return 0;
	}
	if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
		printf("shmotel-bench %s\n", SHMOTEL_VERSION);
		return 0;
	}
	for (int i = 0; argc >= 2 && i < COMMAND_COUNT; i++)
		if (strcmp(argv[1], commands[i]->name) == 0)
			return command_run(commands[i], argc - 1, argv + 1);
	if (argc >= 2)
		fprintf(stderr, "shmotel-bench: there is no command \"%s\"\n\n", argv[1]);
	help_print(stderr);
	return 2;
}
