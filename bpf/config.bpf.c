// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hold the licence, the configuration and the shared state: the three things every object refers to. */
#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "capture_config.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct capture_config config = {};
struct capture_state state = {};
