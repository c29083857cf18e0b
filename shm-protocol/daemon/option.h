/* Define one row of a program's option table: everything there is to know about one option. */
#ifndef DAEMON_OPTION_H
#define DAEMON_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum option_type {
	OPTION_TEXT,	 /* char *, owned by the table */
	OPTION_TEXTS,	 /* struct option_texts */
	OPTION_BOOLEAN,	 /* bool: true, false, yes, no, on, off */
	OPTION_COUNT,	 /* unsigned integer of any width */
	OPTION_BYTES,	 /* the same, with B, KiB, MiB or GiB */
	OPTION_DURATION, /* uint64_t nanoseconds: 5s, 200ms, 1m30s */
	OPTION_REAL,	 /* double */
	OPTION_CHOICE,	 /* int, one of `choices` */
	OPTION_USER,	 /* uid_t, by name or number */
	OPTION_PORTS,	 /* struct option_ports: 80, 8000-8100 */
};

struct option_texts {
	size_t count;
	char **items;
};

enum { OPTION_PORT_RANGES_MAX = 16 };

struct option_port_range {
	uint16_t first, last; /* inclusive */
};

struct option_ports {
	size_t count;
	struct option_port_range ranges[OPTION_PORT_RANGES_MAX];
};

struct option_choice {
	const char *name; /* NULL ends the list */
	int value;
};

struct option {
	const char *key;	 /* path in the file, "sensor.filters.ports.include"; siblings stand together.
				  * Without a key the option exists in the environment only. */
	const char *flag;	 /* without the dashes; NULL if there is none */
	const char *environment; /* variable; NULL if there is none */
	const char *help;	 /* one line */
	const char *fallback;	 /* the default, written as in a file, lists with commas; NULL: absent */
	const char *least;	 /* range of a number, written in the same way; NULL: no bound */
	const char *most;
	const struct option_choice *choices;
	/* One more condition on a text, or on each of a list: NULL, or what is wrong and what to do, to be read after
	 * the value ("is not an absolute path; ..."). */
	const char *(*check)(const char *text);
	enum option_type type;
	bool power_of_two;
	bool secret;	 /* a list of name=value whose values are never printed */
	uint32_t offset; /* where in the program's options; OPTION_AT */
	uint32_t size;
};

#define OPTION_AT(structure, member)                                                                                   \
	.offset = (uint32_t)offsetof(structure, member), .size = (uint32_t)sizeof(((structure *)0)->member)

enum option_source {
	OPTION_FROM_DEFAULT,
	OPTION_FROM_FILE,
	OPTION_FROM_ENVIRONMENT,
	OPTION_FROM_FLAG,
};

enum { OPTION_COMPLAINT_BYTES = 768 };

#endif
