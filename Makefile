# Everything runs from a fresh checkout on Debian with Python 3.11+; nothing else has to be installed first.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: help install demo test check bench lock clean

help: ## what can be made here
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

install: $(VENV)/.installed ## .venv with everything pinned, and the pages' assets

$(VENV)/.installed: pyproject.toml requirements.lock package.json package-lock.json scripts/install.sh scripts/fetch_assets.py
	@PYTHON=$(PYTHON) VENV=$(VENV) sh scripts/install.sh

demo: install ## a living marketplace on this machine: story, pages, worker; Ctrl-C stops all
	@$(BIN)/tradehall demo $(ARGS)

test: install ## every test, with a PostgreSQL of its own
	@$(BIN)/python -m pytest $(ARGS)

check: install ## lint, formatting, types, import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: install ## orders a second and list pages, measured on this machine
	@$(BIN)/tradehall bench orders $(ARGS)
	@$(BIN)/tradehall bench list

lock: ## pin every dependency anew (needs uv)
	@uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-emit-index-url --no-annotate -q -o requirements.lock

clean: ## remove what was made here
	rm -rf $(VENV) node_modules src/tradehall/web/static/vendor .mypy_cache .ruff_cache .pytest_cache .hypothesis
