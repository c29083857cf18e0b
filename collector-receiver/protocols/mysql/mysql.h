/* The MySQL client/server protocol and MariaDB's differences: what parsing, following and pairing share.
 * Reference: MySQL Server Doxygen "Client/Server Protocol"; MariaDB Server documentation "Client/Server Protocol". */
#ifndef PROTOCOLS_MYSQL_MYSQL_H
#define PROTOCOLS_MYSQL_MYSQL_H

#include <stdbool.h>
#include <stdint.h>

#include "protocols/pairing/pairing.h"

enum {
	MYSQL_HEADER_BYTES = 4,
	MYSQL_PAYLOAD_BYTES_MAX = 0xffffff, /* a packet of this length is continued by the next one */
	MYSQL_COMMAND_BYTES_MAX = 16384,    /* of a client's packet that are looked at: so long may a statement be */
	MYSQL_REPLY_BYTES_MAX = 1024,	    /* of a server's */
	MYSQL_UNIT_BYTES_MAX = MYSQL_HEADER_BYTES + MYSQL_COMMAND_BYTES_MAX,
	MYSQL_SCHEMA_BYTES_MAX = 256,		/* 64 characters of at most four bytes */
	MYSQL_ATTRIBUTES_MAX = 64,		/* query attributes of one statement */
	MYSQL_OUTSTANDING_MAX = 256,		/* commands that wait for their answer on one connection */
	MYSQL_STATEMENTS_MAX = 256,		/* prepared statements whose text is kept, per connection */
	MYSQL_STATEMENT_BYTES_MAX = 128 * 1024, /* what they take together */
	MYSQL_STATEMENT_BUCKETS = 64,
	MYSQL_CODE_BYTES_MAX = 5, /* of an error, in decimal */
};

/* Capabilities that decide how packets are read. From bit 32 on MariaDB's. */
#define MYSQL_CLIENT_LONG_PASSWORD (UINT64_C(1) << 0) /* MariaDB: CLIENT_MYSQL, not set if bits 32.. mean something */
#define MYSQL_CLIENT_CONNECT_WITH_DB (UINT64_C(1) << 3)
#define MYSQL_CLIENT_COMPRESS (UINT64_C(1) << 5)
#define MYSQL_CLIENT_PROTOCOL_41 (UINT64_C(1) << 9)
#define MYSQL_CLIENT_SSL (UINT64_C(1) << 11)
#define MYSQL_CLIENT_SECURE_CONNECTION (UINT64_C(1) << 15)
#define MYSQL_CLIENT_PLUGIN_AUTH_LENENC (UINT64_C(1) << 21)
#define MYSQL_CLIENT_SESSION_TRACK (UINT64_C(1) << 23)
#define MYSQL_CLIENT_DEPRECATE_EOF (UINT64_C(1) << 24)
#define MYSQL_CLIENT_OPTIONAL_METADATA (UINT64_C(1) << 25)
#define MYSQL_CLIENT_ZSTD (UINT64_C(1) << 26)
#define MYSQL_CLIENT_QUERY_ATTRIBUTES (UINT64_C(1) << 27)
#define MARIADB_CLIENT_CACHE_METADATA (UINT64_C(1) << 36)

enum mysql_code {
	MYSQL_COM_QUIT = 0x01,
	MYSQL_COM_INIT_DB = 0x02,
	MYSQL_COM_QUERY = 0x03,
	MYSQL_COM_FIELD_LIST = 0x04,
	MYSQL_COM_PROCESS_INFO = 0x0a,
	MYSQL_COM_CHANGE_USER = 0x11,
	MYSQL_COM_BINLOG_DUMP = 0x12,
	MYSQL_COM_TABLE_DUMP = 0x13,
	MYSQL_COM_REGISTER_SLAVE = 0x15,
	MYSQL_COM_STMT_PREPARE = 0x16,
	MYSQL_COM_STMT_EXECUTE = 0x17,
	MYSQL_COM_STMT_SEND_LONG_DATA = 0x18,
	MYSQL_COM_STMT_CLOSE = 0x19,
	MYSQL_COM_STMT_RESET = 0x1a,
	MYSQL_COM_SET_OPTION = 0x1b,
	MYSQL_COM_STMT_FETCH = 0x1c,
	MYSQL_COM_BINLOG_DUMP_GTID = 0x1e,
	MYSQL_COM_RESET_CONNECTION = 0x1f,
	MYSQL_COM_CLONE = 0x20,
	MYSQL_COM_SUBSCRIBE_GROUP_REPLICATION = 0x21,
	MARIADB_COM_STMT_BULK_EXECUTE = 0xfa,
};

enum mysql_status {
	MYSQL_STATUS_MORE_RESULTS = 1 << 3,
	MYSQL_STATUS_CURSOR_EXISTS = 1 << 6,
	MYSQL_STATUS_DB_DROPPED = 1 << 8,
	MYSQL_STATUS_SESSION_STATE_CHANGED = 1 << 14,
};

/* The first bytes of a server's packet. */
enum mysql_marker {
	MYSQL_OK = 0x00,
	MYSQL_GREETING = 0x0a,
	MYSQL_LOCAL_INFILE = 0xfb,
	MYSQL_EOF = 0xfe, /* also an OK that ends rows, and a switch of the authentication method */
	MYSQL_ERROR = 0xff,
};

/* ---- wire.c: numbers and strings. All return false, and stay where they are, if there are too few bytes ---- */

bool mysql_take_number(struct cursor *in, unsigned bytes, uint64_t *value); /* little-endian, at most 8 bytes */
bool mysql_take_length(struct cursor *in, uint64_t *value);                 /* int<lenenc> */
bool mysql_take_bytes(struct cursor *in, uint64_t length, struct slice *taken);
bool mysql_take_lenenc(struct cursor *in, struct slice *taken);     /* string<lenenc> */
bool mysql_take_terminated(struct cursor *in, struct slice *taken); /* string<NUL>, without its end */

struct mysql_header {
	uint32_t length; /* of the payload */
	uint8_t sequence;
};

bool mysql_take_header(struct cursor *in, struct mysql_header *header);

/* ---- reply.c: a server's packets. `shown` is the payload as far as it was seen ---- */

struct mysql_greeting {
	uint64_t capabilities;
	bool mariadb;
};

/* OK and EOF packets. */
struct mysql_ok {
	uint16_t status;
	bool schema_changed;
	struct slice schema; /* its new value; empty: none is in use */
};

bool mysql_parse_greeting(struct slice shown, struct mysql_greeting *greeting);
bool mysql_parse_ok(struct slice shown, bool session_track, struct mysql_ok *ok);
bool mysql_parse_eof(struct slice shown, struct mysql_ok *ok); /* the short one without DEPRECATE_EOF */
bool mysql_parse_error(struct slice shown, uint16_t *code);

enum { MYSQL_ERROR_PROGRESS = 0xffff }; /* MariaDB's progress report: not an error, and not the end */

/* The first packet of a result set. Without known capabilities their effect is read from its form. */
struct mysql_columns {
	uint64_t count;
	bool definitions; /* follow */
	bool cache_metadata; /* it has the form of MariaDB's CACHE_METADATA */
};

bool mysql_parse_columns(struct slice shown, bool known, uint64_t capabilities, struct mysql_columns *columns);

struct mysql_prepared {
	uint32_t statement_id;
	uint16_t columns, parameters;
	bool definitions; /* follow */
};

bool mysql_parse_prepared(struct slice shown, uint64_t capabilities, struct mysql_prepared *prepared);

/* ---- command.c: a client's packets ---- */

enum mysql_answer {
	MYSQL_ANSWER_UNKNOWN, /* no such command */
	MYSQL_ANSWER_NONE,
	MYSQL_ANSWER_PACKET,   /* one, whatever it says */
	MYSQL_ANSWER_RESULTS,  /* OK, ERR, result sets */
	MYSQL_ANSWER_ROWS,     /* packets up to EOF or ERR */
	MYSQL_ANSWER_PREPARED,
	MYSQL_ANSWER_LOGIN,    /* an exchange up to OK or ERR */
	MYSQL_ANSWER_STREAM,   /* without end: replication */
};

enum mysql_answer mysql_answer_to(uint8_t code);

/* Is it an operation of a database client, reported whatever its outcome? */
bool mysql_is_operation(uint8_t code);

struct mysql_login {
	uint64_t capabilities;
	struct slice schema;
	bool encrypted; /* only asks for TLS */
};

bool mysql_parse_login(struct slice shown, uint32_t length, struct mysql_login *login);

/* One command. Slices point into the bytes that were parsed. */
struct mysql_command {
	uint8_t code;
	uint8_t last_sequence; /* of its last packet */
	bool long_command;     /* in several packets */
	bool cut;              /* `text` is only its beginning */
	uint32_t statement_id;
	struct slice text; /* SQL; of INIT_DB and CHANGE_USER: the schema. Absent if there is none */
	struct slice traceparent; /* a query attribute */
	bool parameterised;
};

/* False: no command of the protocol. `known`: `capabilities` are. */
bool mysql_parse_command(struct slice shown, uint32_t length, bool known, uint64_t capabilities,
			 struct mysql_command *command);

/* May SQL begin like this? `strict`: with a verb that is known. */
bool mysql_text_is_plausible(struct slice text, bool strict);

/* The schema that "USE schema" asks for. False if the statement is another one. */
bool mysql_parse_use(struct slice text, struct slice *schema);

/* ---- recognise.c ---- */

enum match mysql_recognise(const struct opening *opening);

/* A command packet. `strict`: nothing else says that it is this protocol. */
enum match mysql_recognise_command(struct slice bytes, bool more_may_come, bool strict);

/* The first packet of an answer, with this sequence id. */
enum match mysql_recognise_reply(struct slice bytes, uint8_t sequence, bool more_may_come);

/* ---- statements.c: the text of prepared statements ---- */

struct mysql_statement {
	struct mysql_statement *next; /* in its bucket */
	struct mysql_statement *newer, *older; /* by last use */
	uint32_t id;
	uint32_t text_bytes;
	bool parameterised;
	bool cut;
	char text[];
};

struct mysql_statements {
	struct mysql_statement *buckets[MYSQL_STATEMENT_BUCKETS];
	struct mysql_statement *newest, *oldest;
	uint32_t count;
	uint32_t bytes;
	uint32_t last_id; /* of the latest one, for MariaDB's "the one prepared last" */
};

void mysql_statements_add(struct mysql_statements *statements, struct block_pool *pool, uint32_t id, struct slice text,
			  bool parameterised, bool cut);
struct mysql_statement *mysql_statements_find(struct mysql_statements *statements, uint32_t id);
void mysql_statements_remove(struct mysql_statements *statements, struct block_pool *pool, uint32_t id);
void mysql_statements_clear(struct mysql_statements *statements, struct block_pool *pool);

/* ---- request.c: commands that wait for their answer ---- */

/* What the answer said. */
struct mysql_reply {
	bool failed;
	bool result_set; /* there was one */
	bool rows_unknown;
	bool prepared;
	bool schema_dropped;
	bool schema_reported; /* next_schema */
	uint8_t code_bytes;
	char code[MYSQL_CODE_BYTES_MAX + 1];
	uint16_t parameters;
	uint32_t statement_id;
	int64_t rows;
};

struct mysql_request {
	struct request request; /* first */
	uint8_t code;
	uint8_t last_sequence;
	bool any_sequence;  /* the answer's sequence id cannot be told */
	bool executes_last; /* the statement that was prepared last, whose answer may not be here yet */
	bool parameterised;
	struct slice text, traceparent;
	struct mysql_reply reply;
	char bytes[];
};

enum mysql_place {
	MYSQL_LOGGING_IN,     /* the greeting and what follows up to OK */
	MYSQL_AT_ANSWER,      /* or, within one, before a further result */
	MYSQL_IN_DEFINITIONS, /* of columns or parameters */
	MYSQL_IN_ROWS,	      /* or before the EOF that ends the definitions */
};

/* One sender: the packet that passes, and what comes next. */
struct mysql_side {
	uint32_t skip; /* bytes of the packet that have not passed */
	uint8_t sequence; /* of the latest packet */
	bool continued; /* the packet has the greatest length: the next one belongs to it */
	bool lost_at_packet; /* the place was lost between two packets */
	uint32_t turn;       /* in which its latest bytes passed */
};

enum mysql_eof {
	MYSQL_EOF_UNKNOWN,
	MYSQL_EOF_SENT,
	MYSQL_EOF_DEPRECATED,
};

/* A connection. */
struct mysql {
	struct pairing pairing;	    /* first */
	struct mysql_side sides[2]; /* by enum sender */
	enum mysql_place place;	    /* of the server */
	bool ever_lost;      /* the place of either sender was lost before */
	bool infile;         /* the client sends a file, up to an empty packet */
	bool capabilities_known;
	bool greeting_seen;
	bool mariadb;
	uint64_t server_capabilities, capabilities;
	enum mysql_eof eof;

	/* The answer that passes. */
	bool ends_with_packet;
	bool definitions_end; /* the next packet may be the EOF behind definitions */
	bool stray_eof;       /* the answer is over, but for an EOF of definitions that may follow */
	uint64_t definitions_left;
	uint32_t columns_after; /* definitions of columns behind those of parameters */
	bool compressed; /* from the end of the login on */

	bool schema_moves; /* the client is one that changes its schema */
	uint16_t schema_bytes, next_schema_bytes;
	char schema[MYSQL_SCHEMA_BYTES_MAX];
	char next_schema[MYSQL_SCHEMA_BYTES_MAX];
	struct mysql_statements statements;
};

_Static_assert(sizeof(struct mysql) <= PROTOCOL_STATE_BYTES_MAX, "state of a connection");

/* The command that is answered, or will be next; NULL if there is none. */
static inline struct mysql_request *mysql_unanswered(const struct mysql *my)
{
	return (struct mysql_request *)my->pairing.unanswered;
}

/* Queue a command, or count why not. */
void mysql_request_wait(struct mysql *my, const struct flow *flow, const struct mysql_command *command);

extern const struct pairing_rules mysql_rules;

/* ---- schema.c: which one is in use ---- */

void mysql_schema_set(struct mysql *my, struct slice schema);
void mysql_schema_forget(struct mysql *my);

/* The answer that passes says so: it counts from its end on. */
void mysql_schema_report(struct mysql *my, struct slice schema);

/* struct pairing_rules.answered, .unanswered: what a command does to the schema and to prepared statements. */
void mysql_apply(struct pairing *pairing, const struct flow *flow, const struct request *answered);
void mysql_apply_unknown(struct pairing *pairing, const struct request *unanswered);

/* ---- client.c, server.c: the two senders. The functions of struct protocol, for one sender each ---- */

enum step mysql_client_next(struct mysql *my, const struct flow *flow, struct cursor *in);
enum step mysql_server_next(struct mysql *my, const struct flow *flow, struct cursor *in);
enum step mysql_client_hole(struct mysql *my, const struct flow *flow, struct slice unfinished, uint64_t bytes);
enum step mysql_server_hole(struct mysql *my, const struct flow *flow, struct slice unfinished, uint64_t bytes);
enum match mysql_client_resync(struct mysql *my, const struct flow *flow, struct slice bytes, bool more_may_come);
enum match mysql_server_resync(struct mysql *my, const struct flow *flow, struct slice bytes, bool more_may_come);

/* Another protocol from here on: give everything back. */
enum step mysql_become_opaque(struct mysql *my, const struct flow *flow);

extern const struct protocol mysql_protocol;

#endif
