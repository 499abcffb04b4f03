# The commands people use; each starts from a bare checkout with Python 3.11+ and nothing else.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: run test check eval bench lock clean

# Only what the service imports is compiled: a third of the installed size, and the first start is no slower.
.venv/.run: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(PIP) install --no-compile --no-deps -r requirements.lock
	$(PIP) install --no-compile --no-deps --no-build-isolation -e .
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -c "import app, wiring, commands.root, console.pages, uvicorn, chromadb"
	touch $@

.venv/.dev: requirements-dev.lock .venv/.run
	$(PIP) install --no-compile --no-deps -r requirements-dev.lock
	touch $@

run: .venv/.run  ## start the service with the sample knowledge base and the playground
	$(BIN)/huiying serve --demo

test: .venv/.dev  ## the whole suite; real Redis and PostgreSQL come from test wheels
	$(BIN)/python -m pytest

check: .venv/.dev  ## lint, strict types, import contracts, module shape
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/architecture

eval: .venv/.dev  ## offline suites
	$(BIN)/huiying eval run

bench: .venv/.dev  ## measured figures: acknowledgement, turn overhead, model calls
	$(BIN)/huiying bench

lock: .venv/.dev  ## renew both lock files from the ranges in pyproject.toml
	$(BIN)/uv pip compile -q --no-header --no-annotate --no-emit-index-url --extra dev pyproject.toml -o requirements-dev.lock
	$(BIN)/uv pip compile -q --no-header --no-annotate --no-emit-index-url -c requirements-dev.lock pyproject.toml -o requirements.lock

clean:
	rm -rf .venv var
