/* gzip, as HTTP's and gRPC's message encoding of the same name. */
#ifndef EXPORT_GZIP_H
#define EXPORT_GZIP_H

#include <stddef.h>
#include <stdint.h>

/* Compress into *out, which the caller frees. 0, -ENOMEM, or -EFBIG for more than 4 GiB. */
int gzip_compress(uint8_t **out, size_t *out_length, const uint8_t *in, size_t in_length)
	__attribute__((warn_unused_result));

/* Decompress what is exactly one gzip stream, of at most `most` bytes, into *out behind `before` bytes of room; the
 * caller frees it. 0, -EBADMSG if it is none, -EFBIG if it is longer, or -ENOMEM. */
int gzip_decompress(uint8_t **out, size_t *out_length, size_t before, size_t most, const uint8_t *in, size_t in_length)
	__attribute__((warn_unused_result));

#endif
