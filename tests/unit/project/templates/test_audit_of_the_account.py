"""``[audit]``: the policy of the job that audits the account, and alerts about changes of settings."""

import json
from dataclasses import replace

import pytest
from generated_documents import GeneratedAccess, both, role

from glue_secure.audit.calls import CALLS
from glue_secure.core.errors import UsageError
from glue_secure.project.project_file import read_text
from glue_secure.project.templates import cloudformation, design, stacks, terraform

JOB = role("estate-estate_audit")


@pytest.fixture(scope="module")
def stack(projects):
    return cloudformation(projects["audited"])["Resources"]


@pytest.fixture(scope="module")
def configuration(projects):
    return terraform(projects["audited"])["resource"]


def test_the_role_of_the_job_has_the_permissions_of_an_auditor_and_no_other_role_has(projects):
    named = {call.permission for call in CALLS} - {"s3:GetObject", "sts:GetCallerIdentity"}
    for documents in both(projects["audited"]).values():
        access = GeneratedAccess(documents)
        identity = ["role estate-estate_audit", "audit"]
        for action in named:
            assert access.allows(JOB, identity, action, "arn:aws:any:::resource", {}), action
        script = "arn:aws:s3:::aws-glue-scripts-111122223333-eu-west-1/etl/load"
        assert access.allows(JOB, identity, "s3:GetObject", script, {})
        for action in ("glue:UpdateJob", "iam:PutRolePolicy", "kms:PutKeyPolicy", "s3:PutBucketPolicy"):
            assert not access.allows(JOB, identity, action, "arn:aws:any:::resource", {}), action
    assert "audit" not in both(projects["full"])["cloudformation"]


def test_the_role_writes_reports_of_its_job_and_deletes_none(projects):
    own, other = (
        f"arn:aws:s3:::acme-estate-evidence/audits/job={job}/1.json" for job in ("estate_audit", "x")
    )
    for documents in both(projects["audited"]).values():
        access = GeneratedAccess(documents)
        identity = ["role estate-estate_audit", "audit"]
        assert access.allows(JOB, identity, "s3:PutObject", own, {})
        assert not access.allows(JOB, identity, "s3:PutObject", other, {})
        assert not access.allows(JOB, identity, "s3:DeleteObject", own, {})


PUT = {
    "s3:x-amz-server-side-encryption": ("aws:kms",),
    "s3:x-amz-server-side-encryption-aws-kms-key-id": ("KEY",),
    "s3:ObjectCreationOperation": ("true",),
}


def test_no_principal_overwrites_or_deletes_a_report_and_operators_read_it(projects):
    for name, bucket in (("audited", "acme-estate-evidence"), ("full", "acme-lake-evidence")):
        report = f"arn:aws:s3:::{bucket}/audits/job=estate_audit/1.json"
        for documents in both(projects[name]).values():
            (evidence,) = documents[f"bucket {bucket}"]
            decisions = {
                statement["Sid"]: statement["Resource"]
                for statement in evidence["Statement"]
                if statement["Sid"] in ("DenyOverwrite", "DenyDelete")
            }
            protected = [f"arn:aws:s3:::{bucket}/{prefix}/*" for prefix in ("evidence", "audits")]
            assert decisions == {"DenyOverwrite": protected, "DenyDelete": protected}
    for documents in both(projects["full"]).values():
        access = GeneratedAccess(documents)
        operator = role("operator")
        assert access.allows(operator, ["operator"], "s3:GetObject", report, {})
        assert not access.allows(operator, ["operator"], "s3:PutObject", report, {})
        assert not access.allows(operator, ["operator"], "s3:DeleteObject", report, {})


def test_a_run_cannot_name_another_baseline_file(projects):
    project = projects["audited"]
    job = project.jobs["estate_audit"]
    located = {"--baseline": "s3://acme-estate-artifacts/glue-secure/baseline.toml"}
    assert located.items() <= project.fixed_arguments(job).items()
    without = replace(job, arguments={})
    assert project.fixed_arguments(without)["--baseline"] == "none"
    pinned = replace(job, arguments={**job.arguments, "baseline_sha256": "0" * 64})
    digest = {"--baseline_sha256": "0" * 64}
    assert {**located, **digest}.items() <= project.fixed_arguments(pinned).items()
    other = replace(pinned, name="other")
    assert not {"--baseline", "--baseline_sha256"} & project.fixed_arguments(other).keys()
    assert "--baseline" not in project.fixed_arguments(other)


def test_the_policy_is_attached_to_the_role_of_the_job(stack, configuration):
    assert stack["AuditPolicy"]["Properties"]["Roles"] == [{"Ref": "EstateAuditRole"}]
    attached = configuration["aws_iam_role_policy_attachment"]["audit"]
    assert attached == {
        "role": "${aws_iam_role.estate_audit.name}",
        "policy_arn": "${aws_iam_policy.audit.arn}",
    }


def test_the_topic_has_a_key_of_its_own_that_rotates(stack, configuration):
    topic = stack["AlertsTopic"]["Properties"]
    assert topic["KmsMasterKeyId"] == {"Fn::GetAtt": ["AlertsKey", "Arn"]}
    assert stack["AlertsKey"]["Properties"]["EnableKeyRotation"] is True
    assert configuration["aws_sns_topic"]["alerts"]["kms_master_key_id"] == "${aws_kms_key.alerts.arn}"
    assert configuration["aws_kms_key"]["alerts"]["enable_key_rotation"] is True


def test_both_templates_report_the_same_events_to_the_topic(stack, configuration):
    rules = {
        rule["Properties"]["Name"]: rule["Properties"]
        for rule in stack.values()
        if rule["Type"] == "AWS::Events::Rule"
    }
    written = {rule["name"]: rule for rule in configuration["aws_cloudwatch_event_rule"].values()}
    assert (
        set(rules)
        == set(written)
        == {
            f"estate-{name}"
            for name in (
                "account-changes",
                "audit-failed",
                "bucket-changes",
                "cloudtrail-changes",
                "events-changes",
                "glue-changes",
                "kms-changes",
                "kms-grants",
                "lakeformation-changes",
                "scheduler-changes",
                "sns-changes",
                "states-changes",
            )
        }
    )
    for name, rule in rules.items():
        assert rule["EventPattern"] == json.loads(written[name]["event_pattern"])
        assert rule["Targets"] == [{"Id": "alerts", "Arn": {"Ref": "AlertsTopic"}}]
    targets = configuration["aws_cloudwatch_event_target"].values()
    assert {target["arn"] for target in targets} == {"${aws_sns_topic.alerts.arn}"}


def matches(pattern, event):
    """Return whether a pattern of exact values and of absent ones matches an event, as EventBridge does."""
    if isinstance(pattern, list):
        return event in pattern or (event is None and pattern == [{"exists": False}])
    return all(matches(member, (event or {}).get(name)) for name, member in pattern.items())


def api_call(service, name, /, *, invoked_by="", **parameters):
    return {
        "source": f"aws.{service}",
        "detail-type": "AWS API Call via CloudTrail",
        "detail": {
            "eventSource": f"{service}.amazonaws.com",
            "eventName": name,
            "userIdentity": {"type": "AssumedRole", **({"invokedBy": invoked_by} if invoked_by else {})},
            "requestParameters": parameters,
        },
    }


@pytest.mark.parametrize(
    ("event", "rule"),
    [
        (api_call("glue", "UpdateJob", jobName="orders"), "GlueChangesRule"),
        (api_call("glue", "DeleteSecurityConfiguration"), "GlueChangesRule"),
        (api_call("glue", "PutDataCatalogEncryptionSettings"), "GlueChangesRule"),
        (api_call("glue", "StartJobRun", jobName="orders"), ""),
        (api_call("kms", "ScheduleKeyDeletion", keyId="k"), "KmsChangesRule"),
        (api_call("glue", "StopTrigger", name="estate-estate_audit"), "GlueChangesRule"),
        (api_call("glue", "DeleteTrigger", name="estate-estate_audit"), "GlueChangesRule"),
        (api_call("glue", "DeleteJob", jobName="estate_audit"), "GlueChangesRule"),
        (api_call("events", "DisableRule", name="estate-glue-changes"), "EventsChangesRule"),
        (api_call("events", "DeleteRule", name="estate-glue-changes"), "EventsChangesRule"),
        (api_call("events", "PutRule", name="estate-glue-changes"), "EventsChangesRule"),
        (api_call("events", "PutTargets", rule="estate-glue-changes"), "EventsChangesRule"),
        (api_call("events", "RemoveTargets", rule="estate-glue-changes"), "EventsChangesRule"),
        (api_call("events", "PutEvents"), ""),
        (api_call("sns", "DeleteTopic"), "SnsChangesRule"),
        (api_call("sns", "Unsubscribe"), "SnsChangesRule"),
        (api_call("sns", "SetTopicAttributes"), "SnsChangesRule"),
        (api_call("sns", "SetSubscriptionAttributes"), "SnsChangesRule"),
        (api_call("cloudtrail", "StopLogging"), "CloudtrailChangesRule"),
        (api_call("scheduler", "UpdateSchedule"), "SchedulerChangesRule"),
        (api_call("states", "UpdateStateMachine"), "StatesChangesRule"),
        (api_call("kms", "Decrypt", keyId="k"), ""),
        (api_call("kms", "UpdateAlias"), "KmsChangesRule"),
        (api_call("kms", "CreateGrant", keyId="k"), "KmsGrantsRule"),
        (api_call("kms", "CreateGrant", keyId="k", invoked_by="AWS Internal"), ""),
        (api_call("s3", "DeleteBucket", bucketName="acme-estate-evidence"), "BucketChangesRule"),
        *(
            (api_call("s3", name, bucketName="acme-estate-evidence"), "BucketChangesRule")
            for name in ("PutObjectLockConfiguration", "PutBucketObjectLockConfiguration")
        ),
        (api_call("s3", "PutAccountPublicAccessBlock"), "AccountChangesRule"),
        (api_call("s3control", "DeletePublicAccessBlock"), "AccountChangesRule"),
        (api_call("s3", "PutPublicAccessBlock", bucketName="acme-estate-evidence"), "BucketChangesRule"),
        (api_call("s3", "PutPublicAccessBlock", bucketName="another"), ""),
        (api_call("s3", "DeleteBucketPolicy", bucketName="acme-estate-evidence"), "BucketChangesRule"),
        (api_call("s3", "DeleteBucketPolicy", bucketName="another"), ""),
        (api_call("lakeformation", "PutDataLakeSettings"), "LakeformationChangesRule"),
        ({"source": "aws.glue", "detail-type": "Glue Job State Change",
          "detail": {"jobName": "estate_audit", "state": "FAILED"}}, "AuditFailedRule"),
        ({"source": "aws.glue", "detail-type": "Glue Job State Change",
          "detail": {"jobName": "estate_audit", "state": "SUCCEEDED"}}, ""),
    ],
)  # fmt: skip
def test_a_change_is_reported_by_one_rule(stack, event, rule):
    rules = {name: one["Properties"] for name, one in stack.items() if one["Type"] == "AWS::Events::Rule"}
    found = [name for name, one in rules.items() if matches(one["EventPattern"], event)]
    assert found == ([rule] if rule else [])


def test_the_pattern_of_each_rule_has_a_length_that_eventbridge_accepts(projects):
    audited = projects["audited"]
    names = {f"landing{number}": f"acme-{'estate-' * 7}landing-{number:03}" for number in range(100)}
    many = {alias: replace(audited.buckets["evidence"], alias=alias, name=names[alias]) for alias in names}
    rules = design.alert_rules(replace(audited, buckets={**audited.buckets, **many}))
    assert max(len(json.dumps(pattern)) for pattern in rules.values()) <= design.EVENT_PATTERN
    for bucket in names.values():
        event = api_call("s3", "DeleteBucketPolicy", bucketName=bucket)
        assert sum(matches(pattern, event) for pattern in rules.values()) == 1


def test_a_project_without_the_section_has_neither(projects):
    resources = cloudformation(projects["whole"])["Resources"]
    kinds = {resource["Type"] for resource in resources.values()}
    assert not kinds & {"AWS::SNS::Topic", "AWS::Events::Rule"} and "AuditPolicy" not in resources


def test_alerts_are_in_the_platform_of_a_divided_project(projects):
    platform, job = (stacks(projects["audited"])[name]["Resources"] for name in ("platform", "estate_audit"))
    assert {"AlertsTopic", "AuditPolicy", "GlueChangesRule"} <= set(platform)
    assert "EstateAuditJob" in job


PROJECT = """
[project]
name = "estate"
[buckets]
artifacts = "acme-estate-artifacts"
evidence = "acme-estate-evidence"
[jobs.estate_audit]
script = "audit.py"
{job}
{rest}
"""
SCHEDULE = 'schedule = "cron(0 4 * * ? *)"'
ROLE = 'role = "arn:aws:iam::111122223333:role/existing"'


@pytest.mark.parametrize(
    ("job", "rest", "found"),
    [
        (SCHEDULE, '[audit]\njob = "other"', "'other'"),
        ("", '[audit]\njob = "estate_audit"', "without a schedule"),
        (f"{SCHEDULE}\n{ROLE}", '[audit]\njob = "estate_audit"', "with an existing role"),
        (
            SCHEDULE,
            '[audit]\njob = "estate_audit"\n[vpc]\ncidr = "10.0.0.0/16"',
            "without a route to AWS IAM",
        ),
        (SCHEDULE, "[audit]\nalarm = true", "alarm"),
    ],
)
def test_a_section_that_cannot_work_is_an_error_that_names_it(job, rest, found):
    with pytest.raises(UsageError, match="audit") as raised:
        read_text(PROJECT.format(job=job, rest=rest))
    assert found in str(raised.value)
