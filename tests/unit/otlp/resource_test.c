/* What a process is called and by which attributes it is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "counters.h"
#include "otlp/resource.h"
#include "otlp/resource_attributes.h"
#include "otlp/uuid_v5.h"
#include "request_fixture.h"

typedef Opentelemetry__Proto__Trace__V1__ResourceSpans resource_spans;

static const struct host_identity host = {"node-1", "0123456789abcdef0123456789abcdef", "amd64"};

static struct slice text(const char *string)
{
	return (struct slice){string, string == NULL ? 0 : strlen(string)};
}

/* --- OTEL_RESOURCE_ATTRIBUTES ------------------------------------------------------------------------------------- */

static const struct {
	const char *what;
	const char *input;
	int result;
	const char *pairs[9]; /* key, value, key, value */
} parse_cases[] = {
	{"nothing", "", 0, {NULL}},
	{"one", "a=1", 0, {"a", "1"}},
	{"two", "a=1,b=2", 0, {"a", "1", "b", "2"}},
	{"white space around", " a = 1 ,\tb=2 ", 0, {"a", "1", "b", "2"}},
	{"white space within", "a=hello world", 0, {"a", "hello world"}},
	{"an escaped separator", "a=1%2C2%3D3", 0, {"a", "1,2=3"}},
	{"an escaped key", "a%2Cb=1", 0, {"a,b", "1"}},
	{"an equals sign in the value", "a=b=c", 0, {"a", "b=c"}},
	{"an empty value", "a=", 0, {"a", ""}},
	{"a semicolon is part of the value", "a=1;meta=2", 0, {"a", "1;meta=2"}},
	{"a plus is a plus", "a=1+2", 0, {"a", "1+2"}},
	{"UTF-8", "a=caf%C3%A9", 0, {"a", "caf\xc3\xa9"}},
	{"a trailing comma", "a=1,", 0, {"a", "1"}},
	{"the last of a key stands", "a=1,b=2,a=3", 0, {"a", "3", "b", "2"}},
	{"no equals sign: all is discarded", "a=1,b", -EINVAL, {NULL}},
	{"no key: all is discarded", "a=1,=2", -EINVAL, {NULL}},
	{"a broken escape: all is discarded", "a=1,b=%zz", -EINVAL, {NULL}},
	{"an escape cut short: all is discarded", "a=1,b=%2", -EINVAL, {NULL}},
};

static void resource_attributes_parse_as_the_specification_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(parse_cases) / sizeof(parse_cases[0]); i++) {
		static struct resource_attributes out;
		uint32_t count = 0;

		if (resource_attributes_parse(text(parse_cases[i].input), &out) != parse_cases[i].result)
			fail_msg("%s: %s", parse_cases[i].what, parse_cases[i].input);
		for (; parse_cases[i].pairs[2 * count] != NULL; count++)
			if (count >= out.count ||
			    !slice_equal(out.items[count].key, text(parse_cases[i].pairs[2 * count])) ||
			    !slice_equal(out.items[count].value, text(parse_cases[i].pairs[2 * count + 1])))
				fail_msg("%s: %s, pair %u", parse_cases[i].what, parse_cases[i].input, count);
		assert_int_equal(out.count, count);
	}
}

static void more_attributes_or_text_than_the_limits_are_discarded(void **state)
{
	static char many[RESOURCE_ATTRIBUTES_TEXT_MAX * 2];
	static struct resource_attributes out;
	size_t length = 0;

	(void)state;
	for (int i = 0; i <= RESOURCE_ATTRIBUTES_MAX; i++)
		length += (size_t)sprintf(many + length, "k%d=v,", i);
	assert_int_equal(resource_attributes_parse((struct slice){many, length}, &out), -EINVAL);
	memset(many, 'x', sizeof(many));
	many[1] = '=';
	assert_int_equal(resource_attributes_parse((struct slice){many, sizeof(many)}, &out), -EINVAL);
	assert_int_equal(out.count, 0);
}

/* --- Resource ----------------------------------------------------------------------------------------------------- */

static resource_spans *decoded;

static const char *encoded_string(const struct process *process, bool command_line, const char *key)
{
	const struct resource_rules rules = {&host, command_line};
	struct wire_buffer out = {0};

	if (decoded != NULL)
		opentelemetry__proto__trace__v1__resource_spans__free_unpacked(decoded, NULL);
	resource_encode(&out, process, &rules);
	assert_false(out.failed);
	decoded = opentelemetry__proto__trace__v1__resource_spans__unpack(NULL, out.length, out.bytes);
	wire_buffer_free(&out);
	assert_non_null(decoded);
	for (size_t i = 0; i < decoded->resource->n_attributes; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(decoded->resource->attributes[i]->key,
						decoded->resource->attributes[j]->key);
	return string_of(decoded->resource->attributes, decoded->resource->n_attributes, key);
}

static int free_decoded(void **state)
{
	(void)state;
	if (decoded != NULL)
		opentelemetry__proto__trace__v1__resource_spans__free_unpacked(decoded, NULL);
	decoded = NULL;
	return 0;
}

static const struct {
	const char *what;
	const char *service_name;
	const char *attributes;
	const char *executable;
	const char *command;
	const char *expected;
} name_cases[] = {
	{"OTEL_SERVICE_NAME goes first", "shop", "service.name=other", "/usr/bin/python3", "python3", "shop"},
	{"then OTEL_RESOURCE_ATTRIBUTES", NULL, "service.name=my%20shop", "/usr/bin/python3", "python3", "my shop"},
	{"then the executable", NULL, NULL, "/usr/sbin/nginx", "nginx", "unknown_service:nginx"},
	{"an executable that was replaced", NULL, NULL, "/usr/sbin/nginx (deleted)", "nginx", "unknown_service:nginx"},
	{"without a path its command", NULL, NULL, NULL, "worker", "unknown_service:worker"},
	{"without anything", NULL, NULL, NULL, NULL, "unknown_service"},
	{"attributes that do not parse do not count", NULL, "service.name=a,b", "/x/y", NULL, "unknown_service:y"},
	{"an empty name is none", "", "service.name=", "/x/y", NULL, "unknown_service:y"},
	{"a name is cleaned", "sh\x1bop", NULL, NULL, NULL, "sh\xef\xbf\xbdop"},
};

static void the_service_name_is_found_in_the_order_of_the_specification(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(name_cases) / sizeof(name_cases[0]); i++) {
		const struct process process = {
			.pid = 5,
			.service_name = text(name_cases[i].service_name),
			.resource_attributes = text(name_cases[i].attributes),
			.executable = text(name_cases[i].executable),
			.command = text(name_cases[i].command),
		};
		const char *name = encoded_string(&process, false, "service.name");

		if (name == NULL || strcmp(name, name_cases[i].expected) != 0)
			fail_msg("%s: %s", name_cases[i].what, name == NULL ? "none" : name);
	}
}

static const struct process full_process = {
	.process_id = 9,
	.pid = 4711,
	.start_time_unix_ns = UINT64_C(1700558973853000000),
	.executable = {"/usr/bin/python3.11", 19},
	.command_line = {"python3\0app.py\0--token=x", 25},
	.container_id = {"0123abcd", 8},
	.pod_uid = {"275ecb36-5aa8-4c2a-9c47-d8bb681b9aff", 36},
	.resource_attributes = {"deployment.environment.name=prod,process.pid=1,container.id=fake,host.name=mine", 79},
};

static const struct {
	const char *key;
	const char *value;
} full_attributes[] = {
	{"process.creation.time", "2023-11-21T09:29:33.853Z"},
	{"process.executable.name", "python3.11"},
	{"process.executable.path", "/usr/bin/python3.11"},
	{"process.command_line", NULL},
	{"container.id", "0123abcd"},
	{"k8s.pod.uid", "275ecb36-5aa8-4c2a-9c47-d8bb681b9aff"},
	{"deployment.environment.name", "prod"},
	{"host.name", "mine"},
	{"host.id", "0123456789abcdef0123456789abcdef"},
	{"host.arch", "amd64"},
	{"os.type", "linux"},
	{"telemetry.sdk.name", "shmotel"},
	{"telemetry.sdk.language", "c"},
	{"telemetry.distro.name", "shmotel"},
};

static void a_resource_says_what_was_seen_and_what_the_process_says_of_itself(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(full_attributes) / sizeof(full_attributes[0]); i++) {
		const char *value = encoded_string(&full_process, false, full_attributes[i].key);

		if (full_attributes[i].value == NULL)
			assert_null(value);
		else
			assert_string_equal(value, full_attributes[i].value);
	}
	assert_int_equal(integer_of(decoded->resource->attributes, decoded->resource->n_attributes, "process.pid"),
			 4711);
}

static void the_command_line_is_opt_in(void **state)
{
	(void)state;
	assert_string_equal(encoded_string(&full_process, true, "process.command_line"), "python3 app.py --token=x");
}

static void the_instance_id_is_stable_and_differs_between_processes(void **state)
{
	struct process other = full_process;
	char first[64];

	(void)state;
	strcpy(first, encoded_string(&full_process, false, "service.instance.id"));
	assert_string_equal(encoded_string(&full_process, false, "service.instance.id"), first);
	other.start_time_unix_ns += 1234; /* as another sensor reckons it */
	assert_string_equal(encoded_string(&other, false, "service.instance.id"), first);
	other.process_id++;
	assert_string_not_equal(encoded_string(&other, false, "service.instance.id"), first);
	other = full_process;
	other.resource_attributes = text("service.instance.id=mine");
	assert_string_equal(encoded_string(&other, false, "service.instance.id"), "mine");
}

static void an_unknown_process_is_an_unknown_service_on_this_host(void **state)
{
	(void)state;
	assert_string_equal(encoded_string(NULL, false, "service.name"), "unknown_service");
	assert_string_equal(encoded_string(NULL, false, "host.name"), "node-1");
	assert_null(encoded_string(NULL, false, "service.instance.id"));
}

static void attributes_that_do_not_parse_are_counted(void **state)
{
	const struct process process = {.pid = 1, .resource_attributes = text("a")};
	uint64_t before = counters[COUNTER_RESOURCE_ATTRIBUTES_INVALID];

	(void)state;
	encoded_string(&process, false, "service.name");
	assert_int_equal(counters[COUNTER_RESOURCE_ATTRIBUTES_INVALID] - before, 1);
}

/* --- UUID --------------------------------------------------------------------------------------------------------- */

static void sha1_of_every_length_of_tail_is_right(void **state)
{
	/* FIPS 180-4's own examples: one block, two blocks, many. */
	static const uint8_t abc[20] = {0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e,
					0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d};
	static const uint8_t two[20] = {0x84, 0x98, 0x3e, 0x44, 0x1c, 0x3b, 0xd2, 0x6e, 0xba, 0xae,
					0x4a, 0xa1, 0xf9, 0x51, 0x29, 0xe5, 0xe5, 0x46, 0x70, 0xf1};
	static const uint8_t million[20] = {0x34, 0xaa, 0x97, 0x3c, 0xd4, 0xc4, 0xda, 0xa4, 0xf6, 0x1e,
					    0xeb, 0x2b, 0xdb, 0xad, 0x27, 0x31, 0x65, 0x34, 0x01, 0x6f};
	static char a[1000000];
	uint8_t digest[20];

	(void)state;
	uuid_sha1("abc", 3, digest);
	assert_memory_equal(digest, abc, sizeof(abc));
	uuid_sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, digest);
	assert_memory_equal(digest, two, sizeof(two));
	memset(a, 'a', sizeof(a));
	uuid_sha1(a, sizeof(a), digest);
	assert_memory_equal(digest, million, sizeof(million));
}

static void a_version_5_uuid_is_that_of_rfc_9562(void **state)
{
	static const uint8_t dns[16] = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
					0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
	char uuid[UUID_TEXT_LENGTH + 1];

	(void)state;
	uuid_v5_text(dns, SLICE_LITERAL("www.example.com"), uuid);
	assert_string_equal(uuid, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resource_attributes_parse_as_the_specification_says),
		cmocka_unit_test(more_attributes_or_text_than_the_limits_are_discarded),
		cmocka_unit_test_teardown(the_service_name_is_found_in_the_order_of_the_specification, free_decoded),
		cmocka_unit_test_teardown(a_resource_says_what_was_seen_and_what_the_process_says_of_itself,
					  free_decoded),
		cmocka_unit_test_teardown(the_command_line_is_opt_in, free_decoded),
		cmocka_unit_test_teardown(the_instance_id_is_stable_and_differs_between_processes, free_decoded),
		cmocka_unit_test_teardown(an_unknown_process_is_an_unknown_service_on_this_host, free_decoded),
		cmocka_unit_test_teardown(attributes_that_do_not_parse_are_counted, free_decoded),
		cmocka_unit_test(sha1_of_every_length_of_tail_is_right),
		cmocka_unit_test(a_version_5_uuid_is_that_of_rfc_9562),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
