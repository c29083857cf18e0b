/* A gRPC server that may be anybody. */
#define CALL_PROTOCOL call_protocol_grpc
#include "call_client_fuzz.h"
