# Development commands. Nothing but Python 3.11+ and make is needed for dev, test and demo.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PROTOS := $(wildcard proto/passerelle/wire/v1/*.proto)
UV ?= uv
PEERS := build/peers
LINKAGE_PEERS := build/linkage-peers
LISTS ?=
BENCH = PYTHONPATH=tests/support GRPC_VERBOSITY=ERROR $(BIN)/python -m bench

.PHONY: tables bench-attacks bench-linkage dev check test unit adversary adversary-short demo bench bench-quick bench-growth bench-memory proto lock clean

dev: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) not found; set PYTHON=python3.12 or newer" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Two workers share what needs one process; what starts processes of its own uses all cores already.
WORKERS ?= 2
test: dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not journey and not adversary"
	$(BIN)/python -m pytest -m "journey and not adversary"

# What opens no socket, starts no program and repeats no experiment: the first thing to run after a change.
unit: dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not integration and not trial and not journey and not adversary"

# Kills at seeded random moments, faults at each durable write; seeds are in the tests and in what they print.
adversary: dev
	PASSERELLE_KILL_RUNS=100 PASSERELLE_RACE_RUNS=100 PASSERELLE_FUZZ_SECONDS=60 PASSERELLE_FAULT_RUNS=0 \
	  $(BIN)/python -m pytest -s -m adversary tests/adversary
	PASSERELLE_EMBARGO_TRIALS=400 $(BIN)/python -m pytest -s tests/adversary/test_hidden_existence.py \
	  tests/adversary/test_hidden_queries.py tests/adversary/test_hidden_judgements.py
	PASSERELLE_FUZZ_INPUTS=200000 PASSERELLE_FUZZ_SEED=2026 $(BIN)/python -m pytest -s tests/policies/test_differential.py

adversary-short: dev
	PASSERELLE_KILL_RUNS=10 $(BIN)/python -m pytest -s -m adversary tests/adversary

demo: dev
	$(BIN)/passerelle demo --once

bench: dev $(PEERS)/.installed
	$(BENCH)

# What benchmarks compare with, in an environment of its own. Without it (offline, no wheel for this machine) its
# lines say that they were not measured.
$(PEERS)/.installed: bench/peers.lock
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: \
	  --require-hashes -r bench/peers.lock && touch $@ || echo "make: no peers to compare with" >&2

# Linkage beside Splink and anonlink. LISTS is the folder of the published lists; SET one of your own.
bench-linkage: dev $(LINKAGE_PEERS)/.installed
	$(BIN)/python -m bench.linking $(if $(LISTS),--lists $(LISTS)) $(if $(SET),--set $(SET))

$(LINKAGE_PEERS)/.installed: bench/linkage-peers.lock
	$(PYTHON) -m venv $(LINKAGE_PEERS)
	$(LINKAGE_PEERS)/bin/python -m pip install --quiet --disable-pip-version-check \
	  --require-hashes -r bench/linkage-peers.lock
	@touch $@

# Attacks on the index with a public register; writes the table of docs/threat-model.md.
bench-attacks: dev
	$(BIN)/python -m bench.attacks

bench-quick: dev
	$(BENCH) --quick

bench-growth: dev
	$(BENCH) growth

bench-memory: dev
	$(BENCH) memory --records 1000000

check: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pyright

proto: dev
	$(BIN)/python -m grpc_tools.protoc -Iproto \
	  --plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy \
	  --plugin=protoc-gen-mypy_grpc=$(BIN)/protoc-gen-mypy_grpc \
	  --python_out=kernel --grpc_python_out=kernel --mypy_out=quiet:kernel --mypy_grpc_out=quiet:kernel \
	  $(PROTOS)

# Only who publishes releases: sign the tables that hub and connectors read (NEW=--new-key makes the key).
RELEASE_KEY ?= $(HOME)/.config/passerelle/release.key
tables: dev
	$(BIN)/python .ci/sign_tables.py $(RELEASE_KEY) $(NEW)

lock:
	@command -v $(UV) >/dev/null || { echo "make: $(UV) not found; set UV=/path/to/uv" >&2; exit 1; }
	$(UV) pip compile --quiet --universal --python-version 3.11 --no-strip-extras --generate-hashes \
	  requirements.in --output-file requirements.lock
	$(UV) pip compile --quiet --python-version 3.11 --generate-hashes bench/peers.in --output-file bench/peers.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes bench/linkage-peers.in \
	  --output-file bench/linkage-peers.lock

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
