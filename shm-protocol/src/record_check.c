#include "shm_protocol/record_check.h"
