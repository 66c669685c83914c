"""The fixes of an audit, carried out one after the other, make every control of the violating estate pass.

A fix that is a command of the AWS CLI changes what the recorded account answers, as the operation would. A
fix that is a sentence is carried out as it is worded. After each fix, its finding must be gone.
"""

from __future__ import annotations

import json
import re

import pytest
from audited_estates import (
    KEY,
    MACHINE,
    ROLE,
    audit,
    configuration,
    corrected,
    default_encryption,
    document,
    key_policy,
    machine,
    schedule,
    violating,
)
from recorded_account import ACCOUNT, REGION, RecordedAccount
from typed_fixes import carry_out, command

from glue_secure.audit.evaluation import AUDITED
from glue_secure.core.findings import Verdict

ROLES = "iam.GetAccountAuthorizationDetails.RoleDetailList"
GROUPS = "iam.GetAccountAuthorizationDetails.GroupDetailList"
# One violation needs the fixes of several findings, and the estate has fewer than this number.
MOST_STEPS = 200
# GS-CAT-003 is violated by a denied call alone; its fix is the permission: test_controls_of_an_audit.py.
TYPED = [control for control in AUDITED if control != "GS-CAT-003"]
"""Controls whose fixes are carried out here."""


class Estate:
    """The answers of an account, and what the commands and sentences of fixes change in them."""

    def __init__(self) -> None:
        self.answers = violating()
        good = corrected()
        # What the fixes name to create, or to use: a configuration, a key, and the roles of administrators.
        self.answers["GetSecurityConfigurations"].append(configuration("strict"))
        for call in ("DescribeKey", "GetKeyRotationStatus", "GetKeyPolicy", "ListGrants"):
            self.answers[call][KEY] = good[call][KEY]
        self.answers[ROLES].append(good[ROLES][1])
        self.good = good

    def named(self, call, name, member="Name"):
        return next(one for one in self.answers[call] if one[member] == name)

    def job(self, finding):
        return self.named("GetJobs", re.search(r"job '?([\w-]+)", finding.resource)[1])

    def connection(self, finding):
        found = re.search(r"connection (\w+)", f"{finding.resource} {finding.found}")
        return self.named("GetConnections", found[1])["ConnectionProperties"]

    def policies(self):
        """Yield every policy of roles and groups with the function that replaces it."""
        for identity in (*self.answers[ROLES], *self.answers[GROUPS]):
            for member in ("RolePolicyList", "GroupPolicyList"):
                for policy in identity.get(member, ()):
                    yield policy, json.loads(policy["PolicyDocument"])["Statement"]

    def edit_statements(self, edit):
        for policy, statements in self.policies():
            policy["PolicyDocument"] = document(*(each for one in statements for each in edit(one)))

    def resource_of(self, finding):
        return finding.resource.split()[1]

    # Commands of the AWS CLI

    def aws(self, finding):
        (program, service, operation, *_), options = command(finding.fix, "aws")
        assert program == "aws"
        getattr(self, f"{service}_{operation}".replace("-", "_"))(finding, **{
            name.lstrip("-").replace("-", "_"): value for name, value in options.items()
        })  # fmt: skip

    def glue_get_job(self, finding, job_name):
        """Edit what the sentence before the command names, and write it back."""
        assert f"aws glue update-job --job-name {job_name} --job-update file://job.json" in finding.fix
        job = self.named("GetJobs", job_name)
        edits = [
            (r"\Aattach one to the job", lambda: job.update(SecurityConfiguration="strict")),
            (r"\Aset GlueVersion (?P<version>[\d.]+)", lambda version: job.update(GlueVersion=version)),
        ]
        carry_out(finding.fix, edits)

    def glue_update_crawler(self, finding, name, crawler_security_configuration):
        assert crawler_security_configuration == "CONFIGURATION"
        self.named("GetCrawlers", name)["CrawlerSecurityConfiguration"] = "strict"

    def glue_delete_dev_endpoint(self, finding, endpoint_name):
        self.answers["GetDevEndpoints"].remove(self.named("GetDevEndpoints", endpoint_name, "EndpointName"))

    def glue_stop_session(self, finding, id):
        self.named("ListSessions", id, "Id")["Status"] = "STOPPED"

    def glue_delete_ml_transform(self, finding, transform_id):
        self.answers["GetMLTransforms"].remove(self.named("GetMLTransforms", transform_id, "TransformId"))

    def glue_delete_security_configuration(self, finding, name):
        """Delete the configuration, after another one has taken its place."""
        assert "create one with this mode and attach it to the job; then delete this one" in finding.fix
        self.replace_configuration(name)

    def glue_put_resource_policy(self, finding, policy_in_json):
        assert "name the principals" in finding.fix
        self.answers["GetResourcePolicies"] = self.good["GetResourcePolicies"]

    def kms_put_key_policy(self, finding, key_id, policy):
        assert "name the principals" in finding.fix
        self.answers["GetKeyPolicy"][key_id] = key_policy(f"arn:aws:iam::{ACCOUNT}:root")

    def kms_enable_key_rotation(self, finding, key_id):
        self.answers["GetKeyRotationStatus"][key_id] = {"KeyRotationEnabled": True}

    def kms_cancel_key_deletion(self, finding, key_id):
        assert f"then aws kms enable-key --key-id {key_id}" in finding.fix
        for arn, answer in self.answers["DescribeKey"].items():
            if arn.endswith(key_id):
                answer["KeyMetadata"]["KeyState"] = "Enabled"
                del answer["KeyMetadata"]["DeletionDate"]

    def kms_revoke_grant(self, finding, key_id, grant_id):
        grants = self.answers["ListGrants"][key_id]
        grants[:] = [grant for grant in grants if grant["GrantId"] != grant_id]

    def s3api_put_bucket_encryption(self, finding, bucket, server_side_encryption_configuration):
        rules = json.loads(server_side_encryption_configuration.replace("KEY_ARN", KEY))
        self.answers["GetBucketEncryption"][bucket] = {"ServerSideEncryptionConfiguration": rules}

    def s3api_put_public_access_block(self, finding, bucket, public_access_block_configuration):
        pairs = (pair.split("=") for pair in public_access_block_configuration.split(","))
        settings = {name: value == "true" for name, value in pairs}
        self.answers["GetPublicAccessBlock"][bucket] = {"PublicAccessBlockConfiguration": settings}

    def s3api_put_object_lock_configuration(self, finding, bucket, object_lock_configuration):
        assert "set a default retention" in finding.fix
        lock = json.loads(object_lock_configuration)
        self.answers["GetObjectLockConfiguration"][bucket] = {"ObjectLockConfiguration": lock}

    def logs_associate_kms_key(self, finding, log_group_name, kms_key_id):
        groups = self.answers["DescribeLogGroups"]["/aws-glue/"]
        next(one for one in groups if one["logGroupName"] == log_group_name)["kmsKeyId"] = KEY

    def iam_update_assume_role_policy(self, finding, role_name, policy_document):
        self.named(ROLES, role_name, "RoleName")["AssumeRolePolicyDocument"] = policy_document

    def ec2_revoke_security_group_ingress(self, finding, group_id, ip_permissions):
        group = self.named("DescribeSecurityGroups", group_id, "GroupId")
        revoked = json.loads(ip_permissions)
        assert all(one in group["IpPermissions"] for one in revoked)
        group["IpPermissions"] = [one for one in group["IpPermissions"] if one not in revoked]

    def ec2_authorize_security_group_ingress(self, finding, group_id, protocol, port, source_group):
        low, high = map(int, port.split("-"))
        rule = {"IpProtocol": protocol, "FromPort": low, "ToPort": high}
        group = self.named("DescribeSecurityGroups", group_id, "GroupId")
        group["IpPermissions"].append({**rule, "UserIdGroupPairs": [{"GroupId": source_group}]})

    def ec2_create_vpc_endpoint(self, finding, **_):
        for text in finding.fix.split("; "):
            _, options = command(text, "aws")
            kind, service = options["--vpc-endpoint-type"], options["--service-name"]
            created = {"VpcId": options["--vpc-id"], "ServiceName": service, "State": "available"}
            if kind == "Gateway":
                created |= {"RouteTableIds": [options["--route-table-ids"]]}
            else:
                assert options["--subnet-ids"] == "subnet-1"
                created |= {"PrivateDnsEnabled": "--private-dns-enabled" in options}
            self.answers["DescribeVpcEndpoints"].append({**created, "VpcEndpointType": kind})

    def lakeformation_update_resource(self, finding, resource_arn, no_hybrid_access_enabled, role_arn):
        self.named("ListResources", resource_arn, "ResourceArn")["HybridAccessEnabled"] = False

    # Sentences

    def replace_configuration(self, name):
        """Let everything that uses a configuration use the good one, and delete it."""
        for job in self.answers["GetJobs"]:
            if job.get("SecurityConfiguration") == name:
                job["SecurityConfiguration"] = "strict"
        configurations = self.answers["GetSecurityConfigurations"]
        configurations.remove(self.named("GetSecurityConfigurations", name))

    def use_another_key(self, finding):
        """Replace the configurations that name the key of a finding."""
        key = re.search(r"arn:aws:kms:\S+", finding.resource)[0]
        for one in list(self.answers["GetSecurityConfigurations"]):
            if key in json.dumps(one):
                self.replace_configuration(one["Name"])

    def remove_argument(self, finding, name):
        for job in self.answers["GetJobs"]:
            job["DefaultArguments"].pop(name, None)
        self.answers["DescribeStateMachine"][MACHINE] = machine(JobName="etl")
        self.start_new_runs()

    def name_configuration(self, finding, call):
        assert (call, finding.resource) == ("UpdateSchedule", "schedule default/hourly of etl")
        changed = schedule(JobName="etl", SecurityConfiguration="strict")
        self.answers["GetSchedule"]["default/hourly"] = changed

    def replace_version(self, finding, version):
        """Publish a corrected version, let the alias name it, and delete the version of a finding."""
        assert version == "pipeline:1"
        published = f"{MACHINE}:2"
        self.answers["DescribeStateMachine"] = {
            MACHINE: self.answers["DescribeStateMachine"][MACHINE],
            published: machine(JobName="etl", SecurityConfiguration="strict"),
        }
        self.answers["ListStateMachineVersions"][MACHINE][0]["stateMachineVersionArn"] = published
        (route,) = self.answers["DescribeStateMachineAlias"][f"{MACHINE}:prod"]["routingConfiguration"]
        route["stateMachineVersionArn"] = published

    def start_new_runs(self):
        """Findings of runs end when newer runs of the corrected job have taken their place."""
        self.answers["GetJobRuns"] = self.good["GetJobRuns"]

    def store_secrets(self, finding):
        for name in re.findall(r"--[\w-]+", finding.found):
            self.remove_argument(finding, name)

    def set_property(self, finding, name, value):
        self.connection(finding)[name] = value

    def remove_property(self, finding, name):
        del self.connection(finding)[name]

    def move_secret(self, finding, properties, name):
        values = self.connection(finding)
        for one in properties.split(", "):
            del values[one]
        values[name] = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ops-AbCdEf"

    def move_password(self, finding):
        values = self.connection(finding)
        del values["USERNAME"]
        values["SECRET_ID"] = "ops/postgres"

    def correct_url(self, finding):
        self.connection(finding)["JDBC_CONNECTION_URL"] = "jdbc:postgresql://a.example.com:5432/ops"

    def remove_from_url(self, finding, name):
        values = self.connection(finding)
        values["JDBC_CONNECTION_URL"] = re.sub(rf"\?{name}=\w+", "", values["JDBC_CONNECTION_URL"])

    def encrypt_catalog(self, finding):
        words, options = command(finding.fix, "glue-secure")
        assert (words, set(options)) == (
            ["glue-secure", "catalog", "apply"], {"--key", "--password-key"}
        )  # fmt: skip
        settings = self.good["GetDataCatalogEncryptionSettings"]
        self.answers["GetDataCatalogEncryptionSettings"] = settings

    def another_bucket(self, finding):
        bucket = self.resource_of(finding)
        for job in self.answers["GetJobs"]:
            arguments = job["DefaultArguments"]
            for name, value in list(arguments.items()):
                arguments[name] = value.replace(f"s3://{bucket}/", "s3://evidence/")

    def bucket_statements(self, finding):
        bucket, defaults = self.resource_of(finding), self.answers["GetBucketEncryption"]
        if finding.fix.startswith("set a key in the default encryption"):
            defaults[bucket] = default_encryption("aws:kms", KEY)
        added = json.loads(f"[{finding.fix.partition('; statements: ')[2]}]".replace("KEY_ARN", KEY))
        policies = self.answers["GetBucketPolicy"]
        before = json.loads(policies[bucket]["Policy"])["Statement"] if bucket in policies else []
        policies[bucket] = {"Policy": document(*before, *added)}

    def encrypted_shuffle(self, finding):
        for job in self.answers["GetJobs"]:
            for name in re.findall(r"[\w-]+(?= is true)", finding.found):
                job["DefaultArguments"].pop(f"--{name}", None)

    def add_settings(self, finding, names):
        for job in self.answers["GetJobs"]:
            conf = " --conf ".join(f"{name}=true" for name in names)
            conf = " --conf ".join(filter(None, [job["DefaultArguments"].get("--conf", ""), conf]))
            job["DefaultArguments"]["--conf"] = conf

    def no_event_log(self, finding):
        for job in self.answers["GetJobs"]:
            job["DefaultArguments"].pop("--enable-spark-ui", None)
            job["DefaultArguments"].pop("--spark-event-logs-path", None)

    def allow_association(self, finding, groups, role):
        arns = [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}" for group in groups.split(", ")]
        statement = {"Effect": "Allow", "Action": "logs:AssociateKmsKey", "Resource": arns}
        policy = self.named(ROLES, role, "RoleName")["RolePolicyList"][0]
        statements = json.loads(policy["PolicyDocument"])["Statement"]
        policy["PolicyDocument"] = document(*statements, statement)

    def add_resources(self, finding, arns):
        pattern = finding.resource.rpartition(" on ")[2]

        def edit(statement):
            named = statement["Resource"]
            if pattern in ([named] if isinstance(named, str) else named):
                statement["Resource"] = [pattern, *arns.split(", ")]
            return [statement]

        self.edit_statements(edit)

    def narrow(self, action, resource, **more):
        """Move an action of the statements that allow it on everything to a statement of its own."""

        def edit(statement):
            actions = statement["Action"]
            actions = [actions] if isinstance(actions, str) else actions
            if statement["Effect"] != "Allow" or statement["Resource"] != "*":
                return [statement]
            if action not in actions and f"{action.partition(':')[0]}:*" not in actions:
                return [statement]
            rest = [one for one in actions if one not in (action, f"{action.partition(':')[0]}:*")]
            own = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
            return [own, *([{**statement, "Action": rest}] if rest else [])]

        self.edit_statements(edit)

    def name_roles(self, finding):
        condition = {"StringEquals": {"iam:PassedToService": "glue.amazonaws.com"}}
        self.narrow("iam:PassRole", ROLE, Condition=condition)

    def remove_actions(self, finding):
        action = re.match(r"[\w:]+", finding.found)[0]

        def edit(statement):
            actions = statement["Action"]
            left = [one for one in ([actions] if isinstance(actions, str) else actions) if one != action]
            return [{**statement, "Action": left}] if left else []

        self.edit_statements(edit)

    def deny_other_networks(self, finding):
        (group,) = self.answers[GROUPS]
        group["AttachedManagedPolicies"] = self.good[GROUPS][0]["AttachedManagedPolicies"]

    def limit_s3(self, finding):
        self.narrow("s3:GetObject", "arn:aws:s3:::scripts/*")

    def lake_formation(self, finding):
        assert "glue-secure lakeformation plan" in finding.fix
        for call in ("ListPermissions", "GetDataLakeSettings"):
            self.answers[call] = self.good[call]

    def edit_script(self, finding):
        name = re.search(r"s3://([^:\s]+)", finding.resource)[1]
        text = self.answers["GetObject"][name]["Body"].decode()
        edits = [
            (r"\Ainsert before the first import: (?P<line>.+?)  #", lambda line: f"{line}\n{text}"),
            (r"\Aremove verify", lambda: text.replace(", verify=False", "")),
        ]
        self.answers["GetObject"][name]["Body"] = carry_out(finding.fix, edits).encode()

    def data_quality(self, finding):
        name = finding.resource.split()[-1]
        if "ruleset" in finding.resource:
            self.answers["GetDataQualityRuleset"][name]["DataQualitySecurityConfiguration"] = "strict"
        else:
            self.answers["ListDataQualityRuleRecommendationRuns"] = [{"RunId": "dqr-2"}]
            run = {"RunId": "dqr-2", "DataQualitySecurityConfiguration": "strict"}
            self.answers["GetDataQualityRuleRecommendationRun"]["dqr-2"] = run

    def carry_out(self, finding):
        """Carry out a fix. The first pattern that its text matches decides."""

        def do(edit, **more):
            return lambda **groups: edit(finding, **groups, **more)

        carry_out(
            finding.fix,
            [
                (r"\Aremove (?P<name>--[\w-]+) from the job's arguments", do(self.remove_argument)),
                (r"\Aif it is a secret, store it in AWS Secrets Manager", do(self.store_secrets)),
                (r"\Aattach one to job etl, or name it", do(
                    lambda _: self.named("GetJobs", "etl").update(SecurityConfiguration="strict"))),
                (r"\Agrant kms:Decrypt on the key to the auditor", do(lambda _: self.answers[ROLES].append(
                    next(one for one in self.good[ROLES] if one["RoleName"] == "auditor")))),
                (r"\Aname an existing security configuration in .* in a new version "
                 r"\(PublishStateMachineVersion; then DeleteStateMachineVersion of (?P<version>\S+)\)",
                 do(self.replace_version)),
                (r"\Aname an existing security configuration in .*\((?P<call>\w+), SecurityConfiguration\)",
                 do(self.name_configuration)),
                (r"finding ends after \d+ newer runs", do(lambda _: self.start_new_runs())),
                (r"with DataQualitySecurityConfiguration", do(self.data_quality)),
                (r"a configuration that names it|\Aname an existing key|or use a key of this account"
                 r"|\Ause a symmetric key", do(self.use_another_key)),
                (r"\Aset (?P<name>\w+)(?: to |=)(?P<value>\w+) in the connection", do(self.set_property)),
                (r"\Aset AvailabilityZone of the connection to (?P<zone>\S+)", do(
                    lambda _, zone: self.named("GetConnections", "ops")["PhysicalConnectionRequirements"]
                    .update(AvailabilityZone=zone))),
                (r"\Aremove (?P<name>\w+) from the connection", do(self.remove_property)),
                (r"\Aremove (?P<name>\w+) from the URL", do(self.remove_from_url)),
                (r"\Amove the password into AWS Secrets Manager", do(self.move_password)),
                (r"\Amove the secret into AWS Secrets Manager, name it in (?P<name>\w+), "
                 r"remove (?P<properties>[\w, ]+), and change", do(self.move_secret)),
                (r"\Acorrect the connection's JDBC URL", do(self.correct_url)),
                (r"\Aglue-secure catalog apply", do(self.encrypt_catalog)),
                (r"\Aname a bucket of this account|\Aask the owner", do(self.another_bucket)),
                (r"(?:\A|; then )add the statements to the bucket policy", do(self.bucket_statements)),
                (r"\Aremove these settings and arguments", do(self.encrypted_shuffle)),
                (r"\Aset both when the session is created; in Glue use --conf",
                 do(self.add_settings, names=["spark.authenticate", "spark.network.crypto.enabled"])),
                (r"in Glue: --conf spark.io.encryption.enabled=true",
                 do(self.add_settings, names=["spark.io.encryption.enabled"])),
                (r"or set spark.eventLog.enabled to false", do(self.no_event_log)),
                (r"\Aallow logs:AssociateKmsKey on these log groups in a policy of role (?P<role>\S+)",
                 do(self.allow_association,
                    groups=finding.required.partition(" on ")[2])),
                (r"\Aadd (?P<arns>arn:.+) to the statement", do(self.add_resources)),
                (r"\Aname the roles in Resource", do(self.name_roles)),
                (r"\Aname the jobs in Resource", do(lambda _: self.narrow(
                    "glue:StartJobRun", f"arn:aws:glue:{REGION}:{ACCOUNT}:job/etl"))),
                (r"\Aremove the actions", do(self.remove_actions)),
                (r"\Aadd both; glue-secure policy iam --deployer", do(self.deny_other_networks)),
                (r"\Alimit the policy to locations that are not registered", do(self.limit_s3)),
                (r"lakeformation plan", do(self.lake_formation)),
                (r"\Ainsert before|\Aremove verify", do(self.edit_script)),
                (r"\Aadd (?P<name>--[\w-]+) true to the job's DefaultArguments", do(
                    lambda one, name: self.job(one)["DefaultArguments"].update({name: "true"}))),
                (r"\baws [a-z0-9]+ [a-z-]+ --", do(self.aws)),
            ],
        )  # fmt: skip


def open_findings(estate):
    found = audit(RecordedAccount(estate.answers))
    return [one.finding for one in found if one.verdict is not Verdict.PASS]


@pytest.fixture(scope="module")
def violations():
    return open_findings(Estate())


@pytest.mark.parametrize("control", TYPED)
def test_each_fix_of_a_control_ends_its_finding(control, violations):
    of_control = [finding for finding in violations if finding.control == control]
    assert of_control
    for finding in of_control:
        estate = Estate()
        estate.carry_out(finding)
        assert finding not in open_findings(estate), f"{finding.resource}: {finding.found}: {finding.fix}"


def test_the_fixes_carried_out_one_after_the_other_end_every_finding():
    estate = Estate()
    for _ in range(MOST_STEPS):
        findings = open_findings(estate)
        if not findings:
            return
        estate.carry_out(findings[0])
        assert findings[0] not in open_findings(estate), findings[0]
    raise AssertionError("the fixes bring one another's findings back")
