/* Compress a whole message in one call. */
#include "export/gzip.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

enum {
	GZIP_WINDOW_BITS = 15 + 16, /* the 16 asks zlib for gzip's header and trailer */
	GZIP_MEMORY_LEVEL = 8,
};

int gzip_compress(uint8_t **out, size_t *out_length, const uint8_t *in, size_t in_length)
{
	z_stream stream = {0};
	uLong bound;
	int result;

	if (in_length > UINT32_MAX)
		return -EFBIG;
	/* Level 1: telemetry repeats itself, so a higher level costs twice the time for a few per cent. */
	if (deflateInit2(&stream, 1, Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	bound = deflateBound(&stream, in_length);
	*out = malloc(bound);
	if (*out == NULL) {
		deflateEnd(&stream);
		return -ENOMEM;
	}
	stream.next_in = (Bytef *)in;
	stream.avail_in = (uInt)in_length;
	stream.next_out = *out;
	stream.avail_out = (uInt)bound;
	result = deflate(&stream, Z_FINISH);
	*out_length = stream.total_out;
	deflateEnd(&stream);
	if (result == Z_STREAM_END)
		return 0;
	free(*out);
	*out = NULL;
	return -ENOMEM;
}
