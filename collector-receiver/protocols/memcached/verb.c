/* The text commands: their names, and how many words they have. */
#include "protocols/memcached/memcached.h"

static const struct memcached_verb verbs[] = {
	{"get", 2, 0, .kind = MEMCACHED_GET},
	{"gets", 2, 0, .kind = MEMCACHED_GET},
	{"gat", 3, 0, .kind = MEMCACHED_GET},
	{"gats", 3, 0, .kind = MEMCACHED_GET},
	{"set", 5, 6, .length_word = 4, .number_words = 2, .noreply = true},
	{"add", 5, 6, .length_word = 4, .number_words = 2, .noreply = true},
	{"replace", 5, 6, .length_word = 4, .number_words = 2, .noreply = true},
	{"append", 5, 6, .length_word = 4, .number_words = 2, .noreply = true},
	{"prepend", 5, 6, .length_word = 4, .number_words = 2, .noreply = true},
	{"cas", 6, 7, .length_word = 4, .number_words = 2, .noreply = true},
	{"delete", 2, 4, .noreply = true},
	{"incr", 3, 4, .noreply = true},
	{"decr", 3, 4, .noreply = true},
	{"touch", 3, 4, .noreply = true},
	{"mg", 2, 0, .flag_word = 2, .kind = MEMCACHED_META_GET},
	{"ms", 3, 0, .length_word = 2, .flag_word = 3, .kind = MEMCACHED_META_CHANGE},
	{"md", 2, 0, .flag_word = 2, .kind = MEMCACHED_META_CHANGE},
	{"ma", 2, 0, .flag_word = 2, .kind = MEMCACHED_META_CHANGE},
	{"me", 2, 0, .kind = MEMCACHED_PLAIN},
	{"mn", 1, 1, .kind = MEMCACHED_META_NOOP},
	{"stats", 1, 0, .kind = MEMCACHED_PLAIN},
	{"version", 1, 1, .kind = MEMCACHED_PLAIN},
	{"verbosity", 1, 3, .noreply = true},
	{"flush_all", 1, 3, .noreply = true},
	{"cache_memlimit", 2, 3, .noreply = true},
	{"slabs", 2, 0, .noreply = true},
	{"lru", 2, 0, .kind = MEMCACHED_PLAIN},
	{"lru_crawler", 2, 0, .kind = MEMCACHED_PLAIN},
	{"extstore", 2, 0, .kind = MEMCACHED_PLAIN},
	{"refresh_certs", 1, 1, .kind = MEMCACHED_PLAIN},
	{"watch", 1, 0, .kind = MEMCACHED_WATCH},
	{"quit", 1, 1, .kind = MEMCACHED_QUIT},
	{"shutdown", 1, 2, .kind = MEMCACHED_SHUTDOWN},
};

const struct memcached_verb *memcached_verb(struct slice name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		const char *known = verbs[i].name;

		if (name.length > 0 && name.bytes[0] == known[0] && strlen(known) == name.length &&
		    memcmp(known, name.bytes, name.length) == 0)
			return &verbs[i];
	}
	return NULL;
}

static void note_word(struct memcached_line *parsed, struct slice word, uint32_t at)
{
	const struct memcached_verb *verb = parsed->verb;
	bool negative = word.bytes[0] == '-'; /* a time that has passed */
	struct slice digits = {word.bytes + negative, word.length - negative};

	if (at > 0 && at == verb->length_word) {
		parsed->data_bytes = memcached_number(word);
		parsed->valid &= parsed->data_bytes >= 0;
	} else if (at < verb->length_word && at + verb->number_words >= verb->length_word) {
		parsed->valid &= memcached_number(digits) >= 0;
	}
	if (at == 1)
		parsed->valid &= word.length <= MEMCACHED_KEY_BYTES_MAX;
	if (verb->flag_word > 0 && at >= verb->flag_word)
		parsed->quiet |= word.length == 1 && word.bytes[0] == 'q';
	parsed->noreply = verb->noreply && at >= verb->words_min && slice_equal(word, SLICE_LITERAL("noreply"));
}

void memcached_parse_line(struct slice line, struct memcached_line *parsed)
{
	struct slice word = memcached_take_word(&line);

	*parsed = (struct memcached_line){.verb = memcached_verb(word), .data_bytes = -1};
	parsed->valid = parsed->verb != NULL;
	for (; word.bytes != NULL; word = memcached_take_word(&line)) {
		if (parsed->verb != NULL && parsed->words > 0)
			note_word(parsed, word, parsed->words);
		parsed->words++;
	}
	if (parsed->verb == NULL)
		return;
	parsed->valid &= parsed->words >= parsed->verb->words_min &&
			 (parsed->verb->words_max == 0 || parsed->words <= parsed->verb->words_max);
}
