"""The fixes of deployed jobs, carried out as they are worded, make the control pass."""

import pytest
from typed_fixes import Cases, carry_out, command, controls_of

from glue_secure.core.findings import enforce
from glue_secure.project.deploy import apply

from .test_checks import GROUP, change, deployed, key, project, run_checks  # noqa: F401 - fixtures

CASES = Cases()


def findings_of(get, control, **options):
    return enforce(one for one in get("run_checks")(**options) if one.control == control)


def deploy_again(get):
    return [(r"\Aglue-secure deploy\b", lambda: apply(get("planned")(), get("account")))]


@CASES.of("GS-DEP-001")
def a_job_that_changed_after_the_plan(get):
    get("deployed")
    (get("folder") / "jobs" / "daily.py").write_text("print('mine')\n")
    plans = [get("planned")()]
    script = {"Bucket": "acme-artifacts", "Key": "scripts/daily.py"}
    get("clients")["s3"].put_object(**script, Body=b"print('theirs')\n")
    error = yield lambda: apply(plans[-1], get("account"))
    edits = [(r"\Arun glue-secure deploy again and review the new plan",
              lambda: plans.append(get("planned")()))]  # fmt: skip
    carry_out(error.fix, edits)


@CASES.of("GS-DEP-002")
def code_that_differs_from_the_project(get):
    get("deployed")
    (get("folder") / "jobs" / "daily.py").write_text("print('newer')\n")
    error = yield lambda: findings_of(get, "GS-DEP-002", plan=get("planned")())
    carry_out(error.fix, deploy_again(get))


@CASES.of("GS-DEP-003")
def arguments_that_a_run_can_override(get):
    get("deployed")
    present = get("clients")["glue"].get_job(JobName="daily")["Job"]
    arguments = {**present["DefaultArguments"], **present["NonOverridableArguments"]}
    get("change")(NonOverridableArguments={}, DefaultArguments=arguments)
    error = yield lambda: findings_of(get, "GS-DEP-003")
    carry_out(error.fix, deploy_again(get))


@CASES.of("GS-DEP-004")
def a_script_that_another_program_has_replaced(get):
    get("deployed")
    script = {"Bucket": "acme-artifacts", "Key": "scripts/daily.py"}
    get("clients")["s3"].put_object(**script, Body=b"print('theirs')\n")
    error = yield lambda: findings_of(get, "GS-DEP-004")
    carry_out(error.fix, deploy_again(get))


@CASES.of("GS-DEP-005")
def a_log_group_without_a_key(get):
    get("deployed")
    logs = get("clients")["logs"]
    logs.delete_log_group(logGroupName=GROUP)
    logs.create_log_group(logGroupName=GROUP)
    error = yield lambda: findings_of(get, "GS-DEP-005")

    def associate():
        words, options = command(error.fix, "aws")
        assert words[1:] == ["logs", "associate-kms-key"]
        # moto has no AssociateKmsKey.
        logs.delete_log_group(logGroupName=options["--log-group-name"])
        logs.create_log_group(logGroupName=options["--log-group-name"], kmsKeyId=options["--kms-key-id"])

    carry_out(error.fix, [(r"\baws logs associate-kms-key", associate)])


@CASES.of("GS-DEP-006")
def an_s3_client_without_a_region(get):
    get("deployed")
    arguments = get("clients")["glue"].get_job(JobName="daily")["Job"]["DefaultArguments"]
    arguments.pop("--conf", None)
    get("change")(DefaultArguments=arguments, GlueVersion="5.1")
    error = yield lambda: findings_of(get, "GS-DEP-006")

    def add(setting):
        get("change")(DefaultArguments={**arguments, "--conf": setting}, GlueVersion="5.1")

    carry_out(error.fix, [(r"or add --conf (?P<setting>[\w.-]+=[\w-]+) to the job's arguments", add)])


@pytest.mark.parametrize("name", CASES)
def test_a_fix_carried_out_literally_makes_the_control_pass(name, request):
    CASES.check(name, request.getfixturevalue)


def test_the_table_has_the_controls_of_this_file():
    assert {control for control, _ in CASES.values()} == controls_of(__file__)
