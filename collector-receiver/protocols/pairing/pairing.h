/* Requests and their replies, where a server answers in the order of the requests: what HTTP/1.x does otherwise
 * (http1/pair.c) and PostgreSQL otherwise (postgresql/pair.c) is done here for all others.
 *
 * The rule: a reply belongs to the request that has waited longest, and is reported with it only if nothing that was
 * not seen can have come between them. After a loss the replies are kept with the requests that they seem to belong to.
 * When the client goes on, it has got all that it waited for: if each request has a reply and none was left over, all
 * of these pairs are right; else none is known to be, and the requests are reported without a reply.
 *
 * Two things are certain without that proof, if the client waits for its replies before it goes on. What the capture
 * budget left out is of the turn in which it was: the next turn begins in step. And a reply whose end was not seen is
 * over when the client's next turn begins. A client that sends one request at a time waits. Of one that sends several
 * at once it is believed when it was seen to do so, time and again; one that was seen not to wait proves something
 * only by a pause. */
#ifndef PROTOCOLS_PAIRING_PAIRING_H
#define PROTOCOLS_PAIRING_PAIRING_H

#include <stdbool.h>
#include <stdint.h>

#include "protocols/protocol.h"

/* How the client learns that it was carried out. */
enum request_answer {
	REQUEST_REPLY,
	REQUEST_REPLY_OR_SILENCE, /* the reply to a later one says that none comes */
	REQUEST_REPLY_OR_CLOSE,
};

/* A request that passes or waits for its reply: the beginning of a block of the pool. */
struct request {
	struct request *next;
	uint64_t start_ns;
	uint64_t end_ns; /* once answered */
	uint32_t block_bytes;
	uint32_t turn;
	uint32_t flags; /* enum exchange_flag */
	uint8_t answer; /* enum request_answer */
};

/* A block for a struct of `bytes`, which begins with a struct request and is zero but for that, and as many bytes of
 * text behind it. NULL without memory, which is counted. */
void *request_create(const struct flow *flow, size_t bytes, size_t text_bytes) __attribute__((warn_unused_result));

/* NULL is allowed. */
void request_destroy(const struct flow *flow, struct request *request);

/* Copy a text to *at and move that behind it. */
struct slice request_keep(struct slice text, char **at);

struct pairing;

/* What a protocol knows about its requests. */
struct pairing_rules {
	uint32_t waiting_max; /* requests that wait for their reply on one connection */

	/* Clients send one request at a time, but for a few that are seen to do otherwise. */
	bool one_at_a_time;

	/* Set the protocol of an exchange and its part; the rest is filled in, but may be changed. With
	 * EXCHANGE_RESPONSE_UNSEEN the reply is not the request's. False: it is none to be reported. */
	bool (*describe)(const struct pairing *pairing, const struct request *request, struct exchange *to);

	/* These may be NULL. The reply that passes, or what was seen of it, answers the request: what does it say?
	 * EXCHANGE_RESPONSE_CUT if that was not seen. */
	void (*note_reply)(const struct pairing *pairing, struct request *request);

	/* It was reported as answered; or as one whose answer nobody saw. */
	void (*answered)(struct pairing *pairing, const struct flow *flow, const struct request *request);
	void (*unanswered)(struct pairing *pairing, const struct request *request);
};

/* So often must a client that sends several requests at once be seen to wait for the replies, to be believed. */
enum { PAIRING_WAITED_ENOUGH = 3 };

struct pairing_side {
	bool lost;
	bool budget; /* lost behind bytes that were recorded, so within the turn `lost_turn` */
	uint32_t lost_turn;
};

/* The requests of a connection. From `oldest` to the one before `unanswered` they have their replies and wait for
 * proof. */
struct pairing {
	const struct pairing_rules *rules;
	struct pairing_side sides[2]; /* by enum sender */
	struct request *oldest, *unanswered, *newest;
	uint32_t waiting;     /* how many they are */
	uint32_t given_up;    /* later requests that could not be kept: their replies come after all kept ones */
	uint32_t client_turn; /* in which the last request began */
	bool answering;	      /* the reply that passes is for `unanswered` */
	bool tail_unseen;     /* bytes of it passed later than reply_last_ns, unseen */
	bool torn;	      /* so many were lost of it that its end is not to be inferred */
	bool doubt;	      /* replies may have been lost */
	bool batch;	      /* several requests of this turn were seen to wait at once */
	bool several;	      /* that was so in any turn */
	uint8_t waited;	      /* so often in succession it had all replies when it went on, or PAIRING_WAITED_ENOUGH */
	uint64_t reply_first_ns;
	uint64_t reply_last_ns;
};

/* ---- queue.c: requests and replies ---- */

void pairing_open(struct pairing *pairing, const struct pairing_rules *rules, const bool lost[2]);

/* A request begins. False if too many wait, which is counted. */
bool pairing_begin(struct pairing *pairing, const struct flow *flow) __attribute__((warn_unused_result));

/* The request is complete, or will never be: let it wait. NULL: it could not be kept. */
void pairing_wait(struct pairing *pairing, struct request *request);

/* It gets no reply: report it with the end of its own bytes. */
void pairing_report_one_way(struct pairing *pairing, const struct flow *flow, struct request *request);

/* Does any wait, or is to be skipped? */
bool pairing_expects_reply(const struct pairing *pairing);

void pairing_reply_begins(struct pairing *pairing, const struct flow *flow);
void pairing_reply_goes_on(struct pairing *pairing, const struct flow *flow);

/* It answers the request that has waited longest, if one waited when it began. */
void pairing_reply_ended(struct pairing *pairing, const struct flow *flow);

/* It answers nothing: a message that the server sends unasked. */
void pairing_reply_is_push(struct pairing *pairing);

/* The request that has waited longest gets no reply: a later one is answered. */
void pairing_skip_silent(struct pairing *pairing, const struct flow *flow);

/* Hand over all that wait without (the rest of) their replies. */
void pairing_cut_all(struct pairing *pairing, const struct flow *flow, enum exchange_end reason);

/* ---- losses.c ---- */

/* The place of a sender was lost. Always STEP_LOST. */
enum step pairing_lose(struct pairing *pairing, const struct flow *flow, enum sender from);

/* What is not what the protocol allows: counted. */
enum step pairing_refuse(struct pairing *pairing, const struct flow *flow, enum sender from);

/* Bytes of the server pass unseen. */
void pairing_note_server_hole(struct pairing *pairing, const struct flow *flow);

/* A record begins with a request or reply, after its sender was lost; or with none: taken for the tail of a reply. */
void pairing_client_found(struct pairing *pairing, const struct flow *flow);
void pairing_server_found(struct pairing *pairing, const struct flow *flow);
void pairing_server_not_found(struct pairing *pairing, const struct flow *flow);

/* The server has sent its last byte. */
void pairing_server_ended(struct pairing *pairing, const struct flow *flow, bool clean);

/* A request begins in this turn, also one that nothing answers: what that says about those before it. */
void pairing_turn(struct pairing *pairing, const struct flow *flow);

/* ---- between queue.c and losses.c ---- */

/* Are all replies there when the client goes on? */
bool pairing_turns_tell(const struct pairing *pairing);

/* The requests that have replies and wait for proof got the right ones; or that cannot be told any more. */
void pairing_prove(struct pairing *pairing, const struct flow *flow);
void pairing_refute(struct pairing *pairing, const struct flow *flow, enum exchange_end reason);

/* Hand over those whose replies have certainly passed: of earlier turns than the newest. */
void pairing_cut_old(struct pairing *pairing, const struct flow *flow);

/* The reply that began has ended, though nobody saw where: if it is the only one that was waited for. */
void pairing_end_inferred(struct pairing *pairing, const struct flow *flow);

#endif
