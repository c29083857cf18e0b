#!/bin/bash
# Print the ten longest hand-written C files and, with universal-ctags, functions. Information, not a gate.
cd "$(dirname "$0")/../.." || exit 1

echo "longest files:"
git ls-files '*.c' '*.h' | xargs wc -l | grep -v ' total$' | sort -rn | head -n 10

if ! ctags --version 2>/dev/null | grep -q 'Universal Ctags'; then
	echo "longest functions: install universal-ctags to see them"
	exit 0
fi
echo "longest functions:"
git ls-files '*.c' '*.h' |
	ctags -L - -f - --fields=+ne --kinds-C=f --output-format=u-ctags |
	awk -F'\t' '{
		for (i = 4; i <= NF; i++) {
			if ($i ~ /^line:/) first = substr($i, 6)
			if ($i ~ /^end:/) last = substr($i, 5)
		}
		printf "%8d %s:%d %s\n", last - first + 1, $2, first, $1
	}' | sort -rn | head -n 10
