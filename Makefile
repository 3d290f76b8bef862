# Glovebox. Bare `make` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
PY := $(VENV)/bin/python
HOME_DIR ?= $(CURDIR)/.glovebox
export GLOVEBOX_HOME ?= $(HOME_DIR)
export GLOVEBOX_TEST_HOME ?= $(GLOVEBOX_HOME)
DEMO_ARGS ?=
SBA_CSV ?=

.PHONY: help setup system lock demo test check lint types walls unit example-sba bench clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

system: ## install what must come from the system (bubblewrap), when it is missing and we may
	@scripts/system_packages

$(VENV)/.ready: requirements/dev.txt requirements/bootstrap.txt pyproject.toml
	@scripts/python_environment $(VENV)
	@touch $@

setup: system $(VENV)/.ready ## prepare everything, the jail's own environment included
	@$(PY) -m sandbox.workspace.environments build requirements/jail.txt $${GLOVEBOX_ENVIRONMENTS:-$(GLOVEBOX_HOME)/environments} >/dev/null

demo: setup ## run the main job end to end and leave a server running (DEMO_ARGS="--no-serve" ends)
	@$(VENV)/bin/glovebox demo $(DEMO_ARGS)

test: setup ## all checks and tests
	@$(MAKE) --no-print-directory lint types walls unit

lint: $(VENV)/.ready ## ruff: lint and format
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(VENV)/.ready ## mypy --strict
	$(VENV)/bin/mypy

walls: $(VENV)/.ready ## import-linter: the walls of the house
	$(VENV)/bin/lint-imports

unit: $(VENV)/.ready ## pytest
	$(PY) -m pytest $(PYTEST_ARGS)

example-sba: setup ## the same path on real loans: make example-sba SBA_CSV=PATH
	@$(PY) -m examples.sba.run --csv "$(SBA_CSV)"

bench: setup ## every benchmark; each ends with one line of JSON
	@for file in benchmarks/*.py; do $(PY) $$file || exit 1; done

lock: ## resolve the dependency locks again (needs uv)
	scripts/lock_dependencies

clean: ## remove what this folder's targets made
	rm -rf $(VENV) .glovebox .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
