/* Hold the attribute keys in the form in which they go on the wire. */
#include "otlp/attribute_names.h"

const struct attribute_key attribute_keys[ATTRIBUTE_NAME_COUNT] = {
#define ATTRIBUTE_ROW(id, key) [ATTRIBUTE_##id] = {0x0a, sizeof(key) - 1, key},
	ATTRIBUTE_NAMES(ATTRIBUTE_ROW)
#undef ATTRIBUTE_ROW
};

#define ATTRIBUTE_FITS(id, key) _Static_assert(sizeof(key) <= ATTRIBUTE_KEY_ROOM, "attribute key is too long: " key);
ATTRIBUTE_NAMES(ATTRIBUTE_FITS)
