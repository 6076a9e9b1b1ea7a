# Two commands do everything: `make run` starts a call, `make test` runs all that CI runs.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
HOST ?=
PORT ?= 8080
MEDIA_PORT ?= 7882
ROOM ?= first-call
PLANE_SOURCES := $(shell find sfu/native/src sfu/native/Cargo.toml sfu/native/Cargo.lock -type f 2>/dev/null)
CLIENT_SOURCES := $(shell find client/src client/public client/index.html client/vite.config.ts -type f 2>/dev/null)
say = printf '\033[1m[%s] %s\033[0m\n'

export PYTHONPATH := $(CURDIR):$(CURDIR)/client/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help run test lint types native unit web e2e bench bench-quick arrivals fuzz sanitize browsers clean lock

help:
	@echo "make run            start a server on this machine and print a room link"
	@echo "make run HOST=ADDR  the same for other devices: TLS with a certificate made here"
	@echo "make test           everything CI runs"
	@echo "make lint types unit web e2e    parts of it;  make bench-quick  make bench  make arrivals  make fuzz  make sanitize  make clean"

# ---- set-up, each step only when its inputs changed

.make/prerequisites: tests/ci/prerequisites.sh
	@$(say) setup "checking what this machine has"
	@PYTHON="$(PYTHON)" bash tests/ci/prerequisites.sh
	@mkdir -p .make && touch $@

.make/venv: requirements.lock .make/prerequisites
	@$(say) setup "Python packages (pinned, with hashes)"
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --require-hashes -r requirements.lock
	@touch $@

.make/venv-test: requirements-dev.lock .make/venv
	@$(say) setup "Python packages for tests"
	@$(PY) -m pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

.make/client: client/package-lock.json .make/prerequisites
	@$(say) setup "web client packages (npm ci)"
	@cd client && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

sfu/server/static/index.html: .make/client $(CLIENT_SOURCES)
	@$(say) setup "building the web client"
	@cd client && npm run --silent build -- --logLevel warn
	@touch $@

# The fast plane. Without cargo, or where crates cannot be fetched, the reference plane carries the calls.
.make/plane: $(PLANE_SOURCES) tests/ci/plane.sh
	@$(say) setup "building the native plane (Rust)"
	@bash tests/ci/plane.sh
	@mkdir -p .make && touch $@

.make/browsers: tests/ci/browsers.sh
	@$(say) setup "Chromium and tools for the tests"
	@bash tests/ci/browsers.sh
	@mkdir -p .make && touch $@

browsers: .make/browsers

# ---- run

run: .make/venv .make/plane sfu/server/static/index.html
	@$(say) run "starting; stop with Ctrl-C"
ifeq ($(HOST),)
	@exec $(PY) -m sfu serve --listen 127.0.0.1:$(PORT) --media 127.0.0.1:$(MEDIA_PORT) --room $(ROOM)
else
	@exec $(PY) -m sfu serve --self-signed --listen $(HOST):$(PORT) --media $(HOST):$(MEDIA_PORT) --room $(ROOM)
endif

# ---- tests

test: .make/venv-test .make/plane sfu/server/static/index.html .make/browsers
	@$(say) 1/7 "style"; $(MAKE) lint
	@$(say) 2/7 "types"; $(MAKE) types
	@$(say) 3/7 "native plane: fmt, clippy, unit, properties"; $(MAKE) native
	@$(say) 4/7 "Python: unit, property, house, plane, security"; $(MAKE) unit
	@$(say) 5/7 "web client: tsc, vitest"; $(MAKE) web
	@$(say) 6/7 "fuzzing, short"; $(MAKE) fuzz FUZZ_SECONDS=10
	@$(say) 7/7 "calls in real browsers"; $(MAKE) e2e
	@$(say) done "all green"

lint: .make/venv-test
	@$(VENV)/bin/ruff check sfu tests client/python
	@$(VENV)/bin/ruff format --check --quiet sfu tests client/python

types: .make/venv-test .make/plane
	@test ! -e sfu/_plane.abi3.so || $(VENV)/bin/stubtest --concise sfu._plane
	@$(VENV)/bin/mypy sfu client/python/sotto_client tests
	@$(PY) -m sfu.protocol.generate --check

unit: .make/venv-test .make/client .make/plane
	@$(PY) -m pytest tests --ignore=tests/e2e --ignore=tests/interop

native: .make/plane
	@if command -v cargo >/dev/null; then cd sfu/native && cargo fmt --check && cargo clippy --quiet --locked --all-targets -- -D warnings && cargo test --quiet --locked; \
	else echo "no cargo: the native plane is not tested"; fi

web: .make/client
	@cd client && npm run --silent typecheck && npm test --silent

client/dist-test/index.html: .make/client $(CLIENT_SOURCES)
	@$(say) setup "building the test build of the web client"
	@cd client && npm run --silent build:test -- --logLevel warn
	@touch $@

e2e: client/dist-test/index.html .make/venv-test .make/browsers sfu/server/static/index.html
	@$(PY) -m pytest tests/interop tests/e2e --timeout 300

FUZZ_SECONDS ?= 60
SEED ?= 1
fuzz: .make/venv-test
	@$(PY) -m tests.fuzz.wire --seconds $(FUZZ_SECONDS) --seed $(SEED)
	@bash tests/ci/fuzz_native.sh $(FUZZ_SECONDS)

# The native plane's tests under AddressSanitizer, and its threads under ThreadSanitizer.
sanitize:
	@bash tests/ci/sanitize.sh

bench: .make/venv-test .make/plane
	@$(PY) -m tests.bench

bench-quick: .make/venv-test .make/plane
	@$(PY) -m tests.bench --quick

arrivals: .make/venv-test .make/browsers sfu/server/static/index.html
	@$(PY) -m tests.bench.arrivals

lock: .make/venv-test
	@$(VENV)/bin/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --strip-extras --allow-unsafe -o requirements.lock pyproject.toml
	@$(VENV)/bin/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --strip-extras --allow-unsafe --extra test -o requirements-dev.lock pyproject.toml

clean:
	rm -rf .make $(VENV) sfu/native/target sfu/_plane.abi3.so client/node_modules client/dist-test .pytest_cache .mypy_cache .ruff_cache
	find sfu/server/static -mindepth 1 ! -name .keep -delete
