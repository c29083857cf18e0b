/* Whatever a server sends before it closes the connection, a call ends, once. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "export/export_response.h"
#include "export/grpc_client.h"

enum {
	INPUT_MAX = 16 * 1024, /* fits a socket's buffer */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count_done(void *context, const struct grpc_result *result)
{
	struct export_response response;
	const uint8_t *message;
	size_t length;

	++*(int *)context;
	if (result->response->status != GRPC_OK)
		return;
	message = grpc_response_message(result->response, &length);
	(void)!export_response_read(&response, message, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t message[3000];
	static struct loop *loop;
	int done = 0, pair[2];
	const struct grpc_client_options options = {
		.authority = "localhost", .user_agent = "fuzz", .done = count_done, .context = &done};
	const struct grpc_call call = {
		.path = "/a.B/C", .message = message, .length = sizeof(message), .timeout_ns = 3600000000000};
	struct grpc_client *client;

	if (size > INPUT_MAX)
		return 0;
	if (loop == NULL)
		loop = loop_create(LOOP_EPOLL);
	if (loop == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0 ||
	    grpc_client_open(&client, loop, pair[0], &options) < 0 || grpc_client_call(client, &call) < 0 ||
	    loop_run_once(loop, LOOP_FOREVER) != 1 || /* the request is out: answers to it are no longer absurd */
	    write(pair[1], data, size) != (ssize_t)size || shutdown(pair[1], SHUT_WR) < 0)
		abort();
	while (done == 0 && loop_run_once(loop, LOOP_FOREVER) >= 0)
		;
	if (done != 1)
		abort();
	grpc_client_close(client);
	close(pair[1]);
	return 0;
}
