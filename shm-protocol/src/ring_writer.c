#include "shm_protocol/ring_writer.h"
