"""The example jobs, started as a user starts them."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from glue_secure.embedded import launch, seed
from glue_secure.embedded.account_setup import CURATED, EVIDENCE
from glue_secure.embedded.clients import clients
from glue_secure.testing.harness import JobTestHarness

pytestmark = pytest.mark.spark
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def flights(glue_account):
    """January and February landed, tables filled."""
    return seed.seed_flights(glue_account, months=(1, 2))


SPREADING = """
import runpy
from glue_secure.verification import object_verifier

object_verifier.SPREAD_FROM = 1
runpy.run_path({script!r}, run_name="__main__")
"""
"""Runs a job that has executors verify whatever it writes."""


def submit(account, script, name, *, master="local[2]", extra=()):
    words = ["--JOB_NAME", name, "--source", seed.SOURCE, "--target", f"s3://{CURATED}/{name}/"]
    words += ["--connection", seed.CONNECTION, "--job-bookmark-option", "job-bookmark-enable", *extra]
    return launch.prepare(account, ROOT / "jobs" / script, words, master=master)


def run(submission):
    return launch.run(submission, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def evidence_of(account, name, run_id):
    location = {"Bucket": EVIDENCE, "Key": f"evidence/job={name}/run={run_id}/evidence.json"}
    return json.loads(clients(account)("s3").get_object(**location)["Body"].read())


def keys(account, prefix):
    listed = clients(account)("s3").list_objects_v2(Bucket=CURATED, Prefix=prefix).get("Contents", ())
    return sorted(found["Key"] for found in listed)


@pytest.mark.long  # tests/contract compares the APIs with small data
def test_both_apis_write_the_same_data(glue_account, glue_spark, flights):
    for script, name in (("flights_curated.py", "short"), ("flights_curated_glue.py", "dropin")):
        job = JobTestHarness(account=glue_account, spark=glue_spark, name=name)
        job.run_script(ROOT / "jobs" / script, source=seed.SOURCE, connection=seed.CONNECTION)
        (evidence,) = job.evidence()
        assert evidence["outcome"] == "succeeded"
        assert evidence["bookmark"]["sequence_after"] == 1
    short, dropin = (glue_spark.read.parquet(f"s3a://{CURATED}/{name}/") for name in ("short", "dropin"))
    assert short.count() > 400
    assert sorted(map(tuple, short.select(sorted(short.columns)).collect())) == sorted(
        map(tuple, dropin.select(sorted(dropin.columns)).collect())
    )
    assert short.selectExpr("sum(flights)").first()[0] == sum(rows for _, rows in flights.rows)


def test_the_job_runs_on_a_cluster_so_that_settings_and_certificates_reach_executors(
    glue_account, flights, provisioned, tmp_path
):
    script = tmp_path / "spreading.py"
    script.write_text(SPREADING.format(script=str(ROOT / "jobs" / "flights_curated.py")))
    submission = submit(glue_account, script, "clustered", master="local-cluster[2,1,1024]")
    done = run(submission)
    assert done.returncode == 0, done.stdout[-3000:]
    evidence = evidence_of(glue_account, "clustered", submission.run_id)
    objects = [seen for write in evidence["writes"] for seen in write["objects"]]
    assert len(objects) >= 2
    assert {(seen["algorithm"], seen["key"]) for seen in objects} == {("aws:kms", provisioned.data_key)}
    verified = [one["found"] for one in evidence["controls"] if one["control"] == "GS-S3-004"]
    assert verified
    # Each executor has reported that its requests are guarded, and has sent its receipts.
    assert evidence["request_guard"]["verification"] == "receipts"
    assert evidence["tls"][0]["protocol"] == "TLSv1.3"
    assert {read["source"]: read["rows"] for read in evidence["reads"]}["ops-postgres/airlines"] == 16


# With the suite, tests/faults kills a job at many points without Spark, and one of Spark that writes a table.
@pytest.mark.long
def test_a_run_killed_while_it_writes_leaves_the_bookmark_and_the_next_run_reads_the_same(
    glue_account, flights
):
    submission = submit(glue_account, "flights_curated.py", "killed")
    process = subprocess.Popen(
        submission.command,
        env=dict(submission.environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not keys(glue_account, "killed/") and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    again = submit(glue_account, "flights_curated.py", "killed")
    done = run(again)
    assert done.returncode == 0, done.stdout[-3000:]
    evidence = evidence_of(glue_account, "killed", again.run_id)
    flights_read = next(read for read in evidence["reads"] if read["kind"] == "s3")
    assert flights_read["rows"] == sum(rows for _, rows in flights.rows)
    assert evidence["bookmark"]["sequence_before"] == 0
    assert evidence["bookmark"]["sequence_after"] == 1


# With the suite, tests/faults/test_concurrent_runs.py lets two runs meet anywhere, without Spark, and
# tests/unit/run/test_process_hooks.py has the exit code and the message.
@pytest.mark.long
def test_gs_bkm_005_of_two_concurrent_runs_one_commits_and_the_other_names_it(glue_account, flights):
    # A target each: Spark's own committer does not let two jobs write below one location at once.
    submissions = [
        submit(
            glue_account,
            "flights_curated.py",
            "raced",
            master="local[1]",
            extra=("--target", f"s3://{CURATED}/raced-{run}/"),
        )
        for run in (1, 2)
    ]
    processes = [
        subprocess.Popen(
            submission.command,
            env=dict(submission.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for submission in submissions
    ]
    outputs = [process.communicate()[0] for process in processes]
    codes = [process.returncode for process in processes]
    assert sorted(codes) in ([0, 3], [0, 0]), outputs
    sequences = [
        evidence_of(glue_account, "raced", submission.run_id)["bookmark"] for submission in submissions
    ]
    if sorted(codes) == [0, 3]:
        loser = codes.index(3)
        assert "GS-BKM-005 refused" in outputs[loser]
        assert submissions[1 - loser].run_id in outputs[loser]
    else:  # the second began after the first had committed, so it found nothing new
        assert sorted((s["sequence_before"], s["sequence_after"]) for s in sequences) == [(0, 1), (1, 1)]
