"""Zones with keys of their own, by a policy file: each object is encrypted by the rule of its prefix.

Zone A has the run's key, zone B another key, which its bucket policy demands, zone C is declared SSE-S3, and
zone D has a rule for one prefix of a bucket only.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta, timezone

import boto3
import pytest
from botocore.exceptions import ClientError

from glue_secure.core.errors import GlueSecureError, RefusedError
from glue_secure.embedded.account_setup import EVIDENCE
from glue_secure.engines.spark.context import GlueContext
from glue_secure.engines.spark.job import Job

POLICY = """\
schema = 1
name = "zones"

[[targets]]
name = "zone-b"
prefix = "s3://{prefix}-zone-b/"
encryption = "SSE-KMS"
keys = ["{key}"]
bucket_key = true

[[targets]]
name = "zone-c"
prefix = "s3://{prefix}-zone-c/"
encryption = "SSE-S3"
reason = "open data"

[[targets]]
name = "zone-d"
prefix = "s3://{prefix}-zone-a/d/"
encryption = "SSE-KMS"
keys = ["{key}"]
"""


class Zones:
    """The buckets of one test, their keys and the arguments of the job."""

    def __init__(self, glue_job, aws, run_key, other_key):
        self.job, self.s3 = glue_job, aws("s3")
        self.run_key, self.other_key = run_key, other_key
        self.name = glue_job.name
        for zone in "abc":
            self.s3.create_bucket(Bucket=self.bucket(zone))
        self.demand_key("b", other_key)
        self.text = POLICY.format(prefix=self.name, key=other_key)
        self.arguments = self.upload(self.text)

    def demand_key(self, zone, key):
        """Let the policy of a zone's bucket deny uploads under another key."""
        statement = {
            "Sid": "OnlyOneKey",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{self.bucket(zone)}/*",
            "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": key}},
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        self.s3.put_bucket_policy(Bucket=self.bucket(zone), Policy=json.dumps(policy))
        with pytest.raises(ClientError, match="403"):
            self.s3.put_object(Bucket=self.bucket(zone), Key="denied", Body=b"x")

    def upload(self, text):
        """Store a policy file, and return the arguments that name it."""
        key = f"policies/{self.name}/{hashlib.sha256(text.encode()).hexdigest()}.toml"
        self.s3.put_object(
            Bucket=EVIDENCE,
            Key=key,
            Body=text.encode(),
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=self.run_key,
        )
        return {
            "glue_secure_policy": f"s3://{EVIDENCE}/{key}",
            "glue_secure_policy_sha256": hashlib.sha256(text.encode()).hexdigest(),
        }

    def bucket(self, zone):
        return f"{self.name}-zone-{zone}"

    def uri(self, path, scheme="s3"):
        zone, _, rest = path.partition("/")
        return f"{scheme}://{self.bucket(zone)}/{rest}"

    def found(self, zone, prefix=""):
        """Return algorithm, key and bucket key of every object below a prefix that has content."""
        listed = self.s3.list_objects_v2(Bucket=self.bucket(zone), Prefix=prefix).get("Contents", ())
        heads = [
            self.s3.head_object(Bucket=self.bucket(zone), Key=entry["Key"])
            for entry in listed
            if not entry["Key"].endswith("/")
        ]
        return {
            (head["ServerSideEncryption"], head.get("SSEKMSKeyId", ""), head.get("BucketKeyEnabled", False))
            for head in heads
        }

    def require_all_by_their_rules(self):
        assert self.found("b") == {("aws:kms", self.other_key, True)}
        assert self.found("c") == {("AES256", "", False)}
        assert self.found("a", "a/") == {("aws:kms", self.run_key, False)}
        assert self.found("a", "d/") == {("aws:kms", self.other_key, False)}


@pytest.fixture(scope="session")
def second_key(glue_account):
    from glue_secure.embedded.clients import clients

    kms = clients(glue_account)("kms")
    properties = {"KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT"}
    return kms.create_key(Description="zone B", MultiRegion=False, **properties)["KeyMetadata"]["Arn"]


@pytest.fixture
def zones(glue_job, aws, provisioned, second_key):
    return Zones(glue_job, aws, provisioned.data_key, second_key)


PLACES = ("a/a/", "b/", "c/", "a/d/")


@pytest.fixture
def begin_zones(glue_job, glue_spark, monkeypatch):
    """Start the job of the awsglue-compatible API with the arguments of a policy."""

    def start(zones):
        monkeypatch.setattr("sys.argv", glue_job.argv(**zones.arguments))
        context = GlueContext(glue_spark)
        job = Job(context)
        job.init(glue_job.name)
        started.append(context)
        return context, job

    started = []
    yield start
    for context in started:
        if context.secured_run is not None:
            context.secured_run.close(outcome="test over")


def test_secure_job_writes_each_zone_by_its_rule(zones, glue_job):
    with glue_job.job(**zones.arguments) as job:
        for place in PLACES:
            job.write.s3(job.spark.range(20), zones.uri(place + "out/"), format="parquet")
    zones.require_all_by_their_rules()
    (evidence,) = glue_job.evidence()
    assert evidence["outcome"] == "succeeded"
    assert evidence["policy"]["files"][0]["sha256"] == zones.arguments["glue_secure_policy_sha256"]
    assert set(evidence["policy"]["used"]) == {"zone-b", "zone-c", "zone-d"}
    assert all(evidence["policy"]["used"].values())
    keys = {
        write["target"]: {(o["algorithm"], o["key"]) for o in write["objects"]}
        for write in evidence["writes"]
    }
    assert keys[zones.uri("b/out/")] == {("aws:kms", zones.other_key)}
    assert keys[zones.uri("c/out/")] == {("AES256", "")}
    assert "GS-KMS-002" in {finding["control"] for finding in evidence["controls"]}


def test_secure_job_without_the_guard_writes_buckets_with_one_rule(zones, glue_job, without_request_guard):
    with glue_job.job(**zones.arguments) as job:
        for place in ("a/a/", "c/"):
            job.write.s3(job.spark.range(20), zones.uri(place + "out/"), format="parquet")
    assert zones.found("c") == {("AES256", "", False)}
    assert zones.found("a") == {("aws:kms", zones.run_key, False)}


def test_gs_s3_008_without_the_guard_a_prefix_with_another_key_than_its_bucket_is_rejected(
    zones, glue_job, without_request_guard
):
    with pytest.raises(RefusedError, match="GS-S3-008") as caught, glue_job.job(**zones.arguments) as job:
        job.write.s3(job.spark.range(2), zones.uri("a/d/out/"), format="parquet")
    assert "name the whole bucket" in caught.value.fix
    assert zones.found("a") == set()


def test_gs_s3_004_without_the_guard_a_missing_bucket_key_is_found(zones, glue_job, without_request_guard):
    with pytest.raises(RefusedError, match="GS-S3-004"), glue_job.job(**zones.arguments) as job:
        job.write.s3(job.spark.range(2), zones.uri("b/out/"), format="parquet")


def test_the_awsglue_compatible_api_writes_each_zone_by_its_rule(zones, begin_zones, glue_job):
    context, job = begin_zones(zones)
    frame = context.create_dynamic_frame.from_rdd(
        context.spark_session.sparkContext.parallelize([{"n": n} for n in range(5)]), "rows"
    )
    for place in PLACES:
        context.write_dynamic_frame.from_options(
            frame, "s3", {"path": zones.uri(place + "frames/")}, format="json"
        )
    job.commit()
    zones.require_all_by_their_rules()


def test_writes_of_plain_spark_and_boto3_are_by_the_rules(zones, begin_zones, glue_job):
    context, job = begin_zones(zones)
    frame = context.spark_session.range(10)
    s3 = boto3.client("s3")
    for place in PLACES:
        frame.write.parquet(zones.uri(place + "df/", "s3a"))
        frame.rdd.map(str).saveAsTextFile(zones.uri(place + "rdd/", "s3a"))
        zone, _, rest = place.partition("/")
        s3.put_object(Bucket=zones.bucket(zone), Key=f"{rest}boto3/one", Body=b"x")
        s3.copy_object(
            Bucket=zones.bucket(zone),
            Key=f"{rest}boto3/two",
            CopySource={"Bucket": zones.bucket(zone), "Key": f"{rest}boto3/one"},
        )
    job.commit()
    zones.require_all_by_their_rules()
    assert glue_job.evidence()[0]["outcome"] == "succeeded"


def test_python_workers_write_by_the_rules(zones, begin_zones):
    context, job = begin_zones(zones)
    places = [(zones.bucket(place[0]), place[2:]) for place in PLACES]

    def put(rows):
        import boto3

        s3 = boto3.client("s3")
        for bucket, prefix in rows:
            s3.put_object(Bucket=bucket, Key=f"{prefix}worker", Body=b"x")
            yield bucket

    context.spark_session.sparkContext.parallelize(places, 2).mapPartitions(put).collect()
    job.commit()
    zones.require_all_by_their_rules()


def test_multipart_uploads_are_by_the_rules(zones, begin_zones):
    # The embedded account reports no bucket key of multipart uploads.
    zones.arguments = zones.upload(zones.text.replace("bucket_key = true", ""))
    _context, job = begin_zones(zones)
    s3 = boto3.client("s3")
    for place in PLACES:
        zone, _, rest = place.partition("/")
        target = {"Bucket": zones.bucket(zone), "Key": f"{rest}large"}
        upload = s3.create_multipart_upload(**target)["UploadId"]
        part = s3.upload_part(**target, UploadId=upload, PartNumber=1, Body=b"x")
        s3.complete_multipart_upload(
            **target, UploadId=upload, MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
        )
    job.commit()
    assert zones.found("b") == zones.found("a", "d/") == {("aws:kms", zones.other_key, False)}
    assert zones.found("c") == {("AES256", "", False)}
    assert zones.found("a", "a/") == {("aws:kms", zones.run_key, False)}


WRONG_REQUESTS = {
    "the run's key in zone B": (
        "b/",
        lambda z: {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": z.run_key},
    ),
    "zone B's key in zone A": (
        "a/a/",
        lambda z: {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": z.other_key},
    ),
    "SSE-S3 in zone A": ("a/a/", lambda z: {"ServerSideEncryption": "AES256"}),
    "SSE-S3 in zone B": ("b/", lambda z: {"ServerSideEncryption": "AES256"}),
    "zone B's key in zone C": (
        "c/",
        lambda z: {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": z.other_key},
    ),
    "no bucket key in zone B": ("b/", lambda z: {"BucketKeyEnabled": False}),
}


@pytest.mark.parametrize("case", WRONG_REQUESTS)
def test_gs_s3_005_a_request_of_boto3_against_the_rule_is_rejected(case, zones, begin_zones):
    begin_zones(zones)
    place, parameters = WRONG_REQUESTS[case]
    zone, _, rest = place.partition("/")
    with pytest.raises(RefusedError, match="GS-S3-005"):
        boto3.client("s3").put_object(
            Bucket=zones.bucket(zone), Key=f"{rest}x", Body=b"x", **parameters(zones)
        )
    assert zones.found(zone) == set()


def test_gs_s3_005_a_write_of_plain_spark_with_another_key_is_rejected(zones, begin_zones):
    context, _job = begin_zones(zones)
    spark = context.spark_session
    third = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    name = f"fs.s3a.bucket.{zones.bucket('b')}.encryption.key"
    # The client of the bucket exists already with the plan's key, so another scheme's is made.
    spark.conf.set(name, third)
    spark.conf.set("fs.s3a.impl.disable.cache", "true")
    try:
        with pytest.raises(Exception, match="GS-S3-005"):
            spark.range(2).write.parquet(zones.uri("b/other/", "s3a"))
    finally:
        spark.conf.unset(name)
        spark.conf.unset("fs.s3a.impl.disable.cache")
    assert zones.found("b") == set()


def test_gs_pol_001_a_changed_policy_stops_the_run_before_it_starts(zones, glue_job):
    changed = zones.upload(zones.text.replace('"SSE-KMS"', '"DSSE-KMS"').replace("bucket_key = true", ""))
    arguments = {**changed, "glue_secure_policy_sha256": zones.arguments["glue_secure_policy_sha256"]}
    with pytest.raises(RefusedError, match="GS-POL-001"), glue_job.job(**arguments):
        pass


def test_a_job_cannot_replace_its_policy(zones, begin_zones):
    begin_zones(zones)
    key = zones.arguments["glue_secure_policy"].removeprefix(f"s3://{EVIDENCE}/")
    with pytest.raises(RefusedError, match="GS-S3-009"):
        boto3.client("s3").put_object(Bucket=EVIDENCE, Key=key, Body=b"schema = 1")


def test_gs_kms_002_a_disabled_key_of_a_target_stops_the_write(zones, glue_job, aws):
    properties = {"KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT"}
    key = aws("kms").create_key(MultiRegion=False, **properties)["KeyMetadata"]["Arn"]
    arguments = zones.upload(zones.text.replace(zones.other_key, key))
    aws("kms").disable_key(KeyId=key.rpartition("/")[2])
    with pytest.raises(GlueSecureError, match="GS-KMS-002"), glue_job.job(**arguments) as job:
        job.write.s3(job.spark.range(2), zones.uri("a/a/out/"), format="parquet")
        job.write.s3(job.spark.range(2), zones.uri("b/out/"), format="parquet")
    assert zones.found("b") == set()


def test_dsse_kms_is_requested_where_a_target_requires_it(zones, glue_job):
    """The embedded account reports no key of DSSE-KMS objects, so that the verification stops the run."""
    arguments = zones.upload(zones.text.replace('"SSE-KMS"', '"DSSE-KMS"').replace("bucket_key = true", ""))
    with pytest.raises(RefusedError, match="GS-S3-004") as caught, glue_job.job(**arguments) as job:
        job.write.s3(job.spark.range(2), zones.uri("b/out/"), format="parquet")
    assert caught.value.found == "aws:kms:dsse"
    assert zones.found("b") == {("aws:kms:dsse", "", False)}


SOURCE = """
[[sources]]
name = "source-c"
prefix = "s3://{bucket}/"
encryption = ["SSE-KMS"]
"""
EXCEPTION = """
[[exceptions]]
control = "GS-S3-014"
resource = "s3://{bucket}/"
reason = "migration"
ticket = "SEC-7"
owner = "team-ingest"
expires = {day}
"""


@pytest.mark.parametrize("days", [None, -1, 0, 30])
def test_a_source_is_read_by_its_requirement_or_an_exception_in_force(zones, glue_job, days):
    zones.s3.put_object(
        Bucket=zones.bucket("c"), Key="in/a.csv", Body=b"a\n1\n", ServerSideEncryption="AES256"
    )
    text = zones.text + SOURCE.format(bucket=zones.bucket("c"))
    if days is not None:
        day = datetime.now(timezone.utc).date() + timedelta(days=days)
        text += EXCEPTION.format(bucket=zones.bucket("c"), day=day)
    arguments = zones.upload(text)

    def run():
        with glue_job.job(**arguments) as job:
            frame = job.read.s3(zones.uri("c/in/"), format="csv", options={"header": "true"})
            job.write.s3(frame, zones.uri("b/out/"), format="parquet")

    if days in (None, -1):
        with pytest.raises(RefusedError, match="GS-S3-014"):
            run()
        assert zones.found("b") == set()
        return
    run()
    (evidence,) = glue_job.evidence()
    (finding,) = [one for one in evidence["controls"] if one["control"] == "GS-S3-014"]
    assert (finding["verdict"], finding["exception"][:5]) == ("FAIL", "SEC-7")
    assert evidence["policy"]["exceptions"][0]["days_left"] == days
    assert zones.found("b") == {("aws:kms", zones.other_key, True)}


@pytest.mark.parametrize("is_met", [True, False])
@pytest.mark.parametrize("by", ["spark", "boto3"])
def test_gs_s3_014_reads_outside_glue_secure_are_checked_by_responses(
    zones, begin_zones, glue_job, by, is_met
):
    key = zones.run_key if is_met else zones.other_key
    zones.s3.put_object(
        Bucket=zones.bucket("a"),
        Key="in/part.csv",
        Body=b"1\n2\n",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=key,
    )
    source = f'[[sources]]\nname = "in"\nprefix = "{zones.uri("a/in/")}"\nkeys = ["run"]\n'
    zones.arguments = zones.upload(zones.text + source)
    context, job = begin_zones(zones)
    if by == "spark":
        assert context.spark_session.read.csv(zones.uri("a/in/", "s3a")).count() == 2
    else:
        boto3.client("s3").get_object(Bucket=zones.bucket("a"), Key="in/part.csv")
    if is_met:
        job.commit()
    else:
        with pytest.raises(RefusedError, match="GS-S3-014"):
            job.commit()
    (evidence,) = glue_job.evidence()
    verdicts = {f["verdict"] for f in evidence["controls"] if f["control"] == "GS-S3-014"}
    assert verdicts == {"PASS" if is_met else "FAIL"}
    assert evidence["outcome"] == ("succeeded" if is_met else "refused")
