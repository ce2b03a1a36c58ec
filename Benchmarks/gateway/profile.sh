#!/usr/bin/env bash
# Counts the branches that calls take, by which release builds are laid out. See README.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$(dirname "$(realpath "$(command -v swift)")")
counters=$(echo "$tools"/../lib/clang/*/lib/linux/libclang_rt.profile-"$(uname -m)".a)
profile=$PWD/Benchmarks/gateway/calls.profdata

GATEHOUSE_PROFILE=count swift build -c release --static-swift-stdlib --explicit-target-dependency-import-check error \
    --product gatehouse --scratch-path .build/counted -Xlinker -u__llvm_profile_runtime -Xlinker "$counters"
GATEHOUSE_BINARY=$PWD/.build/counted/release/gatehouse LLVM_PROFDATA=$tools/llvm-profdata \
    Benchmarks/gateway/run.sh profile "$profile"

# The compiler keeps what it made by the last counts where the source is the same.
if [ -d .build/release ]; then rm -rf "$(realpath .build/release)" .build/release.yaml; fi
rm -rf .build/counted
