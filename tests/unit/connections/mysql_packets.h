/* MySQL packets written as text. A turn is a row of packets, one a line: sequence id, blank, payload, in which ~hh is a
 * byte in hexadecimal. Headers are put in front. */
#ifndef UNIT_CONNECTIONS_MYSQL_PACKETS_H
#define UNIT_CONNECTIONS_MYSQL_PACKETS_H

#include <stdlib.h>
#include <string.h>

#include "support/escaped.h"

enum { MYSQL_TURN_BYTES = 32768 };

struct mysql_turn {
	size_t length;
	char bytes[MYSQL_TURN_BYTES];
};

static inline void mysql_turn_add(struct mysql_turn *turn, unsigned sequence, const char *payload, size_t length)
{
	if (turn->length + 4 + length > sizeof(turn->bytes))
		abort();
	char *at = turn->bytes + turn->length;

	at[0] = (char)length;
	at[1] = (char)(length >> 8);
	at[2] = (char)(length >> 16);
	at[3] = (char)sequence;
	memcpy(at + 4, payload, length);
	turn->length += 4 + length;
}

static inline const char *mysql_turn_add_line(struct mysql_turn *turn, const char *line)
{
	static char payload[MYSQL_TURN_BYTES];
	char *rest;
	unsigned sequence = (unsigned)strtoul(line, &rest, 10);
	size_t n;
	const char *end = escaped_line(rest + 1, payload, &n);

	mysql_turn_add(turn, sequence, payload, n);
	return *end == '\n' ? end + 1 : end;
}

static inline void mysql_turn_write(struct mysql_turn *turn, const char *text)
{
	turn->length = 0;
	while (*text != '\0')
		text = mysql_turn_add_line(turn, text);
}

/* ---- what recurs ---- */

#define ZEROES_6 "~00~00~00~00~00~00"
#define ZEROES_19 ZEROES_6 ZEROES_6 ZEROES_6 "~00"
#define GREETING_OF(version, low, third)                                                                               \
	"0 ~0a" version "~00~01~00~00~0012345678~00" low "~21~02~00~ff~ff~15" ZEROES_6 third                           \
	"123456789012~00mysql_native_password~00"
#define GREETING_MYSQL GREETING_OF("8.0.36", "~ff~ff", "~00~00~00~00")
#define GREETING_MARIADB GREETING_OF("5.5.5-10.11.19-MariaDB-0+deb12u1", "~fe~ff", "~1d~00~00~00")

/* Capabilities as four bytes, MariaDB's own as four more. */
#define LOGIN_OF(capabilities, third, schema)                                                                          \
	"1 " capabilities "~00~00~00~01~21" ZEROES_19 third "app~00~00" schema "mysql_native_password~00"
#define LOGIN LOGIN_OF("~09~82~88~00", "~00~00~00~00", "shop~00")
#define LOGIN_NO_SCHEMA LOGIN_OF("~01~82~88~00", "~00~00~00~00", "")
#define LOGIN_DEPRECATE_EOF LOGIN_OF("~09~82~88~01", "~00~00~00~00", "shop~00")
#define LOGIN_ATTRIBUTES LOGIN_OF("~09~82~88~09", "~00~00~00~00", "shop~00")
#define LOGIN_OPTIONAL_METADATA LOGIN_OF("~09~82~88~03", "~00~00~00~00", "shop~00")
#define LOGIN_MARIADB LOGIN_OF("~08~82~88~01", "~10~00~00~00", "shop~00")

#define OK_IS "~00~00~00~02~00~00~00"
#define OK_MORE "~00~00~00~0a~00~00~00"
#define EOF_IS "~fe~00~00~02~00"
#define EOF_MORE "~fe~00~00~0a~00"
#define EOF_CURSOR "~fe~00~00~42~00"
#define EOF_LAST "~fe~00~00~82~00"
#define END_OK "~fe~00~00~02~00~00~00"
#define END_OK_MORE "~fe~00~00~0a~00~00~00"
#define COLUMN "~03def~00~00~00~01a~00~0c~3f~00~01~00~00~00~08~81~00~00~00~00"
#define NO_TABLE "~ff~7a~04#42S02Table 'shop.t' doesn't exist"

#endif
