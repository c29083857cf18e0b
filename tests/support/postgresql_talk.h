/* Write PostgreSQL's messages as text: one message a line, its type first.
 *
 *   client                                            server
 *   startup NAME VALUE...   ssl   gss   cancel        answer N
 *   Q text                                            R n       K         v        Z I
 *   P statement text                                  1   2   3   n   s   I        t n
 *   B portal statement values                         T columns           D values
 *   D S|P name   C S|P name                           C tag               E code [severity]
 *   E portal rows                                     N text    A channel S name=value
 *   H   S   X   F oid   p secret                      G columns H columns W columns
 *   d data   c   f reason                             d data    c         V value
 *
 * "-" is the empty name; columns, values and rows are numbers. */
#ifndef SUPPORT_POSTGRESQL_TALK_H
#define SUPPORT_POSTGRESQL_TALK_H

#include <stdbool.h>
#include <stddef.h>

enum { POSTGRESQL_TALK_BYTES_MAX = 65536 };

struct postgresql_talk {
	size_t length;
	char bytes[POSTGRESQL_TALK_BYTES_MAX];
};

/* Append the messages of `lines`. Aborts on what it does not understand. */
void postgresql_talk_add(struct postgresql_talk *talk, bool client, const char *lines);

#endif
