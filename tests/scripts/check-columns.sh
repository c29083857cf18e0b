#!/bin/bash
# Fail if a line of C is wider than 120 columns, tabs being 8 wide.
cd "$(dirname "$0")/../.." || exit 1

find bpf collector-receiver sensor shm-protocol tests -name '*.[ch]' | xargs awk '
	{
		line = $0
		while (tab = index(line, "\t"))
			line = substr(line, 1, tab - 1) substr("        ", (tab - 1) % 8 + 1) substr(line, tab + 1)
	}
	length(line) > 120 { print FILENAME ":" FNR ": " length(line) " columns"; wide = 1 }
	END { exit wide }'
