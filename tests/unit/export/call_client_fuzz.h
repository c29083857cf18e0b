/* Whatever a server sends before it closes the connection, a call ends, once. Include it with CALL_PROTOCOL set. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "export/call_client.h"
#include "export/export_response.h"

enum {
	INPUT_MAX = 16 * 1024, /* fits a socket's buffer */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count_done(void *context, const struct call_answer *answer)
{
	struct export_response response;

	++*(int *)context;
	if (answer->verdict == CALL_DELIVERED)
		(void)!export_response_read(&response, answer->message, answer->length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t message[3000];
	static struct loop *loop;
	int done = 0, pair[2];
	const struct call_client_options options = {.protocol = &CALL_PROTOCOL,
						    .authority = "localhost",
						    .user_agent = "fuzz",
						    .done = count_done,
						    .context = &done};
	const struct call call = {
		.path = "/a.B/C", .message = message, .length = sizeof(message), .timeout_ns = 3600000000000};
	struct call_client *client;
	struct stream stream;

	if (size > INPUT_MAX)
		return 0;
	if (loop == NULL)
		loop = loop_create(LOOP_EPOLL);
	if (loop == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
		abort();
	stream_open_fd(&stream, pair[0]);
	if (call_client_open(&client, loop, &stream, &options) < 0 || call_client_call(client, &call) < 0 ||
	    loop_run_once(loop, LOOP_FOREVER) != 1 || /* the request is out: answers to it are no longer absurd */
	    write(pair[1], data, size) != (ssize_t)size || shutdown(pair[1], SHUT_WR) < 0)
		abort();
	while (done == 0 && loop_run_once(loop, LOOP_FOREVER) >= 0)
		;
	if (done != 1)
		abort();
	call_client_close(client);
	close(pair[1]);
	return 0;
}
