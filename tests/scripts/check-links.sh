#!/bin/bash
# Fail if a relative link of a Markdown file leads nowhere.
cd "$(dirname "$0")/../.." || exit 1
failed=0

while IFS=: read -r file link; do
	target=${link#](}
	target=${target%%[#)]*}
	case $target in
	'' | *://* | mailto:*) continue ;;
	esac
	if [ ! -e "$(dirname "$file")/$target" ]; then
		echo "$file: there is no $target"
		failed=1
	fi
done < <(find . -name '*.md' -not -path './build/*' -exec grep -oHE '\]\([^) ]+\)' {} +)
exit "$failed"
