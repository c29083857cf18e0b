/* The server's wish when to come back: google.rpc.RetryInfo inside grpc-status-details-bin. */
#ifndef EXPORT_GRPC_RETRY_INFO_H
#define EXPORT_GRPC_RETRY_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	GRPC_STATUS_DETAILS_MAX_BYTES = 8192, /* of base64; a longer field is ignored */
};

#define GRPC_RETRY_DELAY_MAX_NS 3600000000000ULL /* an hour: a server cannot silence a client for ever */

/* True if `value`, the field's base64 text, has a RetryInfo. delay_ns is at most GRPC_RETRY_DELAY_MAX_NS; a RetryInfo
 * without a delay, or with a negative one, says 0. */
bool grpc_retry_info_decode(uint64_t *delay_ns, const uint8_t *value, size_t length);

#endif
