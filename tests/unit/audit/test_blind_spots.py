"""Violations that other scanners accept, and settings that they reject, each as one change of the estate."""

from __future__ import annotations

import json
import shlex
from copy import deepcopy
from dataclasses import replace

import pytest
from audited_estates import (
    BLOCKED,
    KEY,
    NOW,
    audit,
    blocked,
    bucket_policy,
    configuration,
    corrected,
    default_encryption,
    described,
    estate_of,
    managed_policy,
)
from recorded_account import ACCOUNT, REGION, ApiError, RecordedAccount

from glue_secure.audit.checks.catalog import evaluate_catalog
from glue_secure.audit.permissions import audit_policy
from glue_secure.core.findings import Verdict

OTHER_REGION = KEY.replace(REGION, "us-east-1")
OTHER_ACCOUNT = KEY.replace(ACCOUNT, "999999999999")


def change(path, value):
    """Return a function that sets a value of the estate; a path of names and positions."""

    def apply(estate):
        for name in path[:-1]:
            estate = estate[name]
        estate[path[-1]] = value

    return apply


def configured(**modes):
    return change(["GetSecurityConfigurations", 0], configuration("strict", **modes))


def second_entry(estate):
    encryption = estate["GetSecurityConfigurations"][0]["EncryptionConfiguration"]
    encryption["S3Encryption"].append({"S3EncryptionMode": "DISABLED"})


def legacy_argument(estate):
    del estate["GetJobs"][0]["SecurityConfiguration"]
    estate["GetJobs"][0]["DefaultArguments"]["--encryption-type"] = "sse-s3"


def key(**more):
    return change(["DescribeKey", KEY], described(KEY, **more))


def foreign_key(arn):
    def apply(estate):
        estate["GetSecurityConfigurations"][0] = configuration("strict", key=arn)
        for operation in ("GetKeyRotationStatus", "GetKeyPolicy", "ListGrants"):
            estate[operation][arn] = estate[operation][KEY]
        estate["DescribeKey"][arn] = described(arn)

    return apply


def run_override(estate):
    estate["GetJobRuns"]["etl"][0]["SecurityConfiguration"] = "loose"
    estate["GetSecurityConfigurations"].append(configuration("loose", "DISABLED"))


def connection(**properties):
    def apply(estate):
        estate["GetConnections"][0]["ConnectionProperties"] |= properties

    return apply


def tls_statement(**more):
    def apply(estate):
        policy = json.loads(estate["GetBucketPolicy"]["temp"]["Policy"])
        policy["Statement"][0] |= more
        estate["GetBucketPolicy"]["temp"] = {"Policy": json.dumps(policy)}

    return apply


def without(*path):
    def apply(estate):
        for name in path[:-1]:
            estate = estate[name]
        del estate[path[-1]]

    return apply


def found_by(apply):
    estate = deepcopy(corrected())
    apply(estate)
    return audit(RecordedAccount(estate))


@pytest.mark.parametrize(
    ("apply", "controls"),
    [
        (configured(s3="SSE-S3"), {"GS-SEC-003"}),
        (second_entry, {"GS-SEC-003"}),
        (legacy_argument, {"GS-SEC-001", "GS-SEC-009"}),
        (configured(quality="DISABLED"), {"GS-SEC-006"}),
        (configured(quality=None), {"GS-SEC-006"}),
        (key(KeyState="Disabled"), {"GS-KMS-002"}),
        (key(KeyState="PendingDeletion", DeletionDate=NOW), {"GS-KMS-002"}),
        (key(KeySpec="RSA_4096"), {"GS-KMS-004", "GS-KMS-007"}),
        (key(KeyManager="AWS"), {"GS-KMS-003"}),
        (foreign_key(OTHER_REGION), {"GS-KMS-005"}),
        (foreign_key(OTHER_ACCOUNT), {"GS-KMS-005"}),
        (change(["DescribeKey"], {}), {"GS-KMS-001"}),
        (run_override, {"GS-SEC-003"}),
        (connection(SKIP_CUSTOM_JDBC_CERT_VALIDATION="true"), {"GS-TLS-006"}),
        (connection(JDBC_CONNECTION_URL="jdbc:postgresql://h.test/ops?sslmode=require"), {"GS-TLS-001"}),
        (change(["GetConnections", 1, "ConnectionProperties", "KAFKA_SSL_ENABLED"], "false"), {"GS-TLS-006"}),
        (without("GetCrawlers", 0, "CrawlerSecurityConfiguration"), {"GS-SEC-001"}),
        (without("ListSessions", 0, "SecurityConfiguration"), {"GS-SEC-001"}),
        (change(["GetDataQualityRuleset", "rules"], {"Name": "rules"}), {"GS-SEC-001"}),
        (tls_statement(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}), {"GS-BKT-002"}),
        (tls_statement(Resource=["arn:aws:s3:::temp/a/*"]), {"GS-BKT-002"}),
        (tls_statement(Resource=["arn:aws:s3:::temp/*"]), {"GS-BKT-002"}),
        (change(["ListBuckets"], []), {"GS-BKT-005"}),
    ],
)  # fmt: skip
def test_a_violation_that_other_scanners_accept_fails(apply, controls):
    failing = {one.control.id for one in found_by(apply) if one.verdict is Verdict.FAIL}
    assert failing >= controls


def test_a_missing_bucket_of_a_script_is_one_finding_about_its_owner():
    def apply(estate):
        estate["ListBuckets"] = [bucket for bucket in estate["ListBuckets"] if bucket["Name"] != "scripts"]
        for operation in ("GetBucketPolicy", "GetBucketEncryption", "GetPublicAccessBlock"):
            estate[operation]["scripts"] = ApiError("NoSuchBucket")

    about = [one for one in found_by(apply) if str(one.resource) == "bucket scripts"]
    assert [(one.control.id, one.verdict) for one in about] == [("GS-BKT-005", Verdict.FAIL)]
    assert "any account can create it" in about[0].finding.found


@pytest.mark.parametrize(
    "apply",
    [
        change(
            ["GetDataCatalogEncryptionSettings", "DataCatalogEncryptionSettings", "EncryptionAtRest"],
            {
                "CatalogEncryptionMode": "SSE-KMS-WITH-SERVICE-ROLE",
                "SseAwsKmsKeyId": KEY,
                "CatalogEncryptionServiceRole": f"arn:aws:iam::{ACCOUNT}:role/catalog",
            },
        ),
        change(
            ["GetConnections", 1], {"Name": "vpc", "ConnectionType": "NETWORK", "ConnectionProperties": {}}
        ),
        connection(JDBC_ENFORCE_SSL="TRUE"),
    ],
    ids=["service role", "network", "upper case"],
)
def test_what_other_scanners_reject_without_a_reason_passes(apply):
    found = found_by(apply)
    assert not [one for one in found if one.verdict is Verdict.FAIL and one.control.family != "GS-NET"]


def test_a_run_that_names_no_configuration_of_a_changed_job_is_unknown():
    def apply(estate):
        del estate["GetJobRuns"]["etl"][0]["SecurityConfiguration"]
        estate["GetJobs"][0]["LastModifiedOn"] = NOW.replace(year=2027)

    (about,) = [
        one
        for one in found_by(apply)
        if str(one.resource) == "runs of job etl" and one.control.id == "GS-SEC-001"
    ]
    assert about.verdict is Verdict.UNKNOWN


PUBLIC = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "glue:*", "Resource": "*"}
NO_KEY = "User: arn:aws:iam::1:user/a is not authorized to perform: kms:Decrypt on resource: key"


@pytest.mark.parametrize(
    ("answer", "verdict", "permission"),
    [
        (ApiError("EntityNotFoundException"), Verdict.PASS, ""),
        ({"PolicyInJson": json.dumps({"Statement": PUBLIC})}, Verdict.FAIL, ""),
        (ApiError("AccessDeniedException", NO_KEY), Verdict.UNKNOWN, "kms:Decrypt"),
        (ApiError("GlueEncryptionException"), Verdict.UNKNOWN, "kms:Decrypt"),
        (ApiError("InternalServiceException"), Verdict.UNKNOWN, ""),
    ],
)
def test_the_policy_of_the_catalog_is_read_although_the_list_leaves_it_out(answer, verdict, permission):
    def apply(estate):
        estate["GetResourcePolicies"] = []
        estate["GetResourcePolicy"] = answer

    (about,) = (one for one in found_by(apply) if one.control.id == "GS-CAT-005")
    assert (about.verdict, about.permission) == (verdict, permission)


S3_ONLY = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}
GLUE_ONLY = {"StringLike": {"kms:ViaService": "glue.*.amazonaws.com"}}
OWN_KEY_POLICY = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*",
                  "Resource": "*"}  # fmt: skip
AUDITOR_ROLE = f"arn:aws:iam::{ACCOUNT}:role/auditor"
DENIED = {**OWN_KEY_POLICY, "Effect": "Deny", "Principal": {"AWS": AUDITOR_ROLE}}
DECRYPT = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": KEY}


def auditor(*statements, key_policy=(OWN_KEY_POLICY,), mode="SSE-KMS", arn=None, limit=None):
    """Return a change of the estate: the auditor's policy, boundary and ARN, and the key's policy."""

    def apply(estate):
        estate["GetResourcePolicies"] = []
        settings = estate["GetDataCatalogEncryptionSettings"]["DataCatalogEncryptionSettings"]
        settings["EncryptionAtRest"]["CatalogEncryptionMode"] = mode
        (one,) = (
            role
            for role in estate["iam.GetAccountAuthorizationDetails.RoleDetailList"]
            if role["RoleName"] == "auditor"
        )
        one["RolePolicyList"][0]["PolicyDocument"] = json.dumps({"Statement": list(statements)})
        if limit is not None:
            name = f"arn:aws:iam::{ACCOUNT}:policy/auditors"
            boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": name}
            one["PermissionsBoundary"] = boundary
            estate["iam.GetAccountAuthorizationDetails.Policies"].append(managed_policy("auditors", *limit))
        estate["GetKeyPolicy"][KEY] = {"Policy": json.dumps({"Statement": list(key_policy)})}
        if arn is not None:
            estate["GetCallerIdentity"] = {"Account": ACCOUNT, "UserId": "AROA" + "0" * 12, "Arn": arn}

    return apply


@pytest.mark.parametrize(
    ("apply", "verdict"),
    [
        (auditor(DECRYPT), Verdict.PASS),
        (auditor({**DECRYPT, "Condition": GLUE_ONLY}), Verdict.PASS),
        (auditor({**DECRYPT, "Condition": S3_ONLY}), Verdict.UNKNOWN),
        (auditor({**DECRYPT, "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}), Verdict.UNKNOWN),
        (auditor(DECRYPT, {"Effect": "Deny", "Action": "kms:*", "Resource": "*",
                           "Condition": {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}}), Verdict.UNKNOWN),
        (auditor(DECRYPT, limit=[{"Effect": "Allow", "Action": "glue:*", "Resource": "*"}]), Verdict.UNKNOWN),
        (auditor(), Verdict.UNKNOWN),
        (auditor(mode="DISABLED"), Verdict.PASS),
        (auditor(mode="SSE-KMS-WITH-SERVICE-ROLE"), Verdict.PASS),
        (auditor(DECRYPT, key_policy=()), Verdict.UNKNOWN),
        (auditor(key_policy=({**OWN_KEY_POLICY, "Principal": {"AWS": AUDITOR_ROLE}},)), Verdict.PASS),
        (auditor(key_policy=({**OWN_KEY_POLICY, "Principal": "*", "Condition": GLUE_ONLY},)), Verdict.PASS),
        (auditor(DECRYPT, key_policy=(OWN_KEY_POLICY, DENIED)), Verdict.UNKNOWN),
        (auditor(DECRYPT, key_policy=(OWN_KEY_POLICY, {**DENIED, "Resource": KEY})), Verdict.UNKNOWN),
        (auditor(DECRYPT, key_policy=(OWN_KEY_POLICY, {**DENIED, "Resource": f"{KEY[:-4]}*"})),
         Verdict.UNKNOWN),
        (auditor(DECRYPT, key_policy=(OWN_KEY_POLICY, {**DENIED, "Resource": f"{KEY}-other"})), Verdict.PASS),
        (auditor(DECRYPT, key_policy=({**OWN_KEY_POLICY, "Resource": KEY},)), Verdict.PASS),
        (auditor(arn=f"arn:aws:iam::{ACCOUNT}:root"), Verdict.PASS),
        (auditor(DECRYPT, arn=f"arn:aws:iam::{ACCOUNT}:user/stranger"), Verdict.UNKNOWN),
    ],
)  # fmt: skip
def test_a_catalog_without_a_policy_passes_only_if_the_caller_may_read_an_encrypted_one(apply, verdict):
    (about,) = (one for one in found_by(apply) if one.control.id == "GS-CAT-005")
    assert about.verdict is verdict, about.finding.found


def in_china(value):
    """Return a value of an estate with the ARNs of the partition of China."""
    if isinstance(value, dict):
        return {in_china(name): in_china(one) for name, one in value.items()}
    if isinstance(value, list):
        return [in_china(one) for one in value]
    return value.replace("arn:aws:", "arn:aws-cn:") if isinstance(value, str) else value


def through_glue(*suffixes):
    return {
        **DECRYPT,
        "Condition": {"StringLike": {"kms:ViaService": [f"glue.*.{suffix}" for suffix in suffixes]}},
    }


@pytest.mark.parametrize(
    ("statements", "verdict"),
    [
        (audit_policy("aws-cn").to_json()["Statement"], Verdict.PASS),
        ([through_glue("amazonaws.com", "amazonaws.com.cn")], Verdict.PASS),
        # AWS does not document the suffix of the value in China.
        ([through_glue("amazonaws.com")], Verdict.UNKNOWN),
        ([through_glue("amazonaws.com.cn")], Verdict.UNKNOWN),
    ],
)
def test_the_printed_policy_certainly_allows_the_key_of_the_catalog_in_china(statements, verdict):
    responses = deepcopy(corrected())
    auditor(*statements)(responses)
    estate = replace(estate_of(RecordedAccount(in_china(responses))), partition="aws-cn")
    (about,) = (one for one in evaluate_catalog(estate) if one.control.id == "GS-CAT-005")
    assert about.verdict is verdict, about.finding.found


def test_the_printed_policy_certainly_allows_the_key_of_the_catalog():
    (about,) = (
        one
        for one in found_by(auditor(*audit_policy().to_json()["Statement"]))
        if one.control.id == "GS-CAT-005"
    )
    assert about.verdict is Verdict.PASS, about.finding.found


@pytest.mark.parametrize(
    ("message", "permission"),
    [
        (NO_KEY, "kms:Decrypt"),
        ("User: a is not authorized to perform: sts:AssumeRole on resource: r", "sts:AssumeRole"),
        ("Access Denied", "s3:GetObject"),
    ],
)
def test_the_missing_permission_is_the_one_that_the_error_names(message, permission):
    denied = change(["GetObject", "scripts/etl.py"], ApiError("AccessDenied", message))
    (about,) = (one for one in found_by(denied) if one.control.id == "GS-JOB-003")
    assert (about.verdict, about.permission) == (Verdict.UNKNOWN, permission)


def foreign_bucket(answer):
    def apply(estate):
        estate["GetJobs"][0]["DefaultArguments"]["--input"] = "s3://foreign/data/"
        estate["GetBucketEncryption"]["foreign"] = default_encryption("aws:kms", KEY)
        estate["GetBucketPolicy"]["foreign"] = bucket_policy("foreign")
        estate["GetPublicAccessBlock"]["foreign"] = answer
        estate["s3control.GetPublicAccessBlock"][ACCOUNT] = BLOCKED

    return apply


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (ApiError("AccessDenied"), Verdict.UNKNOWN),
        (ApiError("NoSuchPublicAccessBlockConfiguration"), Verdict.UNKNOWN),
        (blocked("BlockPublicAcls"), Verdict.UNKNOWN),
        (BLOCKED, Verdict.PASS),
    ],
)
def test_the_account_does_not_block_public_access_to_a_bucket_of_another_account(answer, verdict):
    (about,) = (
        one
        for one in found_by(foreign_bucket(answer))
        if one.control.id == "GS-BKT-004" and str(one.resource) == "bucket foreign"
    )
    assert about.verdict is verdict


def bucket_encryption(apply, **options):
    estate = deepcopy(corrected())
    apply(estate)
    found = audit(RecordedAccount(estate, **options))
    return {one.resource.name: one.verdict for one in found if one.control.id == "GS-BKT-001"}


def test_a_key_is_not_compared_with_configurations_that_were_not_read():
    denied = bucket_encryption(lambda estate: None, denied={"glue:GetSecurityConfigurations"})
    assert denied["temp"] is Verdict.UNKNOWN
    assert denied["lake"] is Verdict.PASS  # used by a crawler alone: any key of the customer


def test_a_bucket_without_expected_keys_needs_a_key_of_the_customer():
    own = "arn:aws:kms:eu-west-1:123456789012:key/99999999-9999-9999-9999-999999999999"

    def managed(estate):
        estate["GetBucketEncryption"]["lake"] = default_encryption("aws:kms", own)
        estate["DescribeKey"][own] = described(own, KeyManager="AWS")

    assert bucket_encryption(managed)["lake"] is Verdict.FAIL

    def missing(estate):
        estate["GetBucketEncryption"]["lake"] = default_encryption("aws:kms", own)

    assert bucket_encryption(missing)["lake"] is Verdict.FAIL


def verdicts_of(apply, control, resource):
    found = found_by(apply)
    return {
        (one.verdict, one.finding.found)
        for one in found
        if one.control.id == control and str(one.resource) == resource
    }


@pytest.mark.parametrize("member", ["SparkProperties", "AthenaProperties", "PythonProperties"])
@pytest.mark.parametrize(
    "values", [{"password": "correct horse"}, {"url": "jdbc:postgresql://h/db?password=correcthorse"}]
)
def test_a_secret_in_properties_of_an_engine_fails(member, values):
    found = verdicts_of(change(["GetConnections", 0, member], values), "GS-TLS-008", "connection ops")
    ((verdict, text),) = found
    assert verdict is Verdict.FAIL
    assert f"{member}.{next(iter(values))}" in text and "horse" not in text


def test_a_password_in_a_default_argument_fails_although_it_is_overridden():
    def apply(estate):
        estate["GetJobs"][0]["DefaultArguments"]["--db_password"] = "correct horse"
        estate["GetJobs"][0]["NonOverridableArguments"]["--db_password"] = ""

    ((verdict, text),) = verdicts_of(apply, "GS-SEC-011", "job etl")
    assert verdict is Verdict.FAIL
    assert "--db_password" in text and "horse" not in text


@pytest.mark.parametrize(
    ("url", "control"),
    [
        ("mongodb://h.test:27017/db?tls=false", "GS-TLS-001"),
        ("mongodb://h.test:27017/db?tlsAllowInvalidCertificates=true", "GS-TLS-001"),
        ("mongodb+srv://h.test/db?retryWrites=false&tlsInsecure=true", "GS-TLS-001"),
        ("mongodb://user:password@h.test:27017/db", "GS-TLS-008"),
        ("http://h.test/db", "GS-TLS-007"),
        ("mongodb://h.test:27017/db?tls=true", ""),
    ],
)
@pytest.mark.parametrize("member", ["ConnectionProperties", "SparkProperties"])
def test_the_url_of_a_mongodb_connection_does_not_weaken_tls(url, control, member):
    shape = {
        "Name": "mongo",
        "ConnectionType": "MONGODB",
        "ConnectionProperties": {"JDBC_ENFORCE_SSL": "true"},
    }
    shape.setdefault(member, {})["CONNECTION_URL"] = url
    found = found_by(change(["GetConnections", 1], shape))
    failing = {
        one.control.id
        for one in found
        if str(one.resource) == "connection mongo" and one.verdict is Verdict.FAIL
    }
    assert failing == ({control} if control else set())


def test_a_name_in_a_fix_is_one_word_of_a_shell():
    name = "my crawler; touch x"

    def apply(estate):
        estate["GetCrawlers"][0]["Name"] = name
        del estate["GetCrawlers"][0]["CrawlerSecurityConfiguration"]
        estate["GetJobs"][0] |= {"Name": name, "GlueVersion": "2.0"}
        estate["GetJobRuns"] = {}

    found = [one for one in found_by(apply) if one.verdict is Verdict.FAIL and one.resource.name == name]
    assert {one.control.id for one in found} >= {"GS-SEC-001", "GS-JOB-001"}
    for one in found:
        if "aws glue" in one.finding.fix:
            assert name in [word.rstrip(",") for word in shlex.split(one.finding.fix)]
            assert "update-job with" not in one.finding.fix


@pytest.mark.parametrize(
    ("location", "bucket", "verdict"),
    [
        ("s3://other-bucket//tmp/", "other-bucket", Verdict.FAIL),
        ("s3://other-bucket/a/../tmp/", "other-bucket", Verdict.FAIL),
        ("S3A://other-bucket/tmp/", "other-bucket", Verdict.FAIL),
        ("s3://Legacy_Bucket/tmp/", "Legacy_Bucket", Verdict.FAIL),
        ("s3://{{bucket}}/tmp/", "s3://{{bucket}}/tmp/", Verdict.UNKNOWN),
        ("s3:///tmp/", "s3:///tmp/", Verdict.UNKNOWN),
    ],
)
def test_a_bucket_is_found_in_every_form_of_a_location(location, bucket, verdict):
    found = verdicts_of(
        change(["GetJobs", 0, "DefaultArguments", "--TempDir"], location), "GS-BKT-005", f"bucket {bucket}"
    )
    assert {one for one, _ in found} == {verdict}


def test_the_key_of_a_bucket_in_another_region_is_read_there():
    name = "11111111-1111-1111-1111-111111111111"

    def apply(estate):
        estate["ListBuckets"] = [
            {**bucket, "BucketRegion": "us-east-1" if bucket["Name"] == "lake" else REGION}
            for bucket in estate["ListBuckets"]
        ]
        estate["GetBucketEncryption"]["lake"] = default_encryption("aws:kms", name)
        estate["GetBucketPolicy"]["lake"] = bucket_policy("lake", OTHER_REGION)
        for operation in ("GetKeyRotationStatus", "GetKeyPolicy", "ListGrants"):
            estate[operation][OTHER_REGION] = estate[operation][KEY]
        estate["DescribeKey"][OTHER_REGION] = described(OTHER_REGION)

    assert not [one for one in found_by(apply) if one.verdict is not Verdict.PASS]


def test_a_bucket_with_two_layers_of_encryption_passes():
    def apply(estate):
        estate["GetBucketEncryption"]["lake"] = default_encryption("aws:kms:dsse", KEY)

    assert not [one for one in found_by(apply) if one.verdict is not Verdict.PASS]


@pytest.mark.parametrize(
    ("grant", "verdict"),
    [
        ({"GranteeServicePrincipal": "dynamodb.amazonaws.com"}, Verdict.PASS),
        ({"GranteePrincipal": "AROA" + "X" * 17}, Verdict.UNKNOWN),
        ({"GranteePrincipal": "arn:aws:iam::999999999999:root"}, Verdict.FAIL),
        ({}, Verdict.FAIL),
    ],
)
def test_a_grant_is_judged_by_its_principal_or_service(grant, verdict):
    shape = {"GrantId": "g2", "Operations": ["Decrypt"], **grant}
    ((found, _),) = verdicts_of(change(["ListGrants", KEY], [shape]), "GS-KMS-009", f"key {KEY}")
    assert found is verdict


@pytest.mark.parametrize(("owner", "verdict"), [(ACCOUNT, Verdict.FAIL), ("999999999999", Verdict.UNKNOWN)])
def test_endpoints_of_a_subnet_that_another_account_shares_are_unknown(owner, verdict):
    def apply(estate):
        estate["DescribeSubnets"][0]["OwnerId"] = owner
        estate["DescribeVpcEndpoints"] = []

    ((found, _),) = verdicts_of(apply, "GS-NET-004", "network subnet-1")
    assert found is verdict
