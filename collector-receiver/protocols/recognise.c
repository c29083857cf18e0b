/* Ask the protocols in turn. */
#include "protocols/recognise.h"

enum match recognise(struct slice first, bool more_may_come, const struct protocol **protocol)
{
	enum match verdict = MATCH_NO;

	if (first.length >= RECOGNISE_BYTES_MAX)
		more_may_come = false;
	for (const struct protocol *const *p = protocols; *p != NULL; p++) {
		enum match match = (*p)->recognise(first, more_may_come);

		if (match == MATCH_FROM_CLIENT || match == MATCH_FROM_SERVER) {
			*protocol = *p;
			return match;
		}
		if (match == MATCH_MORE)
			verdict = MATCH_MORE;
	}
	return verdict;
}
