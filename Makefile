# The few commands that a person or a machine needs; each does its own set-up, quickly the second time.
.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-lowest bench docs docs-pages format lock check-wheels clean

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --upgrade --custom-compile-command "make lock" pyproject.toml
FAST := -m "not slow"

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## grade the eight bundled made-up patients and draw a course
	$(BIN)/tocsin demo --out out/demo

test: check ## every check and the fast tests
	$(BIN)/python -m pytest -n 2 $(FAST)

test-all: check ## every check and all tests, the slow ones too
	$(BIN)/python -m pytest -n 2

.PHONY: check
check: $(VENV)/.developing ## format, lint, types and the order of the rooms
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

test-lowest: $(VENV)/.developing ## the fast tests with the oldest dependencies that pyproject.toml allows
	scripts/make_venv.sh .venv-lowest
	$(subst $(VENV),.venv-lowest,$(PIP)) install --require-hashes -r requirements/lowest.txt
	$(subst $(VENV),.venv-lowest,$(PIP)) install --no-deps --no-build-isolation -e .
	# The reference pages are made with the locked versions: older ones word `--help` differently.
	.venv-lowest/bin/python -m pytest -n 2 $(FAST) --ignore tests/functional/test_docs.py

bench: $(VENV)/.developing ## measure speed and memory
	$(BIN)/python -m benchmarks

docs: docs-pages ## build the documentation into site/
	$(BIN)/zensical build --clean --strict

docs-pages: $(VENV)/.developing ## write the generated reference pages
	$(BIN)/python -m scripts.build_rule_tests
	$(BIN)/python -m scripts.build_reference

format: $(VENV)/.developing ## let ruff mend layout and what else it can
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lock: $(VENV)/.developing ## take the newest versions into requirements/*.txt
	$(COMPILE) --group dev -o requirements/dev.txt
	$(COMPILE) --group build -c requirements/dev.txt -o requirements/run.txt
	$(COMPILE) --group build --group test --resolution lowest-direct -o requirements/lowest.txt

check-wheels: $(VENV)/.installed ## show that every supported Python gets ready-made wheels
	$(BIN)/python -m scripts.check_wheels

clean: ## remove what runs and tools leave, but not the environment
	rm -rf out site dist build .cache .hypothesis .pytest_cache .ruff_cache .import_linter_cache
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/pyvenv.cfg:
	scripts/make_venv.sh $(VENV)

$(VENV)/.installed: requirements/run.txt pyproject.toml | $(VENV)/pyvenv.cfg
	@echo "Installing Tocsin and what it needs into $(VENV) (once; a minute or two)"
	$(PIP) install --require-hashes -r requirements/run.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.developing: requirements/dev.txt $(VENV)/.installed scripts/install_system.sh
	@scripts/install_system.sh
	@echo "Installing the tools that check it (once; a minute or two)"
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@
