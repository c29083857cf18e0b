/* Texts that a server sends along: for people to read, and the few that mean something to a program. */
#ifndef EXPORT_SERVER_TEXT_H
#define EXPORT_SERVER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A grpc-message or another text from the wire as a line for people: percent-encoding undone where asked, anything that
 * is not printable ASCII or UTF-8 replaced by '?', cut to fit. Always terminated. */
void server_text_decode(char *out, size_t size, const uint8_t *text, size_t length, bool percent_encoded);

/* Of a request that was refused: for its size. No status says that by itself, so the known servers' words are looked
 * for; what is not recognised is a refusal like any other. */
bool server_text_says_too_large(const char *text);

#endif
