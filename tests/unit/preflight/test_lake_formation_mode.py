"""GS-LF-009: a job has one mode of Lake Formation, and what the mode needs."""

import pytest
from check_removal import remove_findings

from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Verdict
from glue_secure.preflight import lake_formation_mode
from glue_secure.preflight.lake_formation_mode import check_mode

FINE_GRAINED = {"enable-lakeformation-fine-grained-access": "true"}
RESOLVER = (
    "spark.hadoop.fs.s3.credentialsResolverClass="
    "com.amazonaws.glue.accesscontrol.AWSLakeFormationCredentialResolver"
)
FOLDERS = " ".join(
    f"--conf {name}=true"
    for name in (
        "spark.hadoop.fs.s3.useDirectoryHeaderAsFolderObject",
        "spark.hadoop.fs.s3.folderObject.autoAction.disabled",
        "spark.sql.catalog.skipLocationValidationOnCreateTable.enabled",
        "spark.sql.catalog.createDirectoryAfterTable.enabled",
        "spark.sql.catalog.dropDirectoryBeforeTable.enabled",
    )
)
EMRFS = "--conf spark.hadoop.fs.s3.impl=com.amazon.ws.emr.hadoop.fs.EmrFileSystem"
ICEBERG = "spark.sql.catalog.glue_catalog.glue.lakeformation-enabled=true"
FULL_TABLE = {"conf": f"{RESOLVER} {FOLDERS} {EMRFS}"}


def found(arguments, glue="5.1", workers=10):
    findings = check_mode("daily", glue, JobArguments(arguments), workers)
    assert {finding.control for finding in findings} <= {"GS-LF-009"}
    return [(finding.verdict.value, finding.found) for finding in findings]


@pytest.mark.parametrize(
    "arguments", [{}, {"conf": "spark.sql.shuffle.partitions=8"}, {"conf": ICEBERG.replace("true", "false")}]
)
def test_a_job_without_lake_formation_has_no_finding(arguments):
    assert found(arguments, glue="4.0", workers=2) == []


@pytest.mark.parametrize(
    ("arguments", "glue", "mode"),
    [
        (FINE_GRAINED, "5.0", "fine-grained access control"),
        (FINE_GRAINED, "5.1", "fine-grained access control"),
        (FULL_TABLE, "5.1", "full table access"),
        ({"conf": f"{RESOLVER} {FOLDERS}"}, "5.0", "full table access"),
        ({"conf": ICEBERG}, "5.1", "full table access"),
    ],
)
def test_a_complete_mode_passes(arguments, glue, mode):
    assert found(arguments, glue) == [("PASS", mode)]


@pytest.mark.parametrize(
    ("arguments", "glue", "workers", "text"),
    [
        (
            FINE_GRAINED | FULL_TABLE,
            "5.1",
            10,
            "fine-grained access control and settings of full table access",
        ),
        (FINE_GRAINED, "4.0", 10, "Glue 4.0"),
        (FINE_GRAINED, "", 10, "Glue 0.9"),
        ({"conf": ICEBERG}, "4.0", 10, "Glue 4.0"),
        (FINE_GRAINED, "5.1", 2, "2 workers"),
        (FINE_GRAINED | {"extra-jars": "s3://code/x.jar"}, "5.1", 10, "--extra-jars"),
        ({"conf": f"{RESOLVER} {FOLDERS}"}, "5.1", 2, "reads with the role's own permissions"),
        (
            {"conf": f"{RESOLVER} {EMRFS}"},
            "5.1",
            2,
            "without spark.hadoop.fs.s3.useDirectoryHeaderAsFolderObject",
        ),
    ],
)
def test_gs_lf_009_a_mode_that_is_not_in_effect_is_found(arguments, glue, workers, text):
    ((verdict, shown),) = found(arguments, glue, workers)
    assert (verdict, text in shown) == ("FAIL", True)


def test_an_invalid_setting_is_an_error():
    with pytest.raises(UsageError, match="--conf"):
        found({"conf": "spark.sql"})


def test_without_its_check_a_control_does_not_pass(monkeypatch):
    arguments = JobArguments(FINE_GRAINED)
    assert [each.verdict for each in lake_formation_mode.check_mode("daily", "5.1", arguments, 4)] == [
        Verdict.PASS
    ]
    remove_findings(monkeypatch, "glue_secure.preflight.lake_formation_mode:check_mode", "GS-LF-009")
    left = [each for each in lake_formation_mode.check_mode("daily", "5.1", arguments, 4) if each is not None]
    assert left == []
