"""A remote run: start, following despite errors, log lines, evidence and exit code."""

import json

import pytest

from glue_secure.aws.job_runs import JobRuns, RunState
from glue_secure.aws.logs import LogEvent
from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.service import NotFound, ServiceError
from glue_secure.project.deploy import remote
from glue_secure.project.deploy.remote import RemoteRun, RunEvidence
from glue_secure.testing.fakes import FakeObjectStore

KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555")
RUN = RemoteRun("daily", "jr_1", ("driver", "error"), S3Uri.parse("s3://proof/evidence/"))


class FakeRuns:
    """Returns the given states in order, and raises exceptions among them."""

    def __init__(self, *answers, stop=None):
        self.answers, self.started, self.stopped = list(answers), [], []
        self.stop_error = stop

    def start(self, job, arguments, session_policy=""):
        self.started.append((job, dict(arguments), *([session_policy] if session_policy else [])))
        return "jr_1"

    def stop(self, job, run):
        self.stopped.append((job, run))
        if self.stop_error:
            raise self.stop_error

    def state(self, _job, _run):
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, RunState) else RunState(answer)


class FakeLogs:
    """Returns the next list of events at each poll of a group, and raises exceptions among them."""

    def __init__(self, **polls):
        self.polls, self.asked = polls, []

    def events(self, group, stream_prefix, since):
        self.asked.append((group, stream_prefix, since))
        polls = self.polls.get(group)
        if polls is None:
            raise NotFound("none", code="ResourceNotFoundException", operation="FilterLogEvents")
        answer = polls.pop(0) if polls else []
        if isinstance(answer, Exception):
            raise answer
        yield from answer


def event(name, when, text, stream="jr_1-driver"):
    return LogEvent(name, stream, when, text)


def service_error(code):
    return ServiceError(f"GetJobRun: {code}", code=code, operation="GetJobRun")


def follow(runs, logs=None, **given):
    slept, lines, states = [], [], []
    ended = remote.follow(
        RUN,
        runs=runs,
        logs=logs or FakeLogs(),
        sleep=slept.append,
        interval=5.0,
        on_state=lambda state: states.append(state.state),
        on_line=lines.append,
        **given,
    )
    return ended, slept, lines, states


def test_states_are_reported_up_to_the_last_without_a_pause_after_it():
    ended, slept, _, states = follow(FakeRuns("STARTING", "RUNNING", "RUNNING", "SUCCEEDED"))
    assert ended.state == "SUCCEEDED"
    assert states == ["STARTING", "RUNNING", "RUNNING", "SUCCEEDED"]
    assert slept == [5.0, 5.0, 5.0]


@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"])
def test_each_final_state_ends_following(state):
    assert follow(FakeRuns(state))[0].state == state


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "OperationTimeoutException", "InternalServiceException", ""]
)
def test_the_pause_grows_while_aws_throttles_and_is_reset_afterwards(code):
    _, slept, _, states = follow(
        FakeRuns("RUNNING", service_error(code), service_error(code), "RUNNING", "FAILED")
    )
    assert slept == [5.0, 10.0, 20.0, 5.0]
    assert states == ["RUNNING", "RUNNING", "FAILED"]


def test_permanent_throttling_stops_following_and_no_pause_exceeds_a_minute():
    runs = FakeRuns(*[service_error("ThrottlingException")] * 20)
    slept = []
    with pytest.raises(VerificationError, match="ThrottlingException"):
        remote.follow(RUN, runs=runs, logs=FakeLogs(), sleep=slept.append)
    assert len(slept) == 10
    assert max(slept) == 60.0


def test_access_denied_stops_immediately():
    with pytest.raises(VerificationError, match="AccessDenied"):
        follow(FakeRuns("RUNNING", service_error("AccessDeniedException")))


def test_each_line_is_printed_once_even_if_late_and_with_secrets_redacted():
    first = [event("a", 100_000, "one\ntwo"), event("p", 100_500, "[Stage 1]", "jr_1-progress-bar")]
    late = [*first, event("c", 99_000, "late"), event("b", 170_000, "password=hunter2")]
    logs = FakeLogs(driver=[first, late, [event("b", 170_000, "password=hunter2")]])
    _, _, lines, _ = follow(FakeRuns("RUNNING", "RUNNING", "SUCCEEDED"), logs)
    assert lines[:3] == ["one", "two", "late"]
    assert len(lines) == 4
    assert "hunter2" not in lines[3]
    assert [asked for asked in logs.asked if asked[0] == "driver"] == [
        ("driver", "jr_1", 0), ("driver", "jr_1", 40_000), ("driver", "jr_1", 110_000)
    ]  # fmt: skip


def test_an_unreadable_log_group_is_reported_once_and_following_continues():
    logs = FakeLogs(
        driver=[service_error("AccessDeniedException")],
        error=[service_error("ThrottlingException"), [event("e", 1, "x")]],
    )
    ended, _, lines, _ = follow(FakeRuns("RUNNING", "RUNNING", "SUCCEEDED"), logs)
    assert ended.state == "SUCCEEDED"
    assert lines == ["cannot follow driver: GetJobRun: AccessDeniedException", "x"]
    assert sum(group == "driver" for group, _, _ in logs.asked) == 1


def put(objects, name, document):
    location = S3Uri.parse(f"s3://proof/evidence/job=daily/run=jr_1/{name}")
    objects.write(location, json.dumps(document).encode(), key=KEY)


def test_evidence_is_that_of_the_last_attempt_and_must_belong_to_the_run():
    objects = FakeObjectStore("proof")
    assert remote.evidence(RUN, objects) is None
    for name, outcome in (
        ("evidence.json", "failed"),
        ("evidence-10.json", "succeeded"),
        ("evidence-9.json", "x"),
    ):
        put(objects, name, {"job": "daily", "run_id": "jr_1", "outcome": outcome})
    evidence = remote.evidence(RUN, objects)
    assert evidence.document["outcome"] == "succeeded"
    assert evidence.encryption == f"aws:kms {KEY}"
    put(objects, "evidence-11.json", {"job": "other", "run_id": "jr_1", "outcome": "succeeded"})
    with pytest.raises(VerificationError, match="GS-EVD-001"):
        remote.evidence(RUN, objects)
    put(objects, "evidence-12.json", ["garbage"])
    with pytest.raises(VerificationError, match="GS-EVD-001"):
        remote.evidence(RUN, objects)


@pytest.mark.parametrize(
    ("state", "outcome", "error", "code"),
    [
        ("SUCCEEDED", "succeeded", None, 0),
        ("SUCCEEDED", "failed", None, 1),
        ("SUCCEEDED", "refused", "RefusedError", 3),
        ("FAILED", "refused", "RefusedError", 3),
        ("FAILED", "refused", "VerificationError", 4),
        ("FAILED", "succeeded", None, 1),
        ("FAILED", None, None, 1),
        ("STOPPED", None, None, 1),
        ("TIMEOUT", "failed", "X", 1),
    ],
)
def test_the_exit_code_follows_the_state_and_the_evidence(state, outcome, error, code):
    evidence = outcome and RunEvidence(
        RUN.evidence, {"outcome": outcome, "error": error and {"type": error}}, ""
    )
    assert remote.exit_code(RunState(state), evidence, RUN) == code


def test_a_run_that_succeeded_without_evidence_counts_as_unverified():
    with pytest.raises(VerificationError, match="GS-EVD-001"):
        remote.exit_code(RunState("SUCCEEDED"), None, RUN)


class FakeAccount:
    def __init__(self, **members):
        self.definition = {"Role": "arn:aws:iam::1:role/r", "SecurityConfiguration": "strict", **members}

    def job(self, name):
        return self.definition if name == "daily" else None


def test_a_run_has_its_own_arguments_but_cannot_change_fixed_ones():
    account, runs = (
        FakeAccount(NonOverridableArguments={"--glue-secure-evidence-uri": "s3://proof/e/"}),
        FakeRuns(),
    )
    begun = remote.begin("daily", {"source": "s3://x/"}, account=account, runs=runs)
    assert runs.started == [("daily", {"--source": "s3://x/"})]
    assert begun.evidence == S3Uri.parse("s3://proof/e/")
    assert begun.groups == (
        "/aws-glue/jobs/error-strict", "/aws-glue/jobs/output-strict", "/aws-glue/jobs/logs-v2-strict",
        "/aws-glue/jobs/strict-role/r/error", "/aws-glue/jobs/strict-role/r/output",
    )  # fmt: skip
    for name in ("glue-secure-evidence-uri", "SECURITY_CONFIGURATION", "JOB_RUN_ID"):
        with pytest.raises(UsageError, match=name):
            remote.begin("daily", {name: "x"}, account=account, runs=runs)
    with pytest.raises(RefusedError, match="GS-SEC-009"):
        remote.begin("daily", {"encryption-type": "sse-s3"}, account=account, runs=runs)
    with pytest.raises(RefusedError, match="GS-SEC-001"):
        remote.begin("daily", {}, account=FakeAccount(SecurityConfiguration=""), runs=runs)
    with pytest.raises(UsageError, match="'other', which does not exist"):
        remote.begin("other", {}, account=account, runs=runs)
    assert len(runs.started) == 1


def test_an_earlier_run_is_found_and_no_run_is_started():
    runs = FakeRuns("RUNNING", NotFound("no", code="EntityNotFoundException", operation="GetJobRun"))
    assert remote.begin("daily", {}, account=FakeAccount(), runs=runs, run="jr_9").run == "jr_9"
    with pytest.raises(UsageError, match="'jr_8', which does not exist"):
        remote.begin("daily", {}, account=FakeAccount(), runs=runs, run="jr_8")
    assert runs.started == []


POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}'


def test_a_run_with_a_session_policy_is_read_back():
    reported = RunState("STARTING", session_policy=json.dumps(json.loads(POLICY), indent=2))
    runs = FakeRuns(reported)
    remote.begin("daily", {}, account=FakeAccount(), runs=runs, policy=POLICY)
    assert runs.started == [("daily", {}, POLICY)]
    assert runs.stopped == []


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("RUNNING", "no ExecutionRoleSessionPolicy"),
        (RunState("RUNNING", session_policy='{"Statement":[]}'), "another ExecutionRoleSessionPolicy"),
        (RunState("RUNNING", session_policy="{"), "not JSON"),
        (service_error("AccessDeniedException"), "AccessDeniedException"),
        (UsageError("credentials", found="none", required="some"), "UsageError before"),
        (KeyboardInterrupt(), "KeyboardInterrupt before"),
        (KeyError("JobRun"), "KeyError before"),
    ],
)
def test_a_run_that_does_not_have_its_session_policy_is_stopped(answer, found):
    runs = FakeRuns(answer)
    with pytest.raises(VerificationError, match=rf"GS-DEP-007(.|\n)*{found}(.|\n)*the run was stopped"):
        remote.begin("daily", {}, account=FakeAccount(), runs=runs, policy=POLICY)
    assert runs.stopped == [("daily", "jr_1")]


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        (service_error("AccessDeniedException"), "AccessDeniedException"),
        (UsageError("credentials", found="none", required="some"), "UsageError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
    ],
)
def test_the_error_says_whether_the_run_was_stopped(stop, reason):
    runs = FakeRuns("RUNNING", stop=stop)
    with pytest.raises(VerificationError, match="GS-DEP-007") as raised:
        remote.begin("daily", {}, account=FakeAccount(), runs=runs, policy=POLICY)
    text = str(raised.value)
    assert "may be running" in text and reason in text and "was stopped" not in text
    assert "aws glue batch-stop-job-run --job-name daily --job-run-ids jr_1" in text


def test_glue_gets_the_session_policy_and_reports_it():
    class Client:
        def start_job_run(self, **request):
            assert request == {"JobName": "daily", "Arguments": {}, "ExecutionRoleSessionPolicy": POLICY}
            return {"JobRunId": "jr_1"}

        def get_job_run(self, **_):
            return {"JobRun": {"JobRunState": "RUNNING", "ExecutionRoleSessionPolicy": POLICY}}

    runs = JobRuns(client=Client())
    assert runs.start("daily", {}, POLICY) == "jr_1"
    assert runs.state("daily", "jr_1").session_policy == POLICY


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no JSON"),
        ("[]", "JSON without Statement"),
        ('{"Version": "2012-10-17"}', "JSON without Statement"),
        (json.dumps({"Statement": ["x" * 2048]}), "2048 characters at most"),
    ],
)
def test_a_file_that_is_no_session_policy_is_an_error(text, message):
    with pytest.raises(UsageError, match=rf"run\.json(.|\n)*{message}"):
        remote.session_policy(text, "run.json")
    assert remote.session_policy(json.dumps(json.loads(POLICY), indent=4), "run.json") == POLICY


def test_a_stop_that_glue_reports_as_failed_is_an_error():
    class Client:
        def batch_stop_job_run(self, **_):
            return {
                "Errors": [{"ErrorDetail": {"ErrorCode": "JobRunNotInTerminalState", "ErrorMessage": "no"}}]
            }

    with pytest.raises(ServiceError, match="JobRunNotInTerminalState"):
        JobRuns(client=Client()).stop("daily", "jr_1")
