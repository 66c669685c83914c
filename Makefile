# All paths are relative, so that the name of the clone's folder can contain spaces.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The environment with Spark 4.1.
VENV4 := .venv-spark4
# The Python of Glue 6.0, with awsglue 6.0. If it is not installed, the default Python is used, with awsglue 5.1.
PYTHON4 := 3.13
READY4 := $(VENV4)/.ready
# The environment with Python 3.10 and the packages of Glue 4.0.
VENV310 := .venv-python310
READY310 := $(VENV310)/.ready
# Two processes, each with an embedded account and a Spark session. All tests of a file run in one process.
WORKERS := 2
PYTEST := -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: help env guard test test-spark4 test-python310 test-long test-unit coverage lint demo bench docs clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

env: $(READY) guard ## build the environment in .venv; rebuild it if its pins have changed

guard: $(READY) ## compile the request guard's JAR if its sources have changed
	@$(BIN)/python tools/build-request-guard

$(READY): setup.cfg pyproject.toml constraints.txt tools/make-environment
	@sh tools/make-environment "$(VENV)"
	@touch $(READY)

$(READY4): setup.cfg pyproject.toml constraints-spark4.txt tools/make-environment tools/find-python
	@sh tools/make-environment "$(VENV4)" constraints-spark4.txt $(PYTHON4)
	@touch $(READY4)

$(READY310): setup.cfg pyproject.toml constraints-python310.txt tools/make-environment tools/find-python
	@sh tools/make-environment "$(VENV310)" constraints-python310.txt 3.10 unit
	@touch $(READY310)

demo: guard ## run the main job on real data, a refusal for each reason, and permissions by LF-Tags
	@$(BIN)/glue-secure demo

test: guard lint ## run the linters and the whole test suite
	@$(BIN)/python $(PYTEST)

test-spark4: $(READY4) guard ## run the unit, contract and Spark tests on Spark 4.1 and Python 3.13, in .venv-spark4
	@$(VENV4)/bin/python $(PYTEST) tests/unit tests/contract
	@$(VENV4)/bin/python $(PYTEST) -m "spark and not long" --ignore=tests/spark/quality \
		tests/spark tests/bypass tests/jobs
# In the processes of other tests, three of these failed once: Great Expectations decided a rule that Spark
# decides alone. They pass by themselves; the cause is not known.
	@$(VENV4)/bin/python -m pytest -m "spark and not long" tests/spark/quality

# The embedded account, and what deploys from it, needs Spark 3.5 or 4.1.
test-python310: $(READY310) guard ## run imports and unit tests on Python 3.10 and Spark 3.3, as in Glue 4.0
	@$(VENV310)/bin/python $(PYTEST) tests/unit --ignore=tests/unit/embedded

test-long: guard ## run the tests that take minutes or download much, and properties with many examples
	@$(BIN)/python $(PYTEST) -m long
	@$(BIN)/python $(PYTEST) -m "hypothesis and not long" --hypothesis-profile=thorough

test-unit: guard ## run the tests that need neither Java nor network
	@$(BIN)/python $(PYTEST) tests/unit tests/property

coverage: guard ## run the test suite and print the lines that it does not cover
	@$(BIN)/python $(PYTEST) --cov --cov-report=term-missing:skip-covered

lint: $(READY) ## check style, types, import contracts, generated pages and language
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python tools/generate-documents --check
	@$(BIN)/python tools/check_language.py

docs: $(READY) ## write the generated pages
	@$(BIN)/python tools/generate-documents

bench: guard ## measure the overhead of glue-secure against plain PySpark
	@$(BIN)/python bench/job_overhead.py
	@$(BIN)/python bench/bookmarks.py
	@$(BIN)/python bench/jdbc.py
	@$(BIN)/python bench/lakeformation.py
	@$(BIN)/python bench/request_guard.py
	@$(BIN)/python bench/write_requests.py
	@$(BIN)/python bench/verify.py
	@$(BIN)/python bench/columns.py
	@$(BIN)/python bench/quality.py

clean: ## remove the environments and the files of the tools
	@rm -rf "$(VENV)" "$(VENV4)" "$(VENV310)" build dist .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	@rm -f glue_secure/engines/spark/jvm/*.jar
