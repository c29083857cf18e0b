/* An HTTP server that may be anybody. */
#define CALL_PROTOCOL call_protocol_http
#include "call_client_fuzz.h"
