/* Decode header blocks with nghttp2's inflater, also of a sender whose table is partly or wholly unknown.
 *
 * An index into the dynamic table counts from its newest entry. So a table that has only the newest entries of the
 * sender's is right as far as it goes, and an index beyond it names a field that is unknown: it is passed over before
 * the inflater sees it, which would give up. A literal with an unknown name is decoded under a stand-in, which is
 * shorter than any name: entries leave this table no earlier than the sender's. Nothing has to be known when a
 * connection is joined, and what is missing shrinks with every entry that the sender adds. */
#include <nghttp2/nghttp2.h>

#include "counters.h"
#include "protocols/http2/http2.h"
#include "protocols/http2/inflater_memory.h"

enum {
	TABLE_BYTES_USUAL = 4096, /* RFC 9113 6.5.2 */
	ENTRY_BYTES_MIN = 32,	  /* RFC 7541 4.1 */
	STATIC_ENTRIES = 61,
};

#define UNKNOWN_NAME "?"

/* ---- the inflater ---- */

struct http2_inflater {
	nghttp2_hd_inflater *hd;
	nghttp2_mem functions; /* the inflater keeps a pointer to them */
	struct inflater_memory memory;
};

/* What is decoded now. */
struct decoding {
	nghttp2_hd_inflater *hd;
	struct http2_head *head;
};

/* A field whose name is a stand-in, or comes from an entry that was added with one, says only that there is one. */
static void emit(struct http2_head *head, const nghttp2_nv *field)
{
	struct slice name = {(const char *)field->name, field->namelen};

	if (slice_equal(name, SLICE_LITERAL(UNKNOWN_NAME)))
		head->uncertain = true;
	else
		http2_head_add(head, name, (struct slice){(const char *)field->value, field->valuelen});
}

/* Feed bytes that end where a representation does. False if the inflater gives up. */
static bool feed(const struct decoding *d, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	while (length > 0) {
		nghttp2_nv field;
		int flags = 0;
		ssize_t used = nghttp2_hd_inflate_hd2(d->hd, &field, &flags, at, length, 0);

		if (used == NGHTTP2_ERR_NOMEM)
			counter_add(COUNTER_STREAM_BUFFERS_FULL, 1);
		else if (used < 0)
			counter_add(COUNTER_PARSER_MALFORMED, 1);
		if (used < 0)
			return false;
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			emit(d->head, &field);
		else if (used == 0)
			return false;
		at += used;
		length -= (size_t)used;
	}
	return true;
}

/* What the sender's encoder would say to change the size of its table (RFC 7541 6.3). */
static bool set_table_bytes(nghttp2_hd_inflater *hd, uint32_t bytes)
{
	const struct decoding d = {.hd = hd};
	uint8_t update[8] = {0x20};
	size_t length = 1;

	if (bytes < 0x1f) {
		update[0] |= (uint8_t)bytes;
	} else {
		update[0] |= 0x1f;
		for (bytes -= 0x1f; bytes >= 0x80; bytes >>= 7)
			update[length++] = (uint8_t)(bytes | 0x80);
		update[length++] = (uint8_t)bytes;
	}
	bool done = feed(&d, update, length);

	nghttp2_hd_inflate_end_headers(hd);
	return done;
}

static void inflater_destroy(struct http2_decoder *decoder)
{
	struct http2_inflater *inflater = decoder->inflater;

	if (inflater == NULL)
		return;
	if (inflater->hd != NULL)
		nghttp2_hd_inflate_del(inflater->hd);
	inflater_memory_free(&inflater->memory);
	decoder->inflater = NULL;
	block_pool_give(inflater->memory.pool, inflater, sizeof(*inflater));
}

/* The peers' settings allow a table of any size, and the encoder says whenever it changes: what is allowed here is a
 * limit of our own. */
static bool inflater_create(struct http2_decoder *decoder, struct block_pool *pool)
{
	struct http2_inflater *inflater = block_pool_take(pool, sizeof(*inflater));

	if (inflater == NULL) {
		counter_add(COUNTER_STREAM_BUFFERS_FULL, 1);
		return false;
	}
	inflater->hd = NULL;
	inflater_memory_init(&inflater->memory, pool);
	inflater->functions = inflater_memory_functions(&inflater->memory);
	decoder->inflater = inflater;
	inflater->memory.settling = true;
	if (nghttp2_hd_inflate_new2(&inflater->hd, &inflater->functions) != 0) {
		counter_add(COUNTER_STREAM_BUFFERS_FULL, 1);
		inflater->hd = NULL;
	}
	inflater->memory.settling = false;
	if (inflater->hd != NULL && nghttp2_hd_inflate_change_table_size(inflater->hd, HTTP2_TABLE_BYTES_MAX) == 0 &&
	    set_table_bytes(inflater->hd, decoder->table_bytes != 0 ? decoder->table_bytes : TABLE_BYTES_USUAL))
		return true;
	inflater_destroy(decoder);
	return false;
}

void http2_decoder_forget(struct http2_decoder *decoder)
{
	if (decoder->inflater != NULL)
		decoder->table_bytes = (uint32_t)nghttp2_hd_inflate_get_max_dynamic_table_size(decoder->inflater->hd);
	inflater_destroy(decoder);
}

/* ---- a block ---- */

/* An index that a table of our size has no room for: the sender's must be larger. */
static void note_index(struct http2_decoder *decoder, uint32_t index)
{
	nghttp2_hd_inflater *hd = decoder->inflater->hd;
	size_t missing = index - nghttp2_hd_inflate_get_num_table_entries(hd);
	size_t bytes = nghttp2_hd_inflate_get_dynamic_table_size(hd) + missing * ENTRY_BYTES_MIN;
	size_t wanted = nghttp2_hd_inflate_get_max_dynamic_table_size(hd);

	if (bytes <= wanted || bytes > HTTP2_TABLE_BYTES_MAX)
		return;
	if (wanted < TABLE_BYTES_USUAL)
		wanted = TABLE_BYTES_USUAL;
	while (wanted < bytes)
		wanted *= 2;
	decoder->wanted_bytes = (uint32_t)wanted;
}

/* A representation whose index is unknown. */
static bool feed_unknown(const struct decoding *d, struct slice block, const struct http2_field_line *line)
{
	static const uint8_t name[] = {sizeof(UNKNOWN_NAME) - 1, UNKNOWN_NAME[0]};

	if (line->kind == HTTP2_INDEXED) {
		d->head->uncertain = true;
		return true;
	}
	return feed(d, &line->pattern, 1) && feed(d, name, sizeof(name)) &&
	       feed(d, block.bytes + line->head_bytes, line->bytes - line->head_bytes);
}

/* A size beyond ours: the newest entries that fit are as right as all would be. */
static bool feed_large_table(const struct decoding *d)
{
	static const uint8_t update[] = {0x3f, 0xe1, 0xff, 0x03}; /* HTTP2_TABLE_BYTES_MAX */

	return feed(d, update, sizeof(update));
}

/* Does the inflater understand it as it is? */
static bool is_known(const struct decoding *d, const struct http2_field_line *line)
{
	if (line->kind == HTTP2_TABLE_SIZE)
		return line->index <= HTTP2_TABLE_BYTES_MAX;
	return line->index <= STATIC_ENTRIES || line->index <= nghttp2_hd_inflate_get_num_table_entries(d->hd);
}

static bool decode(struct http2_decoder *decoder, const struct decoding *d, struct slice block, bool whole)
{
	struct http2_field_line line;

	while (block.length > 0) {
		if (!http2_field_line_read(block, &line)) {
			counter_add(COUNTER_PARSER_MALFORMED, whole);
			return false;
		}
		bool fed;

		if (is_known(d, &line)) {
			fed = feed(d, block.bytes, line.bytes);
		} else if (line.kind == HTTP2_TABLE_SIZE) {
			fed = feed_large_table(d);
		} else {
			note_index(decoder, line.index);
			fed = feed_unknown(d, block, &line);
		}
		if (!fed)
			return false;
		block.bytes += line.bytes;
		block.length -= line.bytes;
	}
	return true;
}

bool http2_decode(struct http2_decoder *decoder, struct block_pool *pool, struct slice block, bool whole,
		  struct http2_head *head)
{
	if (decoder->inflater != NULL && decoder->wanted_bytes != 0 &&
	    !set_table_bytes(decoder->inflater->hd, decoder->wanted_bytes))
		inflater_destroy(decoder);
	if (decoder->wanted_bytes != 0)
		decoder->table_bytes = decoder->wanted_bytes;
	decoder->wanted_bytes = 0;
	bool decoded = false;

	if (decoder->inflater != NULL || inflater_create(decoder, pool)) {
		const struct decoding d = {decoder->inflater->hd, head};

		decoded = decode(decoder, &d, block, whole) && whole;
		nghttp2_hd_inflate_end_headers(decoder->inflater->hd);
	}
	if (!decoded) {
		head->uncertain = true;
		http2_decoder_forget(decoder);
	}
	http2_head_finish(head);
	return decoded;
}
