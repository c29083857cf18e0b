/* Compress and decompress whole messages. */
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

/* Inflate until the stream ends, in steps that double. */
static int inflate_all(z_stream *stream, uint8_t **out, size_t *out_length, size_t before, size_t most)
{
	size_t size = 0;

	for (;;) {
		uint8_t *bytes;
		size_t done = stream->total_out;
		int result;

		if (done == size) {
			if (size > most)
				return -EFBIG;
			size = size == 0 ? 4096 : 2 * size;
			bytes = realloc(*out, before + size);
			if (bytes == NULL)
				return -ENOMEM;
			*out = bytes;
		}
		stream->next_out = *out + before + done;
		stream->avail_out = (uInt)(size - done);
		result = inflate(stream, Z_NO_FLUSH);
		if (result == Z_STREAM_END) {
			*out_length = stream->total_out;
			return stream->avail_in != 0 ? -EBADMSG : *out_length > most ? -EFBIG : 0;
		}
		if (result != Z_OK || (stream->avail_in == 0 && stream->avail_out != 0))
			return -EBADMSG;
	}
}

int gzip_decompress(uint8_t **out, size_t *out_length, size_t before, size_t most, const uint8_t *in, size_t in_length)
{
	z_stream stream = {.next_in = (Bytef *)in, .avail_in = (uInt)in_length};
	int error;

	*out = NULL;
	if (in_length > UINT32_MAX)
		return -EFBIG;
	if (inflateInit2(&stream, GZIP_WINDOW_BITS) != Z_OK)
		return -ENOMEM;
	error = inflate_all(&stream, out, out_length, before, most);
	inflateEnd(&stream);
	if (error == 0)
		return 0;
	free(*out);
	*out = NULL;
	return error;
}
