/* Write a checked record as one line of text, the form in which the vectors say what a reader must find. */
#ifndef TESTS_VECTORS_RECORD_TEXT_H
#define TESTS_VECTORS_RECORD_TEXT_H

#include <stddef.h>

#include "shm_protocol/record_check.h"

/* Longest line: every byte of the longest record as \xNN, and the names. */
enum { RECORD_TEXT_BYTES_MAX = 4 * SHM_RECORD_BYTES_MAX + 1024 };

/* Numbers in decimal, addresses in hex, strings and payload quoted, with \xNN for what is not plain ASCII. Terminated,
 * without a newline. */
void record_text(const struct shm_record_view *view, char text[RECORD_TEXT_BYTES_MAX]);

#endif
