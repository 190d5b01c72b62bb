# make demo   plan and apply the sample organization to the CRM in a file
# make test   everything that CI runs
# make tryton a real Tryton to try it on (make scim: a SCIM provider), until Ctrl-C
# make soak   many more crashes than CI has time for
.DELETE_ON_ERROR:
.PHONY: help .venv demo test check schemas bench reliability soak postgresql servers tryton scim clean

# What stands beside each other in a list of prerequisites is made at once.
MAKEFLAGS += --jobs=2

PYTHON ?= python3
BIN := .venv/bin
ROOT := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
APT := $(ROOT) env DEBIAN_FRONTEND=noninteractive apt-get
COVERAGE := 90
# Tries hundreds of thousands of plans, each of them several times slower while coverage is measured. What takes longest
# comes first, so that at the end no worker waits for the other.
EXHAUSTIVE := tests/adapters/test_tryton_conformance.py tests/crash tests/test_order.py tests/test_scale.py \
  tests/adapters/test_conformance.py tests/adapters/test_scim_conformance.py \
  tests/adapters/test_salesforce_conformance.py tests/adapters/test_dataverse_conformance.py \
  tests/adapters/test_hubspot_conformance.py \
  tests/faults tests/access/test_oracle.py tests/test_writing_one.py tests/test_hostile.py
FIGURES := $(CURDIR)/.figures
RELIABILITY := tests/crash tests/faults tests/test_hostile.py tests/test_canaries.py tests/test_bad_plans.py \
  tests/test_rollback.py

help:
	@sed -n 's/^# //p' Makefile

.venv: $(BIN)/orgsync

# What is installed last: a folder alone may be what an interrupted install left. Debian ships venv apart from Python.
$(BIN)/orgsync: pyproject.toml
	$(PYTHON) -m venv .venv || { $(APT) update && $(APT) install -y python3-venv && $(PYTHON) -m venv .venv; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

demo: .venv
	$(BIN)/orgsync validate
	$(BIN)/orgsync plan
	$(BIN)/orgsync apply --yes
	$(BIN)/orgsync plan

check: .venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The tests start servers of their own; only the programs must be there.
postgresql:
	@[ -n "$$ORGSYNC_TEST_POSTGRESQL" ] || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 \
	  || { $(APT) update && $(APT) install -y --no-install-recommends postgresql; }

# Tryton, a SCIM provider: real ones, each in an environment of its own below .servers/.
servers: .venv
	$(BIN)/python -m tests.servers build

# One of them for a trial, until Ctrl-C; the targets in orgsync.yaml know where it listens.
tryton: .venv
	@$(BIN)/python -m tests.servers run tryton

scim: .venv
	@$(BIN)/python -m tests.servers run scim

# Half of what an apply takes is waiting for its journal to be on a disk. In memory nothing waits, where there is room.
MEMORY := $(firstword $(shell awk '$$2 == "/dev/shm" && $$4 !~ /noexec/ {print $$2}' /proc/mounts 2>/dev/null))
ROOMY := $(and $(MEMORY),$(shell df --output=avail $(MEMORY) | awk 'NR == 2 && $$1 > 4000000'))

test: export TMPDIR := $(if $(ROOMY),$(MEMORY),$(or $(TMPDIR),/tmp))
test: export ORGSYNC_FIGURES = $(FIGURES)
test: servers check postgresql
	rm -rf $(FIGURES)
	$(BIN)/python -m pytest -n 2 $(EXHAUSTIVE:%=--ignore=%) \
	  --cov --cov-branch --cov-report=term --cov-fail-under=$(COVERAGE)
	$(BIN)/python -m pytest -n 2 $(EXHAUSTIVE)
	$(BIN)/python -m tests.reliability check $(FIGURES)
	$(BIN)/python -m bench quick

schemas: .venv
	$(BIN)/orgsync schema --write schemas

bench: .venv
	$(BIN)/python -m bench run

# Writes docs/reliability.md from what this run counted.
reliability: export ORGSYNC_FIGURES = $(FIGURES)
reliability: .venv postgresql
	rm -rf $(FIGURES)
	$(BIN)/python -m pytest -n 2 $(RELIABILITY)
	$(BIN)/python -m tests.reliability write $(FIGURES)

# The same crashes over a larger organization, for as long as it takes.
soak: .venv postgresql
	ORGSYNC_CRASH_PEOPLE=40 ORGSYNC_CRASH_SOAK=400 ORGSYNC_CRASH_ROUNDS=40 $(BIN)/python -m pytest -n 2 tests/crash

clean:
	rm -rf .figures .servers .venv .orgsync .coverage .coverage.* .mypy_cache .ruff_cache
