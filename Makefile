# Two commands from a fresh checkout:  make run,  make test.
# Needs Python 3.11 or newer with pip; another interpreter:  make PYTHON=/path/to/python3.11 run
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The host's pip fills the environment, so that venv's own pip (ensurepip) need not be installed.
INSTALL := $(PYTHON) -m pip --disable-pip-version-check --python $(BIN)/python install --quiet -c constraints.txt

STUDY := crps-100h
OUT := build/$(STUDY)

.PHONY: help run test quick check docs pictures clean

help:
	@echo "make run    set up, simulate the $(STUDY) study, write its report"
	@echo "make test   all tests"
	@echo "make quick  the tests that are over in a minute"
	@echo "make check  style, types and the direction of imports"
	@echo "make docs   the documentation, in build/docs"
	@echo "make pictures  the pictures of the README"
	@echo "make clean  remove everything that was made"

run: $(VENV)/.run
	$(BIN)/antalgic run studies/$(STUDY).yaml --out $(OUT)
	@echo "Open $(CURDIR)/$(OUT)/report.html"

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2

quick: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 -m "not slow"

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@code=$$(find src/antalgic/library -name '*.py'); \
	  if [ -n "$$code" ]; then echo "the library holds data only, not $$code"; exit 1; fi

docs: $(VENV)/.docs
	$(BIN)/sphinx-build -q -W --keep-going -b html docs build/docs
	@echo "Open $(CURDIR)/build/docs/index.html"

# The pictures of the README; a test says when they are not of this version.
pictures: $(VENV)/.run
	$(BIN)/python docs/pictures.py

clean:
	rm -rf $(VENV) build dist docs/_generated
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests docs -name __pycache__ -prune -exec rm -rf {} +

# Each stamp stands for one finished installation; the tools come on top of what `make run` needs.
$(VENV)/.run: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("make: Python 3.11 or newer is needed, $(PYTHON) is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@echo "Setting up $(VENV); this happens once and takes a minute or two."
	$(PYTHON) -m venv --without-pip $(VENV)
	$(INSTALL) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	$(INSTALL) -e '.[dev]'
	@touch $@

$(VENV)/.docs: $(VENV)/.run
	$(INSTALL) -e '.[docs]'
	@touch $@
