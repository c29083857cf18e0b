/* What the kernel says against a program that it refuses to load. */
#ifndef SENSOR_REFUSAL_H
#define SENSOR_REFUSAL_H

#include <stdbool.h>

/* Listen from now on to what libbpf warns of, of which there is one stream per process; what it said before is
 * forgotten. All of it, the verifier's log included, is appended to the file `log_path`, which is emptied when it is
 * opened: when the first warning comes. Empty or NULL: nowhere. The path is borrowed until refusal_end. */
void refusal_listen(const char *log_path);

/* The name of the program that was refused first since refusal_listen, or NULL. */
const char *refusal_program(void);

/* The first warning since refusal_listen, without its line break; empty if there was none. */
const char *refusal_text(void);

/* True if the log has been written. */
bool refusal_logged(void);

/* Close the log. */
void refusal_end(void);

#endif
