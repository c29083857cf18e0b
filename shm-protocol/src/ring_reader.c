#include "shm_protocol/ring_reader.h"
