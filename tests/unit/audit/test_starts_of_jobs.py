"""What starts jobs: triggers, EventBridge schedules and Step Functions, with settings of their own."""

from __future__ import annotations

import pytest
from audited_estates import BEFORE, MACHINE, VERSION, audit, configuration, corrected, machine, schedule
from recorded_account import ApiError, RecordedAccount

from glue_secure.audit import calls
from glue_secure.audit.calls import STATISTICS_SETTINGS
from glue_secure.audit.job_starts import VERSIONS
from glue_secure.core.findings import Verdict

START = "arn:aws:states:::glue:startJobRun"


def task(resource=START, **members):
    return {"Type": "Task", "Resource": resource, "End": True, **members}


def verdicts(control, about, **changes):
    """Return verdict and text of a control's findings about resources of a kind."""
    estate = corrected()
    for operation, answer in changes.items():
        estate[operation] = answer
    findings = audit(RecordedAccount(estate))
    return [
        (one.verdict, one.finding.found)
        for one in findings
        if one.control.id == control and str(one.resource).startswith(about)
    ]


def of_schedule(control, **parameters):
    return verdicts(control, "schedule", GetSchedule={"default/hourly": schedule(**parameters)})


def of_machine(control, *states, **parameters):
    return verdicts(control, "state machine", DescribeStateMachine={MACHINE: machine(*states, **parameters)})


@pytest.mark.parametrize(
    ("parameters", "verdict"),
    [
        ({"JobName": "etl"}, Verdict.PASS),
        ({"JobName": "etl", "SecurityConfiguration": "strict"}, Verdict.PASS),
        ({"JobName": "etl", "SecurityConfiguration": "absent"}, Verdict.FAIL),
        ({"JobName": "<aws.scheduler.execution-id>"}, Verdict.PASS),
    ],
)
def test_a_schedule_starts_a_job_under_an_existing_configuration(parameters, verdict):
    ((found, _),) = of_schedule("GS-SEC-001", **parameters)
    assert found is verdict


def test_a_job_without_a_configuration_fails_where_a_state_machine_starts_it():
    jobs = corrected()["GetJobs"]
    del jobs[0]["SecurityConfiguration"]
    ((verdict, found),) = verdicts("GS-SEC-001", "state machine", GetJobs=jobs)
    assert (verdict, found) == (Verdict.FAIL, "state Load0: no security configuration")


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        (task(Parameters={"JobName": "etl", "SecurityConfiguration": "absent"}), Verdict.FAIL),
        (task(f"{START}.sync", Parameters={"JobName": "etl"}), Verdict.PASS),
        (task("arn:aws:states:::aws-sdk:glue:startJobRun", Parameters={"JobName": "etl"}), Verdict.PASS),
        (task(Parameters={"JobName": "etl", "SecurityConfiguration.$": "$.name"}), Verdict.UNKNOWN),
        (task(Arguments={"JobName": "etl", "SecurityConfiguration": "{% $name %}"}), Verdict.UNKNOWN),
        (task(Arguments="{% $all %}"), Verdict.UNKNOWN),
        # Without parameters, the whole input of the state is the request.
        (task(), Verdict.UNKNOWN),
        (task(Parameters=None), Verdict.UNKNOWN),
        (task(QueryLanguage="JSONata"), Verdict.UNKNOWN),
        (task(Parameters={"JobName.$": "$.job"}), Verdict.PASS),
        (task(Parameters={"JobName.$": "$.job", "SecurityConfiguration": "absent"}), Verdict.FAIL),
    ],
)
@pytest.mark.parametrize("place", ["top", "branch", "loop", "old loop"])
def test_a_state_machine_starts_a_job_under_an_existing_configuration(state, verdict, place):
    inner = {"StartAt": "Run", "States": {"Run": state}}
    states = {
        "top": state,
        "branch": {"Type": "Parallel", "Branches": [inner], "End": True},
        "loop": {"Type": "Map", "ItemProcessor": inner, "End": True},
        "old loop": {"Type": "Map", "Iterator": inner, "End": True},
    }
    ((found, _),) = of_machine("GS-SEC-001", states[place])
    assert found is verdict


def test_the_arguments_of_a_start_are_checked_like_those_of_a_run():
    arguments = {"--encryption-type": "sse-s3", "--token": "ghp_" + "a" * 36, "--day.$": "$.day"}
    for found in (
        of_schedule("GS-SEC-009", JobName="etl", Arguments=arguments),
        of_schedule("GS-SEC-011", JobName="etl", Arguments=arguments),
        of_machine("GS-SEC-009", JobName="etl", Arguments=arguments),
        of_machine("GS-SEC-011", JobName="etl", Arguments=arguments),
    ):
        assert [verdict for verdict, _ in found] == [Verdict.FAIL]


def test_a_script_and_a_bucket_that_a_start_names_are_checked():
    parameters = {"JobName": "etl", "Arguments": {"--scriptLocation": "s3://elsewhere/other.py"}}
    changes = {"GetSchedule": {"default/hourly": schedule(**parameters)}}
    assert [verdict for verdict, _ in verdicts("GS-JOB-003", "schedule", **changes)] == [Verdict.UNKNOWN]
    assert Verdict.FAIL in {verdict for verdict, _ in verdicts("GS-BKT-005", "bucket elsewhere", **changes)}


def test_other_targets_and_states_start_no_job():
    assert of_machine("GS-SEC-001", task("arn:aws:states:::lambda:invoke"), {"Type": "Succeed"}) == []
    other = [{"Name": "x", "GroupName": "default", "Target": {"Arn": "arn:aws:sqs:eu-west-1:1:queue"}}]
    assert verdicts("GS-SEC-001", "schedule", ListSchedules=other) == []


@pytest.mark.parametrize("code", ["AccessDeniedException", "KmsAccessDeniedException"])
def test_a_state_machine_that_cannot_be_read_does_not_pass(code):
    found = verdicts("GS-SEC-001", "state machine", DescribeStateMachine={MACHINE: ApiError(code)})
    assert [verdict for verdict, _ in found] == [Verdict.UNKNOWN]


@pytest.mark.parametrize(
    ("error", "permission"),
    [
        (ApiError("AccessDeniedException"), "states:DescribeStateMachine"),
        (ApiError("KmsAccessDeniedException", "The key policy or the caller lacks it"), "kms:Decrypt"),
        (ApiError("KmsInvalidStateException"), ""),
    ],
)
def test_the_permission_that_an_encrypted_definition_needs_is_named(error, permission):
    estate = {**corrected(), "DescribeStateMachine": {MACHINE: error}}
    (about,) = (
        one
        for one in audit(RecordedAccount(estate))
        if one.control.id == "GS-SEC-001" and one.resource.kind.value == "state machine"
    )
    assert about.permission == permission
    assert ("the policy of the key must allow it" in about.finding.fix) is (permission == "kms:Decrypt")


UNREADABLE = [
    "{",
    '{"States": {}, "States": {}}',
    '{"States": {"Run": "x"}}',
    '{"States": {"Run": {"Branches": 1}}}',
]
BY_STARTS = ("GS-SEC-001", "GS-SEC-009", "GS-SEC-011", "GS-JOB-003")


def about_starts(estate):
    """Return verdict by control and resource of what starts jobs, and of the account."""
    kinds = ("schedule", "state machine", "trigger", "account")
    findings = audit(RecordedAccount(estate))
    return {
        (one.control.id, str(one.resource)): one.verdict
        for one in findings
        if one.control.id in BY_STARTS and one.resource.kind.value in kinds
    }


@pytest.mark.parametrize("text", UNREADABLE)
def test_a_definition_of_another_form_is_unknown_for_its_state_machine_only(text):
    estate = corrected()
    estate["GetJobs"][0]["SecurityConfiguration"] = "absent"
    expected = {name: one for name, one in about_starts(estate).items() if "state machine" not in name[1]}
    estate["DescribeStateMachine"] = {MACHINE: {**machine(JobName="etl"), "definition": text}}
    found = about_starts(estate)
    assert Verdict.FAIL in expected.values()
    assert found.items() >= expected.items()
    others = {name: one for name, one in found.items() if name not in expected}
    assert others == {(control, "state machine pipeline"): Verdict.UNKNOWN for control in BY_STARTS}


@pytest.mark.parametrize("text", ["{", "JobName=etl", '{"JobName": "a", "JobName": "a"}'])
def test_an_input_that_is_no_json_is_unknown_for_its_schedule_only(text):
    estate = corrected()
    estate["GetJobs"][0]["SecurityConfiguration"] = "absent"
    expected = {name: one for name, one in about_starts(estate).items() if "schedule" not in name[1]}
    broken = schedule(JobName="etl")
    broken["Target"]["Input"] = text
    estate["GetSchedule"] = {"default/hourly": broken}
    found = about_starts(estate)
    assert Verdict.FAIL in expected.values()
    assert found.items() >= expected.items()
    others = {name: one for name, one in found.items() if name not in expected}
    assert others == {(control, "schedule default/hourly"): Verdict.UNKNOWN for control in BY_STARTS}


RUN = {"DatabaseName": "flights", "TableName": "legs"}


@pytest.mark.parametrize(
    ("run", "settings", "verdicts_of"),
    [
        ("strict", "strict", [Verdict.PASS, Verdict.PASS]),
        ("", "strict", [Verdict.FAIL, Verdict.PASS]),
        ("strict", "", [Verdict.PASS, Verdict.FAIL]),
        ("absent", "absent", [Verdict.FAIL, Verdict.FAIL]),
        ("strict", None, [Verdict.PASS]),
    ],
)
def test_column_statistics_have_a_security_configuration(run, settings, verdicts_of):
    changes = {
        "GetColumnStatisticsTaskRun": {
            "cs-1": {"ColumnStatisticsTaskRun": {**RUN, "SecurityConfiguration": run}}
        },
        "GetColumnStatisticsTaskSettings": {}
        if settings is None
        else {"flights/legs": {"ColumnStatisticsTaskSettings": {"SecurityConfiguration": settings}}},
    }
    found = [
        *verdicts("GS-SEC-001", "column statistics run", **changes),
        *verdicts("GS-SEC-001", "table", **changes),
    ]
    assert [verdict for verdict, _ in found] == verdicts_of


def test_the_settings_of_a_table_in_a_database_with_a_slash_are_requested():
    asked = []

    class Recorder(RecordedAccount):
        def _response(self, call, params):
            if call is STATISTICS_SETTINGS:
                asked.append((params["DatabaseName"], params["TableName"]))
            return super()._response(call, params)

    estate = corrected()
    run = {"DatabaseName": "a/b", "TableName": "c/d", "SecurityConfiguration": "strict"}
    estate["GetColumnStatisticsTaskRun"] = {"cs-1": {"ColumnStatisticsTaskRun": run}}
    estate["GetColumnStatisticsTaskSettings"] = {"a/b/c/d": {"ColumnStatisticsTaskSettings": {}}}
    findings = audit(Recorder(estate))
    assert asked == [("a/b", "c/d")]
    (about,) = (one for one in findings if one.resource.kind.value == "table")
    assert about.verdict is Verdict.FAIL
    assert "--database-name a/b --table-name c/d " in about.finding.fix
    assert about.resource.name == "a/b/c/d column statistics"


def test_the_modes_of_a_configuration_that_only_statistics_use_are_checked():
    configurations = [configuration("strict"), configuration("loose", "SSE-S3")]
    found = verdicts("GS-SEC-003", "security configuration", GetSecurityConfigurations=configurations)
    assert Verdict.FAIL in {verdict for verdict, _ in found}


def of_versions(**responses):
    """Return resource and verdict of GS-SEC-001 for versions of the state machine."""
    return {
        one.resource.name: (one.verdict, one.permission)
        for one in audit(RecordedAccount({**corrected(), **responses}))
        if one.control.id == "GS-SEC-001" and one.resource.kind.value == "state machine"
    }


WEAK = machine(JobName="etl", SecurityConfiguration="absent")
OLD = f"{MACHINE}:7"


def test_a_version_that_starts_as_the_current_definition_does_has_no_finding_of_its_own():
    assert set(of_versions()) == {"pipeline Load0 of etl"}


def test_a_published_version_that_starts_a_job_under_another_configuration_fails():
    found = of_versions(DescribeStateMachine={MACHINE: machine(JobName="etl"), VERSION: WEAK})
    assert found == {
        "pipeline Load0 of etl": (Verdict.PASS, ""),
        "pipeline:1 Load0 of etl": (Verdict.FAIL, ""),
    }


def test_a_version_that_an_alias_names_is_read_however_old_it_is():
    routes = [{"stateMachineVersionArn": arn, "weight": 50} for arn in (VERSION, OLD)]
    found = of_versions(
        DescribeStateMachine={MACHINE: machine(JobName="etl"), OLD: WEAK},
        DescribeStateMachineAlias={f"{MACHINE}:prod": {"routingConfiguration": routes}},
    )
    assert found["pipeline:7 Load0 of etl"] == (Verdict.FAIL, "")


def test_a_version_is_read_if_the_current_definition_starts_no_job():
    found = of_versions(DescribeStateMachine={MACHINE: machine({"Type": "Pass"}), VERSION: WEAK})
    assert found == {"pipeline:1 Load0 of etl": (Verdict.FAIL, "")}


@pytest.mark.parametrize(
    ("operation", "key", "resource"),
    [
        ("ListStateMachineVersions", MACHINE, "pipeline versions"),
        ("ListStateMachineAliases", MACHINE, "pipeline aliases"),
        ("DescribeStateMachineAlias", f"{MACHINE}:prod", "pipeline alias prod"),
    ],
)
def test_versions_and_aliases_that_cannot_be_read_are_unknown(operation, key, resource):
    denied = {operation: {key: ApiError("AccessDeniedException")}}
    estate = RecordedAccount({**corrected(), **denied})
    about = {str(one.resource): one for one in audit(estate) if one.control.id == "GS-SEC-001"}
    found = about[f"state machine {resource}"]
    assert (found.verdict, found.permission) == (Verdict.UNKNOWN, f"states:{operation}")
    assert about["state machine pipeline Load0 of etl"].verdict is Verdict.PASS


def test_the_newest_versions_are_read():
    versions = [
        {"stateMachineVersionArn": f"{MACHINE}:{number}", "creationDate": BEFORE}
        for number in range(50, 0, -1)
    ]
    account = RecordedAccount({**corrected(), "ListStateMachineVersions": {MACHINE: versions}}, page=7)
    audit(account)
    # The current definition, the newest versions, and version 1, which the alias names.
    assert account.calls[calls.STATE_MACHINE.name] == 1 + VERSIONS + 1
