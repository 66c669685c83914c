"""Random sequences of writes: what S3 contains afterwards is what the evidence says.

A run that succeeds has every new object in its evidence, under its key. A run that fails does not move its
bookmark. With the request guard, no run leaves an object that is not under its key.

``GLUE_SECURE_FUZZ_MINUTES`` is the duration (default 60), ``GLUE_SECURE_FUZZ_SEED`` the first seed. Seed and
steps of a failing sequence are part of the message.
"""

from __future__ import annotations

import os
import random
import time
import uuid

import pytest
from bypass_cases import CSV
from bypass_matrix import APIS, BOTO3, NOT_OBSERVED, SPARK, Combination
from bypass_steps import CHANGES, not_under_key, refusal, start, step, stored, unrecorded

from glue_secure.embedded.clients import clients
from glue_secure.testing.harness import JobTestHarness

pytestmark = [pytest.mark.long, pytest.mark.timeout(0)]
MINUTES = float(os.environ.get("GLUE_SECURE_FUZZ_MINUTES", "60"))
SEED = int(os.environ.get("GLUE_SECURE_FUZZ_SEED", "0")) or random.SystemRandom().randrange(10**9)
_KINDS = {
    "spark": ("planned", "aes256", "other_key", "endpoint", "reserved"),
    "boto3": ("planned", "aes256", "other_key", "customer_key", "reserved"),
}


def sequence(seed):
    """Return the API and the steps of a sequence, and which steps' errors the script catches."""
    choose = random.Random(seed)
    api = choose.choice(list(APIS))
    steps = []
    for _ in range(choose.randint(1, 5)):
        if steps and choose.random() < 0.35:
            row = Combination(api, choose.choice(list(CHANGES)), "script", "planned")
            steps.append((row, choose.random() < 0.5))
            continue
        spark = choose.random() < 0.7
        writer = choose.choice(list(SPARK if spark else BOTO3))
        # A step in "late" may still run at the commit.
        places = ("script", "script", "thread", "late", "batch", "session")
        if not spark:
            places = ("script", "thread", "late", "executor", "subprocess")
        # Most steps are planned, so that sequences also succeed.
        wrong = choose.random() < 0.25
        kind = choose.choice(_KINDS["spark" if spark else "boto3"]) if wrong else "planned"
        steps.append((Combination(api, writer, choose.choice(places), kind), choose.random() < 0.5))
    return api, steps


def run(api, steps, bypass):
    """Run the steps, and return the error that the run ended with."""
    try:
        with bypass.job:
            for number, (row, is_caught) in enumerate(steps):
                try:
                    step(row, bypass, number)
                except Exception:
                    if not is_caught:
                        raise
    except Exception as error:
        return refusal(error)
    return None


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "listed"])
def test_random_sequences(guarded, glue_account, glue_spark, provisioned, other_key, tmp_path, request):
    if not guarded:
        request.getfixturevalue("without_request_guard")
    aws, problems, number = clients(glue_account), [], 0
    end = time.monotonic() + MINUTES * 60 / 2
    guard = glue_spark._jvm.gluesecure.guard.Guard
    outcomes = {"succeeded": 0, "failed": 0}
    while time.monotonic() < end:
        seed = SEED + number
        number += 1
        api, steps = sequence(seed)
        bench = JobTestHarness(account=glue_account, spark=glue_spark, name=f"job-{uuid.uuid4().hex[:12]}")
        bench.land("a.csv", CSV)
        before = stored(aws)
        bypass = start(api, bench, aws, provisioned.data_key, other_key, tmp_path)
        guard.checkOutsideRuns(guarded)
        try:
            error = run(api, steps, bypass)
        finally:
            for thread in bench.__dict__.get("late", ()):
                thread.join()
            bench.close()  # a commit during a write of another thread leaves a run of SecureJob open
            guard.checkOutsideRuns(False)
        found = differences(bypass, before, error, steps, guarded=guarded)
        print(f"seed {seed}: {[row.name for row, _ in steps]}: {type(error).__name__}", flush=True)
        outcomes["failed" if error else "succeeded"] += 1
        if found:
            words = [f"{row.name}{' (error caught)' if caught else ''}" for row, caught in steps]
            problems.append(f"seed {seed}: {words}: {found}; the run ended with {error!r}")
            print(problems[-1], flush=True)
    print(f"seed {SEED}: {number} sequences, {outcomes}", flush=True)
    assert not problems, "\n".join(problems)


def differences(bypass, before, error, steps, *, guarded):
    """Return what contradicts the evidence."""
    ours = ("evidence/job=", "bookmarks/")
    new = [
        name
        for name, state in stored(bypass.aws).items()
        if before.get(name) != state and not name[1].startswith(ours)
    ]
    evidence = bypass.bench.evidence()
    found = []
    wrong = not_under_key(bypass.aws, new, bypass.key)
    unobserved = any(
        row.expected(guarded=guarded)[0] == NOT_OBSERVED
        # Without the guard, nothing sees what a thread writes after the commit.
        or (not guarded and row.place == "late")
        for row, _ in steps
    )
    if wrong and (guarded or error is None) and not unobserved:
        found.append(f"not under the key: {wrong}")
    if len(evidence) != 1:
        found.append(f"{len(evidence)} files of evidence")
    if error is None:
        missing = unrecorded(bypass, new)
        if missing and not unobserved:
            found.append(f"not in the evidence: {missing}")
        if evidence[-1]["outcome"] != "succeeded":
            found.append(f"outcome {evidence[-1]['outcome']}")
        wrongly = [row.name for row, _ in steps if row.expected(guarded=guarded)[0] != "encrypted"]
        # A step of a thread that still runs at the commit may be rejected after it.
        if wrongly and not unobserved and all(row.place != "late" for row, _ in steps):
            found.append(f"no error, although of {wrongly}")
    else:
        if any(entry["bookmark"]["sequence_after"] for entry in evidence):
            found.append("the bookmark moved")
        if evidence and evidence[-1]["outcome"] == "succeeded":
            found.append("the evidence says succeeded")
        is_late = any(row.place == "late" for row, _ in steps)
        if not is_late and all(row.expected(guarded=guarded)[0] == "encrypted" for row, _ in steps):
            found.append("a false refusal")
    return found
