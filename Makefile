# Two commands set everything up on a fresh machine: `make run` and `make test`.
.DEFAULT_GOAL := help
.PHONY: help setup run test check lint types format smoke interop faults attack conformance test-rotation bench clean
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory

SOURCES := $(shell find src attestors examples tsconfig.json -name generated -prune -o -print 2>/dev/null)
CONTRACTS := $(shell find proto prisma/schema.prisma buf.yaml buf.gen.yaml -print 2>/dev/null)

help: ## say what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | awk -F'|' '{ printf "make %-13s %s\n", $$1, $$2 }'

setup: dist/.built ## install dependencies, generate, compile; quick when nothing changed

run: setup ## set up, start mandate, launch a small agent and show whose it is; Ctrl-C ends it
	@tools/first-run.sh

test: setup ## run every test that needs nothing from elsewhere
	@node node_modules/jest/bin/jest.js $(TESTS)

check: ## lint, types and formatting, side by side
	@$(MAKE) -j3 lint types format

lint: setup
	@node node_modules/eslint/bin/eslint.js .

# Sources of the product as well: `setup` compiled them.
types: setup
	@node node_modules/typescript/bin/tsc -p test

format: setup
	@node node_modules/prettier/bin/prettier.cjs --check .

smoke: setup ## a short walk on Node.js 24, installed for it alone
	@tools/smoke.sh

interop: setup ## foreign SPIFFE clients, each from its own registry, against a running mandate
	@tools/interop.sh

faults: setup ## kill every part 20 times under load and hold each credential against its record (about five minutes)
	@node -r ./test/faults/register.js test/faults/main.ts

attack: setup ## attack a running mandate with real attackers; FULL=1 tries each race 10,000 times (docs/attacks.md)
	@node -r ./test/faults/register.js test/attack/main.ts

conformance: setup ## hold every rule of SPIFFE against its tests (docs/conformance.md); GUARDS=1 takes guards out instead
	@node -r ./test/faults/register.js test/conformance/main.ts

test-rotation: setup ## agents and services in mTLS while authorities rotate and the server is killed (about fifteen minutes)
	@node -r ./test/faults/register.js test/rotation/main.ts

bench: setup ## measure speed; fails below the thresholds
	@tools/bench.sh

clean: ## remove what was generated and compiled; state and dependencies stay
	rm -rf dist src/generated coverage

.PHONY: dependencies
dependencies:
	@tools/install.sh

# A stamp inside what it stands for: whoever removes the folder has it made again.
src/generated/.stamp: tools/generate.sh $(CONTRACTS) | dependencies
	@tools/generate.sh
	@touch $@

# Compiled over the old files, never after removing them: a running mandate loads its commands on use.
dist/.built: src/generated/.stamp $(SOURCES) | dependencies
	@node node_modules/typescript/bin/tsc -p .
	@touch $@
