/* Turn the text of an option into its typed value and back. */
#include "daemon/option_value.h"

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/option_number.h"

static const uid_t NOBODY = 65534;

static const struct option_choice booleans[] = {
	{"true", true}, {"false", false}, {"yes", true}, {"no", false}, {"on", true}, {"off", false}, {NULL, 0},
};

static void *value_at(const struct option *row, void *values)
{
	return (char *)values + row->offset;
}

static bool set_choice(const struct option_choice *choices, const char *text, int *value,
		       char complaint[OPTION_COMPLAINT_BYTES])
{
	char rest[256] = "is not a choice here; give one of";

	for (const struct option_choice *c = choices; c->name != NULL; c++) {
		size_t used = strlen(rest);

		if (strcasecmp(c->name, text) == 0) {
			*value = c->value;
			return true;
		}
		snprintf(rest + used, sizeof(rest) - used, "%s %s", c == choices ? "" : ",", c->name);
	}
	return option_complain(complaint, text, rest);
}

static bool set_user(const char *text, uid_t *uid, char complaint[OPTION_COMPLAINT_BYTES])
{
	const struct passwd *entry;
	char *end;

	if (isdigit((unsigned char)text[0])) {
		unsigned long number;

		errno = 0;
		number = strtoul(text, &end, 10);
		/* The highest is (uid_t)-1, which system calls take to mean "no change". */
		if (errno != 0 || *end != '\0' || number >= UINT32_MAX)
			return option_complain(complaint, text, "is not a user number; give one below 4294967295");
		*uid = (uid_t)number;
		return true;
	}
	entry = getpwnam(text);
	if (entry == NULL)
		return option_complain(complaint, text,
				       "is not a user of this machine; create it with `useradd --system`, or "
				       "give the name or number of one that exists");
	*uid = entry->pw_uid;
	return true;
}

static bool scan_port(const char **text, uint16_t *port)
{
	char *end;
	unsigned long number;

	if (!isdigit((unsigned char)**text))
		return false;
	number = strtoul(*text, &end, 10);
	if (number == 0 || number > UINT16_MAX)
		return false;
	*port = (uint16_t)number;
	*text = end;
	return true;
}

static bool add_ports(const char *text, struct option_ports *ports, char complaint[OPTION_COMPLAINT_BYTES])
{
	const char *at = text;

	for (;; at++) {
		struct option_port_range range;

		if (!scan_port(&at, &range.first))
			break;
		range.last = range.first;
		if (*at == '-' && (at++, !scan_port(&at, &range.last) || range.last < range.first))
			break;
		if (ports->count == OPTION_PORT_RANGES_MAX)
			return option_complain(complaint, text,
					       "is one range too many; give at most 16, joining neighbours");
		ports->ranges[ports->count++] = range;
		if (*at == '\0')
			return true;
		if (*at != ',')
			break;
	}
	return option_complain(complaint, text,
			       "is not a port; give a number from 1 to 65535, or a range such as 8000-8100");
}

static bool add_text(struct option_texts *texts, const char *text, char complaint[OPTION_COMPLAINT_BYTES])
{
	char **items = realloc(texts->items, (texts->count + 1) * sizeof(*items));

	if (items == NULL)
		return option_complain(complaint, text, "cannot be kept: there is no memory");
	texts->items = items;
	items[texts->count] = strdup(text);
	if (items[texts->count] == NULL)
		return option_complain(complaint, text, "cannot be kept: there is no memory");
	texts->count++;
	return true;
}

static bool set_text(char **value, const char *text, char complaint[OPTION_COMPLAINT_BYTES])
{
	free(*value);
	*value = strdup(text);
	return *value != NULL || option_complain(complaint, text, "cannot be kept: there is no memory");
}

bool option_value_set(const struct option *row, void *values, const char *text, enum option_source source,
		      char complaint[OPTION_COMPLAINT_BYTES])
{
	const char *wrong = row->check != NULL ? row->check(text) : NULL;
	void *at = value_at(row, values);
	int choice;

	if (wrong != NULL)
		return option_complain(complaint, row->secret ? "..." : text, wrong);
	switch (row->type) {
	case OPTION_TEXT:
		return set_text(at, text, complaint);
	case OPTION_TEXTS:
		return add_text(at, text, complaint);
	case OPTION_BOOLEAN:
		if (!set_choice(booleans, text, &choice, complaint))
			return false;
		*(bool *)at = choice != 0;
		return true;
	case OPTION_CHOICE:
		return set_choice(row->choices, text, at, complaint);
	case OPTION_USER:
		return set_user(text, at, complaint);
	case OPTION_PORTS:
		return add_ports(text, at, complaint);
	default:
		return option_number_set(row, at, text, source, complaint);
	}
}

bool option_value_set_all(const struct option *row, void *values, const char *text, enum option_source source,
			  char complaint[OPTION_COMPLAINT_BYTES])
{
	char item[4096];

	option_value_clear(row, values);
	if (row->type != OPTION_TEXTS)
		return option_value_set(row, values, text, source, complaint);
	while (*text != '\0') {
		size_t length = strcspn(text, ",");
		size_t before = strspn(text, " \t");
		size_t end = length;

		while (end > before && (text[end - 1] == ' ' || text[end - 1] == '\t'))
			end--;
		if (length >= sizeof(item))
			return option_complain(complaint, text, "is too long; an element may have 4095 bytes");
		if (end > before) {
			memcpy(item, text + before, end - before);
			item[end - before] = '\0';
			if (!option_value_set(row, values, item, source, complaint))
				return false;
		}
		text += length + (text[length] == ',');
	}
	return true;
}

void option_value_clear(const struct option *row, void *values)
{
	void *at = value_at(row, values);

	if (row->type == OPTION_TEXT) {
		free(*(char **)at);
	} else if (row->type == OPTION_TEXTS) {
		struct option_texts *texts = at;

		for (size_t i = 0; i < texts->count; i++)
			free(texts->items[i]);
		free(texts->items);
	}
	memset(at, 0, row->size);
}

static void print_texts(const struct option_texts *texts, bool secret, FILE *out)
{
	fputc('[', out);
	for (size_t i = 0; i < texts->count; i++) {
		const char *text = texts->items[i];
		size_t shown = secret ? strcspn(text, "=") : strlen(text);

		fprintf(out, "%s\"%.*s%s\"", i == 0 ? "" : ", ", (int)shown, text, secret ? "=..." : "");
	}
	fputc(']', out);
}

static void print_ports(const struct option_ports *ports, FILE *out)
{
	fputc('[', out);
	for (size_t i = 0; i < ports->count; i++) {
		const struct option_port_range *r = &ports->ranges[i];

		fprintf(out, r->first == r->last ? "%s%u" : "%s%u-%u", i == 0 ? "" : ", ", r->first, r->last);
	}
	fputc(']', out);
}

static void print_choice(const struct option_choice *choices, int value, FILE *out)
{
	while (choices->name != NULL && choices->value != value)
		choices++;
	fputs(choices->name != NULL ? choices->name : "", out);
}

static void print_user(uid_t uid, FILE *out)
{
	const struct passwd *entry = getpwuid(uid);

	if (entry != NULL)
		fprintf(out, "%s", entry->pw_name);
	else
		fprintf(out, "%u", uid);
}

void option_value_print(const struct option *row, const void *values, FILE *out)
{
	const void *at = (const char *)values + row->offset;

	switch (row->type) {
	case OPTION_TEXT:
		fprintf(out, "\"%s\"", *(char *const *)at != NULL ? *(char *const *)at : "");
		break;
	case OPTION_TEXTS:
		print_texts(at, row->secret, out);
		break;
	case OPTION_BOOLEAN:
		fputs(*(const bool *)at ? "true" : "false", out);
		break;
	case OPTION_CHOICE:
		print_choice(row->choices, *(const int *)at, out);
		break;
	case OPTION_USER:
		print_user(*(const uid_t *)at, out);
		break;
	case OPTION_PORTS:
		print_ports(at, out);
		break;
	default:
		option_number_print(row, at, out);
	}
}

uid_t option_user_default(void)
{
	const struct passwd *entry = getpwnam("shmotel");

	return entry != NULL ? entry->pw_uid : NOBODY;
}
