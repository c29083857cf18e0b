/* What servers say about a call: statuses, RetryInfo, partial success, texts. Every prefix of what is well-formed is
 * tried at the end of a page that is followed by one that must not be touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "export/export_response.h"
#include "export/grpc_retry_info.h"
#include "exchanges/grpc_status.h"
#include "export/server_text.h"

static uint8_t *page_end; /* length bytes before it are readable, none after */

static int map_guard(void **state)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *pages = mmap(NULL, 5 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	if (pages == MAP_FAILED || mprotect(pages + 4 * page, page, PROT_NONE) != 0)
		return -1;
	page_end = pages + 4 * page;
	return 0;
}

static const uint8_t *at_page_end(const void *bytes, size_t length)
{
	return memcpy(page_end - length, bytes, length);
}

static bool retry_info(const char *text, uint64_t *delay_ns)
{
	return grpc_retry_info_decode(delay_ns, at_page_end(text, strlen(text)), strlen(text));
}

/* Status{code: 8, details: Any{RetryInfo{retry_delay: {seconds: 2, nanos: 500000000}}}} */
static const char two_and_a_half_seconds[] =
	"CAgaNgoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbxIKCggIAhCAyrXuAQ==";

static void retry_info_is_found_with_and_without_padding(void **state)
{
	char unpadded[sizeof(two_and_a_half_seconds)];
	uint64_t delay_ns = 0;

	(void)state;
	assert_true(retry_info(two_and_a_half_seconds, &delay_ns));
	assert_int_equal(delay_ns, 2500000000);
	strcpy(unpadded, two_and_a_half_seconds);
	unpadded[strcspn(unpadded, "=")] = '\0';
	delay_ns = 0;
	assert_true(retry_info(unpadded, &delay_ns));
	assert_int_equal(delay_ns, 2500000000);
}

static void a_delay_is_never_negative_and_never_over_an_hour(void **state)
{
	static const struct {
		const char *text;
		uint64_t delay_ns;
	} rows[] = {
		/* seconds: 9223372036854775807 */
		{"GjgKKHR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5SZXRyeUluZm8SDAoKCP//////////fw",
		 GRPC_RETRY_DELAY_MAX_NS},
		/* seconds: -1 */
		{"GjkKKHR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5SZXRyeUluZm8SDQoLCP///////////wE", 0},
		/* no retry_delay */
		{"GiwKKHR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5SZXRyeUluZm8SAA", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t delay_ns = 1;

		assert_true(retry_info(rows[i].text, &delay_ns));
		assert_int_equal(delay_ns, rows[i].delay_ns);
	}
}

static void what_is_not_retry_info_is_none(void **state)
{
	static const char *const texts[] = {
		"",
		"=",
		"====",
		"A",
		"!!!!",
		"CAg",
		"GgA",
		"////////",
		"CAgaNg=",
		/* another type: google.rpc.RetryInfa */
		"CAgaNgoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mYRIKCggIAhCAyrXuAQ==",
	};
	uint64_t delay_ns;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(retry_info(texts[i], &delay_ns));
}

static void no_prefix_of_retry_info_reads_too_far(void **state)
{
	uint64_t delay_ns;

	(void)state;
	for (size_t n = 0; n < strlen(two_and_a_half_seconds) - 2; n++)
		assert_false(grpc_retry_info_decode(&delay_ns, at_page_end(two_and_a_half_seconds, n), n));
}

/* Details of the given length: a field of NULs, whose head is `head` in base64, before the RetryInfo. */
static bool long_retry_info(const char *head, size_t length)
{
	char text[GRPC_STATUS_DETAILS_MAX_BYTES + 8];
	uint64_t delay_ns;

	memset(text, 'A', sizeof(text));
	memcpy(text, head, 4);
	memcpy(text + length - strlen(two_and_a_half_seconds), two_and_a_half_seconds, sizeof(two_and_a_half_seconds));
	return retry_info(text, &delay_ns);
}

static void details_at_the_limit_are_read_and_over_it_are_not(void **state)
{
	(void)state;
	assert_true(long_retry_info("EsEv", GRPC_STATUS_DETAILS_MAX_BYTES));
	assert_false(long_retry_info("EsQv", GRPC_STATUS_DETAILS_MAX_BYTES + 4));
}

static void any_bytes_are_survived(void **state)
{
	uint8_t bytes[256];
	struct export_response response;
	uint64_t delay_ns;
	uint32_t x = 12345;
	char text[64];

	(void)state;
	for (int round = 0; round < 200000; round++) {
		size_t length = 0;

		do {
			x = x * 1664525 + 1013904223;
			bytes[length++] = (uint8_t)((x >> 24) % ((round & 1) ? 256 : 32));
		} while (length < sizeof(bytes) && (x >> 8 & 31) != 0);
		at_page_end(bytes, length);
		(void)!export_response_read(&response, page_end - length, length);
		(void)grpc_retry_info_decode(&delay_ns, page_end - length, length);
		server_text_decode(text, sizeof(text), page_end - length, length, true);
	}
}

static void partial_success_is_read(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		bool well_formed;
		uint64_t rejected;
		size_t reason_length;
	} rows[] = {
		{"", 0, true, 0, 0},
		{"\x0a\x00", 2, true, 0, 0},
		{"\x0a\x02\x08\x05", 4, true, 5, 0},
		{"\x0a\x06\x08\x05\x12\x02no", 8, true, 5, 2},
		{"\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13, true, 0, 0}, /* -1 */
		{"\x12\x01x\x0a\x02\x08\x05\x19"
		 "12345678\x25"
		 "1234\x28\x01",
		 23, true, 5, 0}, /* fields of a later version */
		{"\x0a", 1, false, 0, 0},
		{"\x0a\x03\x08\x05", 4, false, 0, 0},
		{"\x0a\x01\x08", 3, false, 0, 0},
		{"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, false, 0, 0},
		{"\x0b\x0c", 2, false, 0, 0}, /* a group */
		{"\x00\x00", 2, false, 0, 0}, /* field 0 */
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11, false, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct export_response response;

		assert_int_equal(
			export_response_read(&response, at_page_end(rows[i].bytes, rows[i].length), rows[i].length),
			rows[i].well_formed);
		if (!rows[i].well_formed)
			continue;
		assert_int_equal(response.rejected, rows[i].rejected);
		assert_int_equal(response.reason_length, rows[i].reason_length);
	}
}

static void texts_are_decoded_cut_and_made_printable(void **state)
{
	static const struct {
		const char *in;
		bool percent;
		const char *out;
	} rows[] = {
		{"plain", true, "plain"},
		{"too%20big%21", true, "too big!"},
		{"100%", true, "100%"},
		{"%4", true, "%4"},
		{"%zz%4g", true, "%zz%4g"},
		{"a%0Ab%00c", true, "a?b?c"},
		{"a%0Ab", false, "a%0Ab"},
		{"a\nb\x7f", false, "a?b?"},
		{"%C3%A9", true, "\xc3\xa9"},
		{"\xc2\x9b"
		 "31m",
		 false, "\xc2?31m"}, /* CSI, as C1 */
		{"0123456789abcdefghij", true, "0123456789abcde"},
	};
	char out[16];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const size_t length = strlen(rows[i].in);

		server_text_decode(out, sizeof(out), at_page_end(rows[i].in, length), length, rows[i].percent);
		assert_string_equal(out, rows[i].out);
	}
}

static void statuses_are_retryable_as_otlp_says(void **state)
{
	static const bool retryable[] = {
		[GRPC_CANCELLED] = true,	[GRPC_DEADLINE_EXCEEDED] = true, [GRPC_ABORTED] = true,
		[GRPC_OUT_OF_RANGE] = true,	[GRPC_UNAVAILABLE] = true,	 [GRPC_DATA_LOSS] = true,
		[GRPC_UNAUTHENTICATED] = false,
	};

	(void)state;
	for (int status = GRPC_CANCELLED; status <= GRPC_UNAUTHENTICATED; status++) {
		assert_int_equal(grpc_status_retryable((enum grpc_status)status, false), retryable[status]);
		assert_int_equal(grpc_status_retryable((enum grpc_status)status, true),
				 retryable[status] || status == GRPC_RESOURCE_EXHAUSTED);
		assert_true(strlen(grpc_status_name((enum grpc_status)status)) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(retry_info_is_found_with_and_without_padding),
		cmocka_unit_test(a_delay_is_never_negative_and_never_over_an_hour),
		cmocka_unit_test(what_is_not_retry_info_is_none),
		cmocka_unit_test(no_prefix_of_retry_info_reads_too_far),
		cmocka_unit_test(details_at_the_limit_are_read_and_over_it_are_not),
		cmocka_unit_test(any_bytes_are_survived),
		cmocka_unit_test(partial_success_is_read),
		cmocka_unit_test(texts_are_decoded_cut_and_made_printable),
		cmocka_unit_test(statuses_are_retryable_as_otlp_says),
	};

	return cmocka_run_group_tests(tests, map_guard, NULL);
}
