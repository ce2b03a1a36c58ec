# Two commands do everything: `make run` and `make test`. The others are for those who work on it.
# sudo resets PATH; these are where Swift toolchains are usually put.
export PATH := $(PATH):/opt/swift/usr/bin:/usr/local/swift/usr/bin:/usr/share/swift/usr/bin:$(HOME)/.local/share/swiftly/bin

SWIFT_FILES := Benchmarks Fuzz/target Package.swift Plugins Sources Tests
SWIFT_FLAGS := --explicit-target-dependency-import-check error
RELEASE := -c release --static-swift-stdlib $(SWIFT_FLAGS)

.PHONY: help run test test-long soak check build debug bench profile bench-json demo fuzz fresh format

help: ## what there is to make
	@sed -n 's/^\([a-z-]*\): ## /\1\t/p' Makefile | expand -t 12

# What these run is written in Python, which a small Debian has not.
PYTHON := /usr/bin/python3
test test-long soak check fuzz: | $(PYTHON)
$(PYTHON):
	@scripts/setup python

run: ## set up, build, and start the quickstart with its state inside this clone
	@scripts/setup run
	@scripts/unroot $(MAKE) --no-print-directory build
	@scripts/unroot scripts/quickstart

test: ## set up and run every suite
	@scripts/test

test-long: ## what a release needs: 1,000 kills, soak, fuzzing, sanitizers (docs/testing.md)
	@scripts/test --long

MINUTES := 10
soak: ## mixed load and hostile servers, MINUTES=n each
	@GATEHOUSE_SOAK_SECONDS=$$(($(MINUTES) * 60)) scripts/test --long soak

check: ## format, lint, layers, links, claims of the documents, corpora
	@swift format lint --strict --recursive --parallel $(SWIFT_FILES)
	@scripts/check-layers
	@scripts/check-links
	@scripts/check-claims
	@scripts/corpora used

build: ## the release binary, .build/release/gatehouse
	@scripts/setup build
	@swift build $(RELEASE) --product gatehouse

debug: ## everything with its tests, without optimisation
	@swift build $(SWIFT_FLAGS) --build-tests

bench: ## direct, nginx and gatehouse in one sitting
	@scripts/setup bench
	@$(MAKE) --no-print-directory build
	@Benchmarks/gateway/run.sh

profile: ## count the branches that calls take, by which `make build` lays the binary out
	@scripts/setup bench
	@Benchmarks/gateway/profile.sh

bench-json: ## the JSON parser beside simdjson; ends with 1 below the threshold
	@GATEHOUSE_BENCH=1 swift build $(SWIFT_FLAGS) -c release --scratch-path .build/bench --product json-bench
	@.build/bench/release/json-bench

demo: ## an agent, a gate and a person, played through with the official SDK
	@scripts/setup test
	@$(MAKE) --no-print-directory build
	@scripts/demo

fuzz: ## each fuzz target for a minute
	@scripts/fuzz all 60

fresh: ## both README commands as an ordinary user in a new Debian 12 tree
	@scripts/fresh

format: ## as the lint of `check` wants it
	@swift format --in-place --recursive --parallel $(SWIFT_FILES)
