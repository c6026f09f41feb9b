# Two commands are all a newcomer needs: `make run` and `make test`. Both set up .venv by themselves.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RESULTS := bench/results

.DEFAULT_GOAL := help
.PHONY: help setup run demo test check format lint types pytest story faults vectors bench bench-growth bench-peers bench-micro clean

help:  ## What can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(STAMP)  ## Create .venv with everything in it

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "Roost needs Python 3.11 or later; '$(PYTHON)' is not. Name one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "Setting up $(VENV) (once, about a minute) ..."
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "Python's venv module is missing (on Debian: apt install python3-venv)"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(STAMP)

run: $(STAMP)  ## Start a relay node on 127.0.0.1:5252, data in ./roost-data
	@exec $(BIN)/roost serve

demo: $(STAMP)  ## Watch two phones talk through a node that is killed and comes back
	@exec $(BIN)/roost demo

test: lint types pytest  ## Lint, types and all tests

check: test  ## The same as test

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(STAMP)
	@$(BIN)/mypy

pytest: $(STAMP)
	@$(BIN)/pytest --numprocesses=4 --dist=worksteal

story: $(STAMP)  ## Four people, a companion, a group: real commands at a real node (three minutes)
	@$(BIN)/pytest -m story

faults: $(STAMP)  ## Break a real node in every way there is, and see what holds (a quarter of an hour)
	@$(BIN)/roost faults run --plan standard

format: $(STAMP)  ## Format and mend what ruff can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

vectors: $(STAMP)  ## Write the test vectors of the end-to-end layer anew, after a format has changed on purpose
	@$(BIN)/python -m tests.vectors

# Status 5 says that the load was the limit of a run: its table says so as well, and the others are still worth it.
bench: $(STAMP)  ## Measure a node and fill docs/benchmarks.md (eight minutes, on a quiet machine)
	@$(BIN)/roost bench pairs --repeat 3 --json $(RESULTS)/pairs.json || test $$? -eq 5
	@$(BIN)/roost bench pairs --rate 1000 --repeat 3 --json $(RESULTS)/pairs-1000.json || test $$? -eq 5
	@$(BIN)/roost bench pairs --rate 6000 --repeat 3 --json $(RESULTS)/pairs-6000.json || test $$? -eq 5
	@$(BIN)/roost bench fanout --repeat 3 --json $(RESULTS)/fanout.json || test $$? -eq 5
	@$(BIN)/roost bench fanout --window 8 --repeat 3 --json $(RESULTS)/fanout-8.json || test $$? -eq 5
	@$(BIN)/roost bench login --json $(RESULTS)/login.json || test $$? -eq 5
	@$(BIN)/roost bench offline --repeat 3 --json $(RESULTS)/offline.json || test $$? -eq 5
	@$(BIN)/roost bench idle --json $(RESULTS)/idle.json || test $$? -eq 5
	@$(BIN)/python -m bench.tables

bench-growth: $(STAMP)  ## Measure how cost grows, and fill its tables (ten minutes, on a quiet machine)
	@$(BIN)/roost bench growth --json $(RESULTS)/growth.json
	@$(BIN)/python -m bench.tables

bench-peers: $(STAMP)  ## The same work for ejabberd, prosody and mosquitto, where installed (fifteen minutes, on a quiet machine)
	@$(BIN)/roost bench pairs --repeat 3 --peer all --json $(RESULTS)/pairs-peers.json || test $$? -eq 5
	@$(BIN)/roost bench fanout --members 256 --repeat 3 --peer all --json $(RESULTS)/fanout-peers.json || test $$? -eq 5
	@$(BIN)/roost bench login --peer all --json $(RESULTS)/login-peers.json || test $$? -eq 5
	@$(BIN)/roost bench offline --recipients 20 --peer all --json $(RESULTS)/offline-peers.json || test $$? -eq 5
	@$(BIN)/roost bench idle --connections 5000 --settle 5 --duration 20 --peer all --json $(RESULTS)/idle-peers.json || test $$? -eq 5
	@$(BIN)/python -m bench.tables

bench-micro: $(STAMP) .venv-tractor/.installed  ## Weight and speed of the actor runtime, beside its peers
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	@$(BIN)/python -m bench.micro

# tractor as published needs a trio that is older than ours. If it cannot be installed, the bench says so.
.venv-tractor/.installed: bench/micro/peers/tractor-requirements.txt
	@$(PYTHON) -m venv .venv-tractor
	@.venv-tractor/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement $< \
	  && touch $@ || rm -rf .venv-tractor

clean:  ## Remove .venv and caches (never the data folder)
	rm -rf $(VENV) .venv-tractor .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
