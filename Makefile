# Two commands do everything a newcomer needs: `make chat` and `make test`. `make help` lists the others.

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
# nothing but a person's own chat ever looks for public seeds
OFFLINE := PASSERBY_DIRECTORY=off
# as many tests at once as there are cores; but for the unit tests those of one file one after the other, since some
# share a network namespace
ALONGSIDE := --numprocesses auto --maxprocesses 4

.PHONY: help chat seed lab test soak check cures-off fuzz bench bench-peers node-parts sim sim-long lock clean installed installed-dev

help:
	@echo 'make chat [ARGS="…"]   talk to a stranger (installs everything on first use)'
	@echo 'make seed [ARGS="…"]   run a seed for others'
	@echo 'make lab [ARGS="…"]    a whole network on this machine, in calm and in chaos'
	@echo 'make test              the tests: unit, integration, end to end'
	@echo 'make check             linters, types, layers, what is in the wheel'
	@echo 'make cures-off         each cure of libp2p taken out in turn: its test must fail'
	@echo 'make soak [SHORT=1]    long runs and real-time waits'
	@echo 'make fuzz [SHORT=1]    fuzz the parsers and the sanitizer'
	@echo 'make bench [SHORT=1]   measure beside bare libp2p, write docs/figures.*'
	@echo 'make bench-peers [SHORT=1]  the same beside Hyperswarm and js-libp2p'
	@echo 'make node-parts        their parts, for the interoperation tests too (npm, git-ignored)'
	@echo 'make sim               simulate up to 10 000 people, write docs/simulation.*'
	@echo 'make sim-long          ... up to a million; goes on where it was broken off'
	@echo 'make lock              resolve the requirement locks anew'
	@echo 'make clean             remove what was installed and built'

chat: installed
	@$(BIN)/passerby chat $(ARGS) || true

seed: installed
	@$(OFFLINE) $(BIN)/passerby seed run $(ARGS) || { code=$$?; [ $$code -eq 130 ] || exit $$code; }

lab: installed
	@$(OFFLINE) $(BIN)/passerby lab $(ARGS)
	@$(OFFLINE) $(BIN)/passerby lab --chaos $(ARGS)

test: installed-dev
	$(BIN)/coverage erase
	$(OFFLINE) $(BIN)/coverage run -m pytest -m "not slow" $(ALONGSIDE) --dist worksteal tests/unit tests/test_layout.py tests/test_security_rows.py
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
	$(OFFLINE) $(BIN)/pytest -m "not slow" $(ALONGSIDE) --dist loadfile tests/integration tests/e2e tests/natlab

soak: installed-dev
	$(OFFLINE) $(BIN)/pytest $(if $(SHORT),-m "slow and not long" tests/integration tests/e2e tests/natlab,-m slow tests)

check: installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/python tools/check_tree.py

cures-off: installed-dev
	$(OFFLINE) $(BIN)/python tests/cures_off.py

fuzz: installed-dev
	$(OFFLINE) $(BIN)/python tests/fuzz/run.py $(if $(SHORT),--seconds 60,--seconds 600)

bench: installed-dev
	$(OFFLINE) $(BIN)/python benchmarks/run.py $(if $(SHORT),--short)

bench-peers: installed-dev
	$(OFFLINE) $(BIN)/python benchmarks/peers/run.py $(if $(SHORT),--short)

node-parts:
	cd benchmarks/peers && npm ci --ignore-scripts --no-audit --no-fund

sim: installed-dev
	$(OFFLINE) $(BIN)/python -m benchmarks.sim.run

sim-long: installed-dev
	$(OFFLINE) $(BIN)/python -m benchmarks.sim.run --long

lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements.lock pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --group dev -c requirements.lock -o requirements-dev.lock pyproject.toml

clean:
	rm -rf .venv .venv.lock fuzz-work build dist src/passerby.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

installed:
	@$(PYTHON) tools/environment.py run

installed-dev:
	@$(PYTHON) tools/environment.py dev
