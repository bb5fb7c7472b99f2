# `make` alone lists what there is. Every target makes the virtual environment it needs; the second time that is quick.

PYTHON ?= python3
SECONDS ?= 60
PARALLEL ?= -n auto --maxprocesses 8 --dist worksteal
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo demos test check fmt bench accuracy fuzz clean

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(VENV)/demo ## the main job: backprop explained, checked, drawn, and a network trained on real data
	@$(BIN)/python -m demos

demos: $(VENV)/demo ## the course: every lesson, and a gallery page of all their pictures
	@$(BIN)/python -m demos.gallery $(ARGS)

test: $(VENV)/check ## every test, with a quarter of the random examples, on up to 8 cores; PARALLEL= takes one
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

check: $(VENV)/check ## lint, types, tests with all examples, and what they cover: what CI runs
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	THOROUGH=1 $(BIN)/python -m pytest $(PARALLEL) --cov --cov-report=term $(ARGS)

fmt: $(VENV)/check ## put the code into its one format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/bench ## speed, side by side with other engines in one run
	$(BIN)/python -m tests.benchmarks

accuracy: $(VENV)/check ## how many digits of every function and its derivatives are right, beside torch's
	$(BIN)/python -m tests.benchmarks.accuracy $(ARGS)

fuzz: $(VENV)/check ## replay against eager on random functions and source code: make fuzz SECONDS=60
	$(BIN)/python -m tests.fuzz $(SECONDS)

clean: ## remove everything that the other targets made
	rm -rf $(VENV) demos/out .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Each stamp file is newer than pyproject.toml exactly when its packages are installed.
$(VENV)/pip:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (once; this takes a minute or two) ..."
	@$(PIP) --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/demo: pyproject.toml | $(VENV)/pip
	@$(PIP) --editable '.[all]'
	@touch $@

$(VENV)/check: pyproject.toml $(VENV)/demo
	@$(PIP) --group check
	@touch $@

$(VENV)/bench: pyproject.toml $(VENV)/demo
	@$(PIP) --group bench
	@touch $@
