/* Follow the packets of a MySQL server. */
#include <stdio.h>

#include "counters.h"
#include "protocols/mysql/mysql.h"

/* ---- losing the place ---- */

static void forget_place(struct mysql *my, bool at_packet)
{
	struct mysql_side *server = &my->sides[FROM_SERVER];

	my->place = MYSQL_AT_ANSWER;
	my->ever_lost = true;
	my->ends_with_packet = my->stray_eof = my->definitions_end = false;
	server->skip = 0;
	server->continued = false;
	server->lost_at_packet = at_packet;
}

static enum step lose_server(struct mysql *my, const struct flow *flow, bool at_packet)
{
	forget_place(my, at_packet);
	return pairing_lose(&my->pairing, flow, FROM_SERVER);
}

/* Not what the protocol allows; once the place was lost it is rather the answer to a command that was not seen. */
static enum step refuse_server(struct mysql *my, const struct flow *flow)
{
	counter_add(my->ever_lost ? COUNTER_RESPONSES_UNMATCHED : COUNTER_PARSER_MALFORMED, 1);
	pairing_cut_all(&my->pairing, flow, EXCHANGE_CUT_BY_LOSS);
	return lose_server(my, flow, false);
}

/* ---- the end of an answer, and of one result in it ---- */

static void packet_passed(struct mysql *my, const struct flow *flow)
{
	if (!my->ends_with_packet || my->sides[FROM_SERVER].skip > 0)
		return;
	my->ends_with_packet = false;
	my->infile = false;
	my->place = MYSQL_AT_ANSWER;
	pairing_reply_ended(&my->pairing, flow);
}

static void result_ended(struct mysql *my, const struct mysql_ok *ok)
{
	struct mysql_reply *reply = &mysql_unanswered(my)->reply;

	if (ok->schema_changed)
		mysql_schema_report(my, ok->schema);
	reply->schema_dropped |= (ok->status & MYSQL_STATUS_DB_DROPPED) != 0;
	reply->rows_unknown |= (ok->status & MYSQL_STATUS_CURSOR_EXISTS) != 0;
	my->definitions_end = false;
	my->place = MYSQL_AT_ANSWER;
	my->ends_with_packet = !(ok->status & MYSQL_STATUS_MORE_RESULTS);
}

static enum step take_error(struct mysql *my, const struct flow *flow, const struct mysql_header *header,
			    struct slice shown)
{
	struct mysql_reply *reply = &mysql_unanswered(my)->reply;
	uint16_t code;

	if (!mysql_parse_error(shown, &code))
		return shown.length < header->length ? lose_server(my, flow, false) : refuse_server(my, flow);
	if (code == MYSQL_ERROR_PROGRESS)
		return STEP_TOOK;
	reply->failed = true;
	reply->code_bytes = (uint8_t)snprintf(reply->code, sizeof(reply->code), "%u", code);
	my->ends_with_packet = true;
	return STEP_TOOK;
}

/* OK or EOF. What a hole cut off may have said that more results follow. */
static enum step take_ok(struct mysql *my, const struct flow *flow, const struct mysql_header *header,
			 struct slice shown)
{
	bool session_track = !my->capabilities_known || (my->capabilities & MYSQL_CLIENT_SESSION_TRACK);
	struct mysql_ok ok;

	if (header->length == 5 ? !mysql_parse_eof(shown, &ok) : !mysql_parse_ok(shown, session_track, &ok))
		return shown.length < header->length ? lose_server(my, flow, false) : refuse_server(my, flow);
	result_ended(my, &ok);
	return STEP_TOOK;
}

/* ---- packets of an answer ---- */

static bool is_eof(const struct mysql_header *header, struct slice shown)
{
	return header->length == 5 && (unsigned char)shown.bytes[0] == MYSQL_EOF;
}

static enum step take_row(struct mysql *my, const struct flow *flow, const struct mysql_header *header,
			  struct slice shown)
{
	struct mysql_ok ok;

	if (my->definitions_end) {
		my->definitions_end = false;
		if (is_eof(header, shown) && mysql_parse_eof(shown, &ok)) {
			my->eof = MYSQL_EOF_SENT;
			if (ok.status & MYSQL_STATUS_CURSOR_EXISTS) /* rows are fetched by later commands */
				result_ended(my, &ok);
			return STEP_TOOK;
		}
	}
	switch ((unsigned char)shown.bytes[0]) {
	case MYSQL_ERROR:
		return take_error(my, flow, header, shown);
	case MYSQL_EOF:
		if (header->length < MYSQL_PAYLOAD_BYTES_MAX)
			return take_ok(my, flow, header, shown);
		break;
	}
	mysql_unanswered(my)->reply.rows++;
	return STEP_TOOK;
}

static enum step definitions_ended(struct mysql *my)
{
	bool prepared = mysql_unanswered(my)->code == MYSQL_COM_STMT_PREPARE;

	my->definitions_end = my->eof != MYSQL_EOF_DEPRECATED;
	if (!prepared) {
		my->place = MYSQL_IN_ROWS;
	} else if (my->columns_after > 0) {
		my->definitions_left = my->columns_after;
		my->columns_after = 0;
	} else if (my->eof != MYSQL_EOF_SENT) {
		my->definitions_end = false;
		my->stray_eof = my->eof == MYSQL_EOF_UNKNOWN;
		my->ends_with_packet = true;
	}
	return STEP_TOOK;
}

static enum step take_definition(struct mysql *my, const struct flow *flow, const struct mysql_header *header,
				 struct slice shown)
{
	if (my->definitions_end) {
		my->definitions_end = false;
		if (is_eof(header, shown)) {
			my->eof = MYSQL_EOF_SENT;
			my->ends_with_packet = my->definitions_left == 0;
			return STEP_TOOK;
		}
	}
	if ((unsigned char)shown.bytes[0] == MYSQL_ERROR)
		return take_error(my, flow, header, shown);
	if (my->definitions_left == 0)
		return refuse_server(my, flow);
	my->definitions_left--;
	return my->definitions_left > 0 ? STEP_TOOK : definitions_ended(my);
}

static enum step take_columns(struct mysql *my, const struct flow *flow, const struct mysql_header *header,
			      struct slice shown)
{
	struct mysql_columns columns;

	if (shown.length < header->length)
		return lose_server(my, flow, false);
	if (!mysql_parse_columns(shown, my->capabilities_known, my->capabilities, &columns))
		return refuse_server(my, flow);
	if (columns.cache_metadata)
		my->mariadb = true;
	mysql_unanswered(my)->reply.result_set = true;
	my->definitions_left = columns.definitions ? columns.count : 0;
	my->place = MYSQL_IN_DEFINITIONS;
	return my->definitions_left > 0 ? STEP_TOOK : definitions_ended(my);
}

static enum step take_result(struct mysql *my, const struct flow *flow, const struct mysql_header *header,
			     struct slice shown)
{
	unsigned char marker = (unsigned char)shown.bytes[0];

	/* the first of two bytes may be a flag of OPTIONAL_METADATA that says no */
	if (marker == MYSQL_OK && header->length > 6)
		return take_ok(my, flow, header, shown);
	if (marker == MYSQL_ERROR)
		return take_error(my, flow, header, shown);
	if (marker != MYSQL_LOCAL_INFILE)
		return take_columns(my, flow, header, shown);
	my->infile = true;
	mysql_unanswered(my)->any_sequence = true;
	return STEP_TOOK;
}

static enum step take_prepared(struct mysql *my, const struct flow *flow, const struct mysql_header *header,
			       struct slice shown)
{
	struct mysql_reply *reply = &mysql_unanswered(my)->reply;
	struct mysql_prepared prepared;

	if ((unsigned char)shown.bytes[0] == MYSQL_ERROR)
		return take_error(my, flow, header, shown);
	if (!mysql_parse_prepared(shown, my->capabilities, &prepared))
		return shown.length < header->length ? lose_server(my, flow, false) : refuse_server(my, flow);
	reply->prepared = true;
	reply->statement_id = prepared.statement_id;
	reply->parameters = prepared.parameters;
	my->definitions_left = prepared.parameters > 0 ? prepared.parameters : prepared.columns;
	my->columns_after = prepared.parameters > 0 ? prepared.columns : 0;
	my->place = MYSQL_IN_DEFINITIONS;
	my->definitions_end = false;
	if (my->definitions_left == 0 || !prepared.definitions)
		my->ends_with_packet = true;
	return STEP_TOOK;
}

static enum step take_single(struct mysql *my, const struct flow *flow, const struct mysql_header *header,
			     struct slice shown)
{
	unsigned char marker = (unsigned char)shown.bytes[0];

	if (marker == MYSQL_ERROR)
		return take_error(my, flow, header, shown);
	if (marker == MYSQL_OK && shown.length >= 7)
		return take_ok(my, flow, header, shown);
	my->ends_with_packet = true;
	return STEP_TOOK;
}

static enum step take_user_change(struct mysql *my, const struct flow *flow, const struct mysql_header *header,
				  struct slice shown)
{
	unsigned char marker = (unsigned char)shown.bytes[0];

	mysql_unanswered(my)->any_sequence = true; /* the client has its packets in between */
	return marker == MYSQL_OK || marker == MYSQL_ERROR ? take_single(my, flow, header, shown) : STEP_TOOK;
}

static enum step take_first(struct mysql *my, const struct flow *flow, const struct mysql_header *header,
			    struct slice shown)
{
	switch (mysql_answer_to(mysql_unanswered(my)->code)) {
	case MYSQL_ANSWER_RESULTS:
		return take_result(my, flow, header, shown);
	case MYSQL_ANSWER_ROWS:
		my->place = MYSQL_IN_ROWS;
		return take_row(my, flow, header, shown);
	case MYSQL_ANSWER_PREPARED:
		return take_prepared(my, flow, header, shown);
	case MYSQL_ANSWER_LOGIN:
		return take_user_change(my, flow, header, shown);
	default:
		return take_single(my, flow, header, shown);
	}
}

/* ---- the login ---- */

static enum step take_login_packet(struct mysql *my, const struct flow *flow, const struct mysql_header *header,
				   struct slice shown)
{
	struct mysql_greeting greeting;
	struct mysql_ok ok;

	if (!my->greeting_seen && mysql_parse_greeting(shown, &greeting)) {
		my->greeting_seen = true;
		my->mariadb = greeting.mariadb;
		my->server_capabilities = greeting.capabilities;
		return STEP_TOOK;
	}
	if (shown.bytes[0] != MYSQL_OK)
		return STEP_TOOK;
	/* cut off, it ends the login, too */
	if (!mysql_parse_ok(shown, my->capabilities & MYSQL_CLIENT_SESSION_TRACK, &ok))
		return shown.length < header->length ? lose_server(my, flow, false) : STEP_TOOK;
	if (my->compressed) {
		counter_add(COUNTER_CONNECTIONS_COMPRESSED, 1);
		return mysql_become_opaque(my, flow);
	}
	if (ok.schema_changed)
		mysql_schema_set(my, ok.schema);
	my->place = MYSQL_AT_ANSWER;
	return STEP_TOOK;
}

/* ---- one packet ---- */

/* The first packet after an answer. The EOF of definitions may yet belong to the one before. */
static enum step begin_answer(struct mysql *my, const struct flow *flow, const struct mysql_header *header,
			      struct slice shown)
{
	const struct mysql_side *server = &my->sides[FROM_SERVER];
	bool stray = my->stray_eof && is_eof(header, shown) && header->sequence == (uint8_t)(server->sequence + 1);

	my->stray_eof = false;
	if (stray) {
		my->eof = MYSQL_EOF_SENT;
		return STEP_TOOK;
	}
	pairing_reply_begins(&my->pairing, flow);
	if (!my->pairing.answering) {
		pairing_reply_ended(&my->pairing, flow);
		return lose_server(my, flow, false); /* how it goes on depends on its command */
	}
	if (!mysql_unanswered(my)->any_sequence &&
	    header->sequence != (uint8_t)(mysql_unanswered(my)->last_sequence + 1))
		return refuse_server(my, flow);
	return take_first(my, flow, header, shown);
}

static enum step dispatch(struct mysql *my, const struct flow *flow, const struct mysql_header *header,
			  struct slice shown)
{
	const struct mysql_side *server = &my->sides[FROM_SERVER];

	if (my->place == MYSQL_LOGGING_IN)
		return take_login_packet(my, flow, header, shown);
	if (!my->pairing.answering)
		return begin_answer(my, flow, header, shown);
	if (!mysql_unanswered(my)->any_sequence && header->sequence != (uint8_t)(server->sequence + 1))
		return refuse_server(my, flow);
	switch (my->place) {
	case MYSQL_IN_DEFINITIONS:
		return take_definition(my, flow, header, shown);
	case MYSQL_IN_ROWS:
		return take_row(my, flow, header, shown);
	default:
		return take_first(my, flow, header, shown);
	}
}

static enum step take_packet(struct mysql *my, const struct flow *flow, const struct mysql_header *header,
			     struct slice shown)
{
	struct mysql_side *server = &my->sides[FROM_SERVER];
	bool continuation = server->continued;
	enum step step = STEP_TOOK;

	pairing_reply_goes_on(&my->pairing, flow);
	server->continued = header->length == MYSQL_PAYLOAD_BYTES_MAX;
	server->skip = header->length - (uint32_t)shown.length;
	if (!continuation) {
		if (shown.length == 0)
			return refuse_server(my, flow);
		step = dispatch(my, flow, header, shown);
	}
	if (step != STEP_TOOK)
		return step;
	server->sequence = header->sequence;
	packet_passed(my, flow);
	return STEP_TOOK;
}

/* How much of a packet is looked at: all of a small one that ends something, one byte of any other. */
static uint32_t wanted_bytes(const struct mysql *my, const struct mysql_header *header, struct slice shown)
{
	bool bulk = my->place == MYSQL_IN_ROWS || my->place == MYSQL_IN_DEFINITIONS;
	uint32_t wanted = MYSQL_REPLY_BYTES_MAX;

	if (my->sides[FROM_SERVER].continued)
		return 0;
	if (shown.length == 0 ||
	    (bulk && ((unsigned char)shown.bytes[0] < MYSQL_EOF || header->length == MYSQL_PAYLOAD_BYTES_MAX)))
		wanted = 1;
	return wanted < header->length ? wanted : header->length;
}

/* Nobody has asked for anything. */
static bool is_idle(const struct mysql *my)
{
	return my->place == MYSQL_AT_ANSWER && !pairing_expects_reply(&my->pairing) && !my->stray_eof;
}

enum step mysql_server_next(struct mysql *my, const struct flow *flow, struct cursor *in)
{
	struct mysql_side *server = &my->sides[FROM_SERVER];
	struct cursor from = *in;
	struct mysql_header header;

	if (my->pairing.sides[FROM_SERVER].lost)
		return STEP_LOST;
	server->turn = flow->turn;
	if (server->skip > 0) {
		server->skip -= (uint32_t)cursor_skip(in, server->skip);
		pairing_reply_goes_on(&my->pairing, flow);
		packet_passed(my, flow);
		return STEP_TOOK;
	}
	if (is_idle(my) && flow->may_wait)
		return STEP_WAIT;
	if (!mysql_take_header(&from, &header))
		return STEP_MORE;
	struct slice shown = cursor_rest(&from);
	uint32_t wanted = wanted_bytes(my, &header, shown);

	if (shown.length < wanted)
		return STEP_MORE;
	shown.length = wanted;
	cursor_skip(in, MYSQL_HEADER_BYTES + wanted);
	return take_packet(my, flow, &header, shown);
}

/* ---- holes ---- */

/* More passed unseen than the packet that was open. Within its own turn it belongs to the answer that passes. */
static enum step answers_swallowed(struct mysql *my, const struct flow *flow, bool at_packet)
{
	struct pairing *pairing = &my->pairing;
	bool own = pairing->answering && (flow->time_known || pairing->waiting == 1);

	pairing->torn |= !flow->time_known;
	return lose_server(my, flow, at_packet && !own);
}

enum step mysql_server_hole(struct mysql *my, const struct flow *flow, struct slice unfinished, uint64_t bytes)
{
	struct mysql_side *server = &my->sides[FROM_SERVER];
	struct cursor in = cursor_over(unfinished.bytes, unfinished.length);
	struct mysql_header header;

	pairing_note_server_hole(&my->pairing, flow);
	if (flow->time_known)
		server->turn = flow->turn;
	if (my->pairing.sides[FROM_SERVER].lost) {
		my->pairing.torn |= !flow->time_known;
		return STEP_LOST;
	}
	if (unfinished.length > 0) {
		if (!mysql_take_header(&in, &header) || cursor_left(&in) == 0)
			return answers_swallowed(my, flow, false);
		enum step step = take_packet(my, flow, &header, cursor_rest(&in));

		if (step != STEP_TOOK)
			return answers_swallowed(my, flow, false);
	}
	if (bytes > server->skip)
		return answers_swallowed(my, flow, server->skip == 0 && unfinished.length == 0);
	server->skip -= (uint32_t)bytes;
	packet_passed(my, flow);
	return STEP_TOOK;
}

/* ---- finding the place ---- */

static enum match find_answer(const struct mysql *my, struct slice bytes, bool more_may_come)
{
	const struct mysql_request *request = (const struct mysql_request *)my->pairing.newest;

	if (request == NULL)
		return MATCH_NO;
	uint8_t sequence = (uint8_t)(request->last_sequence + 1);

	if (request->any_sequence && bytes.length >= MYSQL_HEADER_BYTES)
		sequence = (uint8_t)bytes.bytes[MYSQL_HEADER_BYTES - 1];
	return mysql_recognise_reply(bytes, sequence, more_may_come);
}

enum match mysql_server_resync(struct mysql *my, const struct flow *flow, struct slice bytes, bool more_may_come)
{
	struct mysql_side *server = &my->sides[FROM_SERVER];
	bool tail = flow->turn == server->turn && !server->lost_at_packet;
	enum match match = tail ? MATCH_NO : find_answer(my, bytes, more_may_come);

	if (match == MATCH_FROM_SERVER)
		pairing_server_found(&my->pairing, flow);
	if (match == MATCH_NO)
		pairing_server_not_found(&my->pairing, flow);
	return match;
}
