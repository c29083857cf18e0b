/* Binary bytes written as text: ~hh is a byte in hexadecimal, every other character is itself. */
#ifndef SUPPORT_ESCAPED_H
#define SUPPORT_ESCAPED_H

#include <stddef.h>

static inline unsigned escaped_digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The bytes of one line; returns where it ends: a line feed or the end of the text. */
static inline const char *escaped_line(const char *text, char *bytes, size_t *length)
{
	for (*length = 0; *text != '\0' && *text != '\n'; text++) {
		bytes[*length] = *text;
		if (*text == '~') {
			bytes[*length] = (char)(escaped_digit(text[1]) << 4 | escaped_digit(text[2]));
			text += 2;
		}
		++*length;
	}
	return text;
}

#endif
