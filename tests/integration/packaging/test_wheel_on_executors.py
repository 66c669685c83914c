"""A wheel on ``--py-files`` reaches executors on which the package is not installed."""

import json
import os
import subprocess

import pytest

from glue_secure.project.archive import write
from glue_secure.project.packaging import ZIP_NAME
from glue_secure.project.wheel import NAME, build_wheel

# The first argument selects how the package is sent. The script prints one JSON document.
SCRIPT = """
import json
import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

import glue_secure
from glue_secure.engines.package_distribution import ship_package


def bucket_of(text):
    import os

    import glue_secure
    from glue_secure.core.identifiers import S3Uri

    return S3Uri.parse(text).bucket + " " + glue_secure.__spec__.origin + " " + str(os.getppid())


spark = SparkSession.builder.getOrCreate()
sent = []
if sys.argv[1] == "ship":
    sent = [ship_package(spark), ship_package(spark)]
elif sys.argv[1] == "context":
    from glue_secure.context import GlueContext

    GlueContext(spark.sparkContext)
elif sys.argv[1] == "engine":  # as job.init and SecureJob create it
    from glue_secure.run.runtime_selection import load_runtime

    load_runtime().create_engine(spark)
frame = spark.createDataFrame([("s3://bucket-%d/key" % n,) for n in range(8)], ["uri"]).repartition(4)
rows = [row[0].split(" ") for row in frame.select(udf(bucket_of)("uri")).collect()]
print(json.dumps({"sent": sent, "driver": glue_secure.__spec__.origin, "rows": rows}))
spark.stop()
"""

# As in the embedded account: three processes that live for seconds.
SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@pytest.fixture
def submit(python_without_package, tmp_path):
    """Return a function that runs the script on two executors with an archive on ``--py-files``."""
    from glue_secure.embedded.installed_spark import installed_spark
    from glue_secure.embedded.java import java_home

    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "conf").mkdir()

    def run(archive, *words):
        home = subprocess.run(
            [python_without_package, "-c", "import os, pyspark; print(os.path.dirname(pyspark.__file__))"],
            check=True,
            capture_output=True,
            text=True,
            cwd=tmp_path,
        ).stdout.strip()
        environment = {
            name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR")
        }
        environment |= {
            "JAVA_HOME": str(java_home(installed_spark())),
            "SPARK_HOME": home,
            "SPARK_CONF_DIR": str(tmp_path / "conf"),
            "SPARK_LOCAL_DIRS": str(tmp_path / "scratch"),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_WORKER_DIR": str(tmp_path / "work"),
            "GLUE_SECURE_RUNTIME": "spark",
            "PYSPARK_PYTHON": str(python_without_package),
        }
        command = [
            *(f"{home}/bin/spark-submit", "--master", "local-cluster[2,1,1024]"),
            *("--conf", "spark.ui.enabled=false", "--conf", "spark.driver.host=127.0.0.1"),
            *("--conf", "spark.executor.memory=512m", "--conf", "spark.task.maxFailures=1"),
            *("--conf", f"spark.driver.extraJavaOptions={SHORT_LIVED}"),
            *("--conf", f"spark.executor.extraJavaOptions={SHORT_LIVED}"),
            *("--py-files", archive, tmp_path / "script.py", *words),
        ]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )

    return run


@pytest.mark.long
def test_a_wheel_alone_does_not_reach_the_executors(submit, tmp_path):
    """The reason for sending a copy. If this test fails, Spark supports wheels on executors."""
    wheel = write(tmp_path / NAME, build_wheel()).path
    done = submit(wheel, "no")
    assert done.returncode != 0
    assert "No module named 'glue_secure'" in done.stderr


@pytest.mark.long  # the cluster of tests/jobs/test_flights.py has executors too
def test_a_wheel_that_distributes_a_copy_of_itself_reaches_the_executors(submit, tmp_path):
    wheel = write(tmp_path / NAME, build_wheel()).path
    done = submit(wheel, "ship")
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert found["sent"] == [True, False]
    assert ".whl/glue_secure/" in found["driver"]
    assert sorted(bucket for bucket, _, _ in found["rows"]) == [f"bucket-{n}" for n in range(8)]
    assert all(".zip/glue_secure/" in origin for _, origin, _ in found["rows"])


@pytest.mark.long
@pytest.mark.parametrize("created", ["context", "engine"])
def test_creating_a_context_or_an_engine_sends_the_wheel(submit, tmp_path, created):
    """``GlueContext``, or the engine of ``Job.init`` and ``SecureJob`` in a script without a context."""
    wheel = write(tmp_path / NAME, build_wheel()).path
    done = submit(wheel, created)
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert ".whl/glue_secure/" in found["driver"]
    assert len(found["rows"]) == 8
    assert all(".zip/glue_secure/" in origin for _, origin, _ in found["rows"])


@pytest.mark.long
def test_the_zip_reaches_the_executors_without_a_copy(submit, tmp_path):
    zipped = write(tmp_path / ZIP_NAME, build_wheel()).path
    done = submit(zipped, "ship")
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert found["sent"] == [False, False]
    assert len(found["rows"]) == 8
