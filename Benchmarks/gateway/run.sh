#!/usr/bin/env bash
# Builds the harness and measures every peer in peers.toml. See README.md.
set -euo pipefail
cd "$(dirname "$0")"
export BENCH_BUILD="${BENCH_BUILD:-$PWD/build}"
mkdir -p "$BENCH_BUILD"
for program in upstream mcpload; do
    "${CC:-cc}" -O2 -Wall -Wextra -o "$BENCH_BUILD/$program" "src/$program.c"
done
if [ "$#" -eq 0 ]; then
    # One sitting is one table: what an earlier one left is kept beside it.
    results=${BENCH_OUT:-$PWD/out}/results
    if [ -e "$results" ]; then mv -T "$results" "$results-$(date -u +%Y%m%dT%H%M%SZ)"; fi
    python3 bench.py measure --only direct,nginx,gatehouse,gatehouse-memory
    python3 bench.py beside gatehouse,gatehouse-memory
    set -- table
fi
exec python3 bench.py "$@"
