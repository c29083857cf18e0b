/* What a protocol has to do for a call client, and the state that the two share. The client owns socket, loop and
 * timeout; the protocol turns a call into bytes and bytes into an answer. */
#ifndef EXPORT_CALL_PROTOCOL_H
#define EXPORT_CALL_PROTOCOL_H

#include "export/call_client.h"

enum {
	CALL_CLIENT_OUT_BYTES = 64 * 1024, /* several DATA frames in one send */
};

enum call_ending {
	CALL_ENDED,	   /* the server ended its answer */
	CALL_RESET,	   /* the server gave this call up, and not the connection */
	CALL_DISCONNECTED, /* the connection was lost, or never came about */
	CALL_TIMED_OUT,
	CALL_UNSENDABLE, /* this side could not make the call */
	CALL_OVER_LIMIT, /* the answer passed a limit of this side */
	CALL_VIOLATED,	 /* the server broke the protocol */
};

/* The call in progress, or none. */
struct call_state {
	bool active;
	bool over; /* its end is known and not yet told */
	enum call_ending ending;
	uint32_t detail; /* of a reset: HTTP/2's error */
	const uint8_t *message;
	size_t length;
	bool gzip;
	bool sent;  /* all of it was handed to the connection */
	bool begun; /* some of the answer has come */
};

struct call_client {
	struct loop *loop;
	struct loop_watch watch;
	struct loop_timer timeout;
	struct call_client_options options;
	struct stream stream;
	bool established;
	bool lost;
	int connect_error;
	uint64_t answered; /* calls that the server answered on this connection */
	struct call_state call;
	void *session; /* the protocol's own */
	size_t out_begin;
	size_t out_end;
	uint8_t out[CALL_CLIENT_OUT_BYTES];
};

/* All are called with a client whose connection is not lost, but for judge, forget and close. */
struct call_protocol {
	const char *alpn; /* of TLS, and of what is said when the server has another */

	int (*open)(struct call_client *client); /* make client->session. 0 or -errno */
	void (*close)(struct call_client *client);

	bool (*usable)(const struct call_client *client); /* the protocol allows another call */
	int (*begin)(struct call_client *client, const struct call *call); /* 0 or -errno */

	/* Bytes came. False: the server broke the protocol. */
	bool (*receive)(struct call_client *client, const uint8_t *bytes, size_t length);
	/* The server will send no more. True if that is the end of an answer, which is over then. */
	bool (*receive_end)(struct call_client *client);
	/* out is empty: put bytes there, if there are any to be sent now. 0 or -errno. */
	int (*produce)(struct call_client *client);
	/* The call is over before its answer was, or the answer before its request: settle what that leaves behind.
	 * False if the connection is of no more use. Also called when nothing is the matter. */
	bool (*settle)(struct call_client *client);

	/* The call is over: say what the answer means. */
	void (*judge)(struct call_client *client, const struct call_state *call, struct call_answer *answer);
	/* Forget the answer: its message is no longer needed. */
	void (*forget)(struct call_client *client);
};

/* The first end that is seen counts. */
void call_over(struct call_state *call, enum call_ending ending, uint32_t detail);

/* The sentence for an ending that is no answer; NULL for those that the protocol has to judge. */
const char *call_ending_text(enum call_ending ending);

#endif
