/* Compute version 5 UUIDs. */
#include "otlp/uuid_v5.h"

#include <stdio.h>

enum {
	BLOCK = 64,
	LENGTH_FIELD = 8,
};

static uint32_t rotate_left(uint32_t value, int by)
{
	return value << by | value >> (32 - by);
}

static uint32_t load_big_endian(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t round_function(int round, const uint32_t *s)
{
	if (round < 20)
		return ((s[1] & s[2]) | (~s[1] & s[3])) + 0x5a827999;
	if (round < 40)
		return (s[1] ^ s[2] ^ s[3]) + 0x6ed9eba1;
	if (round < 60)
		return ((s[1] & s[2]) | (s[1] & s[3]) | (s[2] & s[3])) + 0x8f1bbcdc;
	return (s[1] ^ s[2] ^ s[3]) + 0xca62c1d6;
}

static void digest_block(uint32_t state[5], const uint8_t *block)
{
	uint32_t w[80];
	uint32_t s[5];

	for (int i = 0; i < 16; i++)
		w[i] = load_big_endian(block + 4 * i);
	for (int i = 16; i < 80; i++)
		w[i] = rotate_left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	memcpy(s, state, sizeof(s));
	for (int i = 0; i < 80; i++) {
		uint32_t next = rotate_left(s[0], 5) + round_function(i, s) + s[4] + w[i];

		s[4] = s[3];
		s[3] = s[2];
		s[2] = rotate_left(s[1], 30);
		s[1] = s[0];
		s[0] = next;
	}
	for (int i = 0; i < 5; i++)
		state[i] += s[i];
}

void uuid_sha1(const void *bytes, size_t length, uint8_t digest[20])
{
	uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	uint8_t tail[2 * BLOCK] = {0};
	const uint8_t *at = bytes;
	size_t left = length;

	for (; left >= BLOCK; left -= BLOCK, at += BLOCK)
		digest_block(state, at);
	if (left > 0)
		memcpy(tail, at, left);
	tail[left] = 0x80;
	size_t tail_length = left + 1 + LENGTH_FIELD <= BLOCK ? BLOCK : 2 * BLOCK;

	for (int i = 0; i < LENGTH_FIELD; i++)
		tail[tail_length - 1 - (size_t)i] = (uint8_t)((uint64_t)length * 8 >> (8 * i));
	for (size_t i = 0; i < tail_length; i += BLOCK)
		digest_block(state, tail + i);
	for (int i = 0; i < 20; i++)
		digest[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}

void uuid_v5_text(const uint8_t name_space[16], struct slice name, char out[UUID_TEXT_LENGTH + 1])
{
	uint8_t input[16 + UUID_NAME_MAX];
	uint8_t d[20];
	size_t length = name.length < UUID_NAME_MAX ? name.length : UUID_NAME_MAX;

	memcpy(input, name_space, 16);
	if (length > 0)
		memcpy(input + 16, name.bytes, length);
	uuid_sha1(input, 16 + length, d);
	d[6] = (uint8_t)((d[6] & 0x0f) | 0x50);
	d[8] = (uint8_t)((d[8] & 0x3f) | 0x80);
	snprintf(out, UUID_TEXT_LENGTH + 1, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7], d[8], d[9], d[10], d[11], d[12], d[13], d[14], d[15]);
}
