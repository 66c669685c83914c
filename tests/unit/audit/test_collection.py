"""The calls of an audit: pages, errors in between, limits, and what is stored."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from audited_estates import KEY, NOW, ROLE, audit, corrected, estate_of, script, violating
from botocore.exceptions import ReadTimeoutError
from recorded_account import ACCOUNT, REGION, ApiError, RecordedAccount

from glue_secure.audit import calls
from glue_secure.audit.collection import collect
from glue_secure.audit.estate import Unread
from glue_secure.audit.outputs import exit_code
from glue_secure.audit.references import RUNS
from glue_secure.core.findings import Verdict


class FailingPages(RecordedAccount):
    """An account in which the second page of an operation fails with an error code."""

    operation, code = "", ""

    def _response(self, call, params):
        if call.operation == self.operation and params.get(call.token[1]):
            return ApiError(self.code)
        return super()._response(call, params)


def failing(operation, code):
    account = FailingPages(violating(), page=1)
    account.operation, account.code = operation, code
    return account


def test_a_listing_that_ends_with_an_error_is_evaluated_as_far_as_it_was_read():
    found = [
        one for one in audit(failing("GetJobs", "ThrottlingException")) if one.control.id == "GS-JOB-001"
    ]
    assert {(str(one.resource), one.verdict) for one in found} == {
        ("job etl", Verdict.FAIL),
        ("job (all)", Verdict.UNKNOWN),
    }
    (unknown,) = (one for one in found if one.verdict is Verdict.UNKNOWN)
    assert unknown.permission == "" and unknown.finding.aws_code == "ThrottlingException"
    assert unknown.finding.fix.startswith("run the audit again")


def test_an_error_of_many_lines_is_one_short_line():
    estate = estate_of(failing("GetJobs", "a proxy\n" * 400))
    unread = estate.listing(calls.JOBS).unread
    assert unread is not None
    assert "\n" not in unread.message and len(unread.message) < 510


def test_an_html_page_in_an_error_is_left_out():
    estate = estate_of(failing("GetJobs", "500: <!doctype html>\n<title>500 Internal Server Error</title>"))
    unread = estate.listing(calls.JOBS).unread
    assert unread is not None
    assert "500, with an HTML page" in unread.message and "<" not in unread.message


def test_only_the_newest_runs_are_read_and_only_what_the_checks_use_is_stored():
    responses = corrected()
    run = responses["GetJobRuns"]["etl"][0] | {"ErrorMessage": "a long text"}
    responses["GetJobRuns"]["etl"] = [run | {"Id": f"jr_{number}"} for number in range(3 * RUNS)]
    account = RecordedAccount(responses, page=RUNS // 4)
    runs = estate_of(account).listing(calls.JOB_RUNS, "etl").items
    assert [one["Id"] for one in runs] == [f"jr_{number}" for number in range(RUNS)]
    assert account.calls[calls.JOB_RUNS.name] == 4
    assert "ErrorMessage" not in runs[0]


def test_a_call_is_made_once_however_many_checks_need_it():
    account = RecordedAccount(corrected())
    estate_of(account)
    repeated = {name: number for name, number in account.calls.items() if number > 1}
    # Once for each of the four buckets; for a state machine and its version.
    of_buckets = ("s3.GetBucketEncryption", "s3.GetBucketPolicy", "s3.GetPublicAccessBlock")
    assert repeated == {**dict.fromkeys(of_buckets, 4), calls.STATE_MACHINE.name: 2}


class TimedOut:
    """A body whose connection does not deliver."""

    def read(self, _=None):
        raise ReadTimeoutError(endpoint_url="https://s3.test")


def test_a_body_that_cannot_be_read_is_an_answer_that_was_not_given():
    client = SimpleNamespace(
        meta=SimpleNamespace(method_to_api_mapping={"get_object": "GetObject"}),
        get_object=lambda **_: {"Body": TimedOut()},
    )
    estate = collect(
        [lambda _: [calls.Request(calls.SCRIPT, "scripts/etl.py")]],
        lambda service, region: client,
        account=ACCOUNT,
        region=REGION,
        partition="aws",
        now=NOW,
    )
    answer = estate.answer(calls.SCRIPT, "scripts/etl.py")
    assert isinstance(answer, Unread)
    assert "Read timeout" in answer.message


def test_a_script_is_read_up_to_a_limit():
    responses = corrected()
    text = "import glue_secure.as_awsglue\n" + "#" * calls.LARGEST_SCRIPT
    responses["GetObject"]["scripts/etl.py"] = script(text)
    (about,) = (one for one in audit(RecordedAccount(responses)) if one.control.id == "GS-JOB-003")
    assert (about.verdict, about.finding.found) == (
        Verdict.UNKNOWN,
        "more than 2,000,000 bytes, which are not checked",
    )


@pytest.mark.parametrize(
    ("operation", "answer", "controls"),
    [
        ("GetDataLakeSettings", {}, {"GS-LF-002", "GS-LF-011", "GS-LF-012"}),
        ("GetKeyPolicy", {KEY: {}}, {"GS-KMS-008"}),
        ("DescribeKey", {KEY: {"KeyMetadata": {"KeyId": "k"}}}, {"GS-KMS-001", "GS-KMS-002"}),
        ("GetBucketPolicy", {"temp": {}}, {"GS-BKT-002", "GS-BKT-003"}),
        ("ListSessions", [{"Status": "READY"}], {"GS-SEC-001"}),
        ("GetDevEndpoints", [{}], {"GS-SEC-001", "GS-SEC-011"}),
        ("ListResources", [{"HybridAccessEnabled": True}], {"GS-LF-008"}),
        ("ListPermissions", [{"Principal": {"DataLakePrincipalIdentifier": ROLE}}], {"GS-LF-001"}),
        ("DescribeLogGroups", {"/aws-glue/": [{"kmsKeyId": KEY}]}, {"GS-DEP-005"}),
    ],
)
def test_an_answer_without_an_expected_member_is_unknown_and_ends_no_audit(operation, answer, controls):
    found = audit(RecordedAccount(corrected() | {operation: answer}))
    unknown = {one.control.id for one in found if one.verdict is Verdict.UNKNOWN}
    assert unknown >= controls
    assert exit_code(found) in (3, 4)
