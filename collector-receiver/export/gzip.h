/* gzip, as gRPC's message encoding of the same name. */
#ifndef EXPORT_GZIP_H
#define EXPORT_GZIP_H

#include <stddef.h>
#include <stdint.h>

/* Compress into *out, which the caller frees. 0, -ENOMEM, or -EFBIG for more than 4 GiB. */
int gzip_compress(uint8_t **out, size_t *out_length, const uint8_t *in, size_t in_length)
	__attribute__((warn_unused_result));

#endif
