/* Every exporter gets every request; all have to be idle before the whole is. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "export/fan_out.h"

struct recorder {
	struct exporter base;
	int submitted;
	uint64_t drained_ns;
	bool idle;
	bool destroyed;
};

static void recorder_submit(struct exporter *self, struct otlp_request *request)
{
	(void)request;
	((struct recorder *)self)->submitted++;
}

static bool recorder_idle(const struct exporter *self)
{
	return ((const struct recorder *)self)->idle;
}

static void recorder_drain(struct exporter *self, uint64_t deadline_ns)
{
	((struct recorder *)self)->drained_ns = deadline_ns;
}

static void recorder_destroy(struct exporter *self)
{
	((struct recorder *)self)->destroyed = true;
}

static const struct exporter_type recorder_type = {"recorder", recorder_submit, recorder_idle, recorder_drain,
						   NULL, recorder_destroy};

static void every_exporter_gets_everything(void **state)
{
	struct recorder a = {.base.type = &recorder_type}, b = {.base.type = &recorder_type};
	struct otlp_request *request = otlp_request_create(OTLP_TRACES, 1);
	struct fan_out fan_out = {0};
	struct otlp_request_sink sink = fan_out_sink(&fan_out);

	(void)state;
	assert_true(fan_out_idle(&fan_out));
	sink.submit(sink.context, request);
	assert_int_equal(fan_out_add(&fan_out, &a.base, EXPORT_SIGNALS_ALL), 0);
	assert_int_equal(fan_out_add(&fan_out, &b.base, EXPORT_SIGNALS_ALL), 0);
	sink.submit(sink.context, request);
	assert_int_equal(a.submitted, 1);
	assert_int_equal(b.submitted, 1);
	assert_false(fan_out_idle(&fan_out));
	a.idle = true;
	assert_false(fan_out_idle(&fan_out));
	b.idle = true;
	assert_true(fan_out_idle(&fan_out));
	fan_out_drain(&fan_out, 7);
	assert_int_equal(a.drained_ns, 7);
	assert_int_equal(b.drained_ns, 7);
	fan_out_destroy(&fan_out);
	assert_true(a.destroyed && b.destroyed);
	otlp_request_release(request);
}

static void one_exporter_too_many_is_refused(void **state)
{
	struct recorder recorders[FAN_OUT_EXPORTERS_MAX + 1];
	struct fan_out fan_out = {0};

	(void)state;
	for (int i = 0; i <= FAN_OUT_EXPORTERS_MAX; i++)
		assert_int_equal(fan_out_add(&fan_out, &recorders[i].base, EXPORT_SIGNALS_ALL),
				 i < FAN_OUT_EXPORTERS_MAX ? 0 : -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_exporter_gets_everything),
		cmocka_unit_test(one_exporter_too_many_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
