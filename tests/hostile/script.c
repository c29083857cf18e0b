/* Take decisions from a fuzzer's input. */
#include "hostile/script.h"

#include <string.h>

static uint64_t take(struct script *script, size_t bytes)
{
	uint64_t value = 0;
	const size_t length = script->left < bytes ? script->left : bytes;

	if (length > 0)
		memcpy(&value, script->at, length);
	script->at += length;
	script->left -= length;
	return value;
}

uint8_t script_8(struct script *script)
{
	return (uint8_t)take(script, sizeof(uint8_t));
}

uint16_t script_16(struct script *script)
{
	return (uint16_t)take(script, sizeof(uint16_t));
}

uint32_t script_32(struct script *script)
{
	return (uint32_t)take(script, sizeof(uint32_t));
}

uint64_t script_64(struct script *script)
{
	return take(script, sizeof(uint64_t));
}

void *hostile_memcpy(void *restrict to, const void *restrict from, size_t length)
{
	const size_t half = length / 2;

	memcpy(to, from, half);
	hostile_hook();
	memcpy((uint8_t *)to + half, (const uint8_t *)from + half, length - half);
	return to;
}
