/* Begin with nothing that the parent left open. */
#ifndef DAEMON_INHERITED_H
#define DAEMON_INHERITED_H

/* Close every descriptor above the standard three, and open /dev/null in place of each of those that is missing, so
 * that nothing opened later takes its number. Call before anything else is opened. Returns 0 or -errno. */
int inherited_descriptors_close(void) __attribute__((warn_unused_result));

#endif
