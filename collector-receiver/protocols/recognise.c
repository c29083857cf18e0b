/* Ask the protocols in turn. */
#include "protocols/recognise.h"

enum match recognise(struct opening opening, const struct protocol **protocol)
{
	enum match verdict = MATCH_NO;

	if (opening.bytes.length >= RECOGNISE_BYTES_MAX)
		opening.more_may_come = false;
	for (const struct protocol *const *p = protocols; *p != NULL; p++) {
		enum match match = (*p)->recognise(&opening);

		if (match == MATCH_FROM_CLIENT || match == MATCH_FROM_SERVER) {
			*protocol = *p;
			return match;
		}
		if (match == MATCH_MORE)
			verdict = MATCH_MORE;
	}
	return verdict;
}
