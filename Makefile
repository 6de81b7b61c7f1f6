# Everything runs from a fresh checkout on Debian with Python 3.11+; nothing else has to be installed first.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
export PYTHON VENV

.PHONY: help install demo test check bench simulate soak docs lock clean

help: ## what can be made here
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

install: $(VENV)/.installed ## .venv with everything pinned, and the pages' assets
	@$(BIN)/python scripts/fetch_assets.py

$(VENV)/.installed: pyproject.toml requirements.lock package.json package-lock.json scripts/install.sh scripts/fetch_assets.py
	@sh scripts/install.sh

demo: install ## a living marketplace on this machine: story, pages, worker; Ctrl-C stops all
	@$(BIN)/tradehall demo $(ARGS)

test: install ## every test, with a PostgreSQL of its own; ARGS='-k restart' for some
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

check: install ## lint, formatting, types, import rules; says everything that is wrong, not only the first
	@status=0; \
	for command in "ruff check ." "ruff format --check ." mypy lint-imports; do \
	    echo "$$command"; $(BIN)/$$command || status=1; \
	done; exit $$status

bench: install ## orders a second and list pages, measured on this machine
	@$(BIN)/tradehall bench orders $(ARGS)
	@$(BIN)/tradehall bench list

simulate: install ## 2,000 lives of orders by moved clock, with everything that can go wrong; ARGS='--seed 7'
	@$(BIN)/tradehall simulate --lives 2000 $(ARGS)

soak: install ## 300 orders while everything is killed at random for five minutes; ARGS='--seed 7 --keep DIR'
	@$(BIN)/tradehall soak --orders 300 --kills 120 --every 2.5 $(ARGS)

docs: install ## write anew what the documentation takes from the code
	@$(BIN)/python scripts/generate_docs.py

lock: ## pin every dependency anew (needs uv)
	@uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-emit-index-url --no-annotate -q -o requirements.lock

clean: ## remove what was made here
	rm -rf $(VENV) node_modules src/tradehall/web/static/vendor .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
