/* The table that the receiver's options are read with; its rows fill a struct receiver_options. */
#ifndef RECEIVER_OPTIONS_TABLE_H
#define RECEIVER_OPTIONS_TABLE_H

#include "daemon/option_table.h"

extern const struct option_table receiver_option_table;

#endif
