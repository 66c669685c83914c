"""Iceberg, Delta and Hudi, with their own jars, in a session of their own: long, as the jars have 230 MB."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bypass_cases import TABLE

from glue_secure.embedded.environment import overlay
from glue_secure.embedded.installed_spark import installed_spark

pytestmark = pytest.mark.long
PROGRAM = "tests/bypass/tables.py"
CASES = [case for case in TABLE if case.test.startswith(PROGRAM)]
SUPPORT = Path(__file__).parents[1] / "support"


@pytest.fixture(scope="module")
def outcomes(glue_account, tmp_path_factory):
    if installed_spark().line != "3.5":
        pytest.skip("the jars of the table formats that are pinned here are those of Spark 3.5")
    environment = overlay(os.environ, glue_account) | {"PYTHONPATH": str(SUPPORT)}
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("tables.py"), *(case.name for case in CASES)],
        env=environment,
        cwd=tmp_path_factory.mktemp("tables"),
        capture_output=True,
        text=True,
        timeout=500,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"name"')]
    assert len(lines) == len(CASES), done.stderr[-4000:]
    return {line["name"]: line for line in lines}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_table_format_is_a_way_out(case, outcomes):
    found = outcomes[case.name]
    if case.outcome == "encrypted":
        assert found["error"] == ""
        assert case.control in found["held"]
        assert found["sequence"] == 1
        written = {name: seen for name, seen in found["objects"].items() if not name.endswith("/")}
        assert written
        assert {tuple(seen) for seen in written.values()} == {("aws:kms", found["key"])}
        assert {f"s3://glue-secure-curated/{name}" for name in written} <= set(found["shown"])
        return
    assert case.control in found["controls"], found["error"]
    assert found["refused"] or case.outcome == "caught"
    assert found["sequence"] == 0
