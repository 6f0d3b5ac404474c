#!/usr/bin/env bash
# Regenerates the C and the Python of the messages; both are committed, and CI checks that they are current.
#   Proto/generate.sh          write them in place
#   Proto/generate.sh --check  fail when the committed ones differ
set -euo pipefail
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
protoc-c --c_out="$out" anabranch/v1/*.proto
protoc --python_out="$out" anabranch/v1/*.proto
status=0
place() {  # place GENERATED COMMITTED
  if [ "${check:-}" = 1 ]; then
    cmp -s "$1" "$2" || { echo "$2 is not current: run Proto/generate.sh" >&2; status=1; }
  else
    mkdir -p "$(dirname "$2")" && cp "$1" "$2"
  fi
}
[ "${1:-}" = --check ] && check=1
for proto in anabranch/v1/*.proto; do
  stem=${proto%.proto}
  place "$out/$stem.pb-c.c" "../Sources/CMessages/$stem.pb-c.c"
  place "$out/$stem.pb-c.h" "../Sources/CMessages/include/$stem.pb-c.h"
  place "$out/${stem}_pb2.py" "../python/${stem}_pb2.py"
done
exit $status
