"""Objects read back by the driver and by executors; missing answers of executors never pass."""

from __future__ import annotations

import pickle
import random
from functools import partial

import pytest
from run_fixture import target_keys

from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.service import NotFound, ServiceError
from glue_secure.core.target_encryption import EncryptionRules
from glue_secure.run.composition import ExecutorS3
from glue_secure.verification import object_verifier
from glue_secure.verification.object_verifier import (
    MAX_TASKS,
    SPREAD_FROM,
    HeadResult,
    HeadTask,
    ObjectVerifier,
)

MANY = SPREAD_FROM + 3


def named(number: int) -> S3Uri:
    return S3Uri("curated", f"flights/part-{number:05}")


@pytest.fixture
def recorder(run_fixture) -> RunRecorder:
    return RunRecorder(started=run_fixture.clock.now())


@pytest.fixture
def stores(run_fixture):
    """Return the driver's S3 and the executors' S3, which have the same objects and separate counts."""
    for number in range(MANY):
        run_fixture.objects.put(
            named(number), b"x" * (number % 7), algorithm="aws:kms", key=str(run_fixture.key), bucket_key=True
        )
    return run_fixture.objects, _Executors(run_fixture.objects)


class _Executors:
    """S3 of the executors: answers like the driver's, except for objects in ``faults``."""

    def __init__(self, objects) -> None:
        self.objects, self.requested, self.faults = objects, [], {}

    def encryption(self, uri):
        self.requested.append(uri)
        if uri in self.faults:
            raise self.faults[uri]
        return self.objects.encryption(uri)


@pytest.fixture
def verifier(run_fixture, stores, recorder):
    driver, executors = stores
    return ObjectVerifier(
        targets=target_keys(run_fixture.key, recorder),
        objects=driver,
        engine=run_fixture.engine,
        recorder=recorder,
        remote=lambda: executors,
    )


def in_any_order(task, parts):
    """Run a task like Spark: serialise parts and answers, and return the answers in any order."""
    answers = [pickle.loads(pickle.dumps(task(pickle.loads(pickle.dumps(part))))) for part in parts]
    random.Random(1).shuffle(answers)
    return answers


def heads(run_fixture) -> int:
    return sum(operation == "HeadObject" for operation, _ in run_fixture.objects.calls)


def test_many_objects_are_inspected_by_executors_and_returned_in_order(
    verifier, stores, run_fixture, recorder
):
    run_fixture.engine.executors = in_any_order
    uris = [named(number) for number in range(MANY)]
    encryptions = verifier.verify(uris)
    assert [encryption.uri for encryption in encryptions] == uris
    assert {(encryption.algorithm, encryption.key, encryption.bucket_key) for encryption in encryptions} == {
        ("aws:kms", str(run_fixture.key), True)
    }
    assert [encryption.size for encryption in encryptions] == [number % 7 for number in range(MANY)]
    assert len(stores[1].requested) == MANY
    assert [(f.control, f.resource) for f in recorder.findings] == [("GS-S3-004", f"{MANY} objects")]
    assert "executors" in recorder.findings[0].found


@pytest.mark.parametrize("count", [SPREAD_FROM, MANY])
def test_the_number_of_tasks_is_limited(verifier, run_fixture, count):
    run_fixture.engine.executors = in_any_order
    verifier.verify(named(number) for number in range(count))
    assert 2 <= run_fixture.engine.asked("on_executors")[0] <= MAX_TASKS


def test_few_objects_are_inspected_by_the_driver(verifier, stores, run_fixture):
    run_fixture.engine.executors = in_any_order
    assert len(verifier.verify(named(number) for number in range(SPREAD_FROM - 1))) == SPREAD_FROM - 1
    assert stores[1].requested == []


def test_without_executors_the_driver_inspects(verifier, stores, run_fixture):
    assert len(verifier.verify(named(number) for number in range(MANY))) == MANY
    assert stores[1].requested == []


@pytest.mark.parametrize(("algorithm", "key"), [("AES256", ""), ("aws:kms", "arn:other"), ("", "")])
def test_gs_s3_004_the_wrong_object_among_many_is_named(verifier, run_fixture, algorithm, key, recorder):
    run_fixture.engine.executors = in_any_order
    run_fixture.objects.put(named(1234), algorithm=algorithm, key=key)
    with pytest.raises(RefusedError) as caught:
        verifier.verify(named(number) for number in range(MANY))
    assert (caught.value.control, caught.value.resource) == ("GS-S3-004", str(named(1234)))
    assert recorder.findings == ()


def test_gs_s3_007_a_request_that_is_denied_to_an_executor(verifier, run_fixture, stores, recorder):
    run_fixture.engine.executors = in_any_order
    stores[1].faults[named(7)] = ServiceError("HeadObject: 403", code="403", operation="HeadObject")
    with pytest.raises(VerificationError) as caught:
        verifier.verify((named(number) for number in range(MANY)), may_be_deleted=True)
    assert (caught.value.control, caught.value.aws_code) == ("GS-S3-007", "403")
    assert recorder.findings == ()


def less(task, parts):
    return in_any_order(task, parts)[1:]


def twice(task, parts):
    answers = in_any_order(task, parts)
    return [*answers[1:], answers[1]]


def short(task, parts):
    first, *rest = in_any_order(task, parts)
    return [HeadResult(first.first, first.inspections[:-1]), *rest]


def foreign(task, parts):
    first, *rest = in_any_order(task, parts)
    return [HeadResult(first.first + 1, first.inspections), *rest]


def long(task, parts):
    first, *rest = in_any_order(task, parts)
    return [HeadResult(first.first, (*first.inspections, first.inspections[0])), *rest]


def nothing(task, parts):
    return []


def failing(task, parts):
    raise RuntimeError("a task failed; password=hunter2")


@pytest.mark.parametrize("executors", [less, twice, short, foreign, long, nothing, failing])
def test_gs_s3_007_lost_answers_never_pass(verifier, run_fixture, executors, recorder):
    run_fixture.engine.executors = executors
    with pytest.raises(VerificationError) as caught:
        verifier.verify((named(number) for number in range(MANY)), may_be_deleted=True)
    assert caught.value.control == "GS-S3-007"
    assert "hunter2" not in str(caught.value)
    assert recorder.findings == ()


def test_the_driver_confirms_objects_that_executors_report_as_deleted(verifier, run_fixture, stores):
    """Executors with credentials of another account find no object."""
    run_fixture.engine.executors = in_any_order
    gone = NotFound("HeadObject: 404", code="404", operation="HeadObject")
    stores[1].faults |= {named(3): gone, named(4): gone}
    run_fixture.objects.delete(named(4))
    before = heads(run_fixture)
    uris = [named(number) for number in range(MANY)]
    encryptions = verifier.verify(uris, may_be_deleted=True)
    assert [encryption.uri for encryption in encryptions] == [uri for uri in uris if uri != named(4)]
    assert heads(run_fixture) - before - (MANY - 2) == 2


def test_an_unencrypted_object_that_an_executor_reports_as_deleted_is_detected(verifier, run_fixture, stores):
    run_fixture.engine.executors = in_any_order
    stores[1].faults[named(3)] = NotFound("HeadObject: 404", code="404", operation="HeadObject")
    run_fixture.objects.put(named(3), algorithm="AES256")
    with pytest.raises(RefusedError, match="GS-S3-004"):
        verifier.verify((named(number) for number in range(MANY)), may_be_deleted=True)


def test_no_secret_is_sent_to_executors(run_fixture, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAABCDEFGHIJKLMNOP")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "no-word-of-this")
    task = HeadTask(
        ExecutorS3("https://localhost:1", "eu-west-1", True), EncryptionRules.of_key(run_fixture.key), False
    )
    sent = pickle.dumps(task)
    assert b"no-word-of-this" not in sent
    assert b"AKIA" not in sent
    assert pickle.loads(sent) == task


def test_an_executor_uses_the_drivers_endpoint_regardless_of_its_environment(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://elsewhere.example")
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    make = partial(ExecutorS3, "https://localhost:4566", "eu-west-1")
    client = make(True)()._client
    assert (client.meta.endpoint_url, client.meta.region_name) == ("https://localhost:4566", "eu-west-1")
    assert client.meta.config.s3 == {"addressing_style": "path"}
    client.close()


def test_gs_s3_002_an_executor_rejects_an_endpoint_without_tls(monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with pytest.raises(RefusedError, match="GS-S3-002"):
        ExecutorS3("http://localhost:4566", "eu-west-1", True)()


def test_under_fine_grained_access_control_the_driver_inspects(run_fixture, monkeypatch):
    monkeypatch.setattr(object_verifier, "SPREAD_FROM", 1)
    run_fixture.engine.executors = in_any_order
    run_fixture.remote = lambda: run_fixture.objects
    for run, more, spread in (
        ("jr_1", {}, True),
        ("jr_2", {"enable_lakeformation_fine_grained_access": "true"}, False),
    ):
        started = run_fixture.start(run, **more)
        run_fixture.engine.calls.clear()
        started.writer.write_s3(["a"], "s3://curated/flights/", format="parquet")
        assert bool(run_fixture.engine.asked("on_executors")) is spread
        started.close()
