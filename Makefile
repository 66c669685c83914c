# Every path is relative, so that a clone in a folder with spaces in its name works.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The same on Spark 4.1.
VENV4 := .venv-spark4
READY4 := $(VENV4)/.ready

.PHONY: help env test test-spark4 test-long test-unit lint demo bench docs clean

help: ## what can be made
	@grep -hE '^[a-z0-9-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

env: $(READY) ## the environment, in .venv (built once, and again when its pins change)

$(READY): setup.cfg pyproject.toml constraints.txt tools/make-environment
	@sh tools/make-environment "$(VENV)"
	@touch $(READY)

$(READY4): setup.cfg pyproject.toml constraints-spark4.txt tools/make-environment
	@sh tools/make-environment "$(VENV4)" constraints-spark4.txt
	@touch $(READY4)

demo: $(READY) ## the main job on real data, and every refusal
	@$(BIN)/glue-secure demo

test: $(READY) lint ## what CI runs: linters, types, walls, and the whole suite
	@$(BIN)/python -m pytest --cov --cov-report=term:skip-covered

test-spark4: $(READY4) ## the tests that run Spark, on Spark 4.1, in .venv-spark4
	@$(VENV4)/bin/python -m pytest tests/contract tests/spark tests/bypass tests/integration/connections \
		tests/integration/packaging tests/jobs

test-long: $(READY) ## what takes minutes or fetches much, and is not in `make test`
	@$(BIN)/python -m pytest -m long

test-unit: $(READY) ## the part of the suite that needs neither Java nor network
	@$(BIN)/python -m pytest tests/unit tests/property

lint: $(READY) ## linters, types, import walls, generated documents
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python tools/generate-documents --check

docs: $(READY) ## write the generated documents anew
	@$(BIN)/python tools/generate-documents

bench: $(READY) ## the price of the guard against plain PySpark, of bookmarks, JDBC, Lake Formation plans, verification, columns, data quality
	@$(BIN)/python bench/job_overhead.py
	@$(BIN)/python bench/bookmarks.py
	@$(BIN)/python bench/jdbc.py
	@$(BIN)/python bench/lakeformation.py
	@$(BIN)/python bench/verify.py
	@$(BIN)/python bench/columns.py
	@$(BIN)/python bench/quality.py

clean: ## remove the environment and what tools left behind
	@rm -rf "$(VENV)" "$(VENV4)" build dist .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
