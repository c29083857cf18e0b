/* Tell the service manager that the program is ready, as sd_notify(3) does. */
#ifndef DAEMON_READINESS_H
#define DAEMON_READINESS_H

/* Connect to the socket that NOTIFY_SOCKET names, a path or '@' and an abstract name. To be called before the program
 * gives up what that takes; the cages of both daemons leave what the telling takes. Returns a descriptor that belongs
 * to the caller until readiness_tell, or -1: nobody asked to be told, or the reason is in the log. */
int readiness_open(void) __attribute__((warn_unused_result));

/* Say READY=1, and close fd. Nothing is done with -1. */
void readiness_tell(int fd);

#endif
