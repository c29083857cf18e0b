/* Follow the packets of a MySQL client. */
#include "counters.h"
#include "protocols/mysql/mysql.h"

enum {
	LOGIN_BYTES_MAX = 1024, /* of it that are looked at */
	ID_COMMAND_BYTES = 5,   /* code and statement id */
};

/* ---- losing the place, and finding it ---- */

static enum step lose_client(struct mysql *my, const struct flow *flow, bool at_packet)
{
	struct mysql_side *client = &my->sides[FROM_CLIENT];

	client->skip = 0;
	client->continued = false;
	client->lost_at_packet = at_packet;
	my->ever_lost = true;
	return pairing_lose(&my->pairing, flow, FROM_CLIENT);
}

static enum step refuse_client(struct mysql *my, const struct flow *flow)
{
	counter_add(COUNTER_PARSER_MALFORMED, 1);
	return lose_client(my, flow, false);
}

/* Commands that are not seen may have changed the schema. */
static enum step commands_swallowed(struct mysql *my, const struct flow *flow, bool at_packet)
{
	counter_add(COUNTER_PARSER_HOLES, 1);
	if (my->schema_moves)
		mysql_schema_forget(my);
	return lose_client(my, flow, at_packet);
}

enum match mysql_client_resync(struct mysql *my, const struct flow *flow, struct slice bytes, bool more_may_come)
{
	struct mysql_side *client = &my->sides[FROM_CLIENT];

	if (my->infile || (flow->turn == client->turn && !client->lost_at_packet))
		return MATCH_NO;
	enum match match = mysql_recognise_command(bytes, more_may_come, false);

	if (match == MATCH_FROM_CLIENT)
		pairing_client_found(&my->pairing, flow);
	return match;
}

/* ---- packets ---- */

static void note_packet(struct mysql_side *client, const struct mysql_header *header, size_t taken)
{
	client->sequence = header->sequence;
	client->continued = header->length == MYSQL_PAYLOAD_BYTES_MAX;
	client->skip = header->length - (uint32_t)taken;
}

static enum step take_login(struct mysql *my, const struct flow *flow, const struct mysql_header *header,
			    struct slice shown)
{
	struct mysql_login login;

	if (my->capabilities_known || !mysql_parse_login(shown, header->length, &login))
		return STEP_TOOK; /* the rest of an exchange that proves who the client is */
	if (login.encrypted) {
		counter_add(COUNTER_CONNECTIONS_ENCRYPTED, 1);
		return mysql_become_opaque(my, flow);
	}
	if (my->greeting_seen)
		login.capabilities &= my->server_capabilities;
	my->capabilities = login.capabilities;
	my->capabilities_known = true;
	my->eof = login.capabilities & MYSQL_CLIENT_DEPRECATE_EOF ? MYSQL_EOF_DEPRECATED : MYSQL_EOF_SENT;
	my->compressed = login.capabilities & (MYSQL_CLIENT_COMPRESS | MYSQL_CLIENT_ZSTD);
	mysql_schema_set(my, login.schema);
	return STEP_TOOK;
}

static enum step take_command(struct mysql *my, const struct flow *flow, const struct mysql_header *header,
			      struct slice shown)
{
	struct mysql_command command;

	if (my->compressed) { /* the end of the login was not seen */
		counter_add(COUNTER_CONNECTIONS_COMPRESSED, 1);
		return mysql_become_opaque(my, flow);
	}
	if (!mysql_parse_command(shown, header->length, my->capabilities_known, my->capabilities, &command))
		return shown.length < header->length && shown.length < ID_COMMAND_BYTES
			       ? commands_swallowed(my, flow, false)
			       : refuse_client(my, flow);
	command.long_command = header->length == MYSQL_PAYLOAD_BYTES_MAX;
	pairing_turn(&my->pairing, flow);
	if (command.code == MARIADB_COM_STMT_BULK_EXECUTE)
		my->mariadb = true;
	switch (mysql_answer_to(command.code)) {
	case MYSQL_ANSWER_STREAM:
		counter_add(COUNTER_CONNECTIONS_REPLICATION, 1);
		return mysql_become_opaque(my, flow);
	case MYSQL_ANSWER_NONE:
		if (command.code == MYSQL_COM_STMT_CLOSE)
			mysql_statements_remove(&my->statements, flow->pool, command.statement_id);
		break;
	default:
		mysql_request_wait(my, flow, &command);
		break;
	}
	return STEP_TOOK;
}

static bool changes_user(const struct mysql *my)
{
	return mysql_unanswered(my) != NULL && mysql_unanswered(my)->code == MYSQL_COM_CHANGE_USER;
}

/* `shown` is the payload, or as much of it as is looked at or was seen. */
static enum step take_packet(struct mysql *my, const struct flow *flow, const struct mysql_header *header,
			     struct slice shown)
{
	struct mysql_side *client = &my->sides[FROM_CLIENT];
	bool continuation = client->continued;

	if (continuation && header->sequence != (uint8_t)(client->sequence + 1))
		return refuse_client(my, flow);
	note_packet(client, header, shown.length);
	if (my->infile) {
		my->infile = continuation || header->length > 0; /* an empty packet ends the file */
		return STEP_TOOK;
	}
	if (continuation)
		return STEP_TOOK;
	if (header->sequence == 0 && header->length > 0)
		return take_command(my, flow, header, shown);
	if (my->place == MYSQL_LOGGING_IN || !my->capabilities_known)
		return take_login(my, flow, header, shown);
	return changes_user(my) ? STEP_TOOK : refuse_client(my, flow);
}

/* How much of a packet is looked at. The first byte of a command says. */
static uint32_t wanted_bytes(const struct mysql *my, const struct mysql_header *header, struct slice shown)
{
	uint32_t wanted = 1;

	if (my->sides[FROM_CLIENT].continued || my->infile)
		return 0;
	if (header->sequence != 0)
		wanted = my->capabilities_known ? 0 : LOGIN_BYTES_MAX;
	else if (shown.length > 0) {
		switch ((unsigned char)shown.bytes[0]) {
		case MYSQL_COM_QUERY:
		case MYSQL_COM_STMT_PREPARE:
			wanted = MYSQL_COMMAND_BYTES_MAX;
			break;
		case MYSQL_COM_CHANGE_USER:
		case MYSQL_COM_INIT_DB:
			wanted = LOGIN_BYTES_MAX;
			break;
		case MYSQL_COM_STMT_EXECUTE:
		case MYSQL_COM_STMT_CLOSE:
		case MYSQL_COM_STMT_RESET:
		case MARIADB_COM_STMT_BULK_EXECUTE:
			wanted = ID_COMMAND_BYTES;
			break;
		}
	}
	return wanted < header->length ? wanted : header->length;
}

enum step mysql_client_next(struct mysql *my, const struct flow *flow, struct cursor *in)
{
	struct mysql_side *client = &my->sides[FROM_CLIENT];
	struct cursor from = *in;
	struct mysql_header header;

	if (my->pairing.sides[FROM_CLIENT].lost)
		return STEP_LOST;
	client->turn = flow->turn;
	if (client->skip > 0) {
		client->skip -= (uint32_t)cursor_skip(in, client->skip);
		return STEP_TOOK;
	}
	if (!mysql_take_header(&from, &header))
		return STEP_MORE;
	struct slice shown = cursor_rest(&from);
	uint32_t wanted = wanted_bytes(my, &header, shown);

	if (shown.length < wanted)
		return STEP_MORE;
	shown.length = wanted;
	if (wanted == MYSQL_COMMAND_BYTES_MAX && header.length > wanted)
		counter_add(COUNTER_HEADS_TOO_LONG, 1);
	cursor_skip(in, MYSQL_HEADER_BYTES + wanted);
	return take_packet(my, flow, &header, shown);
}

enum step mysql_client_hole(struct mysql *my, const struct flow *flow, struct slice unfinished, uint64_t bytes)
{
	struct mysql_side *client = &my->sides[FROM_CLIENT];
	struct cursor in = cursor_over(unfinished.bytes, unfinished.length);
	struct mysql_header header;

	if (my->pairing.sides[FROM_CLIENT].lost)
		return STEP_LOST;
	if (flow->time_known)
		client->turn = flow->turn;
	if (unfinished.length > 0) {
		if (!mysql_take_header(&in, &header) || cursor_left(&in) == 0)
			return commands_swallowed(my, flow, false);
		enum step step = take_packet(my, flow, &header, cursor_rest(&in));

		if (step != STEP_TOOK)
			return step == STEP_OPAQUE ? commands_swallowed(my, flow, false) : step;
	}
	if (bytes <= client->skip) {
		client->skip -= (uint32_t)bytes;
		return STEP_TOOK;
	}
	if (my->infile || client->continued) /* more of the same, at least */
		return lose_client(my, flow, false);
	return commands_swallowed(my, flow, client->skip == 0 && unfinished.length == 0);
}
