"""Iceberg, Delta and Hudi, with their JARs, in a separate session. Marked long: the JARs have 230 MB."""

from __future__ import annotations

import pytest
from bypass_cases import TABLE
from separate_session import results_of

from glue_secure.embedded import table_formats
from glue_secure.embedded.installed_spark import installed_spark

pytestmark = pytest.mark.long
PROGRAM = "tests/bypass/table_attempts.py"
FORMATS = table_formats.TABLE_FORMAT_JARS[installed_spark().line]
CASES = [case for case in TABLE if case.test.startswith(PROGRAM) and case.name.partition("_")[0] in FORMATS]


@pytest.fixture(scope="module", params=[True, False], ids=["guarded", "listed"])
def outcomes(request, glue_account, tmp_path_factory):
    """Return whether Spark has the guard, and the results of the selected attempts, from one process."""
    guarded = request.param
    items = (item for item in request.session.items if item.path == request.path)
    names = [
        item.callspec.params["case"].name for item in items if item.callspec.params["outcomes"] == guarded
    ]
    folder = tmp_path_factory.mktemp("tables")
    return guarded, results_of("table_attempts.py", names, glue_account, folder, guarded=guarded)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_attempt_is_encrypted_rejected_or_detected(case, outcomes):
    guarded, results = outcomes
    result = results[case.name]
    outcome, control = case.expected(guarded=guarded)
    assert result["verification"]["verification"] == ("receipts" if guarded else "listings")
    objects = {name: encryption for name, encryption in result["objects"].items() if not name.endswith("/")}
    encryptions = {tuple(encryption) for encryption in objects.values()}
    if guarded:
        assert encryptions <= {("aws:kms", result["key"])}
    if outcome in ("encrypted", "nothing stored"):
        assert result["error"] == ""
        assert control in result["passed"]
        assert result["sequence"] == 1
        assert encryptions == {("aws:kms", result["key"])}
        assert {f"s3://glue-secure-curated/{name}" for name in objects} <= set(result["recorded"])
        return
    assert control in result["controls"], result["error"]
    assert result["rejected"] or outcome == "detected" or (guarded and not objects)
    assert result["sequence"] == 0
