/* Count the messages of a gRPC stream: five bytes of prefix, then as many bytes as it says. */
#include "protocols/grpc/grpc.h"

enum {
	FLAG_COMPRESSED = 0x01,
	FLAG_TRAILERS = 0x80, /* gRPC-Web */
};

static void prefix_ended(struct grpc_counter *counter)
{
	const unsigned char *p = (const unsigned char *)counter->prefix;

	counter->prefix_bytes = 0;
	counter->left = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
	counter->trailers = (p[0] & FLAG_TRAILERS) != 0;
	if ((p[0] & ~(FLAG_COMPRESSED | FLAG_TRAILERS)) != 0)
		counter->uncertain = true;
	else if (!counter->trailers)
		counter->messages++;
}

void grpc_counter_take(struct grpc_counter *counter, const char *bytes, uint64_t length)
{
	while (length > 0 && !counter->uncertain) {
		uint64_t step = counter->left < length ? counter->left : length;

		counter->left -= (uint32_t)step;
		length -= step;
		if (bytes != NULL)
			bytes += step;
		if (length == 0)
			return;
		if (bytes == NULL) {
			counter->uncertain = true;
			return;
		}
		counter->prefix[counter->prefix_bytes++] = *bytes++;
		length--;
		if (counter->prefix_bytes == GRPC_PREFIX_BYTES)
			prefix_ended(counter);
	}
}

int64_t grpc_counter_messages(const struct grpc_counter *counter)
{
	return counter->uncertain ? -1 : (int64_t)counter->messages;
}
