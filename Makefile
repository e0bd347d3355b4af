# Development commands; `make` alone lists them. Nothing but Python 3.11+ and make is needed for dev, test and demo.
# The first of these that is there; PYTHON= names another one.
PYTHON ?= $(firstword $(foreach one,python3.11 python3.12 python3.13 python3.14,$(if $(shell command -v $(one)),$(one))) python3.11)
VENV := .venv
BIN := $(VENV)/bin
PROTOS := $(wildcard proto/passerelle/wire/v1/*.proto)
UV ?= uv
PEERS := build/peers
LINKAGE_PEERS := build/linkage-peers
LISTS ?=
BENCH = PYTHONPATH=tests/support GRPC_VERBOSITY=ERROR $(BIN)/python -m bench

.PHONY: help dev unit test check demo adversary adversary-short bench bench-quick bench-growth bench-memory \
  bench-linkage bench-attacks proto tables lock clean

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 17

dev: $(VENV)/.installed ## the environment .venv with the command passerelle

$(VENV)/.installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) not found: install Python 3.11 or newer, or set PYTHON= to it" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Two workers share what needs one process; what starts processes of its own uses all cores already.
WORKERS ?= 2
test: dev ## all tests: about 8 minutes
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not journey and not adversary"
	$(BIN)/python -m pytest -m "journey and not adversary"

# What opens no socket, starts no program and repeats no experiment: the first thing to run after a change.
unit: dev ## tests that need no socket and no other program: about a minute
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not integration and not trial and not journey and not adversary"

# Kills at seeded random moments, faults at each durable write; seeds are in the tests and in what they print.
adversary: dev ## attacks on a running federation, for hours; needs gcc
	PASSERELLE_KILL_RUNS=100 PASSERELLE_RACE_RUNS=100 PASSERELLE_FUZZ_SECONDS=60 PASSERELLE_FAULT_RUNS=0 \
	  $(BIN)/python -m pytest -s -m adversary tests/adversary
	PASSERELLE_EMBARGO_TRIALS=400 $(BIN)/python -m pytest -s tests/adversary/test_hidden_existence.py \
	  tests/adversary/test_hidden_queries.py tests/adversary/test_hidden_judgements.py
	PASSERELLE_FUZZ_INPUTS=200000 PASSERELLE_FUZZ_SEED=2026 $(BIN)/python -m pytest -s tests/policies/test_differential.py

adversary-short: dev ## the same in minutes
	PASSERELLE_KILL_RUNS=10 $(BIN)/python -m pytest -s -m adversary tests/adversary

demo: dev ## the whole federation on this machine
	$(BIN)/passerelle demo --once

bench: dev $(PEERS)/.installed ## all benchmarks; writes docs/benchmarks.md
	$(BENCH)

# What benchmarks compare with, in an environment of its own. Without it (offline, no wheel for this machine) its
# lines say that they were not measured.
$(PEERS)/.installed: bench/peers.lock
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: \
	  --require-hashes -r bench/peers.lock && touch $@ || echo "make: no peers to compare with" >&2

# Linkage beside Splink and anonlink. LISTS is the folder of the published lists; SET one of your own.
bench-linkage: dev $(LINKAGE_PEERS)/.installed ## linkage beside Splink and anonlink (LISTS=, SET=); writes docs/linkage.md
	$(BIN)/python -m bench.linking $(if $(LISTS),--lists $(LISTS)) $(if $(SET),--set $(SET))

$(LINKAGE_PEERS)/.installed: bench/linkage-peers.lock
	$(PYTHON) -m venv $(LINKAGE_PEERS)
	$(LINKAGE_PEERS)/bin/python -m pip install --quiet --disable-pip-version-check \
	  --require-hashes -r bench/linkage-peers.lock
	@touch $@

# Attacks on the index with a public register; writes the table of docs/threat-model.md.
bench-attacks: dev ## attacks on the index; writes their table into docs/threat-model.md
	$(BIN)/python -m bench.attacks

bench-quick: dev ## the same at small sizes
	$(BENCH) --quick

bench-growth: dev ## speed as the index grows
	$(BENCH) growth

bench-memory: dev ## memory at a million records
	$(BENCH) memory --records 1000000

check: dev ## format, lint, import contracts, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pyright

proto: dev ## wire code from proto/
	$(BIN)/python -m grpc_tools.protoc -Iproto \
	  --plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy \
	  --plugin=protoc-gen-mypy_grpc=$(BIN)/protoc-gen-mypy_grpc \
	  --python_out=kernel --grpc_python_out=kernel --mypy_out=quiet:kernel --mypy_grpc_out=quiet:kernel \
	  $(PROTOS)

# Only who publishes releases: sign the tables that hub and connectors read (NEW=--new-key makes the key).
RELEASE_KEY ?= $(HOME)/.config/passerelle/release.key
tables: dev ## sign the tables that hub and connectors share (RELEASE_KEY=)
	$(BIN)/python .ci/sign_tables.py $(RELEASE_KEY) $(NEW)

lock: ## requirements.lock from requirements.in (UV=)
	@command -v $(UV) >/dev/null || { echo "make: $(UV) not found; set UV=/path/to/uv" >&2; exit 1; }
	$(UV) pip compile --quiet --universal --python-version 3.11 --no-strip-extras --generate-hashes \
	  requirements.in --output-file requirements.lock
	$(UV) pip compile --quiet --python-version 3.11 --generate-hashes bench/peers.in --output-file bench/peers.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes bench/linkage-peers.in \
	  --output-file bench/linkage-peers.lock

clean: ## remove everything that was made
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
