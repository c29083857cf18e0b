/* The filters of the configuration: which process passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "watch_list.h"

#define LIST(...) {(const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)}

struct example {
	const char *name;
	struct watch_list list;
	const char *executable;
	const char *cgroup;
	enum verdict verdict;
};

static const struct example examples[] = {
	{"without filters a process passes", {.watch_collectors = true}, "/usr/bin/otelcol", "/", VERDICT_WATCH},
	{"by default a server passes", {.watch_collectors = false}, "/usr/sbin/nginx", "/", VERDICT_WATCH},
	{"by default the Collector does not", {.watch_collectors = false}, "/usr/bin/otelcol-contrib", "/",
	 VERDICT_IGNORE},
	{"by default Alloy does not", {.watch_collectors = false}, "/bin/alloy", "/", VERDICT_IGNORE},
	{"by default the pair does not", {.watch_collectors = false}, "/usr/bin/shmotel-receiver", "/", VERDICT_IGNORE},
	{"a name that only contains a Collector's passes", {.watch_collectors = false}, "/usr/bin/my-otelcol", "/",
	 VERDICT_WATCH},
	{"a process known by its bare name is judged by it", {.watch_collectors = false}, "alloy", "", VERDICT_IGNORE},
	{"an include list names the base name", {.include_executables = LIST("nginx", "python3*")},
	 "/usr/bin/python3.11", "/", VERDICT_WATCH},
	{"an include list names the path", {.include_executables = LIST("/opt/*")}, "/opt/shop/bin/api", "/",
	 VERDICT_WATCH},
	{"what no include pattern matches is ignored", {.include_executables = LIST("nginx", "python3*")},
	 "/usr/bin/node", "/", VERDICT_IGNORE},
	{"exclude wins over include",
	 {.include_executables = LIST("/opt/*"), .exclude_executables = LIST("*/secret")}, "/opt/a/secret", "/",
	 VERDICT_IGNORE},
	{"an include list does not bring a Collector back", {.include_executables = LIST("*")}, "/usr/bin/otelcol", "/",
	 VERDICT_IGNORE},
	{"cgroups include", {.include_cgroups = LIST("/system.slice/*")}, "/usr/bin/x", "/system.slice/x.service",
	 VERDICT_WATCH},
	{"cgroups do not include", {.include_cgroups = LIST("/system.slice/*")}, "/usr/bin/x", "/user.slice",
	 VERDICT_IGNORE},
	{"cgroups exclude", {.exclude_cgroups = LIST("*kubepods*")}, "/usr/bin/x", "/kubepods/pod1", VERDICT_IGNORE},
	{"executable and cgroup lists both have to pass",
	 {.include_executables = LIST("nginx"), .include_cgroups = LIST("/a")}, "/usr/sbin/nginx", "/b",
	 VERDICT_IGNORE},
	{"an unknown executable passes no include list", {.include_executables = LIST("*")}, "", "/", VERDICT_IGNORE},
	{"an unknown executable is excluded by no pattern", {.exclude_executables = LIST("*")}, "", "/", VERDICT_WATCH},
};

static void each_filter_decides_as_documented(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const struct example *e = &examples[i];

		print_message("%s\n", e->name);
		assert_int_equal(watch_list_decide(&e->list,
						   (struct shm_string){e->executable, strlen(e->executable)},
						   (struct shm_string){e->cgroup, strlen(e->cgroup)}),
				 e->verdict);
	}
}

static void strings_of_any_length_are_judged_by_what_fits(void **state)
{
	(void)state;
	const struct watch_list list = {.include_executables = LIST("/aaa*a")};
	static char path[8 * SHM_EXECUTABLE_BYTES_MAX];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	for (size_t length = 5; length <= sizeof(path); length *= 2)
		assert_int_equal(watch_list_decide(&list, (struct shm_string){path, length}, (struct shm_string){0}),
				 VERDICT_WATCH);
}

static void only_a_list_that_can_exclude_needs_verdicts(void **state)
{
	(void)state;
	const struct watch_list nothing = {.watch_collectors = true};
	const struct watch_list defaults = {.watch_collectors = false};
	const struct watch_list cgroups = {.watch_collectors = true, .exclude_cgroups = LIST("/a")};

	assert_false(watch_list_filters(&nothing));
	assert_true(watch_list_filters(&defaults));
	assert_true(watch_list_filters(&cgroups));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_filter_decides_as_documented),
		cmocka_unit_test(strings_of_any_length_are_judged_by_what_fits),
		cmocka_unit_test(only_a_list_that_can_exclude_needs_verdicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
