"""The types that mypy sees in a user's script: no ``Any`` in the SecureJob API, errors for wrong calls."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")
ROOT = Path(__file__).resolve().parents[2]

GOOD = """
from dataclasses import dataclass
from typing import assert_type

from pyspark.sql import DataFrame, SparkSession

from glue_secure import SecureJob
from glue_secure.core.evidence import WriteRecord
from glue_secure.core.identifiers import S3Uri
from glue_secure.errors import ControlError, GlueSecureError, RefusedError, UsageError, VerificationError


@dataclass
class Args:
    source: str
    days: int = 7


def main() -> None:
    with SecureJob.from_args(Args) as job:
        assert_type(job.args, Args)
        assert_type(job.args.days, int)
        assert_type(job.spark, SparkSession)
        orders = job.read.s3(job.args.source, format="csv", bookmark="orders", schema="id int")
        assert_type(orders, DataFrame)
        rows = job.read.jdbc(connection="ops", table="t", fetch_size=10, bookmark_keys="id", bookmark="t")
        assert_type(rows, DataFrame)
        assert_type(
            job.write.s3(orders, "s3://b/", format="parquet", partition_by="day", quality_suite="s"),
            WriteRecord,
        )
        assert_type(job.write.jdbc(rows, connection="ops", table="t", batch_size=10), WriteRecord)
        assert_type(job.write.custom("s3://b/", lambda: None), WriteRecord)
        assert_type(job.evidence_uri, S3Uri | None)
        assert_type(job.jdbc_options("ops"), dict[str, str])
        assert_type(job.kafka_options("events", {"subscribe": "t"}), dict[str, str])
        assert_type(job.commit(), S3Uri)


try:
    main()
except (RefusedError, VerificationError) as error:
    assert_type(error.control, str)
    assert_type(error.fix, str)
except ControlError as error:
    assert_type(error.also, tuple[str, ...])
except UsageError as error:
    assert_type(error.required, str)
except GlueSecureError as error:
    assert_type(error.exit_code, int)
"""
BAD = """
from glue_secure import SecureJob

with SecureJob.from_argv("source") as job:
    frame = job.read.s3("s3://b/", format="cvs")
    job.read.s3("s3://b/", format="csv", transformation_ctx="orders")
    job.write.s3(frame, "s3://b/", format="parquet", mode="apend")
    job.write.s3("not a frame", "s3://b/", format="parquet")
    job.write.jdbc(frame, connection="ops")
"""


def errors_of(tmp_path, **sources):
    """Return mypy's messages about each script, checked strictly and with the types of installed packages."""
    for name, source in sources.items():
        (tmp_path / f"{name}.py").write_text(source)
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\nstrict = True\npython_version = 3.11\n")
    completed = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", config, "--cache-dir", tmp_path / "cache",
         "--follow-imports", "silent", "--no-error-summary", *(f"{name}.py" for name in sources)],
        cwd=tmp_path, env={"MYPYPATH": str(ROOT), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True,
        timeout=500,
    )  # fmt: skip
    assert completed.returncode in (0, 1), completed.stderr
    lines = completed.stdout.splitlines()
    return {name: [line for line in lines if line.startswith(f"{name}.py:")] for name in sources}


def test_the_secure_job_api_has_no_any_and_rejects_wrong_calls(tmp_path):
    errors = errors_of(tmp_path, good=GOOD, bad=BAD)
    assert errors["good"] == []
    wrong = errors["bad"]
    for line, part in ((5, "cvs"), (6, "transformation_ctx"), (7, "apend"), (8, "DataFrame"), (9, "table")):
        assert any(f"bad.py:{line}:" in error and part in error for error in wrong), (line, wrong)
