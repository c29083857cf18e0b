/* Fixed-width integer types for both compilers that read this protocol: the host's and clang -target bpf. */
#ifndef SHM_PROTOCOL_TYPES_H
#define SHM_PROTOCOL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#endif
