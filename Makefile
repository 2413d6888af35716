# The README's two commands are `make demo` and `make test`; both work from a fresh clone.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: demo test lint bench notebooks wheel clean help

help:            ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.run       ## int8 down to int2 on a 16x16 array: accuracy, cycles, energy
	$(BIN)/accelsim run --output runs/demo

test: $(VENV)/.dev       ## every test
	$(BIN)/python -m pytest

lint: $(VENV)/.dev       ## style, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev      ## speed, as ratios within one run
	$(BIN)/python -m benchmarks

notebooks: $(VENV)/.dev  ## run the coursework notebooks from top to bottom
	$(BIN)/python -m pytest --nbmake --nbmake-timeout=300 -p no:cacheprovider notebooks

wheel: $(VENV)/.dev      ## build the wheel and run the main job from it, outside the checkout
	PYTHON=$(PYTHON) BUILD=$(abspath $(BIN)/python) sh tools/check_wheel.sh

clean:           ## remove the environment and everything that was built
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "accelsim needs Python 3.11 or newer, this is %d.%d (set PYTHON=python3.11)" % v[:2])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.run tools/dev-requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement tools/dev-requirements.txt
	touch $@
