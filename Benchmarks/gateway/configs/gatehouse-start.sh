#!/usr/bin/env bash
# Starts the measured gateway in its run folder; the first start makes its state and a token.
set -euo pipefail
cd "$1"
export GATEHOUSE_STATE=$1/state
[ -e token ] || "$2" init --config full.yaml --token-to token --owner bench
echo "Authorization: Bearer $(cat token)" >headers
exec "$2" up --config full.yaml --quiet
