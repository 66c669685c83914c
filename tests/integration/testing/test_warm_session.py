"""``pytest --glue-secure-account``: account and Spark are used again, with the project's present code.

``tests/unit/embedded/test_warm_session.py`` tests when a session is replaced.
"""

import os
import subprocess
import sys

import pytest

from glue_secure.embedded import lifecycle, warm_session

TEST = """
import helper
from pyspark.sql import functions as F


def test_a_job(glue_job, glue_spark):
    glue_job.land("a.csv", "id\\n1\\n2\\n")
    with glue_job.job("source", "target") as job:
        job.write.s3(job.read.s3(job.args.source, format="csv"), job.args.target, format="parquet")
    assert glue_job.read().count() == 2
    assert not glue_spark.catalog.tableExists("left_behind")
    assert glue_spark.range(1).select(F.udf(helper.name)("id")).first()[0] == "NAME"
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "test_it.py").write_text(TEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\nglue_secure_account = account\n")
    yield tmp_path
    lifecycle.down(tmp_path / "account")


@pytest.mark.long
def test_the_second_test_session_uses_the_account_and_the_spark_of_the_first(project):
    processes = []
    for name in ("one", "two"):
        (project / "helper.py").write_text(f"def name(_):\n    return {name!r}\n")
        (project / "test_it.py").write_text(TEST.replace("NAME", name))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
            cwd=project,
            env={key: value for key, value in os.environ.items() if not key.startswith("PYTEST")},
            capture_output=True,
            text=True,
            timeout=280,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        account = lifecycle.status(project / "account")
        warm = warm_session.load(project / "account" / warm_session.FOLDER)
        processes.append((account.supervisor, warm.process))
    assert processes[0] == processes[1]
    lifecycle.down(project / "account")
    assert [process.alive for process in processes[0]] == [False, False]
    assert list((project / "account").iterdir()) == []
