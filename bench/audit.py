"""Measure an audit of 1,000 jobs, 200 connections and 50 security configurations.

The account is ``tests/support/recorded_account.py``: real boto3 clients validate each request, and a table in
memory responds after a latency. The measured process therefore does all the work of an audit except TLS. The
static check of scripts (GS-JOB-003) is measured apart: it needs one more call and CPU time for each script.

    calls     API calls, and calls for each job, connection and configuration; keys, buckets and log groups,
              which need calls of their own, are not counted as resources
    seconds   time of collection and evaluation: the median of several runs, and the spread of all
    bound     the calls' latency divided by the number of calls at the same time: no audit is faster
    script    calls for each resource if every job has a script of its own, which counts as a resource, and
              CPU milliseconds of the static check of a script of 200 lines
    peak      peak of additional memory in MiB, traced by ``tracemalloc`` in a second run without latency
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import tracemalloc
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

TARGET_CALLS = 1.2
TARGET_RATIO = 1.5
TARGET_PEAK = 32
"""MiB, for any number of jobs: ``--jobs 10000`` measures 1,000 and 10,000."""
LATENCY = 0.05
"""Seconds of an API call; AWS needs more for most calls."""
RUNS = 20
BUCKETS = 20


@dataclass(frozen=True, slots=True)
class Measured:
    """The measurement of one audit.

    Attributes:
        jobs: number of jobs.
        resources: number of jobs, connections and security configurations.
        calls: number of API calls.
        calls_each: calls for each resource.
        calls_each_with_scripts: the same with a script of its own for each job, which counts as a resource.
        seconds: collection and evaluation, the median of the runs.
        spread: seconds between the fastest and the slowest run.
        bound: latency of all calls divided by the calls at the same time, seconds.
        ratio: seconds divided by the bound.
        evaluation: seconds of the evaluation alone, the median of the runs.
        cpu: CPU seconds of a run without latency.
        findings: number of findings.
        peak: peak of additional memory, MiB.
    """

    jobs: int
    resources: int
    calls: int
    calls_each: float
    calls_each_with_scripts: float
    seconds: float
    spread: float
    bound: float
    ratio: float
    evaluation: float
    cpu: float
    findings: int
    peak: float


def estate(jobs: int, connections: int, configurations: int) -> dict[str, Any]:
    """Return the responses of an account of this size, in which every control passes."""
    from audited_estates import (
        BLOCKED,
        KEY,
        bucket_policy,
        configuration,
        corrected,
        default_encryption,
        described,
        key_policy,
    )

    made = corrected()
    job, run, connection = made["GetJobs"][0], made["GetJobRuns"]["etl"][0], made["GetConnections"][0]
    keys = [KEY[:-6] + f"{number:06}" for number in range(configurations)]
    made["GetSecurityConfigurations"] = [
        configuration(f"strict{number}", key=key) for number, key in enumerate(keys)
    ]
    # Each security configuration has buckets of its own, so that their default keys are its key.
    buckets = [f"bucket{number}" for number in range(min(BUCKETS, configurations))]

    def of_job(number: int) -> dict[str, Any]:
        bucket = buckets[number % len(buckets)]
        return job | {
            "Name": f"etl{number}",
            "SecurityConfiguration": f"strict{number % len(buckets)}",
            "Command": {"Name": "glueetl", "ScriptLocation": f"s3://{bucket}/scripts/{number}.py"},
            "Connections": {"Connections": [f"ops{number % connections}"]},
            "DefaultArguments": job["DefaultArguments"] | {"--TempDir": f"s3://{bucket}/temp/{number}/"},
            "NonOverridableArguments": {"--enable-continuous-cloudwatch-log": "true"},
        }

    made["GetJobs"] = [of_job(number) for number in range(jobs)]
    made["GetJobRuns"] = {
        f"etl{number}": [
            run | {"JobName": f"etl{number}", "Id": f"jr_{at}", "SecurityConfiguration": "strict0"}
            for at in range(RUNS)
        ]
        for number in range(jobs)
    }
    made["GetConnections"] = [connection | {"Name": f"ops{number}"} for number in range(connections)]
    for name in ("GetCrawlers", "GetDevEndpoints", "ListSessions", "GetTriggers"):
        made[name] = []
    for name in ("ListDataQualityRulesets", "ListDataQualityRuleRecommendationRuns", "GetMLTransforms"):
        made[name] = []
    for name in ("ListColumnStatisticsTaskRuns", "ListSchedules", "ListStateMachines"):
        made[name] = []
    named = [*keys, KEY]
    made["DescribeKey"] = {key: described(key) for key in named}
    made["GetKeyRotationStatus"] = {key: {"KeyRotationEnabled": True} for key in named}
    made["GetKeyPolicy"] = {key: key_policy("arn:aws:iam::123456789012:root") for key in named}
    made["ListGrants"] = {key: [] for key in named}
    made["ListBuckets"] = [{"Name": bucket} for bucket in buckets]
    made["GetBucketEncryption"] = {
        bucket: default_encryption("aws:kms", key) for bucket, key in zip(buckets, keys, strict=False)
    }
    made["GetBucketPolicy"] = {
        bucket: bucket_policy(bucket, key) for bucket, key in zip(buckets, keys, strict=False)
    }
    made["GetPublicAccessBlock"] = dict.fromkeys(buckets, BLOCKED)
    made["DescribeLogGroups"]["/aws-glue/"] = [
        {"logGroupName": f"/aws-glue/jobs/{stream}-strict{number}", "kmsKeyId": key}
        for number, key in enumerate(keys)
        for stream in ("error", "output", "logs-v2")
    ]
    return made


def measure(
    jobs: int, connections: int, configurations: int, latency: float = LATENCY, runs: int = 1
) -> Measured:
    """Return the measurement of an audit of an account of this size."""
    from recorded_account import ACCOUNT, REGION, RecordedAccount

    from glue_secure.audit.checks import scripts
    from glue_secure.audit.collection import WORKERS, collect
    from glue_secure.audit.evaluation import CHECKS, evaluate
    from glue_secure.audit.outputs import headline
    from glue_secure.core.findings import Verdict

    checks = [check for check in CHECKS if check.controls != scripts.CONTROLS]
    responses = estate(jobs, connections, configurations)

    def audit(seconds: float) -> tuple[Any, float, list[Any]]:
        account = RecordedAccount(responses, latency=seconds)
        known = collect(
            [check.requests for check in checks],
            account.client_of,
            account=ACCOUNT,
            region=REGION,
            partition="aws",
            now=datetime.now(timezone.utc),
        )
        begin = time.perf_counter()
        found = evaluate(checks, known)
        return account, time.perf_counter() - begin, found

    audit(0)  # creates the clients, which an account of any size needs once
    times, evaluations = [], []
    for _ in range(runs):
        begin = time.perf_counter()
        account, evaluation, found = audit(latency)
        times.append(time.perf_counter() - begin)
        evaluations.append(evaluation)
    if any(one.verdict is not Verdict.PASS for one in found):
        raise AssertionError(headline(found))
    seconds = statistics.median(times)
    begin = time.process_time()
    audit(0)
    cpu = time.process_time() - begin
    tracemalloc.start()
    audit(0)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    calls = account.calls.total()
    resources, bound = jobs + connections + configurations, calls * latency / WORKERS
    return Measured(
        jobs=jobs,
        resources=resources,
        calls=calls,
        calls_each=round(calls / resources, 3),
        calls_each_with_scripts=round((calls + jobs) / (resources + jobs), 3),
        seconds=round(seconds, 2),
        spread=round(max(times) - min(times), 2),
        bound=round(bound, 2),
        ratio=round(seconds / bound, 2) if bound else 0.0,
        evaluation=round(statistics.median(evaluations), 2),
        cpu=round(cpu, 2),
        findings=len(found),
        peak=round(peak, 1),
    )


def script_milliseconds() -> float:
    """Return the CPU time of the static check of one script."""
    from pathlib import PurePosixPath

    from glue_secure.check.checker import check_files

    lines = [f"rows{number} = frame.filter('id > {number}').count()" for number in range(199)]
    text = "\n".join(["import glue_secure.as_awsglue", *lines]).encode()
    check_files({PurePosixPath("job.py"): text})
    begin = time.process_time()
    for _ in range(5):
        check_files({PurePosixPath("job.py"): text})
    return (time.process_time() - begin) / 5 * 1000


def main() -> int:
    """Print the measurements, and return 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1_000)
    parser.add_argument("--latency", type=float, default=LATENCY)
    parser.add_argument("--runs", type=int, default=5, help="runs of which the median is reported")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    measured = [
        measure(jobs, 200, 50, arguments.latency, arguments.runs)
        for jobs in (arguments.jobs // 10, arguments.jobs)
    ]
    if arguments.json:
        script = {"script_milliseconds": round(script_milliseconds(), 1)}
        print(json.dumps({"audits": [asdict(one) for one in measured], **script}, indent=2))
    else:
        for one in measured:
            print(
                f"{one.jobs:6,} jobs: {one.calls:5,} calls, {one.calls_each:.2f} each, "
                f"{one.calls_each_with_scripts:.2f} with scripts; "
                f"{one.seconds:6.2f} s (spread {one.spread:.2f}), {one.ratio:.2f} times the bound, "
                f"evaluation {one.evaluation:.2f} s, CPU {one.cpu:.2f} s; "
                f"{one.findings:,} findings, {one.peak:.1f} MiB"
            )
        print(f"static check of a script of 200 lines: {script_milliseconds():.0f} ms of CPU time")
    last = measured[-1]
    return int(last.calls_each > TARGET_CALLS or last.ratio > TARGET_RATIO or last.peak > TARGET_PEAK)


if __name__ == "__main__":
    sys.exit(main())
