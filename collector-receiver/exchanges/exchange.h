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
	EXCHANGE_REQUEST_CUT = 1 << 2,    /* the request's head passed the capture budget: fields after the cut are
					   * absent */
	EXCHANGE_RESPONSE_CUT = 1 << 3, /* the same of the response; of a database: whether it failed may be unseen */
	EXCHANGE_START_UNSEEN = 1 << 4, /* the request's first byte was not seen: start_ns is the first that was */
	EXCHANGE_END_INFERRED = 1 << 5, /* the response's framing passed unseen: what followed on the connection
					 * shows that it had ended; end_ns is its last byte's time */
	EXCHANGE_HEAD_UNCERTAIN = 1 << 6, /* fields of the head could not be decoded (a header table older than
					   * the watching): they are absent */
};

enum exchange_end {
	EXCHANGE_ENDED_BY_MESSAGE,  /* the response came to its own end */
	EXCHANGE_ENDED_BY_CLOSE,    /* the connection was closed, and that is how this response ends */
	EXCHANGE_CUT_BY_CLOSE,      /* the connection was closed or reset before the response's end */
	EXCHANGE_CUT_BY_LOSS,       /* records were lost: the end was not seen */
	EXCHANGE_CUT_BY_SHUTDOWN,   /* the receiver stopped, or had to give up the connection, before the end */
	EXCHANGE_RESET_BY_CLIENT,   /* the protocol's own way to give up one request: RST_STREAM, a cancel */
	EXCHANGE_RESET_BY_SERVER,
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
	struct slice x_forwarded_for;
	struct slice forwarded;
	struct slice x_forwarded_proto;
	struct slice x_forwarded_host;
	int64_t request_body_bytes;  /* content as transferred, -1 if not known */
	int64_t response_body_bytes;
	bool upgraded; /* 101, or 2xx to CONNECT: what follows on the connection is another protocol */
};

/* gRPC over HTTP/2 (its PROTOCOL-HTTP2.md), and gRPC-Web. Absent slices have bytes == NULL. */
struct rpc_exchange {
	struct slice path; /* ":path" as sent: "/package.Service/Method" */
	struct slice authority;
	struct slice scheme;
	struct slice user_agent;
	int32_t status; /* grpc-status as sent; RPC_STATUS_UNSEEN when none was seen */
	uint32_t reset_code; /* RST_STREAM's (RFC 9113, section 7), with EXCHANGE_RESET_BY_SERVER */
	uint64_t timeout_ns; /* grpc-timeout; 0: the caller gave none */
	struct slice status_message; /* grpc-message, percent-decoded */
	uint16_t http_status; /* ":status"; 0 when no response was seen */
	int64_t request_messages; /* -1 if not every one could be counted */
	int64_t response_messages;
	bool web; /* gRPC-Web */
};

enum { RPC_STATUS_UNSEEN = -1 };

enum database_system {
	DATABASE_POSTGRESQL,
	DATABASE_MYSQL,
	DATABASE_MARIADB,
	DATABASE_REDIS,
	DATABASE_MEMCACHED,
	DATABASE_SYSTEMS
};

enum database_language {
	DATABASE_SQL,     /* query_text is SQL */
	DATABASE_COMMAND, /* query_text is a command with its arguments, separated by single blanks */
};

/* One operation of a database client, or one batch of them that the client sent as one. Absent slices have bytes ==
 * NULL. Nothing here is redacted: what may leave the host is decided by redaction.h. */
struct database_exchange {
	enum database_system system;
	enum database_language language;
	struct slice name_space; /* db.namespace as the system's conventions put it together; absent if not known */
	struct slice operation;  /* only where the protocol itself names it ("GET", "COPY"): never taken from SQL
				  * text */
	struct slice query_text; /* as sent; the first part of it if EXCHANGE_REQUEST_CUT. Absent when the statement was
				  * prepared before anybody watched, or the protocol has none */
	struct slice stored_procedure;
	bool parameterised;      /* the values travel apart from query_text: it needs no sanitising */
	uint32_t operations;     /* in this batch; 1: not a batch */
	uint32_t arguments;      /* DATABASE_COMMAND: how many follow the operation, also those not in query_text */
	struct slice status_code; /* db.response.status_code: SQLSTATE, error number, error prefix; absent: no error, or
				   * the server gives none */
	bool failed;             /* the server refused it; status_code may be absent all the same */
	int64_t returned_rows;   /* -1 if not known */
};

enum exchange_protocol {
	EXCHANGE_HTTP,
	EXCHANGE_RPC,
	EXCHANGE_DATABASE,
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
	struct slice traceparent; /* W3C Trace Context, where the protocol carries it */
	struct slice tracestate;
	enum exchange_protocol protocol;
	union {
		struct http_exchange http;
		struct rpc_exchange rpc;
		struct database_exchange database;
	};
};

/* Where finished exchanges go. */
struct exchange_sink {
	void (*take)(void *context, const struct exchange *exchange);
	void *context;
};

#endif
