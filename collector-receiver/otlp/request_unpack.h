/* Decode an encoded export request with protobuf-c. */
#ifndef OTLP_REQUEST_UNPACK_H
#define OTLP_REQUEST_UNPACK_H

#include <protobuf-c/protobuf-c.h>

#include "otlp/request.h"

/* The message type of a signal's requests. */
const ProtobufCMessageDescriptor *otlp_request_type(enum otlp_signal signal);

/* An ExportTraceServiceRequest or ExportMetricsServiceRequest as the signal says, to be freed with
 * protobuf_c_message_free_unpacked(message, NULL). NULL: no memory, or not such a message. */
ProtobufCMessage *otlp_request_unpack(const struct otlp_request *request);

#endif
