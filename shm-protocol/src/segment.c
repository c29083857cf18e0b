#include "shm_protocol/segment.h"
