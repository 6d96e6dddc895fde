# Two commands do everything from a bare python3 with pip, make and git:  make demo   make test
# All paths are relative, so a clone may lie in a folder with a space in its name.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
UV_VERSION := 0.13.8
BIN := .venv/bin
COMPILE := pip compile --quiet --universal --generate-hashes --no-header --no-config --no-annotate --python-version 3.11

# The interpreter is the one at hand, never a download; slow networks get time.
export UV_PYTHON_DOWNLOADS := never
export UV_HTTP_TIMEOUT ?= 180
# uv does not read what pip was told about the network: hand it on.
ifneq ($(PIP_INDEX_URL),)
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
ifneq ($(PIP_CERT),)
export SSL_CERT_FILE ?= $(PIP_CERT)
endif

UV = "$$(command -v uv || echo .tools/bin/uv)"

.PHONY: help install demo test check bench success faults lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

install: .venv/.dev-stamp ## Create .venv with everything: pointsman itself, the demo parts and the developer tools

demo: .venv/.demo-stamp ## Start Kafka and all stages, route simulated traffic, explain it; Ctrl-C ends it
	@$(BIN)/pointsman demo

test: .venv/.dev-stamp ## Run all tests (a real Kafka is started on free ports)
	@$(BIN)/python -m tests

check: .venv/.dev-stamp ## Lint, format check, types (mypy and pyright), layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: .venv/.dev-stamp ## Measure, and write docs/benchmarks.md
	@$(BIN)/python -m tests.bench

# Further data by SUCCESS="--public REPORT.json --probes PROBES.jsonl".
success: .venv/.dev-stamp ## Measure the success numbers, and write docs/success.md and confidence.md
	@$(BIN)/python -m tests.success $(SUCCESS)

faults: .venv/.dev-stamp ## The long fault test: 200 kills over 100,000 requests, and write docs/reliability.md
	@$(BIN)/python -m tests.faults

lock: .tools/.uv-stamp ## Recompile the pinned requirements (keeps pins that still fit)
	$(UV) $(COMPILE) pyproject.toml --extra demo --group dev -o requirements/dev.txt
	$(UV) $(COMPILE) pyproject.toml --extra demo -c requirements/dev.txt -o requirements/demo.txt
	$(UV) $(COMPILE) pyproject.toml -c requirements/dev.txt -o requirements/base.txt

clean: ## Remove the environment and all caches (run data in .pointsman stays: pointsman clean)
	rm -rf .venv .tools .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

.tools/.uv-stamp:
	@mkdir -p .tools
	@command -v uv >/dev/null || { echo "installing uv $(UV_VERSION) into .tools"; \
	  $(PYTHON) -m pip install -q --no-warn-script-location --target .tools "uv==$(UV_VERSION)" 2>.tools/pip.log \
	  || { cat .tools/pip.log; exit 1; }; }
	@touch $@

.venv/.base-stamp: .tools/.uv-stamp
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "pointsman needs Python 3.11 or newer; run: make PYTHON=python3.12")'
	@$(UV) venv -q --allow-existing --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv
	@touch $@

.venv/.demo-stamp: .venv/.base-stamp requirements/demo.txt pyproject.toml
	@echo "installing pointsman and the demo parts into .venv"
	@$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements/demo.txt
	@$(UV) pip install -q --python $(BIN)/python --no-deps -e .
	@touch $@

.venv/.dev-stamp: .venv/.base-stamp requirements/dev.txt pyproject.toml
	@echo "installing pointsman, the demo parts and the developer tools into .venv"
	@$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@$(UV) pip install -q --python $(BIN)/python --no-deps -e .
	@touch $@ .venv/.demo-stamp
