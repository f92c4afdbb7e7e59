# Everyday commands. All that is needed is make and Python 3.11 or newer.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test proof lint format bench document sdk logos lock clean

PYTHON ?= $(firstword $(foreach v,python3 python3.14 python3.13 python3.12 python3.11,\
  $(if $(shell $(v) -c 'import sys; print(sys.version_info >= (3, 11) or "")' 2>/dev/null),$(v))))
BIN := .venv/bin
UV := $(BIN)/uv
INSTALL := $(UV) pip install --quiet --python $(BIN)/python
# The certificates of the machine, so that a company's own proxy is trusted as everywhere else.
export UV_SYSTEM_CERTS := 1

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/runtime  ## Run the whole portal on this machine (http://localhost:8000)
	@exec $(BIN)/portal dev

test: .venv/dev  ## Run the tests; ARGS="tests/keys -k revoke" chooses
	@$(BIN)/python -m tests.machine
	@$(BIN)/pytest -n auto --dist worksteal $(ARGS)

proof: .venv/dev  ## Try what must always hold many times more: crashes, cuts, order, limits, bad input
	@$(BIN)/python -m tests.machine
	@PROOF_TIMES=10 $(BIN)/pytest -n auto --dist worksteal --timeout 3000 \
	  -m "hypothesis or proof" $(ARGS)

lint: .venv/dev  ## Check style, types, import directions, dependencies and templates
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	cd devtools && ../$(BIN)/deptry .
	cd sdk/python && ../../$(BIN)/deptry .
	$(BIN)/djlint portal/web/templates devtools examples --lint --quiet

format: .venv/dev  ## Put the code into its usual shape
	$(BIN)/ruff check --fix --exit-zero
	$(BIN)/ruff format

bench: .venv/bench  ## Measure the speed, against others where there are others
	PYTHONPATH=sdk/python $(BIN)/python -m tests.bench $(ARGS)

document: .venv/runtime  ## Write docs/openapi.json; refuses what breaks programs (ARGS=--breaking)
	@$(BIN)/python -m portal_devtools.document $(ARGS)

sdk: .venv/dev  ## Make the SDKs from the operations, and their packages in dist/
	$(BIN)/python -m portal_devtools.python_sdk
	$(BIN)/python -m portal_devtools.javascript_sdk
	$(UV) build --quiet --wheel --out-dir dist sdk/python

logos: .venv/runtime  ## Draw the providers' logos from the pinned npm package (needs npm)
	@$(BIN)/python -m portal_devtools.logos

LOCK := $(UV) pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
  --no-annotate --no-emit-index-url --custom-compile-command "make lock" --quiet $(ARGS)

lock: .venv/uv  ## Lock what pyproject.toml asks for (ARGS=--upgrade: the newest of everything)
	$(LOCK) -o requirements.txt
	$(LOCK) -c requirements.txt --extra dev -o requirements-dev.txt
	$(LOCK) -c requirements-dev.txt --extra dev --extra bench -o requirements-bench.txt

clean:  ## Remove the virtual environment and caches; the data in var/ stays
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis \
	  .import_linter_cache
	find portal devtools sdk tests -name __pycache__ -prune -exec rm -rf {} +

# --- the virtual environment: made once, brought up to date when the locked versions change --------

.venv/uv: requirements-uv.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and was not found." >&2; exit 1; }
	@test -x $(BIN)/python || { echo "Making .venv ..."; $(PYTHON) -m venv .venv; } || { rm -rf .venv; \
	  echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/runtime: .venv/uv requirements.txt pyproject.toml devtools/pyproject.toml
	@echo "Installing what the portal needs ..."
	@$(INSTALL) --require-hashes -r requirements.txt
	@$(INSTALL) --no-deps --editable . --editable ./devtools
	@touch $@

.venv/dev: .venv/runtime requirements-dev.txt
	@echo "Installing what the tests need ..."
	@$(INSTALL) --require-hashes -r requirements-dev.txt
	@touch $@

.venv/bench: .venv/dev requirements-bench.txt
	@echo "Installing what the benchmarks need ..."
	@$(INSTALL) --require-hashes -r requirements-bench.txt
	@touch $@
