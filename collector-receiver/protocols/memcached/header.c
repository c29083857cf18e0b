/* Read the headers of the binary protocol. */
#include "protocols/memcached/memcached.h"

enum { REQUEST_MAGIC = 0x80, RESPONSE_MAGIC = 0x81, BODY_BYTES_MAX = 1 << 30 };

enum rule { NEVER, ALWAYS, MAYBE };

/* What requests of an opcode consist of. */
static const struct opcode {
	const char *name;
	uint8_t extras; /* bytes */
	uint8_t optional_extras;
	uint8_t key; /* enum rule */
	uint8_t value;
	bool quiet;
} opcodes[] = {
	[0x00] = {"get", 0, 0, ALWAYS, NEVER, false},
	[0x01] = {"set", 8, 0, ALWAYS, MAYBE, false},
	[0x02] = {"add", 8, 0, ALWAYS, MAYBE, false},
	[0x03] = {"replace", 8, 0, ALWAYS, MAYBE, false},
	[0x04] = {"delete", 0, 0, ALWAYS, NEVER, false},
	[0x05] = {"increment", 20, 0, ALWAYS, NEVER, false},
	[0x06] = {"decrement", 20, 0, ALWAYS, NEVER, false},
	[0x07] = {"quit", 0, 0, NEVER, NEVER, false},
	[0x08] = {"flush", 0, 4, NEVER, NEVER, false},
	[0x09] = {"getq", 0, 0, ALWAYS, NEVER, true},
	[0x0a] = {"noop", 0, 0, NEVER, NEVER, false},
	[0x0b] = {"version", 0, 0, NEVER, NEVER, false},
	[0x0c] = {"getk", 0, 0, ALWAYS, NEVER, false},
	[0x0d] = {"getkq", 0, 0, ALWAYS, NEVER, true},
	[0x0e] = {"append", 0, 0, ALWAYS, MAYBE, false},
	[0x0f] = {"prepend", 0, 0, ALWAYS, MAYBE, false},
	[0x10] = {"stat", 0, 0, MAYBE, MAYBE, false},
	[0x11] = {"setq", 8, 0, ALWAYS, MAYBE, true},
	[0x12] = {"addq", 8, 0, ALWAYS, MAYBE, true},
	[0x13] = {"replaceq", 8, 0, ALWAYS, MAYBE, true},
	[0x14] = {"deleteq", 0, 0, ALWAYS, NEVER, true},
	[0x15] = {"incrementq", 20, 0, ALWAYS, NEVER, true},
	[0x16] = {"decrementq", 20, 0, ALWAYS, NEVER, true},
	[0x17] = {"quitq", 0, 0, NEVER, NEVER, true},
	[0x18] = {"flushq", 0, 4, NEVER, NEVER, true},
	[0x19] = {"appendq", 0, 0, ALWAYS, MAYBE, true},
	[0x1a] = {"prependq", 0, 0, ALWAYS, MAYBE, true},
	[0x1b] = {"verbosity", 4, 0, NEVER, NEVER, false},
	[0x1c] = {"touch", 4, 0, ALWAYS, NEVER, false},
	[0x1d] = {"gat", 4, 0, ALWAYS, NEVER, false},
	[0x1e] = {"gatq", 4, 0, ALWAYS, NEVER, true},
	[0x20] = {"sasl_list_mechs", 0, 0, NEVER, NEVER, false},
	[0x21] = {"sasl_auth", 0, 0, ALWAYS, MAYBE, false},
	[0x22] = {"sasl_step", 0, 0, ALWAYS, MAYBE, false},
	[0x23] = {"gatk", 4, 0, ALWAYS, NEVER, false},
	[0x24] = {"gatkq", 4, 0, ALWAYS, NEVER, true},
};

static const struct opcode *opcode_of(uint8_t opcode)
{
	if (opcode >= sizeof(opcodes) / sizeof(opcodes[0]) || opcodes[opcode].name == NULL)
		return NULL;
	return &opcodes[opcode];
}

const char *memcached_opcode_name(uint8_t opcode)
{
	return opcode_of(opcode)->name;
}

bool memcached_opcode_is_quiet(uint8_t opcode)
{
	return opcode_of(opcode)->quiet;
}

static bool obeys(enum rule rule, uint32_t bytes)
{
	return rule == MAYBE || (rule == ALWAYS) == (bytes > 0);
}

static bool request_is_valid(const struct opcode *opcode, const struct memcached_header *h)
{
	uint32_t value = h->body_bytes - h->extras_bytes - h->key_bytes;

	return (h->extras_bytes == opcode->extras ||
		(opcode->optional_extras > 0 && h->extras_bytes == opcode->optional_extras)) &&
	       obeys(opcode->key, h->key_bytes) && obeys(opcode->value, value) &&
	       h->key_bytes <= MEMCACHED_KEY_BYTES_MAX;
}

static bool status_is_known(uint16_t status)
{
	return status <= 0x08 || (status >= 0x20 && status <= 0x24) || (status >= 0x80 && status <= 0x86);
}

/* Flags, and nothing else, come as extras. */
static bool response_is_valid(const struct memcached_header *h)
{
	return (h->extras_bytes == 0 || h->extras_bytes == 4) && status_is_known(h->status) &&
	       h->key_bytes <= MEMCACHED_KEY_BYTES_MAX;
}

static uint32_t big_endian(const unsigned char *b, unsigned bytes)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < bytes; i++)
		n = n << 8 | b[i];
	return n;
}

enum memcached_parse memcached_take_header(enum sender from, struct cursor *in, struct memcached_header *header)
{
	const unsigned char *b = (const unsigned char *)cursor_rest(in).bytes;

	if (b[0] != (from == FROM_CLIENT ? REQUEST_MAGIC : RESPONSE_MAGIC))
		return MEMCACHED_PARSE_MALFORMED;
	if (cursor_left(in) >= 2 && opcode_of(b[1]) == NULL)
		return MEMCACHED_PARSE_MALFORMED;
	if (cursor_left(in) < MEMCACHED_HEADER_BYTES)
		return MEMCACHED_PARSE_MORE;
	struct memcached_header h = {
		.opcode = b[1],
		.key_bytes = (uint16_t)big_endian(b + 2, 2),
		.extras_bytes = b[4],
		.status = (uint16_t)big_endian(b + 6, 2),
		.body_bytes = big_endian(b + 8, 4),
		.opaque = big_endian(b + 12, 4),
	};

	if (b[5] != 0 || h.body_bytes > BODY_BYTES_MAX || (uint32_t)h.extras_bytes + h.key_bytes > h.body_bytes ||
	    !(from == FROM_CLIENT ? request_is_valid(opcode_of(h.opcode), &h) : response_is_valid(&h)))
		return MEMCACHED_PARSE_MALFORMED;
	*header = h;
	cursor_skip(in, MEMCACHED_HEADER_BYTES);
	return MEMCACHED_PARSED;
}

/* Not so: not found, exists, not stored, authentication goes on. */
bool memcached_status_is_error(uint16_t status)
{
	return status != 0x00 && status != 0x01 && status != 0x02 && status != 0x05 && status != 0x21;
}
