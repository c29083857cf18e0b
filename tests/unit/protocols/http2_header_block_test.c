/* Header blocks of nghttp2's deflater, decoded from the first one on, from a later one on, and with losses: every field
 * is right or absent, and what is absent is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <string.h>

#include "protocols/http2/http2.h"
#include "support/guard_page.h"
#include "support/random.h"

enum { BLOCKS = 40, BLOCK_BYTES = 4096, VALUE_BYTES = 300, SEEDS = 150, POOL_BYTES = 1 << 22 };

static const char *const names[HTTP2_FIELDS] = {
	[HTTP2_METHOD] = ":method",
	[HTTP2_PATH] = ":path",
	[HTTP2_SCHEME] = ":scheme",
	[HTTP2_AUTHORITY] = ":authority",
	[HTTP2_HOST] = "host",
	[HTTP2_USER_AGENT] = "user-agent",
	[HTTP2_TRACEPARENT] = "traceparent",
	[HTTP2_TRACESTATE] = "tracestate",
	[HTTP2_X_FORWARDED_FOR] = "x-forwarded-for",
	[HTTP2_FORWARDED] = "forwarded",
	[HTTP2_X_FORWARDED_PROTO] = "x-forwarded-proto",
	[HTTP2_X_FORWARDED_HOST] = "x-forwarded-host",
	[HTTP2_CONTENT_TYPE] = "content-type",
	[HTTP2_STATUS] = ":status",
	[HTTP2_GRPC_TIMEOUT] = "grpc-timeout",
	[HTTP2_GRPC_STATUS] = "grpc-status",
	[HTTP2_GRPC_MESSAGE] = "grpc-message",
};

/* A block and what is in it. */
struct sample {
	size_t length;
	char bytes[BLOCK_BYTES];
	char values[HTTP2_FIELDS][VALUE_BYTES]; /* empty: the field is not sent */
};

struct recording {
	struct sample samples[BLOCKS];
};

/* ---- what a peer sends ---- */

/* Often a value that came before, now and then a new one. */
static void choose_value(struct random *r, char *value, unsigned field, unsigned block)
{
	uint32_t kind = random_below(r, 8);

	if (kind == 0)
		snprintf(value, VALUE_BYTES, "%s-%u-%0*u", names[field], block, (int)random_below(r, 200), block);
	else if (field == HTTP2_METHOD)
		strcpy(value, kind < 5 ? "GET" : "POST");
	else if (field == HTTP2_STATUS)
		strcpy(value, kind < 5 ? "200" : "404");
	else
		snprintf(value, VALUE_BYTES, "v%u", random_below(r, 4));
}

static void record_block(nghttp2_hd_deflater *deflater, struct random *r, struct sample *s, unsigned block)
{
	nghttp2_nv fields[HTTP2_FIELDS + 2];
	char junk[2][64];
	size_t count = 0;

	memset(s->values, 0, sizeof(s->values));
	for (unsigned i = 0; i < HTTP2_FIELDS; i++) {
		if (random_below(r, 3) == 0)
			continue;
		choose_value(r, s->values[i], i, block);
		fields[count++] = (nghttp2_nv){
			(uint8_t *)names[i], (uint8_t *)s->values[i], strlen(names[i]), strlen(s->values[i]),
			random_below(r, 16) == 0 ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE};
	}
	for (unsigned i = 0; i < 2; i++) {
		snprintf(junk[i], sizeof(junk[i]), "x-%u", random_below(r, 30));
		fields[count++] =
			(nghttp2_nv){(uint8_t *)junk[i], (uint8_t *)"junk", strlen(junk[i]), 4, NGHTTP2_NV_FLAG_NONE};
	}
	ssize_t length = nghttp2_hd_deflate_hd(deflater, (uint8_t *)s->bytes, BLOCK_BYTES, fields, count);

	assert_true(length > 0);
	s->length = (size_t)length;
}

static void record(struct recording *recording, struct random *r, bool resize)
{
	static const size_t sizes[] = {0, 33, 100, 1000, 4096, 4096, 16384, 65536};
	nghttp2_hd_deflater *deflater;

	assert_int_equal(nghttp2_hd_deflate_new(&deflater, 65536), 0);
	nghttp2_hd_deflate_change_table_size(deflater, sizes[random_below(r, 8)]);
	for (unsigned i = 0; i < BLOCKS; i++) {
		if (resize && random_below(r, 10) == 0)
			nghttp2_hd_deflate_change_table_size(deflater, sizes[random_below(r, 8)]);
		record_block(deflater, r, &recording->samples[i], i);
	}
	nghttp2_hd_deflate_del(deflater);
}

/* ---- what is decoded ---- */

static bool differs(const struct sample *s, const struct http2_head *head, unsigned field)
{
	struct slice value = head->fields[field];

	return value.length != strlen(s->values[field]) ||
	       (value.length > 0 && memcmp(value.bytes, s->values[field], value.length) != 0);
}

static void expect_right_or_absent(const struct sample *s, const struct http2_head *head)
{
	for (unsigned i = 0; i < HTTP2_FIELDS; i++) {
		if (head->fields[i].bytes != NULL && differs(s, head, i))
			fail_msg("%s: %.*s instead of %s", names[i], (int)head->fields[i].length, head->fields[i].bytes,
				 s->values[i]);
		if (head->fields[i].bytes == NULL && s->values[i][0] != '\0' && !head->uncertain)
			fail_msg("%s is missing, and nothing says so", names[i]);
	}
}

static bool decode(struct http2_decoder *decoder, struct block_pool *pool, const struct guard_page *guard,
		   const struct sample *s, struct http2_head *head)
{
	struct slice block = {guard_page_place(guard, s->bytes, s->length), s->length};

	http2_head_reset(head);
	bool decoded = http2_decode(decoder, pool, block, true, head);

	expect_right_or_absent(s, head);
	return decoded;
}

struct bench {
	struct block_pool *pool;
	struct guard_page guard;
	struct recording *recording;
	struct http2_head head;
};

static int set_up(void **state)
{
	struct bench *bench = test_calloc(1, sizeof(*bench));

	bench->pool = block_pool_create(POOL_BYTES);
	bench->guard = guard_page_create(BLOCK_BYTES);
	bench->recording = test_calloc(1, sizeof(*bench->recording));
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(block_pool_bytes_in_use(bench->pool), 0);
	block_pool_destroy(bench->pool);
	guard_page_destroy(&bench->guard);
	test_free(bench->recording);
	test_free(bench);
	return 0;
}

static void every_field_is_known_from_the_first_block_on(void **state)
{
	struct bench *b = *state;

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct http2_decoder decoder = {0};

		record(b->recording, &(struct random){seed}, true);
		for (unsigned i = 0; i < BLOCKS; i++) {
			assert_true(decode(&decoder, b->pool, &b->guard, &b->recording->samples[i], &b->head));
			assert_false(b->head.uncertain);
		}
		http2_decoder_forget(&decoder);
	}
}

static void joined_after_any_block_every_field_is_right_or_absent(void **state)
{
	struct bench *b = *state;
	unsigned known = 0, all = 0;

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		record(b->recording, &(struct random){seed}, true);
		for (unsigned from = 1; from < BLOCKS; from++) {
			struct http2_decoder decoder = {0};

			for (unsigned i = from; i < BLOCKS; i++) {
				assert_true(decode(&decoder, b->pool, &b->guard, &b->recording->samples[i], &b->head));
				known += !b->head.uncertain;
				all++;
			}
			http2_decoder_forget(&decoder);
		}
	}
	assert_true(known > all / 3); /* absent is not the answer to everything */
}

static void lost_blocks_make_fields_absent_but_never_wrong(void **state)
{
	struct bench *b = *state;

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct random r = {seed};
		struct http2_decoder decoder = {0};

		record(b->recording, &r, true);
		for (unsigned i = 0; i < BLOCKS; i++) {
			const struct sample *s = &b->recording->samples[i];

			switch (random_below(&r, 6)) {
			case 0:
				http2_decoder_forget(&decoder);
				break;
			case 1: /* cut short */
				http2_head_reset(&b->head);
				http2_decode(&decoder, b->pool,
					     (struct slice){s->bytes, random_below(&r, (uint32_t)s->length)}, false,
					     &b->head);
				assert_true(b->head.uncertain);
				expect_right_or_absent(s, &b->head);
				break;
			default:
				assert_true(decode(&decoder, b->pool, &b->guard, s, &b->head));
			}
		}
		http2_decoder_forget(&decoder);
	}
}

static void want_of_memory_makes_fields_absent_but_never_wrong(void **state)
{
	struct bench *b = *state;

	record(b->recording, &(struct random){7}, true);
	for (size_t bytes = 0; bytes < 64 * 1024; bytes += 128) {
		struct block_pool *pool = block_pool_create(bytes);
		struct http2_decoder decoder = {0};

		for (unsigned i = 0; i < BLOCKS; i++)
			decode(&decoder, pool, &b->guard, &b->recording->samples[i], &b->head);
		http2_decoder_forget(&decoder);
		assert_int_equal(block_pool_bytes_in_use(pool), 0);
		block_pool_destroy(pool);
	}
}

/* Once the peer has filled its table anew, fields whose name is in the static table are all known. Other names may be
 * taken over from entry to entry for ever: those fields stay absent, and that is said. */
static void what_is_unknown_heals(void **state)
{
	static const enum http2_field healing[] = {HTTP2_METHOD, HTTP2_PATH,	   HTTP2_SCHEME,       HTTP2_AUTHORITY,
						   HTTP2_HOST,	 HTTP2_USER_AGENT, HTTP2_CONTENT_TYPE, HTTP2_STATUS};
	static const size_t sizes[] = {200, 4096, 16384, 65536};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct http2_decoder decoder = {0};
		nghttp2_hd_deflater *deflater;
		struct random r = {i};
		struct sample *s = &b->recording->samples[0];
		size_t said = 0;
		unsigned uncertain = 0;

		assert_int_equal(nghttp2_hd_deflate_new(&deflater, 65536), 0);
		nghttp2_hd_deflate_change_table_size(deflater, sizes[i]);
		for (unsigned block = 0; block < 400; block++)
			record_block(deflater, &r, s, block);
		/* with a table larger than the usual one it takes an index beyond that to know */
		for (unsigned block = 400; said < 3 * sizes[i]; block++) {
			record_block(deflater, &r, s, block);
			assert_true(decode(&decoder, b->pool, &b->guard, s, &b->head));
			uncertain += b->head.uncertain;
			said += s->length;
		}
		assert_true(uncertain > 0 || sizes[i] < 4096);
		for (unsigned block = 10000; block < 10100; block++) {
			record_block(deflater, &r, s, block);
			assert_true(decode(&decoder, b->pool, &b->guard, s, &b->head));
			for (size_t j = 0; j < sizeof(healing) / sizeof(healing[0]); j++) {
				if (differs(s, &b->head, healing[j]))
					fail_msg("table of %zu bytes, %s", sizes[i], names[healing[j]]);
			}
		}
		http2_decoder_forget(&decoder);
		nghttp2_hd_deflate_del(deflater);
	}
}

static void every_prefix_and_every_changed_byte_is_survived(void **state)
{
	struct bench *b = *state;
	struct random r = {3};

	record(b->recording, &r, false);
	for (unsigned i = 0; i < BLOCKS; i++) {
		struct sample s = b->recording->samples[i];
		struct http2_decoder decoder = {0};

		for (size_t length = 0; length < s.length; length++) {
			struct slice block = {guard_page_place(&b->guard, s.bytes, length), length};

			http2_head_reset(&b->head);
			http2_decode(&decoder, b->pool, block, true, &b->head);
		}
		for (unsigned n = 0; n < 2000; n++) {
			s.bytes[random_below(&r, (uint32_t)s.length)] = (char)random_next(&r);
			struct slice block = {guard_page_place(&b->guard, s.bytes, s.length), s.length};

			http2_head_reset(&b->head);
			http2_decode(&decoder, b->pool, block, true, &b->head);
		}
		http2_decoder_forget(&decoder);
	}
}

static void fields_beyond_the_limit_are_absent_and_the_table_stays_right(void **state)
{
	static char value[HTTP2_KEPT_BYTES_MAX];
	static uint8_t block[2 * HTTP2_KEPT_BYTES_MAX];
	struct bench *b = *state;
	struct http2_decoder decoder = {0};
	nghttp2_hd_deflater *deflater;
	nghttp2_nv fields[] = {
		{(uint8_t *)":path", (uint8_t *)value, 5, sizeof(value), NGHTTP2_NV_FLAG_NONE},
		{(uint8_t *)"host", (uint8_t *)"after", 4, 5, NGHTTP2_NV_FLAG_NONE},
	};

	memset(value, '\\', sizeof(value));
	assert_int_equal(nghttp2_hd_deflate_new(&deflater, 4096), 0);
	for (int i = 0; i < 3; i++) {
		ssize_t length = nghttp2_hd_deflate_hd(deflater, block, sizeof(block), fields, 2);

		http2_head_reset(&b->head);
		assert_true(
			http2_decode(&decoder, b->pool, (struct slice){(char *)block, (size_t)length}, true, &b->head));
		assert_true(b->head.fields[HTTP2_PATH].length == HTTP2_KEPT_BYTES_MAX && b->head.cut &&
			    b->head.fields[HTTP2_HOST].bytes == NULL && !b->head.uncertain);
	}
	http2_decoder_forget(&decoder);
	nghttp2_hd_deflate_del(deflater);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_field_is_known_from_the_first_block_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(joined_after_any_block_every_field_is_right_or_absent, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(lost_blocks_make_fields_absent_but_never_wrong, set_up, tear_down),
		cmocka_unit_test_setup_teardown(want_of_memory_makes_fields_absent_but_never_wrong, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_unknown_heals, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_prefix_and_every_changed_byte_is_survived, set_up, tear_down),
		cmocka_unit_test_setup_teardown(fields_beyond_the_limit_are_absent_and_the_table_stays_right, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
