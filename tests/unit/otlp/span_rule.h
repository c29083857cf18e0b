/* What the tests of the conventions share: a span made from an exchange, and tables of rules about it. */
#ifndef TESTS_OTLP_SPAN_RULE_H
#define TESTS_OTLP_SPAN_RULE_H

#include <inttypes.h>

#include "exchange_fixture.h"
#include "otlp/span_from_exchange.h"

static struct random_ids ids;
static struct span span;
static struct span_rules rules;

static inline int seed(void **state)
{
	(void)state;
	span_rules_defaults(&rules);
	return random_ids_seed(&ids);
}

static inline void make(const struct exchange *exchange)
{
	span_from_exchange(&span, exchange, &rules, &ids, 0);
}

static inline const struct attribute *find(const char *key)
{
	const struct attribute *found = NULL;

	for (uint32_t i = 0; i < span.attribute_count; i++) {
		if (!slice_equal(attribute_key_text(span.attributes[i].name), (struct slice){key, strlen(key)}))
			continue;
		assert_null(found); /* keys are unique */
		found = &span.attributes[i];
	}
	return found;
}

/* The value as text; "-" if there is none. "name", "status" and "description" are the span's own. */
static inline const char *value(const char *key)
{
	static char text[8192];
	const struct attribute *a = find(key);

	if (strcmp(key, "status") == 0)
		return span.status == SPAN_STATUS_ERROR ? "Error" : "Unset";
	if (strcmp(key, "name") == 0 || strcmp(key, "description") == 0) {
		struct slice own = key[0] == 'n' ? span.name : span.status_message;

		snprintf(text, sizeof(text), "%.*s", (int)own.length, own.bytes == NULL ? "-" : own.bytes);
		return own.bytes == NULL ? "-" : text;
	}
	if (a == NULL)
		return "-";
	if (a->is_integer)
		snprintf(text, sizeof(text), "%" PRId64, a->integer);
	else
		snprintf(text, sizeof(text), "%.*s", (int)a->text.length, a->text.bytes);
	return text;
}

/* One rule: change the fixture, then look at attributes: {key, value, key, value, ...}. */
struct rule {
	const char *what;
	enum exchange_role role;
	void (*change)(struct exchange *exchange);
	const char *expected[17];
};

#define SET(name, ...)                                                                                                 \
	static void name(struct exchange *e)                                                                           \
	{                                                                                                              \
		__VA_ARGS__;                                                                                           \
	}
#define S SLICE_LITERAL
#define SERVER EXCHANGE_SERVER
#define CLIENT EXCHANGE_CLIENT

static const struct exchange_endpoints unix_ends = {
	.network = EXCHANGE_NETWORK_UNIX,
	.unix_path = SLICE_LITERAL("/run/app.sock"),
};

static inline void check_rules(const struct rule *table, size_t count,
			       struct exchange (*fixture)(enum exchange_role role, const struct process *process))
{
	for (size_t i = 0; i < count; i++) {
		const struct rule *rule = &table[i];
		struct exchange exchange = fixture(rule->role, NULL);

		rule->change(&exchange);
		make(&exchange);
		for (size_t j = 0; rule->expected[j] != NULL; j += 2)
			if (strcmp(value(rule->expected[j]), rule->expected[j + 1]) != 0)
				fail_msg("%s: %s is \"%s\", not \"%s\"", rule->what, rule->expected[j],
					 value(rule->expected[j]), rule->expected[j + 1]);
	}
}

#endif
