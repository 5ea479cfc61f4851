# make run: a listening engine. make test: all tests. Both set up what they need, from PyPI alone.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test lint types bench soak peers clean

run: $(VENV)/.run
	@exec $(BIN)/ivr serve $(ARGS)

test: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup $(ARGS)

lint: $(VENV)/.lint
	$(BIN)/ruff check ivr tests benchmarks

types: $(VENV)/.lint
	$(BIN)/mypy

# What the tests against other SIP stacks need besides Debian's packages.
peers: $(VENV)/.peers

# All benchmarks one after the other, or one: make bench WHAT=menu ARGS=--help
BENCHMARKS := $(filter-out __init__ media_peer fuzz_sip,$(basename $(notdir $(wildcard benchmarks/*.py)))) \
  $(filter-out soak,$(notdir $(patsubst %/__main__.py,%,$(wildcard benchmarks/*/__main__.py))))
WHAT ?= $(BENCHMARKS)

bench: $(VENV)/.test
	@set -e; for one in $(WHAT); do echo "== benchmarks.$$one"; $(BIN)/python -m benchmarks.$$one $(ARGS); done

# The floor in some ten thousand random steps, then the engine killed some hundred times while callers and agents
# are at work: make soak ARGS="--kills 500 --seed 7"
soak: $(VENV)/.test
	IVR_FLOOR_STEPS=20000 $(BIN)/python -m pytest -q --timeout 900 tests/agents/test_floor_properties.py
	$(BIN)/python -m benchmarks.soak $(ARGS)

$(BIN)/pip:
	@command -v $(PYTHON) >/dev/null \
	  || { echo "$(PYTHON) is not there; name a Python from 3.11 on: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON) is older than 3.11; name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "$(PYTHON) has no venv module. On Debian and Ubuntu: apt install python3-venv" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --editable .
	@touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --editable '.[test]'
	@touch $@ $(VENV)/.run

$(VENV)/.peers: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --editable '.[test,lint,peers]'
	@touch $@ $(VENV)/.lint $(VENV)/.test $(VENV)/.run

$(VENV)/.lint: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --editable '.[test,lint]'
	@touch $@ $(VENV)/.test $(VENV)/.run

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
