"""``glue-secure run`` with the job arguments of Glue: files, modules, JARs, settings and table formats."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from glue_secure.embedded.account_setup import LANDING
from glue_secure.embedded.clients import clients

COMMAND = Path(sys.executable).with_name("glue-secure")
START = """
import os, sys
from pyspark.context import SparkContext
from glue_secure.context import GlueContext
from glue_secure.job import Job
from glue_secure.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["JOB_NAME", "TempDir"])
context = GlueContext(SparkContext.getOrCreate())
spark = context.spark_session
job = Job(context)
job.init(args["JOB_NAME"], args)
"""


def archive(members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, text in members.items():
            file.writestr(name, text)
    return content.getvalue()


def wheel(name, members):
    info = f"{name}-1.0.dist-info"
    return archive(
        {
            **members,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": "",
        }
    )


@pytest.fixture
def run(glue_account, tmp_path):
    def submit(script, *words, before=()):
        path = tmp_path / "job.py"
        path.write_text(START + script + "\njob.commit()\n")
        command = [COMMAND, "run", "--state", glue_account.state, *before, path.name, *words]
        return subprocess.run(
            command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=280
        )

    return submit


def test_words_without_two_dashes_reach_the_script(run):
    done = run("print(sys.argv[-3:])", "--JOB_NAME", "words", "--TempDir", "s3://x/", "-m", "from-s3", "last")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "['-m', 'from-s3', 'last']" in done.stdout


def test_a_job_gets_what_its_arguments_name(run, glue_account, tmp_path):
    s3 = clients(glue_account)("s3")
    uploads = {
        "code/packed.zip": archive({"packed/__init__.py": "answer = 42\n"}),
        "code/config.ini": b"[job]\nname = from s3\n",
        "code/extra.jar": archive({"gluetest/marker.txt": "x"}),
        "code/glue_secure_test_module-1.0-py3-none-any.whl": wheel(
            "glue_secure_test_module", {"glue_secure_test_module.py": "answer = 44\n"}
        ),
    }
    for key, body in uploads.items():
        s3.put_object(Bucket=LANDING, Key=key, Body=body)
    (tmp_path / "single.py").write_text("answer = 43\n")
    (tmp_path / "submitted.py").write_text("answer = 45\n")
    of_other_runs = set(glue_account.scratch.glob("job-files-*"))
    done = run(
        "import packed, single, submitted, glue_secure_test_module as module\n"
        "def on_executors(_):\n"
        "    import packed, single, submitted, glue_secure_test_module as module\n"
        "    yield [packed.answer, single.answer, module.answer, submitted.answer]\n"
        "print('driver', packed.answer, single.answer, module.answer, submitted.answer)\n"
        "print('executors', spark.sparkContext.parallelize([0], 1).mapPartitions(on_executors).collect())\n"
        "print('file', open('config.ini').read().split('=')[1].strip())\n"
        "loader = spark._jvm.Thread.currentThread().getContextClassLoader()\n"
        "print('jar', loader.getResource('gluetest/marker.txt') is not None)\n"
        "names = ('spark.sql.shuffle.partitions', 'spark.sql.ansi.enabled', 'spark.sql.adaptive.enabled')\n"
        "print('conf', *(spark.conf.get(name) for name in names))\n"
        "print('variable', os.environ['CUSTOMER_A'], os.environ['CUSTOMER_B'])\n"
        "print('temporary', args['TempDir'])\n"
        "import importlib.metadata, site\n"
        "print('module in', module.__file__)\n",
        *("--extra-py-files", f"s3://{LANDING}/code/packed.zip,single.py"),
        *("--extra-files", f"s3://{LANDING}/code/config.ini"),
        *("--extra-jars", f"s3://{LANDING}/code/extra.jar"),
        "--additional-python-modules",
        f"s3://{LANDING}/code/glue_secure_test_module-1.0-py3-none-any.whl",
        *("--python-modules-installer-option", "--no-index"),
        *("--conf", "spark.sql.shuffle.partitions=7 --conf spark.sql.ansi.enabled=true"),
        *("--customer-driver-env-vars", 'CUSTOMER_A=1,CUSTOMER_B="2, 3"'),
        *("--TempDir", "s3://temporary/here/", "--enable-metrics", "true"),
        before=("--py-files", "submitted.py", "--conf", "spark.sql.adaptive.enabled=false"),
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "driver 42 43 44 45\n" in done.stdout
    assert "executors [[42, 43, 44, 45]]\n" in done.stdout
    assert "file from s3\n" in done.stdout
    assert "jar True\n" in done.stdout
    assert "conf 7 true false\n" in done.stdout
    assert "variable 1 2, 3\n" in done.stdout
    assert "temporary s3://temporary/here/\n" in done.stdout
    assert "--enable-metrics has no effect here: there are no CloudWatch metrics" in done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("module in "))
    assert str(Path(sys.prefix)) not in line
    assert set(glue_account.scratch.glob("job-files-*")) == of_other_runs


@pytest.mark.long
@pytest.mark.parametrize("table_format", ["iceberg", "delta"])
def test_a_table_format_works_with_the_settings_that_aws_documents(run, glue_account, table_format):
    s3 = clients(glue_account)("s3")
    location = f"s3://glue-secure-curated/formats/{table_format}"
    catalog = "spark.sql.catalog.glue_catalog"
    scripts = {
        "iceberg": "spark.sql('create database if not exists glue_catalog.formats')\n"
        "spark.sql('create table glue_catalog.formats.t (id bigint, name string) using iceberg "
        f'location "{location}/t"\')\n'
        "spark.sql(\"insert into glue_catalog.formats.t values (1, 'a'), (2, 'b')\")\n"
        'spark.sql("merge into glue_catalog.formats.t t using (select 2 as id) s on t.id = s.id '
        'when matched then delete")\n'
        "print('rows', spark.table('glue_catalog.formats.t').collect())\n",
        "delta": f"spark.range(3).write.format('delta').save('{location}/t')\n"
        f"print('rows', sorted(r.id for r in spark.read.format('delta').load('{location}/t').collect()))\n",
    }
    words = ["--TempDir", "s3://x/", "--datalake-formats", table_format]
    if table_format == "iceberg":
        words += ["--conf", f"{catalog}.warehouse={location}/warehouse"]
    done = run(scripts[table_format], *words)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert ("rows [Row(id=1, name='a')]" if table_format == "iceberg" else "rows [0, 1, 2]") in done.stdout
    listed = s3.list_objects_v2(Bucket="glue-secure-curated", Prefix=f"formats/{table_format}/")["Contents"]
    heads = [s3.head_object(Bucket="glue-secure-curated", Key=entry["Key"]) for entry in listed]
    assert {head["ServerSideEncryption"] for head in heads} == {"aws:kms"}
