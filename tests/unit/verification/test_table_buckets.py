"""GS-S3-013: table buckets of Amazon S3 Tables. botocore's model checks the calls; no server was asked."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import boto3
import pytest
from botocore.stub import Stubber
from run_fixture import KEY, OTHER_KEY

from glue_secure.aws.table_buckets import S3TableBuckets
from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.findings import Verdict
from glue_secure.core.iceberg import is_decisive, is_service
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.service import ServiceError
from glue_secure.core.table_buckets import StoredEncryption, check_regions, region_of, table_buckets
from glue_secure.core.unmanaged_writes import UnmanagedWrite, UnmanagedWriteReport
from glue_secure.engines.spark.tables.writing import bucket_table, write_table
from glue_secure.io.tables.history import Commit, History, RowChange
from glue_secure.io.tables.operations import NewObjects

ARN = "arn:aws:s3tables:eu-west-1:123456789012:bucket/lake"
CATALOG = "spark.sql.catalog.tables"
REST = {
    CATALOG: "org.apache.iceberg.spark.SparkCatalog",
    f"{CATALOG}.uri": "https://s3tables.eu-west-1.amazonaws.com/iceberg",
    f"{CATALOG}.warehouse": ARN,
    f"{CATALOG}.s3.sse.type": "kms",
    f"{CATALOG}.s3.sse.key": str(KEY),
}
OURS, SSE_S3 = StoredEncryption("aws:kms", str(KEY)), StoredEncryption("AES256")
LOCATION = S3Uri("0a1b--table-s3", "data")


@dataclass
class FakeTableBuckets:
    """S3 Tables in memory: the encryption of the bucket, and of each table."""

    bucket: StoredEncryption = OURS
    tables: dict = field(default_factory=dict)
    calls: list = field(default_factory=list)
    fails: bool = False
    code: str = "AccessDeniedException"

    def bucket_encryption(self, arn):
        self.calls.append(arn)
        if self.fails:
            raise ServiceError("denied", code=self.code, operation="GetTableBucketEncryption")
        return self.bucket

    def table_encryption(self, arn, namespace, name):
        self.calls.append((arn, namespace, name))
        return self.tables[namespace, name]


@pytest.fixture
def buckets(run_fixture, monkeypatch):
    fake = FakeTableBuckets(tables={("sales", "orders"): OURS})
    services = run_fixture.services
    monkeypatch.setattr(
        type(run_fixture), "services", lambda _self: replace(services(), table_buckets=lambda _region: fake)
    )
    run_fixture.engine.settings.update(REST)
    run_fixture.objects._buckets[LOCATION.bucket] = {}
    return fake


def client():
    made = boto3.client(
        "s3tables", region_name="eu-west-1", aws_access_key_id="id", aws_secret_access_key="not-a-secret"
    )
    return made, Stubber(made)


def test_the_calls_and_answers_are_those_of_botocore_s_model():
    made, stubber = client()
    configuration = {"encryptionConfiguration": {"sseAlgorithm": "aws:kms", "kmsKeyArn": str(KEY)}}
    stubber.add_response("get_table_bucket_encryption", configuration, {"tableBucketARN": ARN})
    expected = {"tableBucketARN": ARN, "namespace": "sales", "name": "orders"}
    stubber.add_response(
        "get_table_encryption", {"encryptionConfiguration": {"sseAlgorithm": "AES256"}}, expected
    )
    stubber.add_client_error("get_table_encryption", "NotFoundException", http_status_code=404)
    with stubber:
        service = S3TableBuckets(client=made)
        assert service.bucket_encryption(ARN) == OURS
        assert service.table_encryption(ARN, "sales", "orders") == SSE_S3
        with pytest.raises(ServiceError) as caught:
            service.table_encryption(ARN, "sales", "orders")
        assert caught.value.code == "NotFoundException"


@pytest.mark.parametrize(
    "settings",
    [
        {"type": "rest", "uri": "https://s3tables.eu-west-1.amazonaws.com/iceberg", "warehouse": ARN},
        {"catalog-impl": "software.amazon.s3tables.iceberg.S3TablesCatalog", "warehouse": ARN},
        {
            "type": "rest",
            "uri": "https://glue.eu-west-1.amazonaws.com/iceberg",
            "warehouse": "123456789012:s3tablescatalog/lake",
        },
        {
            "catalog-impl": "org.apache.iceberg.aws.glue.GlueCatalog",
            "glue.id": "123456789012:s3tablescatalog/lake",
        },
    ],
    ids=["REST of S3 Tables", "catalog of S3 Tables", "REST of Glue", "Glue"],
)
def test_every_way_to_a_table_bucket_is_recognised(settings):
    named = {CATALOG: "org.apache.iceberg.spark.SparkCatalog"}
    named |= {f"{CATALOG}.{name}": text for name, text in settings.items()}
    seen = {name: text for name, text in named.items() if is_decisive(name)}
    assert table_buckets(seen, KEY) == {"tables": ARN}
    assert region_of(ARN) == "eu-west-1"


FEDERATED = "123456789012:s3tablescatalog/lake"


@pytest.mark.parametrize(
    ("settings", "region"),
    [
        ({"glue.id": FEDERATED}, "eu-west-1"),
        ({"glue.id": FEDERATED, "client.region": "us-east-1"}, "us-east-1"),
        ({"warehouse": FEDERATED, "rest.signing-region": "us-east-1", "uri": ""}, "us-east-1"),
        (
            {"warehouse": FEDERATED, "uri": "https://glue.us-gov-west-1.amazonaws.com/iceberg"},
            "us-gov-west-1",
        ),
        ({"warehouse": FEDERATED, "uri": "https://vpce-1.glue.us-east-1.vpce.amazonaws.com"}, "us-east-1"),
        ({"glue.id": FEDERATED, "glue.endpoint": "https://glue.us-east-1.amazonaws.com"}, "us-east-1"),
        ({"warehouse": FEDERATED, "uri": "https://x.example.com", "client.region": "us-east-1"}, "us-east-1"),
        ({"warehouse": FEDERATED, "uri": "https://x.example.com"}, "unknown"),
        ({"warehouse": FEDERATED, "uri": "https://[x"}, "unknown"),
        (
            {
                "warehouse": FEDERATED,
                "uri": "https://glue.us-east-1.amazonaws.com/iceberg",
                "rest.signing-region": "eu-west-1",
            },
            "eu-west-1 or us-east-1",
        ),
    ],
)
def test_gs_s3_013_the_region_of_a_table_bucket_is_the_one_of_its_catalog(settings, region):
    named = {CATALOG: "org.apache.iceberg.spark.SparkCatalog"}
    named |= {f"{CATALOG}.{name}": text for name, text in settings.items()}
    seen = {name: text for name, text in named.items() if is_decisive(name) or is_service(name, text)}
    arns, findings = table_buckets(seen, KEY), check_regions(seen, KEY)
    if " " in region or region == "unknown":
        assert arns == {}
        assert [(f.control, f.verdict) for f in findings] == [("GS-S3-013", Verdict.UNKNOWN)]
        assert f"in region {region}" in findings[0].found
    else:
        assert (arns, findings) == ({"tables": ARN.replace("eu-west-1", region)}, [])


def test_gs_s3_013_a_table_bucket_whose_region_is_not_known_stops_the_run(run_fixture, buckets):
    run_fixture.engine.settings |= {
        f"{CATALOG}.warehouse": FEDERATED,
        f"{CATALOG}.client.region": "us-east-1",
    }
    with pytest.raises(VerificationError, match="GS-S3-013"):
        run_fixture.start()
    assert buckets.calls == []


@pytest.mark.parametrize("warehouse", ["123456789012", "s3://lake/warehouse", ""])
def test_other_warehouses_are_no_table_buckets(warehouse):
    assert table_buckets({**REST, f"{CATALOG}.warehouse": warehouse}, KEY) == {}


def test_a_run_reads_the_encryption_of_a_table_bucket_once(run_fixture, buckets):
    run = run_fixture.start()
    run.writer.write_s3(["a"], "s3://curated/t/", format="parquet")
    run.commit()
    assert buckets.calls == [ARN]
    found = [control for control in run_fixture.evidence()["controls"] if ARN in control["resource"]]
    assert [(control["control"], control["verdict"]) for control in found] == [("GS-S3-013", "PASS")]


@pytest.mark.parametrize(
    "found", [SSE_S3, StoredEncryption("aws:kms", str(OTHER_KEY))], ids=["SSE-S3", "another key"]
)
def test_gs_s3_013_a_table_bucket_with_another_encryption_stops_the_run_before_it_starts(
    run_fixture, buckets, found
):
    buckets.bucket = found
    with pytest.raises(RefusedError, match="GS-S3-013") as caught:
        run_fixture.start()
    assert f"put-table-bucket-encryption --table-bucket-arn {ARN}" in str(caught.value)
    assert f"sseAlgorithm=aws:kms,kmsKeyArn={KEY}" in str(caught.value)


def test_gs_s3_013_a_table_bucket_that_cannot_be_read_stops_the_run(run_fixture, buckets):
    buckets.fails = True
    with pytest.raises(VerificationError, match="GS-S3-013") as caught:
        run_fixture.start()
    assert f"s3tables:GetTableBucketEncryption on {ARN}" in str(caught.value)


def test_gs_s3_013_an_s3_tables_that_does_not_answer_is_a_matter_of_the_network(run_fixture, buckets):
    buckets.fails, buckets.code = True, ""
    with pytest.raises(VerificationError, match="GS-S3-013") as caught:
        run_fixture.start()
    assert "interface endpoint for s3tables" in str(caught.value)
    assert "role" not in caught.value.fix


def commit(run_fixture, **write):
    run = run_fixture.start()
    run_fixture.objects.put(LOCATION.child("part-0"), algorithm="aws:kms", key=str(KEY))
    report = UnmanagedWrite(f"s3a://{LOCATION.bucket}/{LOCATION.key}", "table", **write)
    run_fixture.engine.native = UnmanagedWriteReport((report,))
    run.commit()


def test_a_write_of_spark_to_a_table_bucket_passes_if_the_table_has_the_key(run_fixture, buckets):
    commit(run_fixture, table="tables.sales.orders")
    assert buckets.calls == [ARN, (ARN, "sales", "orders")]


def test_gs_s3_013_a_write_of_spark_to_a_table_with_another_encryption_fails(run_fixture, buckets):
    buckets.tables["sales", "orders"] = SSE_S3
    with pytest.raises(RefusedError, match="GS-S3-013") as caught:
        commit(run_fixture, table="tables.sales.orders")
    assert "create-table --table-bucket-arn" in str(caught.value)
    assert run_fixture.evidence()["bookmark"]["sequence_after"] == 0


@pytest.mark.parametrize("table", ["", "other.sales.orders", "tables.orders"])
def test_gs_s3_013_a_location_of_s3_tables_whose_table_is_not_known(run_fixture, buckets, table):
    with pytest.raises(VerificationError, match="GS-S3-013"):
        commit(run_fixture, table=table)


def test_gs_s3_013_files_are_not_written_to_a_table_bucket(run_fixture, buckets):
    run = run_fixture.start()
    with pytest.raises(VerificationError, match="GS-S3-013"):
        run.writer.write_s3(["a"], f"s3://{LOCATION.bucket}/data/", format="parquet")


def test_gs_s3_002_a_catalog_is_reached_over_tls(run_fixture, buckets):
    run_fixture.engine.settings[f"{CATALOG}.uri"] = "http://catalog.example.com/iceberg"
    with pytest.raises(RefusedError, match="GS-S3-002"):
        run_fixture.start()


@dataclass
class BucketTable:
    """A table of Iceberg in a table bucket. A commit stores one object, as S3 Tables encrypts it."""

    objects: object
    format: str = "iceberg"
    name: str = "tables.sales.orders"
    identifier: str = "tables.sales.orders"
    application: str = ""
    can_roll_back: bool = True
    branches: None = None
    locations: tuple = (f"s3://{LOCATION.bucket}/{LOCATION.key}",)
    names_every_object: bool = True
    commits: list = field(default_factory=list)

    def loaded_once(self):
        return nullcontext()

    def position(self, branch=""):
        return self.commits[-1].position if self.commits else ""

    def history(self, since, branch=""):
        return History("id-1", tuple(self.commits))

    def write(self, frame, *, mode, partition_by, options, write, branch=""):
        self.objects.put(LOCATION.child("a.parquet"), b"rows", algorithm="aws:kms", key=str(KEY))
        self.commits.append(Commit("1", RowChange.ADDED, write=write, rows=len(frame)))

    def new_objects(self, since, branch="", own=()):
        return NewObjects((f"s3://{LOCATION.bucket}/{LOCATION.key}/a.parquet",))


def test_gs_s3_013_a_write_to_a_table_by_its_name_asks_for_the_encryption_of_the_table(run_fixture, buckets):
    table = BucketTable(run_fixture.objects)
    record = run_fixture.start().table_writer.write(["a"], table)
    assert (record.table, record.commits) == ("tables.sales.orders", ("1",))
    assert (ARN, "sales", "orders") in buckets.calls


@pytest.mark.parametrize("stored", [SSE_S3, StoredEncryption("aws:kms", str(OTHER_KEY))], ids=["S3", "key"])
def test_gs_s3_013_a_table_by_its_name_under_another_key_is_not_written(run_fixture, buckets, stored):
    buckets.tables["sales", "orders"] = stored
    table = BucketTable(run_fixture.objects)
    with pytest.raises(RefusedError, match="GS-S3-013"):
        run_fixture.start().table_writer.write(["a"], table)
    assert table.commits == []


def test_a_table_bucket_is_named_by_its_catalog(run_fixture, buckets):
    run = run_fixture.start()
    table = bucket_table(run, None, "tables.sales.orders")
    assert (table.name, table.identifier, table.is_in_bucket) == (*(["tables.sales.orders"] * 2), True)
    assert bucket_table(run, None, "sales.orders") is None
    with pytest.raises(UsageError, match="required: tables"):
        bucket_table(run, None, "glue_catalog.sales.orders")


def test_a_table_in_a_table_bucket_is_not_created(run_fixture, buckets):
    frame = SimpleNamespace(sparkSession=None)
    text = r"outside this job, with a role(.|\n)*CREATE TABLE tables\.sales\.new \(\.\.\.\) USING iceberg"
    with pytest.raises(UsageError, match=text):
        write_table(run_fixture.start(), frame, "tables.sales.new", mode="create", format="iceberg")
