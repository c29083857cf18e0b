/* Read the partial success of an OTLP response. */
#include "export/export_response.h"

#include "otlp/protobuf_reader.h"

enum {
	RESPONSE_PARTIAL_SUCCESS = 1,
	PARTIAL_SUCCESS_REJECTED = 1, /* rejected_spans, rejected_data_points */
	PARTIAL_SUCCESS_ERROR_MESSAGE = 2,
};

static bool partial_success_read(struct export_response *response, const uint8_t *bytes, size_t length)
{
	struct protobuf_reader reader = protobuf_read(bytes, length);
	struct protobuf_field field;

	while (protobuf_next(&reader, &field)) {
		if (field.number == PARTIAL_SUCCESS_REJECTED && field.type == PROTOBUF_VARINT) {
			response->rejected = field.value > INT64_MAX ? 0 : field.value;
		} else if (field.number == PARTIAL_SUCCESS_ERROR_MESSAGE && field.type == PROTOBUF_BYTES) {
			response->reason = field.bytes;
			response->reason_length = field.length;
		}
	}
	return !reader.malformed;
}

bool export_response_read(struct export_response *response, const uint8_t *bytes, size_t length)
{
	struct protobuf_reader reader = protobuf_read(bytes, length);
	struct protobuf_field field;

	*response = (struct export_response){0};
	while (protobuf_next(&reader, &field)) {
		if (field.number == RESPONSE_PARTIAL_SUCCESS && field.type == PROTOBUF_BYTES &&
		    !partial_success_read(response, field.bytes, field.length))
			return false;
	}
	return !reader.malformed;
}
