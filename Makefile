# One entry for people and for CI: `make` prints the verbs. Each sets itself up first.

PYTHON    ?= python3
VENV      := .venv
BIN       := $(VENV)/bin
STAMP     := $(VENV)/setup.stamp
SETUP_LOG := $(VENV)/setup.log
WORKERS   ?= 2
# How long each of the two shards of `make nightly` may take, and how deep it goes into recovery.
MINUTES   ?= 60
DEPTH     ?= 2
# 1 is also what strikes after an error; 0 are the errors alone.
ERROR_DEPTH ?= 0
# Which part of the errors and damages: 1/4 is every fourth case, chosen by its name.
SHARD ?= 1/1
# Each how many-th mutant is hunted, chosen by its name.
EVERY ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup check test torture errors damage scarce planted mutants track replay bench nightly report \
  lock clean

help: ## print this page
	@awk 'BEGIN { FS = ":.*## " } /^[a-z][a-z-]*:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' \
	  $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## make .venv with the locked packages (again only when the lock changes)

# The log keeps pip's many lines; a failure is one sentence with the next step.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "setup: killpoint needs Python 3.11 or newer; name one, as in: make setup PYTHON=python3.12" >&2; \
	  exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "setup: $(PYTHON) cannot make a virtual environment; install its venv module (on Debian: python3-venv), then: make setup" >&2; \
	  exit 1; }
	@echo "setup: installing the locked packages into $(VENV)"
	@{ $(BIN)/python -m pip install --disable-pip-version-check --no-input \
	     --require-hashes --requirement requirements.lock \
	   && $(BIN)/python -m pip install --disable-pip-version-check --no-input \
	     --no-deps --no-build-isolation --editable . ; } >$(SETUP_LOG) 2>&1 || { \
	  if grep --quiet 'Retrying' $(SETUP_LOG); then \
	    echo "setup: the package index cannot be reached, and setup needs it once; connect, or name a mirror in PIP_INDEX_URL, then: make setup" >&2; \
	  else \
	    grep '^ERROR' $(SETUP_LOG) >&2; \
	    echo "setup: the locked packages could not be installed; pip's own words are in $(SETUP_LOG); mend that, then: make setup" >&2; \
	  fi; \
	  exit 1; }
	@touch $@

check: $(STAMP) ## lint, format, types, import rules, tidy and vocabulary tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest --quiet \
	  harness/tests/test_tidy.py harness/tests/test_vocabulary.py harness/tests/test_imports.py

test: $(STAMP) ## the tests of harness, engine and scenarios
	$(BIN)/python -m pytest --numprocesses $(WORKERS)

torture: $(STAMP) ## the main job: kill every scenario at every point, reopen it, prove it
	$(BIN)/killpoint run --workers $(WORKERS) --depth 2 --deep 30s

errors: $(STAMP) ## storage errors: every call to the storage of every scenario fails, in each way
	$(BIN)/killpoint run --strategy error --workers $(WORKERS) --depth $(ERROR_DEPTH) \
	  --shard $(SHARD)
	$(BIN)/python -m scenarios.fault_contracts reports/latest

damage: $(STAMP) ## files of a store at rest are damaged, each in each way
	$(BIN)/killpoint run --strategy damage --workers $(WORKERS) --shard $(SHARD)

planted: $(STAMP) ## known bugs, planted: what is found, by what, after how many cases
	$(BIN)/python -m scenarios.planted.measure --workers $(WORKERS)

mutants: $(STAMP) ## engines made wrong by rule: what notices each (PATTERN, EVERY=10, PAGE=--page)
	$(BIN)/python -m scenarios.mutants.measure --workers $(WORKERS) --every $(EVERY) $(PAGE) \
	  $(PATTERN)

track: $(STAMP) ## replay every token of scenarios/TRACK_RECORD.md
	$(BIN)/python -m scenarios.planted.track

scarce: $(STAMP) ## disk full, no descriptor, read-only, gone: at every point of both stores
	$(BIN)/python -m engine.tests.scarce.running

replay: $(STAMP) ## reproduce one case: make replay TOKEN=k1/...
	@test -n '$(TOKEN)' || { \
	  echo "replay: name the case, as in: make replay TOKEN='k1/...' (a report prints it)" >&2; exit 2; }
	$(BIN)/killpoint replay '$(TOKEN)'

bench: $(STAMP) ## the harness's own costs, as ratios (of another store: WITH='FILE NAME')
	$(BIN)/python -m killpoint.bench $(WITH)

# A shard that finds something must not stop the other or the merge: the merge ends with the
# worst verdict of both, and a shard that left no record fails it.
nightly: $(STAMP) ## deeper: two shards on this machine, then their merged record
	rm -rf reports/nightly reports/nightly-1 reports/nightly-2
	-$(BIN)/killpoint run --workers $(WORKERS) --shard 1/2 --depth $(DEPTH) --budget $(MINUTES)m \
	  --reports reports/nightly-1
	-$(BIN)/killpoint run --workers $(WORKERS) --shard 2/2 --depth $(DEPTH) --budget $(MINUTES)m \
	  --reports reports/nightly-2
	$(BIN)/killpoint merge reports/nightly-1/latest reports/nightly-2/latest --into reports/nightly

report: $(STAMP) ## write the report of the latest record again
	$(BIN)/killpoint report reports/latest

lock: ## resolve requirements.lock anew (needs uv); it names no registry
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --upgrade \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	  --output-file requirements.lock --quiet

clean: ## remove the environment, caches and the records of runs
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find harness engine scenarios -name __pycache__ -type d -prune -exec rm -rf {} +
	find reports -mindepth 1 -maxdepth 1 ! -name README.md ! -name .gitignore -exec rm -rf {} +
