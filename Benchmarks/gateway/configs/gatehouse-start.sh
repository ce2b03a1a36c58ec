#!/usr/bin/env bash
# Starts the measured gateway in its run folder.
set -euo pipefail
cd "$1"
export GATEHOUSE_STATE=${GATEHOUSE_STATE_FOLDER:-$1/state}
exec "$2" up --config full.yaml --quiet
