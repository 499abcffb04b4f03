# The commands people use; each starts from a bare checkout with Python 3.11+ and nothing else.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: run test check eval bench train train-data lock clean

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

eval: .venv/.dev  ## offline suites, then every local model in one table (public sets too: DATA=FOLDER), and leaks
	$(BIN)/huiying eval run
	OMP_NUM_THREADS=1 $(BIN)/huiying eval models $(if $(DATA),--data $(DATA))

bench: .venv/.dev  ## measured figures: acknowledgement, turn overhead, model calls
	$(BIN)/huiying bench

.venv-train/.done: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv-train
	.venv-train/bin/python -m pip --disable-pip-version-check -q install -c requirements.lock -e '.[train]'
	touch $@

train-data:
	@test -d "$(DATA)" || { echo 'make train needs the public sets: make train DATA=folder (docs/models.md names them)'; exit 1; }

# The order matters: the encoder first, since all others read through it; the witness shows them what it has not met.
train: train-data .venv-train/.done  ## make the shipped models again from the corpus and the public sets in DATA=folder
	.venv-train/bin/python -m training.encoder --data $(DATA)
	.venv-train/bin/python -m training.witness --data $(DATA) --out var/witness
	.venv-train/bin/python -m training.heads --data $(DATA)
	.venv-train/bin/python -m training.duplicate --data $(DATA) --witness var/witness/encoder
	.venv-train/bin/python -m training.redaction --data $(DATA)
	.venv-train/bin/python -m evals.retrieval_fit --write --witness var/witness/encoder $(DATA)/faq_tech_zh $(DATA)/faq_medical_zh
	.venv-train/bin/python -m training.gate --data $(DATA)

lock: .venv/.dev  ## renew both lock files from the ranges in pyproject.toml
	$(BIN)/uv pip compile -q --no-header --no-annotate --no-emit-index-url --extra dev pyproject.toml -o requirements-dev.lock
	$(BIN)/uv pip compile -q --no-header --no-annotate --no-emit-index-url -c requirements-dev.lock pyproject.toml -o requirements.lock

clean:
	rm -rf .venv .venv-train var
