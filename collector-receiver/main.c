/* shmotel-receiver: read the options, become nobody, open, enter the cage, work, deliver what is left, leave. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/inherited.h"
#include "daemon/log.h"
#include "daemon/readiness.h"
#include "receiver.h"
#include "sandbox.h"
#include "status_socket.h"

static int become_nobody(const struct receiver_options *options)
{
	char message[256];
	int error;

	if (geteuid() != 0 && options->user_given && options->user != geteuid()) {
		log_line(LOG_LEVEL_ERROR,
			 "--user: only root can become another user; start the receiver as root, or as that "
			 "user");
		return -EPERM;
	}
	error = sandbox_drop_identity(options->user, message, sizeof(message));
	if (error != 0)
		log_line(LOG_LEVEL_ERROR, "%s", message);
	return error;
}

static int ask(const struct receiver_options *options)
{
	const enum status_exit result = status_ask(options->status_socket, options->alive);

	return options->alive && result == STATUS_NOT_READY ? STATUS_READY : (int)result;
}

static int run(const struct receiver_options *options)
{
	const int manager = readiness_open();
	struct receiver *receiver = NULL;
	int error;

	if (options->status_socket[0] != '\0')
		status_socket_prepare(options->status_socket, options->user);
	error = become_nobody(options);
	if (error == 0)
		error = receiver_open(&receiver, options);
	if (error == 0)
		error = receiver_confine(receiver);
	if (error == 0) {
		receiver_announce(receiver);
		readiness_tell(manager);
		error = receiver_run(receiver);
		receiver_drain(receiver);
	}
	receiver_close(receiver);
	return error == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct receiver_options options = {.socket_path = NULL};
	int status;

	if (inherited_descriptors_close() != 0) {
		log_line(LOG_LEVEL_ERROR, "/dev/null cannot be opened in place of a missing standard stream");
		return EXIT_FAILURE;
	}
	status = receiver_options_read(&options, argc, argv);
	if (status < 0)
		status = options.status || options.alive ? ask(&options) : run(&options);
	receiver_options_free(&options);
	return status;
}
