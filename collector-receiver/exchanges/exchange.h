/* The neutral request with its response: the only thing that protocols produce and the only thing that otlp/ reads. */
#ifndef EXCHANGES_EXCHANGE_H
#define EXCHANGES_EXCHANGE_H

#include <stdint.h>

#include "exchanges/process.h"
#include "exchanges/slice.h"

enum exchange_role {
	EXCHANGE_SERVER, /* the process received the request */
	EXCHANGE_CLIENT, /* the process sent it */
};

enum exchange_network {
	EXCHANGE_NETWORK_IPV4,
	EXCHANGE_NETWORK_IPV6,
	EXCHANGE_NETWORK_UNIX,
};

/* The two ends of a connection as its owner sees them. */
struct exchange_endpoints {
	enum exchange_network network;
	uint16_t local_port; /* host byte order, 0 for unix */
	uint16_t remote_port;
	uint8_t local_address[16]; /* network byte order, IPv4 in the first four bytes */
	uint8_t remote_address[16];
	struct slice unix_path; /* an abstract name starts with '@' */
};

/* What is not certain about an exchange. */
enum exchange_flag {
	EXCHANGE_END_UNSEEN = 1 << 0,     /* the last byte of the response was not seen: end_ns is the last that was */
	EXCHANGE_RESPONSE_UNSEEN = 1 << 1, /* not even the response's first byte */
	EXCHANGE_REQUEST_CUT = 1 << 2,    /* the request's head passed the capture budget: fields after the cut are absent */
	EXCHANGE_RESPONSE_CUT = 1 << 3,
	EXCHANGE_START_UNSEEN = 1 << 4, /* the request's first byte was not seen: start_ns is the first that was */
	EXCHANGE_END_INFERRED = 1 << 5, /* the response's framing passed unseen: what followed on the connection
					 * shows that it had ended; end_ns is its last byte's time */
};

enum exchange_end {
	EXCHANGE_ENDED_BY_MESSAGE,  /* the response came to its own end */
	EXCHANGE_ENDED_BY_CLOSE,    /* the connection was closed, and that is how this response ends */
	EXCHANGE_CUT_BY_CLOSE,      /* the connection was closed or reset before the response's end */
	EXCHANGE_CUT_BY_LOSS,       /* records were lost: the end was not seen */
	EXCHANGE_CUT_BY_SHUTDOWN,   /* the receiver stopped, or had to give up the connection, before the end */
};

/* RFC 9110. Header values are as sent, without surrounding white space; absent ones have bytes == NULL. */
struct http_exchange {
	uint8_t version_major; /* 1, 2 */
	uint8_t version_minor;
	uint16_t status; /* final status; 0 when no response was seen */
	struct slice method; /* as sent */
	struct slice target; /* request-target as sent: origin, absolute, authority or asterisk form */
	struct slice scheme; /* ":scheme" or that of an absolute target; absent for HTTP/1 origin form */
	struct slice host;   /* Host or :authority */
	struct slice user_agent;
	struct slice traceparent; /* W3C Trace Context */
	struct slice tracestate;
	struct slice x_forwarded_for;
	struct slice forwarded;
	struct slice x_forwarded_proto;
	struct slice x_forwarded_host;
	int64_t request_body_bytes;  /* content as transferred, -1 if not known */
	int64_t response_body_bytes;
	bool upgraded; /* 101, or 2xx to CONNECT: what follows on the connection is another protocol */
};

enum exchange_protocol {
	EXCHANGE_HTTP,
};

/* All pointers are borrowed for the duration of the call that hands the exchange over. */
struct exchange {
	const struct process *process; /* NULL if the owner was never announced */
	const struct exchange_endpoints *endpoints;
	uint64_t connection_id;
	uint64_t start_ns; /* CLOCK_MONOTONIC: first byte of the request */
	uint64_t end_ns;   /* last byte of the response that was seen; without response, the close that ended the wait,
			    * or start_ns; start_ns <= end_ns */
	enum exchange_role role;
	enum exchange_end end;
	uint32_t flags; /* enum exchange_flag */
	enum exchange_protocol protocol;
	union {
		struct http_exchange http;
	};
};

/* Where finished exchanges go. */
struct exchange_sink {
	void (*take)(void *context, const struct exchange *exchange);
	void *context;
};

#endif
