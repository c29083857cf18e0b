/* Find out which protocol a connection speaks from how a sender's turn begins. */
#ifndef PROTOCOLS_RECOGNISE_H
#define PROTOCOLS_RECOGNISE_H

#include "protocols/protocol.h"

enum {
	/* A turn's first bytes that may be kept while no protocol can tell. */
	RECOGNISE_BYTES_MAX = 8192,

	/* Turns after which a connection seen from its first byte is given up. */
	RECOGNISE_TURNS_MAX = 8,
};

/* Ask every protocol. A match names it in *protocol; MATCH_MORE if none matches and at least one cannot tell yet. */
enum match recognise(struct opening opening, const struct protocol **protocol);

#endif
