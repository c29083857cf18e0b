/* Write PostgreSQL's messages. */
#include "support/postgresql_talk.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES_MAX = 32768, VALUE_BYTES = 3 };

static void add_bytes(struct postgresql_talk *talk, const void *bytes, size_t length)
{
	if (length > sizeof(talk->bytes) - talk->length)
		abort();
	memcpy(talk->bytes + talk->length, bytes, length);
	talk->length += length;
}

static void add_uint32(struct postgresql_talk *talk, uint32_t value)
{
	value = htonl(value);
	add_bytes(talk, &value, sizeof(value));
}

static void add_uint16(struct postgresql_talk *talk, unsigned value)
{
	uint16_t wire = htons((uint16_t)value);

	add_bytes(talk, &wire, sizeof(wire));
}

static void add_string(struct postgresql_talk *talk, const char *text)
{
	add_bytes(talk, text, strlen(text) + 1);
}

/* The next word of a line; "-" is an empty one. */
static const char *take_word(char **line)
{
	char *word = *line;

	*line += strcspn(word, " ");
	if (**line == ' ')
		*(*line)++ = '\0';
	return strcmp(word, "-") == 0 ? "" : word;
}

static unsigned take_number(char **line)
{
	return (unsigned)strtoul(take_word(line), NULL, 10);
}

static void add_values(struct postgresql_talk *talk, unsigned count)
{
	add_uint16(talk, count);
	for (unsigned i = 0; i < count; i++) {
		add_uint32(talk, i == 1 ? UINT32_MAX : VALUE_BYTES); /* the second one is NULL */
		if (i != 1)
			add_bytes(talk, "\0Z\n", VALUE_BYTES);
	}
}

static void add_columns(struct postgresql_talk *talk, unsigned count)
{
	static const char description[18];

	add_uint16(talk, count);
	for (unsigned i = 0; i < count; i++) {
		add_string(talk, "column");
		add_bytes(talk, description, sizeof(description));
	}
}

static void add_client_body(struct postgresql_talk *talk, char type, char *line)
{
	switch (type) {
	case 'Q':
	case 'f':
	case 'p':
		add_string(talk, line);
		break;
	case 'd':
		add_bytes(talk, line, strlen(line));
		break;
	case 'P':
		add_string(talk, take_word(&line));
		add_string(talk, line);
		add_uint16(talk, 1);
		add_uint32(talk, 23);
		break;
	case 'B':
		add_string(talk, take_word(&line));
		add_string(talk, take_word(&line));
		add_uint16(talk, 0);
		add_values(talk, take_number(&line));
		add_uint16(talk, 1);
		add_uint16(talk, 1);
		break;
	case 'D':
	case 'C':
		add_bytes(talk, take_word(&line), 1);
		add_string(talk, take_word(&line));
		break;
	case 'E':
		add_string(talk, take_word(&line));
		add_uint32(talk, take_number(&line));
		break;
	case 'F':
		add_uint32(talk, take_number(&line));
		add_uint16(talk, 0);
		add_values(talk, 1);
		add_uint16(talk, 0);
		break;
	case 'H':
	case 'S':
	case 'X':
	case 'c':
		break;
	default:
		abort();
	}
}

static void add_error(struct postgresql_talk *talk, char *line)
{
	const char *code = take_word(&line);
	const char *severity = *line == '\0' ? "ERROR" : line;

	add_bytes(talk, "S", 1);
	add_string(talk, severity);
	add_bytes(talk, "V", 1);
	add_string(talk, severity);
	add_bytes(talk, "C", 1);
	add_string(talk, code);
	add_bytes(talk, "M", 1);
	add_string(talk, "C42601 is not the code");
	add_bytes(talk, "", 1);
}

static void add_server_body(struct postgresql_talk *talk, char type, char *line)
{
	switch (type) {
	case 'R':
		add_uint32(talk, take_number(&line));
		break;
	case 'K':
		add_bytes(talk, "\0\0\1\2\3\4\5\6", 8);
		break;
	case 'v':
		add_uint32(talk, 0);
		add_uint32(talk, 0);
		break;
	case 'Z':
	case 'd':
		add_bytes(talk, line, strlen(line));
		break;
	case 't':
		for (unsigned n = take_number(&line), i = 0; i <= n; i++)
			i == 0 ? add_uint16(talk, n) : add_uint32(talk, 23);
		break;
	case 'T':
		add_columns(talk, take_number(&line));
		break;
	case 'D':
		add_values(talk, take_number(&line));
		break;
	case 'C':
		add_string(talk, line);
		break;
	case 'E':
	case 'N':
		add_error(talk, line);
		break;
	case 'A':
		add_uint32(talk, 77);
		add_string(talk, line);
		add_string(talk, "payload");
		break;
	case 'S':
		*strchr(line, '=') = '\0';
		add_string(talk, line);
		add_string(talk, line + strlen(line) + 1);
		break;
	case 'G':
	case 'H':
	case 'W':
		add_bytes(talk, "", 1);
		for (unsigned n = take_number(&line), i = 0; i <= n; i++)
			add_uint16(talk, i == 0 ? n : 0);
		break;
	case 'V':
		add_uint32(talk, (uint32_t)strlen(line));
		add_bytes(talk, line, strlen(line));
		break;
	case '1':
	case '2':
	case '3':
	case 'n':
	case 's':
	case 'I':
	case 'c':
		break;
	default:
		abort();
	}
}

static void add_startup(struct postgresql_talk *talk, char *line)
{
	add_uint32(talk, 3 << 16);
	while (*line != '\0')
		add_string(talk, take_word(&line));
	add_string(talk, "");
}

/* Messages without a type. False if it is none. */
static bool add_untyped(struct postgresql_talk *talk, char *line)
{
	size_t start = talk->length;

	if (strncmp(line, "answer ", 7) == 0) {
		add_bytes(talk, line + 7, 1);
		return true;
	}
	add_uint32(talk, 0);
	if (strncmp(line, "startup ", 8) == 0) {
		add_startup(talk, line + 8);
	} else if (strcmp(line, "ssl") == 0) {
		add_uint32(talk, 80877103);
	} else if (strcmp(line, "gss") == 0) {
		add_uint32(talk, 80877104);
	} else if (strcmp(line, "cancel") == 0) {
		add_uint32(talk, 80877102);
		add_bytes(talk, "\0\0\1\2\3\4\5\6", 8);
	} else {
		talk->length = start;
		return false;
	}
	uint32_t length = htonl((uint32_t)(talk->length - start));

	memcpy(talk->bytes + start, &length, sizeof(length));
	return true;
}

static void add_message(struct postgresql_talk *talk, bool client, char *line)
{
	if (add_untyped(talk, line))
		return;
	char type = *take_word(&line);
	size_t start = talk->length + 1;

	add_bytes(talk, &type, 1);
	add_uint32(talk, 0);
	if (client)
		add_client_body(talk, type, line);
	else
		add_server_body(talk, type, line);
	uint32_t length = htonl((uint32_t)(talk->length - start));

	memcpy(talk->bytes + start, &length, sizeof(length));
}

void postgresql_talk_add(struct postgresql_talk *talk, bool client, const char *lines)
{
	while (*lines != '\0') {
		char line[LINE_BYTES_MAX];
		size_t length = strcspn(lines, "\n");

		if (length >= sizeof(line))
			abort();
		memcpy(line, lines, length);
		line[length] = '\0';
		if (length > 0)
			add_message(talk, client, line);
		lines += length + (lines[length] == '\n');
	}
}
