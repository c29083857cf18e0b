/* The sensor's options: what may be configured, and the values in force. */
#ifndef SENSOR_OPTIONS_H
#define SENSOR_OPTIONS_H

#include <sys/types.h>

#include "capture.h"
#include "daemon/option.h"
#include "privileges.h"

struct sensor_options {
	char *socket_path;   /* where receivers attach */
	uid_t allow_uid;     /* who may */
	uint64_t ring_bytes; /* shared ring, a power of two */
	char *user;          /* as configured; empty: the default */

	/* The user to become after attaching: what `user` says, else shmotel-sensor where that user exists, else
	 * nobody: the sensor stays who it is. */
	struct privileges_options run_as;

	char *verifier_log; /* for capture.verifier_log_path; empty: none */

	/* Mode, sizes and port filters are filled in; what is of a running program is left to it. */
	struct capture_options capture;

	/* fnmatch(3) patterns for watch_list.h. */
	struct option_texts include_executables;
	struct option_texts exclude_executables;
	struct option_texts include_cgroups;
	struct option_texts exclude_cgroups;
	bool watch_collectors;

	/* As configured, before they are handed to `capture`; and the receiver's exports, whose ports are excluded. */
	struct option_ports include_ports;
	struct option_ports exclude_ports;
	struct option_texts receiver_exports;
};

/* Read file, environment and flags. Returns -1 to go on, or the exit status to leave with at once, everything there is
 * to say having been said: 0 after --help, --version and --check-config, 2 when something is wrong. `options` must be
 * zeroed and is to be freed in any case. */
int sensor_options_read(struct sensor_options *options, int argc, char **argv) __attribute__((warn_unused_result));

/* The same from inside the cage, where users cannot be looked up: allow_uid and run_as are left at 0. */
int sensor_options_reread(struct sensor_options *options, int argc, char **argv) __attribute__((warn_unused_result));
void sensor_options_free(struct sensor_options *options);

#endif
