"""Iceberg, Delta and Hudi, with their JARs, in a separate session. Marked long: the JARs have 230 MB."""

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
PROGRAM = "tests/bypass/table_attempts.py"
CASES = [case for case in TABLE if case.test.startswith(PROGRAM)]
ROOT = Path(__file__).parents[2]
MODULES = os.pathsep.join(str(ROOT / folder) for folder in ("tests/support", "tools"))


@pytest.fixture(scope="module")
def outcomes(glue_account, tmp_path_factory):
    if installed_spark().line != "3.5":
        pytest.skip("the pinned JARs of the table formats are for Spark 3.5")
    environment = overlay(os.environ, glue_account) | {"PYTHONPATH": MODULES}
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("table_attempts.py"), *(case.name for case in CASES)],
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
def test_every_attempt_is_encrypted_rejected_or_detected(case, outcomes):
    result = outcomes[case.name]
    if case.outcome == "encrypted":
        assert result["error"] == ""
        assert case.control in result["passed"]
        assert result["sequence"] == 1
        written = {
            name: encryption for name, encryption in result["objects"].items() if not name.endswith("/")
        }
        assert written
        assert {tuple(encryption) for encryption in written.values()} == {("aws:kms", result["key"])}
        assert {f"s3://glue-secure-curated/{name}" for name in written} <= set(result["recorded"])
        return
    assert case.control in result["controls"], result["error"]
    assert result["rejected"] or case.outcome == "detected"
    assert result["sequence"] == 0
