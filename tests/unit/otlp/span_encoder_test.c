/* The hand-written encoder against protobuf-c: same fields, same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "otlp/span_encoder.h"
#include "request_fixture.h"

static struct span span;

static void begin_span(void)
{
	memset(&span, 0, sizeof(span));
	memset(span.trace_id, 0xa1, sizeof(span.trace_id));
	memset(span.span_id, 0xb2, sizeof(span.span_id));
	span.kind = SPAN_KIND_SERVER;
	span.flags = 0x101;
	span.name = SLICE_LITERAL("GET");
	span.start_unix_ns = UINT64_C(1800000000000000001);
	span.end_unix_ns = UINT64_C(1800000000012345678);
}

/* Encode, take off the field's head, decode, and pack again. */
static span_message *round_trip(void)
{
	static uint8_t again[200000];
	struct wire_buffer out = {0};
	span_message *message;
	size_t head;

	assert_int_equal(span_encode(&out, &span), 0);
	assert_int_equal(out.length, span_encoded_size(&span));
	assert_int_equal(out.bytes[0], WIRE_TAG(2, WIRE_LENGTH));
	for (head = 1; (out.bytes[head] & 0x80) != 0; head++)
		;
	head++;
	message = opentelemetry__proto__trace__v1__span__unpack(NULL, out.length - head, out.bytes + head);
	assert_non_null(message);
	assert_int_equal(opentelemetry__proto__trace__v1__span__pack(message, again), out.length - head);
	assert_memory_equal(again, out.bytes + head, out.length - head);
	wire_buffer_free(&out);
	return message;
}

static void done(span_message *message)
{
	opentelemetry__proto__trace__v1__span__free_unpacked(message, NULL);
}

static void a_bare_span_has_ids_name_kind_times_and_flags(void **state)
{
	span_message *m;

	(void)state;
	begin_span();
	m = round_trip();
	assert_int_equal(m->trace_id.len, 16);
	assert_memory_equal(m->trace_id.data, span.trace_id, 16);
	assert_int_equal(m->span_id.len, 8);
	assert_memory_equal(m->span_id.data, span.span_id, 8);
	assert_int_equal(m->parent_span_id.len, 0);
	assert_string_equal(m->name, "GET");
	assert_int_equal(m->kind, OPENTELEMETRY__PROTO__TRACE__V1__SPAN__SPAN_KIND__SPAN_KIND_SERVER);
	assert_int_equal(m->start_time_unix_nano, span.start_unix_ns);
	assert_int_equal(m->end_time_unix_nano, span.end_unix_ns);
	assert_int_equal(m->flags, 0x101);
	assert_non_null(m->status);
	assert_int_equal(m->status->code, 0);
	assert_string_equal(m->trace_state, "");
	done(m);
}

static void a_full_span_has_parent_state_status_and_attributes(void **state)
{
	span_message *m;

	(void)state;
	begin_span();
	span.kind = SPAN_KIND_CLIENT;
	span.has_parent = true;
	memset(span.parent_span_id, 0xc3, sizeof(span.parent_span_id));
	span.trace_state = SLICE_LITERAL("vendor=1,other=2");
	span.status = SPAN_STATUS_ERROR;
	span_add_text(&span, ATTRIBUTE_URL_FULL, SLICE_LITERAL("http://x/"));
	span_add_integer(&span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE, 500);
	span_add_text(&span, ATTRIBUTE_ERROR_TYPE, SLICE_LITERAL("500"));
	m = round_trip();
	assert_int_equal(m->kind, OPENTELEMETRY__PROTO__TRACE__V1__SPAN__SPAN_KIND__SPAN_KIND_CLIENT);
	assert_memory_equal(m->parent_span_id.data, span.parent_span_id, 8);
	assert_string_equal(m->trace_state, "vendor=1,other=2");
	assert_int_equal(m->status->code, 2);
	assert_string_equal(m->status->message, "");
	assert_int_equal(m->n_attributes, 3);
	assert_string_equal(string_of(m->attributes, 3, "url.full"), "http://x/");
	assert_int_equal(integer_of(m->attributes, 3, "http.response.status_code"), 500);
	done(m);
}

static void an_error_may_have_a_description(void **state)
{
	static char text[300];
	span_message *m;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	begin_span();
	span.status = SPAN_STATUS_ERROR;
	span.status_message = (struct slice){text, sizeof(text) - 1};
	m = round_trip();
	assert_int_equal(m->status->code, 2);
	assert_string_equal(m->status->message, text);
	done(m);
}

static void every_attribute_key_is_encoded_as_it_is_written(void **state)
{
	static const char *const keys[] = {
#define KEY(id, key) key,
		ATTRIBUTE_NAMES(KEY)
#undef KEY
	};

	(void)state;
	for (int i = 0; i < ATTRIBUTE_NAME_COUNT; i++) {
		span_message *m;

		begin_span();
		span_add_text(&span, (enum attribute_name)i, SLICE_LITERAL("value"));
		m = round_trip();
		assert_string_equal(m->attributes[0]->key, keys[i]);
		assert_string_equal(m->attributes[0]->value->string_value, "value");
		done(m);
	}
}

/* Lengths on both sides of each step of the varint that precedes them, at all depths at once. */
static void values_of_every_length_are_encoded(void **state)
{
	static char text[70000];

	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t length = 0; length < sizeof(text); length += length < 300 ? 1 : length < 17000 ? 173 : 7919) {
		span_message *m;

		begin_span();
		span_add_text(&span, ATTRIBUTE_URL_PATH, (struct slice){text, length});
		m = round_trip();
		assert_int_equal(strlen(m->attributes[0]->value->string_value), length);
		done(m);
	}
}

static void integers_of_every_size_are_encoded(void **state)
{
	static const int64_t integers[] = {0, 1, 127, 128, 65535, INT32_MAX, INT64_MAX, -1, INT64_MIN};

	(void)state;
	for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++) {
		span_message *m;

		begin_span();
		span_add_integer(&span, ATTRIBUTE_SERVER_PORT, integers[i]);
		m = round_trip();
		assert_int_equal(m->attributes[0]->value->value_case,
				 OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE);
		assert_int_equal(m->attributes[0]->value->int_value, integers[i]);
		done(m);
	}
}

static void a_set_of_attributes_is_encoded_alone_and_in_order(void **state)
{
	struct wire_buffer out = {0};
	histogram_point *point;

	(void)state;
	begin_span();
	span_add_text(&span, ATTRIBUTE_HTTP_REQUEST_METHOD, SLICE_LITERAL("GET"));
	span_add_text(&span, ATTRIBUTE_URL_PATH, SLICE_LITERAL("/secret"));
	span_add_integer(&span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE, 200);
	size_t length = span_encode_attributes(
		&out, &span, ATTRIBUTE_BIT(HTTP_REQUEST_METHOD) | ATTRIBUTE_BIT(HTTP_RESPONSE_STATUS_CODE));

	assert_int_equal(length, out.length);
	point = opentelemetry__proto__metrics__v1__histogram_data_point__unpack(NULL, out.length, out.bytes);
	assert_non_null(point);
	assert_int_equal(point->n_attributes, 2);
	assert_string_equal(point->attributes[0]->key, "http.request.method");
	assert_int_equal(point->attributes[1]->value->int_value, 200);
	opentelemetry__proto__metrics__v1__histogram_data_point__free_unpacked(point, NULL);
	wire_buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bare_span_has_ids_name_kind_times_and_flags),
		cmocka_unit_test(a_full_span_has_parent_state_status_and_attributes),
		cmocka_unit_test(an_error_may_have_a_description),
		cmocka_unit_test(every_attribute_key_is_encoded_as_it_is_written),
		cmocka_unit_test(values_of_every_length_are_encoded),
		cmocka_unit_test(integers_of_every_size_are_encoded),
		cmocka_unit_test(a_set_of_attributes_is_encoded_alone_and_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
