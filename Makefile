# One door to everything: `make` alone lists what it opens. The set-up is done when a target first needs it.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
PORT ?= 4566
HOST ?= 127.0.0.1

VENV := .venv
BIN := $(VENV)/bin

# Caches stay out of functions/: what lies there is shipped.
export PYTHONDONTWRITEBYTECODE := 1
export HYPOTHESIS_STORAGE_DIRECTORY := build/hypothesis
export SAM_CLI_TELEMETRY := 0

.PHONY: help demo local snapshot test test-all check lint types bench docs build requirements clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## see a guardrail come back, on an AWS of your own: no account, no Docker
	@$(BIN)/python -m holdfast_cli demo

local: $(VENV)/.demo ## keep that AWS running at 127.0.0.1:4566 (HOST=... and PORT=... for elsewhere)
	@$(BIN)/python -m holdfast_cli local --host $(HOST) --port $(PORT)

snapshot: $(VENV)/.demo ## write the baseline from your live organization, with your credentials
	@$(BIN)/python -m holdfast_cli snapshot

# In the order of the folders: by default the files with few tests come last, and among them are the longest.
PYTEST = $(BIN)/pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder

test: $(VENV)/.dev ## run the tests, but those that take long: under three minutes on two cores
	$(PYTEST) -m "not long"

test-all: $(VENV)/.dev ## run every test
	$(PYTEST)

check: lint types test-all ## all that CI asks for: lint, types, every test

lint: $(VENV)/.dev ## check the style of the code, the YAML files and the templates
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/yamllint --strict .
	AWS_DEFAULT_REGION=us-east-1 $(BIN)/sam validate --lint
	AWS_DEFAULT_REGION=us-east-1 $(BIN)/sam validate --lint -t witness.yaml
	AWS_DEFAULT_REGION=us-east-1 $(BIN)/sam validate --lint -t forwarder.yaml
	$(BIN)/zizmor --offline --quiet .github

types: $(VENV)/.dev ## check the types
	$(BIN)/mypy

bench: $(VENV)/.dev ## measure speed and size; writes build/bench.json
	@$(BIN)/python -m tests.bench

docs: $(VENV)/.demo ## write the generated parts of the documentation anew
	@$(BIN)/python -m docs.generated

build: $(VENV)/.dev ## build what `sam deploy` ships (needs python3.13 on the PATH)
	@command -v python3.13 >/dev/null || { echo "make build needs python3.13 on the PATH: the functions run on it." >&2; exit 1; }
	$(BIN)/sam build

requirements: $(VENV)/.dev ## pin requirements/*.in anew, for every Python from 3.11 on
	$(PIN) --output-file dev.txt dev.in
	$(PIN) --constraint dev.txt --output-file demo.txt demo.in

clean: ## remove what was built; the set-up in .venv stays
	rm -rf build .aws-sam

PIN = cd requirements && ../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade \
	--annotation-style line --generate-hashes --only-binary :all: --no-emit-build-options \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make requirements"

# ---- The set-up: once, and again when the requirements change ----------------------------------------------

# The list is whole, so nothing is resolved; what pip would have to build would need packages without a hash.
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
	--only-binary :all: --require-hashes --requirement

# The environment finds the core where it is shipped from.
$(VENV)/.python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed, and there is no $(PYTHON)." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, and $(PYTHON) is $$($(PYTHON) --version): make PYTHON=python3.13 ..." >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)
	@echo "$(CURDIR)/functions" >"$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/functions.pth"
	@touch $@

# The operator's command, as the documentation writes it; it runs from here and needs no installation.
$(BIN)/holdfast: $(VENV)/.python
	@printf '%s\n' '#!$(CURDIR)/$(BIN)/python' 'import sys' 'sys.path.insert(0, "$(CURDIR)")' \
		'from holdfast_cli.__main__ import app' 'app(prog_name="holdfast")' >$@
	@chmod +x $@

$(VENV)/.demo: requirements/demo.txt $(VENV)/.python $(BIN)/holdfast
	@echo "Setting up $(VENV) for the demo: once, and when requirements/demo.txt changes."
	@$(INSTALL) $<
	@touch $@

# All that the demo needs is among it.
$(VENV)/.dev: requirements/dev.txt $(VENV)/.python $(BIN)/holdfast
	@echo "Setting up $(VENV) for development: once, and when requirements/dev.txt changes."
	@$(INSTALL) $<
	@touch $(VENV)/.demo $@
