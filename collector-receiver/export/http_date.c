/* Read the dates of HTTP, whose names are English whatever the locale. */
#include <stdio.h>
#include <string.h>

#include "export/http_response.h"

static int month_parse(const char *name)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *found = strlen(name) == 3 ? strstr(names, name) : NULL;

	return found != NULL && (found - names) % 3 == 0 ? (int)(found - names) / 3 : -1;
}

/* Days from 1970-01-01 in the Gregorian calendar; a year that begins in March ends with the leap day. */
static int64_t days_from_civil(int year, int month, int day)
{
	const int y = month < 2 ? year - 1 : year;
	const int m = (month + 10) % 12;

	return 365 * (int64_t)y + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + day - 1 - 719468;
}

int64_t http_date_parse(const char *text)
{
	int day, year, hour, minute, second, month;
	char name[4] = "";

	if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT", &day, name, &year, &hour, &minute,
		   &second) == 6)
		;
	else if (sscanf(text, "%*9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT", &day, name, &year, &hour, &minute,
			&second) == 6)
		year += year < 70 ? 2000 : 1900;
	else if (sscanf(text, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d", name, &day, &hour, &minute, &second,
			&year) != 6)
		return 0;
	month = month_parse(name);
	if (month < 0 || day < 1 || day > 31 || year < 1970 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
	    second < 0 || second > 60)
		return 0;
	return ((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
}
