"""The settings plan, and what contradicts it."""

from __future__ import annotations

import pytest

from glue_secure.core.findings import Verdict
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.spark_conf import (
    check_client,
    check_java_options,
    check_settings,
    plan_settings,
    protected_options,
)

PASS, FAIL = Verdict.PASS, Verdict.FAIL


@pytest.fixture
def plan(key_arn):
    return plan_settings(key_arn, s3_endpoint="https://s3.eu-west-1.amazonaws.com")


def failing(plan, name, value):
    return [
        (f.control, f.found, f.required)
        for f in check_settings(plan, {**plan.settings, name: value})
        if f.verdict is FAIL
    ]


def test_the_plan_names_the_key_for_both_connectors(plan, key_arn):
    assert plan.settings == {
        "fs.s3a.encryption.algorithm": "SSE-KMS",
        "fs.s3a.encryption.key": str(key_arn),
        "fs.s3a.connection.ssl.enabled": "true",
        "fs.s3.enableServerSideEncryption": "true",
        "fs.s3.serverSideEncryption.kms.keyId": str(key_arn),
    }


def test_the_plan_itself_in_force_passes(plan, verdicts):
    assert verdicts(check_settings(plan, plan.settings)) == {"GS-S3-001": PASS, "GS-S3-002": PASS}


@pytest.mark.parametrize(
    "name",
    [
        "fs.s3a.encryption.algorithm",
        "fs.s3a.encryption.key",
        "fs.s3a.connection.ssl.enabled",
        "fs.s3.enableServerSideEncryption",
        "fs.s3.serverSideEncryption.kms.keyId",
    ],
)
@pytest.mark.parametrize("value", [None, "", "AES256", "false", "SSE-C"])
def test_gs_s3_001_fails_for_a_planned_setting_that_is_not_in_force(plan, name, value):
    in_force = dict(plan.settings)
    if value is None:
        del in_force[name]
    else:
        in_force[name] = value
    found = [(f.control, f.resource) for f in check_settings(plan, in_force) if f.verdict is FAIL]
    assert found == [("GS-S3-001", f"Hadoop setting {name}")]


@pytest.mark.parametrize("bucket", ["curated", "my.dotted.bucket", "encryption.key", "0-a"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("encryption.algorithm", "AES256"),
        ("encryption.algorithm", ""),
        ("encryption.algorithm", "DSSE-KMS"),
        ("server-side-encryption-algorithm", "AES256"),
        ("server-side-encryption-algorithm", ""),
        ("encryption.key", "arn:aws:kms:eu-west-1:123456789012:key/other"),
        ("server-side-encryption.key", "arn:aws:kms:eu-west-1:123456789012:key/other"),
        ("connection.ssl.enabled", "false"),
        ("ssl.channel.mode", "openssl"),
        ("encryption.cse.kms.key-id", "x"),
        ("cse.kms.key", "x"),
    ],
)
def test_gs_s3_003_fails_for_another_setting_of_a_bucket(plan, bucket, name, value):
    found = failing(plan, f"fs.s3a.bucket.{bucket}.{name}", value)
    assert [control for control, _, _ in found] == ["GS-S3-003"]


@pytest.mark.parametrize("prefix", ["", "server-side-"])
def test_an_equal_setting_of_a_bucket_passes(plan, key_arn, prefix, verdicts):
    algorithm = "encryption.algorithm" if not prefix else "server-side-encryption-algorithm"
    in_force = {
        **plan.settings,
        f"fs.s3a.bucket.curated.{algorithm}": "SSE-KMS",
        f"fs.s3a.bucket.curated.{prefix}encryption.key": str(key_arn),
        "fs.s3a.bucket.curated.connection.ssl.enabled": "true",
        "fs.s3a.bucket.curated.endpoint": "https://s3.eu-west-1.amazonaws.com",
    }
    assert set(verdicts(check_settings(plan, in_force)).values()) == {PASS}


@pytest.mark.parametrize(
    "name",
    ["fs.s3a.endpoint", "fs.s3.endpoint", "fs.s3a.bucket.curated.endpoint", "fs.s3a.bucket.a.b.endpoint"],
)
@pytest.mark.parametrize("value", ["http://127.0.0.1:5000", "HTTP://host", "  http://host"])
def test_gs_s3_002_fails_for_a_plain_endpoint(plan, name, value):
    assert [control for control, _, _ in failing(plan, name, value)] == ["GS-S3-002"]


@pytest.mark.parametrize("value", ["https://s3.eu-west-1.amazonaws.com", "s3.eu-west-1.amazonaws.com", ""])
def test_an_endpoint_over_tls_or_without_a_scheme_passes(plan, value):
    assert failing(plan, "fs.s3a.endpoint", value) == []


@pytest.mark.parametrize(
    "value",
    [
        "https://127.0.0.1:5000",
        "collector.example.org",
        "https://s3.amazonaws.com.example.org",
        "https://s3.amazonaws.com:8443",
        "ftp://s3.amazonaws.com",
        "https://[",
    ],
)
def test_gs_s3_002_fails_for_a_service_that_is_not_the_drivers(plan, value):
    assert [control for control, _, _ in failing(plan, "fs.s3a.endpoint", value)] == ["GS-S3-002"]


@pytest.mark.parametrize(
    ("value", "same"),
    [("https://localhost:5000", True), ("localhost:5000", True), ("localhost:5001", False), ("", False)],
)
def test_hadoops_endpoint_is_the_embedded_accounts_when_the_drivers_is(key_arn, value, same):
    embedded = plan_settings(key_arn, s3_endpoint="https://localhost:5000")
    assert ([] if same else ["GS-S3-002"]) == [
        finding.control
        for finding in check_settings(embedded, {**embedded.settings, "fs.s3a.endpoint": value})
        if finding.verdict is not Verdict.PASS
    ]


def test_settings_without_effect_on_encryption_are_ignored(plan):
    assert failing(plan, "fs.s3a.connection.maximum", "96") == []
    assert failing(plan, "fs.s3a.bucket.curated.endpoint.region", "eu-west-1") == []


@pytest.mark.parametrize("prefix", ["fs.s3a.", "fs.s3a.bucket.curated.", "fs.s3a.bucket.my.dotted.bucket."])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("encryption.context", "a=b"),
        ("encryption.cse.kms.region", "eu-west-1"),
        ("encryption.cse.custom.keyring.class.name", "org.example.Keyring"),
        ("encryption.cse.v1.compatibility.enabled", "true"),
        ("cse.customKeyringProvider.uri", "jceks://x"),
        ("s3.client.factory.impl", "org.example.PlainFactory"),
    ],
)
def test_gs_s3_001_and_003_fail_for_additions_to_the_plan(plan, prefix, name, value):
    expected = "GS-S3-001" if prefix == "fs.s3a." else "GS-S3-003"
    found = failing(plan, prefix + name, value)
    assert [(control, required) for control, _, required in found] == [(expected, "not set")]


def test_hadoops_own_client_factory_and_empty_settings_pass(plan):
    factory = "org.apache.hadoop.fs.s3a.DefaultS3ClientFactory"
    assert failing(plan, "fs.s3a.s3.client.factory.impl", factory) == []
    assert failing(plan, "fs.s3a.encryption.context", "") == []


@pytest.mark.parametrize(
    ("where", "text", "found"),
    [
        ("system property com.amazonaws.sdk.disableCertChecking", "false", None),
        ("spark.executor.extraJavaOptions", "-Dcom.amazonaws.sdk.disableCertChecking", None),
        ("system property com.amazonaws.regions.RegionUtils.fileOverride", "/tmp/x.xml", None),
        ("system property aws.endpointUrlS3", "http://127.0.0.1", "aws.endpointUrlS3"),
        ("spark.driver.extraJavaOptions", "-Xmx1g -Daws.endpointUrl=http://h", "aws.endpointUrl"),
        ("environment variable AWS_PARTITIONS_FILE", "/tmp/p.json", "AWS_PARTITIONS_FILE"),
        ("environment variable JAVA_TOOL_OPTIONS", "-Daws.partitionsFile=/tmp/p", "aws.partitionsFile"),
        ("spark.executorEnv.AWS_ENDPOINT_URL_S3", "http://h", "executorEnv.AWS_ENDPOINT_URL_S3"),
    ],
)
def test_gs_s3_002_fails_for_jvm_options_that_weaken_tls(where, text, found):
    (finding,) = check_java_options({where: text, "spark.driver.defaultJavaOptions": "-Xss4m"})
    assert (finding.control, finding.verdict, finding.resource) == ("GS-S3-002", FAIL, where)
    assert found is None or finding.found == found
    assert text not in finding.found or not text.startswith("http")


def test_the_options_that_spark_4_gives_every_jvm_pass():
    # Netty's default only: the AWS SDK 2 asks for the host name's check on each connection itself.
    options = "-Dio.netty.handler.ssl.defaultEndpointVerificationAlgorithm=NONE -Djavax.net.ssl.trustStore=/a"
    (finding,) = check_java_options({"spark.executor.extraJavaOptions": options})
    assert finding.verdict is PASS


def test_gs_s3_008_passes_only_for_a_client_made_with_the_plan(plan, key_arn, other_key_arn):
    def verdict(algorithm, key):
        return check_client(plan, S3Uri("curated", "out/"), algorithm, key).verdict

    assert verdict("SSE-KMS", str(key_arn)) is PASS
    for algorithm, key in (
        ("", ""),
        ("AES256", ""),
        ("SSE-KMS", ""),
        ("SSE-KMS", str(other_key_arn)),
        ("CSE-KMS", str(key_arn)),
    ):
        assert verdict(algorithm, key) is FAIL
    finding = check_client(plan, S3Uri("curated", "out/"), "", "")
    assert (finding.control, finding.found) == ("GS-S3-008", "no encryption")


@pytest.mark.parametrize(
    "name",
    [
        "fs.s3a.encryption.algorithm",
        "fs.s3a.encryption.key",
        "fs.s3a.endpoint",
        "fs.s3.enableServerSideEncryption",
        "fs.s3n.anything",
        "spark.hadoop.fs.s3a.connection.ssl.enabled",
        "SPARK.HADOOP.FS.S3A.ENDPOINT",
        "fs.s3a.bucket.curated.encryption.key",
        "s3.sse.type",
        "s3.sse-kms-key-id",
        "sse",
        "sse_kms_key",
        "ServerSideEncryption",
        "server-side-encryption-algorithm",
        "SSEKMSKeyId",
        "encryption_type",
        "parquet.encryption.footer.key",
        "kmsKeyId",
        "KMS_KEY_ID",
        "endpoint",
        "ssl.enabled",
        "useSSL",
    ],
)
def test_gs_s3_005_knows_the_options_that_change_encryption(name):
    assert protected_options({name: "x", "header": "true"}) == [name]


def test_gs_s3_005_accepts_the_options_of_formats():
    harmless = [
        "header",
        "sep",
        "delimiter",
        "quote",
        "escape",
        "encoding",
        "compression",
        "mergeSchema",
        "multiLine",
        "dateFormat",
        "timestampFormat",
        "maxRecordsPerFile",
        "basePath",
        "pathGlobFilter",
        "recursiveFileLookup",
        "parquet.block.size",
        "columnNameOfCorruptRecord",
        "ignoreLeadingWhiteSpace",
        "inferSchema",
        "nullValue",
        "partitionOverwriteMode",
        "useS3ListImplementation",
    ]
    assert protected_options(dict.fromkeys(harmless, "x")) == []


def test_protected_options_are_named_in_order():
    assert protected_options({"ssl": "1", "endpoint": "2"}) == ["endpoint", "ssl"]
