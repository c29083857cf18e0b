/* Take decisions from a fuzzer's input, one after the other; when it is used up, all decisions are 0. */
#ifndef TESTS_HOSTILE_SCRIPT_H
#define TESTS_HOSTILE_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct script {
	const uint8_t *at;
	size_t left;
};

uint8_t script_8(struct script *script);
uint16_t script_16(struct script *script);
uint32_t script_32(struct script *script);
uint64_t script_64(struct script *script);

/* Called by the ring before and after each load of shared memory; each target has its own. */
void hostile_hook(void);

/* Called by the reader for memcpy: copies half, calls the hook, copies the rest. */
void *hostile_memcpy(void *restrict to, const void *restrict from, size_t length);

#endif
