/* Clients that send requests before they have the answers to earlier ones, more of both than the capture budget shows:
 * in each protocol that answers in order, no request may be given another one's answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/random.h"
#include "support/record_feed.h"

enum { REQUESTS = 40, BUDGET_BYTES = 4096, SEEDS = 300, LONG_BYTES = 9000, MESSAGE_BYTES = LONG_BYTES + 512 };

/* ---- the protocols: request n bears n, and so does its answer ---- */

struct message {
	size_t length;
	char bytes[MESSAGE_BYTES];
};

__attribute__((format(printf, 2, 3))) static void add(struct message *message, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int n = vsnprintf(message->bytes + message->length, MESSAGE_BYTES - message->length, format, arguments);

	va_end(arguments);
	assert_in_range(n, 0, MESSAGE_BYTES - message->length - 1);
	message->length += (size_t)n;
}

/* Bytes that are no text of any protocol here. */
static void fill(struct message *message, size_t length)
{
	assert_in_range(length, 0, MESSAGE_BYTES - message->length);
	memset(message->bytes + message->length, '0', length);
	message->length += length;
}

static size_t request_fill(unsigned n)
{
	return 60 + n * 7 % 90;
}

static size_t answer_fill(unsigned n)
{
	return n % 2 == 0 ? 150 : LONG_BYTES;
}

static void http_request(struct message *to, unsigned n)
{
	add(to, "GET /%02u/ HTTP/1.1\r\nHost: test\r\nX-Fill: ", n);
	fill(to, request_fill(n));
	add(to, "\r\n\r\n");
}

static void http_answer(struct message *to, unsigned n)
{
	add(to, "HTTP/1.1 %u Status\r\nContent-Length: %zu\r\n\r\n", 400 + n, answer_fill(n));
	fill(to, answer_fill(n));
}

static bool http_pair(const char *line, unsigned *request, unsigned *answer)
{
	const char *status = strstr(line, " 1.1 ");

	assert_non_null(status);
	*answer = (unsigned)atoi(status + strlen(" 1.1 ")) - 400;
	return strstr(line, "response-unseen") == NULL && sscanf(line, "%*s GET /%2u/", request) == 1;
}

static void redis_request(struct message *to, unsigned n)
{
	add(to, "*3\r\n$3\r\nSET\r\n$2\r\n%02u\r\n$%zu\r\n", n, request_fill(n));
	fill(to, request_fill(n));
	add(to, "\r\n");
}

static void redis_answer(struct message *to, unsigned n)
{
	add(to, "-E%c%c ", 'A' + n / 26, 'A' + n % 26);
	fill(to, answer_fill(n));
	add(to, "\r\n");
}

static bool redis_pair(const char *line, unsigned *request, unsigned *answer)
{
	const char *text = strstr(line, "text=SET "), *code = strstr(line, "code=E");

	if (code == NULL || text == NULL || sscanf(text, "text=SET %2u ", request) != 1)
		return false;
	*answer = (unsigned)(code[6] - 'A') * 26 + (unsigned)(code[7] - 'A');
	return true;
}

static void postgresql_add(struct message *to, char type, const char *body, size_t length)
{
	const unsigned n = (unsigned)length + 4;

	add(to, "%c", type);
	for (int shift = 24; shift >= 0; shift -= 8)
		to->bytes[to->length++] = (char)(n >> shift);
	assert_in_range(length, 0, MESSAGE_BYTES - to->length);
	memcpy(to->bytes + to->length, body, length);
	to->length += length;
}

static void postgresql_request(struct message *to, unsigned n)
{
	char text[256];

	postgresql_add(to, 'Q', text,
		       (size_t)snprintf(text, sizeof(text), "k%02u %0*u", n, (int)request_fill(n), 0) + 1);
}

/* The SQLSTATE is the number. */
static void postgresql_answer(struct message *to, unsigned n)
{
	static char body[LONG_BYTES + 64];
	size_t length = (size_t)snprintf(body, sizeof(body), "SERROR%cVERROR%cC%05u%cM%0*u", 0, 0, n, 0,
					 (int)answer_fill(n), 0);

	body[length + 1] = '\0';
	postgresql_add(to, 'E', body, length + 2);
	postgresql_add(to, 'Z', "I", 1);
}

static bool postgresql_pair(const char *line, unsigned *request, unsigned *answer)
{
	const char *text = strstr(line, "text=k"), *code = strstr(line, "code=");

	return code != NULL && text != NULL && sscanf(text, "text=k%2u ", request) == 1 &&
	       sscanf(code, "code=%u", answer) == 1;
}

static void postgresql_login(struct feed *feed, int from_client)
{
	static const char startup[] = "\0\0\0\x11\0\3\0\0user\0me\0";
	static const char ready[] = "R\0\0\0\x08\0\0\0\0Z\0\0\0\5I";

	feed_bytes(feed, from_client, startup, sizeof(startup));
	feed_bytes(feed, !from_client, ready, sizeof(ready) - 1);
}

static const struct protocol_case {
	const char *name;
	void (*login)(struct feed *feed, int from_client); /* NULL: there is none */
	void (*request)(struct message *to, unsigned n);
	void (*answer)(struct message *to, unsigned n);
	/* What an exchange in the log says: false if it is reported without an answer, or cut short of its number. */
	bool (*pair)(const char *line, unsigned *request, unsigned *answer);
} cases[] = {
	{"http/1", NULL, http_request, http_answer, http_pair},
	{"redis", NULL, redis_request, redis_answer, redis_pair},
	{"postgresql", postgresql_login, postgresql_request, postgresql_answer, postgresql_pair},
};

/* ---- what the kernel side shows: the first bytes of each turn, and how many others there were when it is over ---- */

struct budget {
	struct feed *feed;
	int direction;
	size_t shown;
	uint64_t counted;
};

static void budget_send(struct budget *budget, int direction, const char *bytes, size_t length)
{
	if (direction != budget->direction) {
		if (budget->counted > 0)
			feed_cut(budget->feed, budget->direction, "", 0, budget->counted);
		*budget = (struct budget){budget->feed, direction, 0, 0};
	}
	const size_t left = BUDGET_BYTES - budget->shown, seen = length < left ? length : left;

	if (seen > 0)
		feed_cut(budget->feed, direction, bytes, seen, length);
	else
		budget->counted += length;
	budget->shown += seen;
}

/* ---- the client does not wait ---- */

struct conversation {
	char requests[REQUESTS * 512];
	size_t ends[REQUESTS], length;
};

static void write_requests(struct conversation *c, const struct protocol_case *protocol)
{
	static struct message message;

	c->length = 0;
	for (unsigned n = 0; n < REQUESTS; n++) {
		message.length = 0;
		protocol->request(&message, n);
		assert_in_range(message.length, 0, sizeof(c->requests) - c->length);
		memcpy(c->requests + c->length, message.bytes, message.length);
		c->ends[n] = c->length += message.length;
	}
}

static void converse(struct feed *feed, const struct protocol_case *protocol, uint8_t role, struct random *random)
{
	static struct conversation c;
	static struct message answer;
	const int from_client = role == SHM_ROLE_CLIENT ? FEED_SENT : FEED_RECEIVED;
	struct budget budget = {.feed = feed, .direction = -1};
	size_t sent = 0;

	write_requests(&c, protocol);
	feed_connection(feed, role, 0);
	if (protocol->login != NULL)
		protocol->login(feed, from_client);
	for (unsigned answered = 0; answered < REQUESTS;) {
		const size_t part = 1 + random_below(random, 3000), left = c.length - sent;

		if (left > 0 && (sent < c.ends[answered] || random_below(random, 3) == 0)) {
			budget_send(&budget, from_client, c.requests + sent, part < left ? part : left);
			sent += part < left ? part : left;
			continue;
		}
		answer.length = 0;
		protocol->answer(&answer, answered++);
		const size_t first = 1 + random_below(random, (uint32_t)answer.length);

		budget_send(&budget, !from_client, answer.bytes, first);
		if (first < answer.length)
			budget_send(&budget, !from_client, answer.bytes + first, answer.length - first);
	}
	feed_close(feed, SHM_CLOSE_NORMAL);
}

/* Returns how many requests were given an answer. */
static unsigned check_pairs(const struct protocol_case *protocol, char *log, unsigned seed)
{
	unsigned paired = 0, request, answer;

	for (char *line = strtok(log, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		if (!protocol->pair(line, &request, &answer))
			continue;
		if (request != answer)
			fail_msg("%s, seed %u: the answer to %u in: %s", protocol->name, seed, answer, line);
		paired++;
	}
	return paired;
}

static void no_request_is_given_another_ones_answer(void **state)
{
	struct feed *feed = feed_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned paired = 0;

		for (unsigned seed = 0; seed < SEEDS; seed++) {
			struct random random = {seed};

			feed_clear_log(feed);
			converse(feed, &cases[i], seed % 2 ? SHM_ROLE_CLIENT : SHM_ROLE_SERVER, &random);
			if (feed->exchanges == 0 || feed->exchanges > REQUESTS)
				fail_msg("%s, seed %u: %u exchanges", cases[i].name, seed, feed->exchanges);
			paired += check_pairs(&cases[i], feed->log, seed);
		}
		assert_in_range(paired, SEEDS, SEEDS * REQUESTS);
	}
	feed_destroy(feed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_request_is_given_another_ones_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
