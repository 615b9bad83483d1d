# make demo: colour a photograph.  make test: format, lint, types, tests.  Each builds .venv if it is not there.
PYTHON ?= python3
BIN := .venv/bin
CONSTRAINTS := .ci/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test format clean

demo: .venv/demo
	$(BIN)/python -m hybrid.demo out

test: .venv/test
	$(BIN)/ruff format --check hybrid solvers tests
	$(BIN)/ruff check hybrid solvers tests
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2

format: .venv/test
	$(BIN)/ruff format hybrid solvers tests
	$(BIN)/ruff check --fix hybrid solvers tests

.venv/demo: pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; try: make PYTHON=python3.11 $(MAKECMDGOALS)")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q -c $(CONSTRAINTS) -e .
	touch $@

.venv/test: .venv/demo
	$(BIN)/python -m pip install -q -c $(CONSTRAINTS) -e '.[dev,train]'
	touch $@

clean:
	rm -rf .venv out
