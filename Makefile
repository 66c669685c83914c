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
# Processes, each with an embedded account and a Spark session, which need 2.3 GB. All tests of a file run in one
# process. With three on two cores, 70 % of the cores' time was used: a test often waits for Spark, a signal or a
# server.
WORKERS := $(shell awk '/MemAvailable/ {print ($$2 > 12000000) ? 4 : 3}' /proc/meminfo 2>/dev/null || echo 3)
PYTEST := -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: help env guard classes test test-spark4 test-python310 test-python313 test-long test-unit coverage lint demo bench docs site release clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

env: $(READY) guard ## build the environment in .venv; rebuild it if its pins have changed

guard: $(READY) ## compile the request guard's JAR if its sources have changed
	@$(BIN)/python tools/build-request-guard

# Without the archive, Spark only needs more time to start. Spark 4.1 has not been measured with one.
classes: guard ## write the archive of Java's classes with which Spark starts faster, unless there is one
	-@$(BIN)/python tools/build-class-archive

$(READY): setup.cfg pyproject.toml constraints.txt tools/make-environment
	@sh tools/make-environment "$(VENV)"
	@touch $(READY)

$(READY4): setup.cfg pyproject.toml constraints-spark4.txt tools/make-environment tools/find-python
	@sh tools/make-environment "$(VENV4)" constraints-spark4.txt $(PYTHON4)
	@touch $(READY4)

$(READY310): setup.cfg pyproject.toml constraints-python310.txt tools/make-environment tools/find-python
	@sh tools/make-environment "$(VENV310)" constraints-python310.txt 3.10 unit
	@touch $(READY310)

demo: classes ## run the main job on real data, a refusal for each reason, and permissions by LF-Tags
	@$(BIN)/glue-secure demo

test: guard ## run the linters and the whole test suite
# mypy and the archive of classes each need one core for half a minute or more.
	@$(MAKE) --no-print-directory -j 2 classes lint
	@$(BIN)/python $(PYTEST)

test-spark4: $(READY4) guard ## run the contract and Spark tests on Spark 4.1 and Python 3.13, in .venv-spark4
	@$(VENV4)/bin/python $(PYTEST) tests/contract tests/unit/engines tests/unit/test_types_for_users.py
	@$(VENV4)/bin/python $(PYTEST) -m "spark and not long" tests/spark tests/bypass tests/jobs

test-python313: $(READY4) guard ## run the unit tests on Python 3.13; they hardly depend on the Spark line
	@$(VENV4)/bin/python $(PYTEST) tests/unit

# The embedded account, and what deploys from it, needs Spark 3.5 or 4.1.
test-python310: $(READY310) guard ## run imports and unit tests on Python 3.10 and Spark 3.3, as in Glue 4.0
	@$(VENV310)/bin/python $(PYTEST) tests/unit --ignore=tests/unit/embedded

test-long: classes ## run the tests that take minutes or download much, and properties with many examples
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

site: $(READY) ## build the documentation, with strict links, into build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
	@echo "build/site/index.html"

release: guard ## build wheel, source distribution, bill of materials and SHA-256 sums into dist
	@$(BIN)/python tools/release.py dist

bench: guard ## measure what glue-secure costs, and write bench/results.json and docs/benchmarks.html
	@$(BIN)/python bench/run.py
	@$(BIN)/python bench/lakeformation.py
	@$(BIN)/python bench/audit.py
	@$(BIN)/python bench/write_requests.py
	@$(BIN)/python bench/table_append.py

clean: ## remove the environments and the files of the tools
	@rm -rf "$(VENV)" "$(VENV4)" "$(VENV310)" build dist .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	@rm -f glue_secure/engines/spark/jvm/*.jar
