/* Numbers of options: counts, sizes, durations and fractions, with their units and ranges. */
#include "daemon/option_number.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

struct unit {
	const char *name;
	double factor;
};

static const struct unit durations[] = {
	{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {NULL, 0},
};

static const struct unit sizes[] = {
	{"B", 1}, {"KiB", 1024.0}, {"MiB", 1024.0 * 1024}, {"GiB", 1024.0 * 1024 * 1024}, {NULL, 0},
};

bool option_complain(char complaint[OPTION_COMPLAINT_BYTES], const char *text, const char *rest)
{
	snprintf(complaint, OPTION_COMPLAINT_BYTES, "\"%.256s\" %s", text, rest);
	return false;
}

/* A number without sign, exponent or surrounding space. Advances *text. */
static bool scan_number(const char **text, double *number)
{
	const char *end = *text;

	if (!isdigit((unsigned char)*end))
		return false;
	*number = 0;
	for (; isdigit((unsigned char)*end); end++)
		*number = *number * 10 + (*end - '0');
	if (*end == '.') {
		double place = 0.1;

		for (end++; isdigit((unsigned char)*end); end++, place /= 10)
			*number += place * (*end - '0');
	}
	*text = end;
	return true;
}

/* The unit is all letters that follow, so that "5msec" is not five minutes and a remainder. */
static const struct unit *scan_unit(const char **text, const struct unit *units)
{
	size_t length = 0;

	while (isalpha((unsigned char)(*text)[length]))
		length++;
	for (; units->name != NULL; units++) {
		if (strlen(units->name) == length && strncmp(units->name, *text, length) == 0) {
			*text += length;
			return units;
		}
	}
	return NULL;
}

static bool scan_duration(const char *text, bool bare_is_ms, double *ns)
{
	const char *bare = text;
	double part = 0;

	*ns = 0;
	if (strcmp(text, "0") == 0)
		return true;
	if (bare_is_ms && scan_number(&bare, &part) && *bare == '\0') {
		*ns = part * 1e6;
		return true;
	}
	do {
		const struct unit *unit;

		if (!scan_number(&text, &part) || (unit = scan_unit(&text, durations)) == NULL)
			return false;
		*ns += part * unit->factor;
	} while (*text != '\0');
	return true;
}

/* The number that a text of this type stands for: nanoseconds, bytes or a plain count. */
static bool scan(const struct option *row, const char *text, bool bare_is_ms, double *number)
{
	const struct unit *unit;

	switch (row->type) {
	case OPTION_DURATION:
		return scan_duration(text, bare_is_ms, number);
	case OPTION_BYTES:
		if (!scan_number(&text, number))
			return false;
		if (*text == '\0')
			return true;
		unit = scan_unit(&text, sizes);
		*number *= unit != NULL ? unit->factor : 1;
		return unit != NULL && *text == '\0';
	case OPTION_COUNT:
		return scan_number(&text, number) && *text == '\0' && *number == (double)(uint64_t)*number;
	default:
		return scan_number(&text, number) && *text == '\0';
	}
}

static const char *number_form(const struct option *row)
{
	switch (row->type) {
	case OPTION_DURATION:
		return "is not a duration; write a number with its unit, such as 5s, 200ms or 1m30s";
	case OPTION_BYTES:
		return "is not a size; write a number of bytes, or one with KiB, MiB or GiB, such as 4MiB";
	case OPTION_COUNT:
		return "is not a whole number; write digits only";
	default:
		return "is not a number; write digits, with a decimal point if need be";
	}
}

static bool within(const struct option *row, double number)
{
	double bound;

	if (row->least != NULL && scan(row, row->least, false, &bound) && number < bound)
		return false;
	if (row->most != NULL && scan(row, row->most, false, &bound) && number > bound)
		return false;
	/* Beyond this a double no longer counts one by one, and no option has use for it. */
	return row->type == OPTION_REAL || number <= 9007199254740992.0;
}

static bool out_of_range(const struct option *row, const char *text, char complaint[OPTION_COMPLAINT_BYTES])
{
	char rest[256];

	if (row->least != NULL && row->most != NULL)
		snprintf(rest, sizeof(rest), "is out of range; give a value from %s to %s", row->least, row->most);
	else if (row->least != NULL)
		snprintf(rest, sizeof(rest), "is too small; give %s or more", row->least);
	else
		snprintf(rest, sizeof(rest), "is too large; give %s", row->most != NULL ? row->most : "less");
	return option_complain(complaint, text, rest);
}

static void store_number(const struct option *row, void *at, double number)
{
	uint64_t whole = row->type == OPTION_REAL ? 0 : (uint64_t)number;

	if (row->type == OPTION_REAL)
		*(double *)at = number;
	else if (row->size == sizeof(uint64_t))
		*(uint64_t *)at = whole;
	else if (row->size == sizeof(uint32_t))
		*(uint32_t *)at = (uint32_t)whole;
	else
		*(uint16_t *)at = (uint16_t)whole;
}

static uint64_t load_number(const struct option *row, const void *at)
{
	if (row->size == sizeof(uint64_t))
		return *(const uint64_t *)at;
	return row->size == sizeof(uint32_t) ? *(const uint32_t *)at : *(const uint16_t *)at;
}

bool option_number_set(const struct option *row, void *at, const char *text, enum option_source source,
		       char complaint[OPTION_COMPLAINT_BYTES])
{
	double number;

	/* The OTEL_* variables carry durations as bare milliseconds. */
	if (!scan(row, text, source == OPTION_FROM_ENVIRONMENT, &number))
		return option_complain(complaint, text, number_form(row));
	if (!within(row, number) ||
	    (row->size < sizeof(uint64_t) && number >= (double)(UINT64_C(1) << (8 * row->size))))
		return out_of_range(row, text, complaint);
	if (row->power_of_two && (number < 1 || ((uint64_t)number & ((uint64_t)number - 1)) != 0))
		return option_complain(complaint, text, "is not a power of two; give one, such as 4MiB");
	store_number(row, at, number);
	return true;
}

/* In the largest unit that leaves nothing over. */
static void print_units(uint64_t number, const struct unit *units, FILE *out)
{
	const struct unit *best = units;

	for (const struct unit *u = units; u->name != NULL; u++) {
		if (number != 0 && number % (uint64_t)u->factor == 0)
			best = u;
	}
	fprintf(out, "%" PRIu64 "%s", number / (uint64_t)best->factor, best->name);
}

void option_number_print(const struct option *row, const void *at, FILE *out)
{
	switch (row->type) {
	case OPTION_BYTES:
		print_units(load_number(row, at), sizes, out);
		break;
	case OPTION_DURATION:
		print_units(load_number(row, at), durations, out);
		break;
	case OPTION_REAL:
		fprintf(out, "%g", *(const double *)at);
		break;
	default:
		fprintf(out, "%" PRIu64, load_number(row, at));
	}
}
