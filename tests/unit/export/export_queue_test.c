/* The queue keeps its order and its two bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "export/export_queue.h"

static struct otlp_request *request_of(size_t length)
{
	struct otlp_request *request = otlp_request_create(OTLP_TRACES, length);

	assert_non_null(request);
	return request;
}

/* Push and keep no reference. */
static bool push(struct export_queue *queue, size_t length)
{
	struct otlp_request *request = request_of(length);
	const bool taken = export_queue_push(queue, request);

	assert_int_equal(request->references, taken ? 2 : 1);
	otlp_request_release(request);
	return taken;
}

static size_t pop(struct export_queue *queue)
{
	struct otlp_request *request = export_queue_pop(queue);
	size_t length;

	assert_non_null(request);
	assert_int_equal(request->references, 1);
	length = request->length;
	otlp_request_release(request);
	return length;
}

static void first_in_is_first_out_across_the_end_of_the_ring(void **state)
{
	struct export_queue queue;

	(void)state;
	assert_int_equal(export_queue_init(&queue, 3, 0, 1000), 0);
	for (size_t i = 0; i < 20; i += 2) {
		assert_true(push(&queue, i));
		assert_true(push(&queue, i + 1));
		assert_int_equal(pop(&queue), i);
		assert_int_equal(pop(&queue), i + 1);
	}
	assert_null(export_queue_pop(&queue));
	export_queue_free(&queue);
}

static void a_request_too_many_is_not_taken_and_the_old_ones_stay(void **state)
{
	struct export_queue queue;

	(void)state;
	assert_int_equal(export_queue_init(&queue, 2, 0, 1000), 0);
	assert_true(push(&queue, 1));
	assert_true(push(&queue, 2));
	assert_false(push(&queue, 3));
	assert_int_equal(pop(&queue), 1);
	assert_true(push(&queue, 4));
	assert_int_equal(pop(&queue), 2);
	assert_int_equal(pop(&queue), 4);
	export_queue_free(&queue);
}

static void bytes_are_bounded_exactly_and_given_back(void **state)
{
	struct export_queue queue;

	(void)state;
	assert_int_equal(export_queue_init(&queue, 10, 0, 100), 0);
	assert_true(push(&queue, 60));
	assert_false(push(&queue, 41));
	assert_true(push(&queue, 40));
	assert_false(push(&queue, 1));
	assert_true(push(&queue, 0));
	assert_int_equal(pop(&queue), 60);
	assert_int_equal(queue.bytes, 40);
	assert_true(push(&queue, 60));
	while (queue.count > 0)
		pop(&queue);
	assert_int_equal(queue.bytes, 0);
	export_queue_free(&queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_in_is_first_out_across_the_end_of_the_ring),
		cmocka_unit_test(a_request_too_many_is_not_taken_and_the_old_ones_stay),
		cmocka_unit_test(bytes_are_bounded_exactly_and_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
