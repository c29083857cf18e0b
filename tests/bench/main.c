/* shmotel-bench: measure the parts of shmotel, each against what the machine can do in the same run. */
#include <stdio.h>
#include <string.h>

#include "bench.h"

static const struct bench_command commands[] = {
	{"ring", bench_ring_main, "records through the shared ring between two processes"},
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static void help_print(FILE *out)
{
	fprintf(out, "usage: shmotel-bench COMMAND [--json] [options]\n\nCommands:\n");
	for (int i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
	fprintf(out, "\n--json prints one JSON object per measurement. COMMAND --help lists its options.\n");
}

int main(int argc, char **argv)
{
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		help_print(stdout);
		return 0;
	}
	for (int i = 0; argc >= 2 && i < COMMAND_COUNT; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].main(argc - 1, argv + 1);
	if (argc >= 2)
		fprintf(stderr, "shmotel-bench: there is no command \"%s\"\n\n", argv[1]);
	help_print(stderr);
	return 2;
}
