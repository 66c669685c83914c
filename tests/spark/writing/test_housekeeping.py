"""Purge and transition on the embedded account: deleted, moved and skipped objects, and their records."""

import pytest

from glue_secure import GlueSecureError, RefusedError, UsageError
from glue_secure.dynamicframe.frame import DynamicFrame
from glue_secure.embedded.account_setup import BOOKMARKS_URI, EVIDENCE_URI

BUCKET = "glue-secure-curated"
NOW = {"retentionPeriod": 0}


@pytest.fixture
def files(started, aws, provisioned):
    """Write three objects below the target, one in another storage class."""
    for name, storage in (("a.csv", "STANDARD"), ("b.csv", "STANDARD_IA"), ("deep/c.csv", "STANDARD")):
        aws("s3").put_object(
            Bucket=BUCKET,
            Key=f"{started.bench.name}/{name}",
            Body=b"1,2\n",
            StorageClass=storage,
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=provisioned.data_key,
            Metadata={"owner": "me"},
        )
    return started


def names(started):
    return sorted(key.partition("/")[2] for key in started.bench.objects())


def transition(started, **more):
    account = started.context.secured_run.preflight.account
    return {**NOW, "accountId": account, "roleArn": f"arn:aws:iam::{account}:role/mover", **more}


def test_files_within_the_retention_period_are_not_deleted(files):
    files.context.purge_s3_path(files.target)  # seven days, by default
    assert names(files) == ["a.csv", "b.csv", "deep/c.csv"]
    files.context.purge_s3_path(files.target, {"retentionPeriod": 1})
    assert names(files) == ["a.csv", "b.csv", "deep/c.csv"]


def test_a_purge_deletes_selected_objects_and_records_each(files, aws):
    manifest = f"s3://{BUCKET}/{files.bench.name}-manifest/"
    files.context.purge_s3_path(
        files.target,
        {**NOW, "excludeStorageClasses": ["STANDARD_IA"], "manifestFilePath": manifest},
        transformation_ctx="weekly",
    )
    assert names(files) == ["b.csv"]
    s3, folder = aws("s3"), f"{files.bench.name}-manifest/weekly/"
    done = s3.get_object(Bucket=BUCKET, Key=f"{folder}Success.csv")
    name = files.bench.name
    assert done["Body"].read().decode() == f"{BUCKET},{name}/a.csv\n{BUCKET},{name}/deep/c.csv\n"
    assert done["ServerSideEncryption"] == "aws:kms"
    assert s3.get_object(Bucket=BUCKET, Key=f"{folder}Failed.csv")["Body"].read() == b""
    files.job.commit()
    (record,) = files.bench.evidence()[-1]["housekeeping"]
    assert (record["action"], record["retained"], record["failed"]) == ("purge", 1, [])
    assert [uri.rpartition("/")[2] for uri in record["objects"]] == ["a.csv", "c.csv"]


@pytest.mark.parametrize(
    "location",
    [BOOKMARKS_URI, EVIDENCE_URI, "s3://glue-secure-evidence/", f"{EVIDENCE_URI}job=x/"],
)
def test_gs_s3_009_reserved_locations_are_not_purged_or_moved(started, aws, location):
    count = lambda: aws("s3").list_objects_v2(Bucket="glue-secure-evidence")["KeyCount"]  # noqa: E731
    before = count()
    with pytest.raises(RefusedError, match="GS-S3-009"):
        started.context.purge_s3_path(location, NOW)
    with pytest.raises(RefusedError, match="GS-S3-009"):
        started.context.transition_s3_path(location, "STANDARD_IA", transition(started))
    with pytest.raises(RefusedError, match="GS-S3-009"):
        started.context.purge_s3_path(started.target, {**NOW, "manifestFilePath": location})
    assert count() == before


def test_a_table_is_moved_by_partitions_and_empty_partitions_are_removed(started, aws, database):
    context = started.context
    data = context.spark_session.sql("select id, cast(id % 3 as int) as month from range(6)")
    sink = context.getSink("s3", path=started.target, enableUpdateCatalog=True, partitionKeys=["month"])
    sink.setFormat("json")
    sink.setCatalogInfo(database, "t")
    sink.writeFrame(DynamicFrame.fromDF(data, context, "x"))

    def partitions():
        listed = aws("glue").get_partitions(DatabaseName=database, TableName="t")["Partitions"]
        return sorted(partition["Values"][0] for partition in listed)

    context.purge_table(database, "t", {"partitionPredicate": "(month=='1')"})
    assert partitions() == ["0", "1", "2"]  # within the retention period
    context.transition_table(database, "t", "STANDARD_IA", transition(started, partitionPredicate="month=0"))
    listed = aws("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"{started.bench.name}/")["Contents"]
    moved = [entry["Key"] for entry in listed if entry["StorageClass"] == "STANDARD_IA"]
    assert moved == [entry["Key"] for entry in listed if "/month=0/" in entry["Key"]] != []
    context.purge_table(database, "t", {**NOW, "partitionPredicate": "month >= 1 and month < 2"})
    assert partitions() == ["0", "2"]
    assert not [key for key in started.bench.objects() if "month=1/" in key]
    with pytest.raises(UsageError, match="carrier"):
        context.purge_table(database, "t", {**NOW, "partitionPredicate": "carrier = 1"})
    context.purge_table(database, "t", NOW)
    assert partitions() == []
    assert started.bench.objects() == {}


def test_a_transition_moves_files_under_the_runs_key_and_preserves_their_metadata(files, aws, provisioned):
    files.context.transition_s3_path(files.target, "STANDARD_IA", transition(files))
    s3 = aws("s3")
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{files.bench.name}/")["Contents"]
    assert {entry["StorageClass"] for entry in listed} == {"STANDARD_IA"}
    head = s3.head_object(Bucket=BUCKET, Key=f"{files.bench.name}/a.csv")
    assert (head["SSEKMSKeyId"], head["Metadata"]) == (provisioned.data_key, {"owner": "me"})
    files.job.commit()
    (record,) = files.bench.evidence()[-1]["housekeeping"]
    assert (record["action"], record["storage_class"]) == ("transition", "STANDARD_IA")
    assert (len(record["objects"]), record["retained"]) == (2, 1)


def test_gs_s3_004_a_moved_object_without_encryption_stops_the_run(files, unencrypted_heads):
    with unencrypted_heads(), pytest.raises(RefusedError, match="GS-S3-004"):
        files.context.transition_s3_path(files.target, "STANDARD_IA", transition(files))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"retentionPeriod": -1}, "retentionPeriod"),
        ({"retentionPeriod": "soon"}, "retentionPeriod"),
        ({"excludeStorageClasses": ["COLD"]}, "COLD"),
        ({"retention": 0}, "retention"),
        ({"partitionPredicate": "a = 1"}, "partitionPredicate"),
        ({"accountId": "1"}, "accountId"),
    ],
)
def test_options_of_a_purge_are_validated_before_anything_is_deleted(files, options, match):
    with pytest.raises(UsageError, match=match):
        files.context.purge_s3_path(files.target, {**NOW, **options})
    assert len(names(files)) == 3


def test_a_transition_requires_the_runs_account_a_role_and_a_storage_class(files):
    move, good = files.context.transition_s3_path, transition(files)
    for options, target, match in (
        ({**good, "accountId": "999999999999"}, "STANDARD_IA", "accountId"),
        ({**good, "roleArn": "mover"}, "STANDARD_IA", "roleArn"),
        (good, "COLD", "COLD"),
    ):
        with pytest.raises(UsageError, match=match):
            move(files.target, target, options)


def test_another_file_system_and_a_missing_table_are_rejected(started, database):
    with pytest.raises(RefusedError, match="GS-S3-006"):
        started.context.purge_s3_path("file:///tmp/x", NOW)
    with pytest.raises(GlueSecureError, match="cannot read table"):
        started.context.purge_table(database, "nothing", NOW)
