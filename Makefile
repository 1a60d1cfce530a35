# make leaderboard   the quick suite, run and written up in results/
# make test          all tests
# make lint          style, format, types
# make docs          the generated pages of docs/
# make site          the site, in site/: open site/index.html
# make libraries     the examples for other libraries, each in an environment of its own
# make package       wheel and sdist, installed elsewhere and used as README says
# make bench         the benchmarks: ratios measured in one run
# Each makes its own environment first, and again when pyproject.toml or constraints.txt change.

PYTHON ?= python3
VENV ?= .venv
OUT ?= results
SUITE ?= quick
SITE ?= site
PYTEST_ARGS ?= -n auto --dist worksteal
PIP_ARGS ?=

BIN := $(VENV)/bin
ROOT := $(CURDIR)
INSTALL = $(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt $(PIP_ARGS)
METADATA := pyproject.toml setup.py constraints.txt

.PHONY: help leaderboard test lint format docs site libraries package bench clean

help:
	@sed -n '/^#/!q; s/^# //p' Makefile

leaderboard: $(VENV)/.core
	$(BIN)/discovery-gym run $(SUITE) --out $(OUT)
	$(BIN)/discovery-gym leaderboard $(OUT)

# One thread each: the workers of pytest-xdist already fill the cores. Each has half of the tests in their
# order, which share what is made once, and takes from the other what is left in the end.
test: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_ARGS)

# The package is the repository root, whatever the folder is called. mypy finds packages by
# folder names, so it looks at the root through a link named discovery_gym.
lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	mkdir -p $(VENV)/types && ln -sfn "$(ROOT)" $(VENV)/types/discovery_gym
	cd $(VENV)/types && "$(abspath $(BIN))/mypy" --config-file "$(ROOT)/pyproject.toml" \
	    -m discovery_gym -p discovery_gym.envs -p discovery_gym.agents -p discovery_gym.experiments \
	    -p discovery_gym.studies -p discovery_gym.testing

format: $(VENV)/.lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.core
	$(BIN)/python docs/house.py
	$(BIN)/python docs/pages.py

# Warnings are errors. Nothing is run or drawn again before its text or the code has changed.
site: $(VENV)/.docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html -c docs/site -d "$(VENV)/site" docs "$(SITE)"

libraries: $(VENV)/.test
	.ci/libraries $(BIN)/python

package: $(VENV)/.test
	$(BIN)/python .ci/package

bench: $(VENV)/.core
	$(BIN)/python -m discovery_gym.experiments.benchmarks

clean:
	rm -rf "$(VENV)" "$(SITE)" build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# An empty file marks each set of dependencies that is installed.
$(VENV)/.core: $(METADATA) | $(BIN)/python
	$(INSTALL) -e .
	@touch $@

$(VENV)/.test: $(METADATA) | $(BIN)/python
	$(INSTALL) -e ".[test]"
	@touch $@ $(VENV)/.core

$(VENV)/.docs: $(METADATA) | $(BIN)/python
	$(INSTALL) -e ".[docs]"
	@touch $@ $(VENV)/.core

$(VENV)/.lint: $(METADATA) | $(BIN)/python
	$(INSTALL) -e ".[lint]"
	@touch $@ $(VENV)/.core
