"""Names and values of this project, compared with the API models that botocore ships."""

from __future__ import annotations

import botocore.session
import pytest
from botocore.session import Session

from glue_secure.core import endpoints, policy, s3_operations
from glue_secure.core.catalog_encryption import CatalogEncryptionMode
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.security_configuration import EncryptionSetting, SecurityConfiguration


@pytest.fixture(scope="module")
def botocore_session() -> Session:
    return botocore.session.get_session()


@pytest.fixture(scope="module")
def glue(botocore_session):
    return botocore_session.get_service_model("glue")


@pytest.fixture(scope="module")
def kms(botocore_session):
    return botocore_session.get_service_model("kms")


def test_every_encryption_mode_of_the_data_catalog_is_in_the_glue_api(glue):
    modes = set(glue.shape_for("CatalogEncryptionMode").enum)
    assert {mode.value for mode in CatalogEncryptionMode} == modes


@pytest.mark.parametrize(
    ("mode", "shape"),
    [
        (policy.S3_MODE, "S3EncryptionMode"),
        (policy.CLOUDWATCH_MODE, "CloudWatchEncryptionMode"),
        (policy.BOOKMARKS_MODE, "JobBookmarksEncryptionMode"),
        (policy.DATA_QUALITY_MODE, "DataQualityEncryptionMode"),
    ],
)
def test_every_required_mode_exists_in_the_glue_api(glue, mode, shape):
    assert mode in glue.shape_for(shape).enum


def test_a_configuration_is_read_from_the_members_that_glue_has(glue):
    shape = glue.shape_for("SecurityConfiguration")
    assert {"Name", "EncryptionConfiguration"} <= set(shape.members)
    members = {
        "S3Encryption": "S3EncryptionMode",
        "CloudWatchEncryption": "CloudWatchEncryptionMode",
        "JobBookmarksEncryption": "JobBookmarksEncryptionMode",
        "DataQualityEncryption": "DataQualityEncryptionMode",
    }
    assert set(shape.members["EncryptionConfiguration"].members) == set(members)
    built = {}
    for member, mode in members.items():
        target = shape.members["EncryptionConfiguration"].members[member]
        target = target.member if target.type_name == "list" else target
        assert set(target.members) == {mode, "KmsKeyArn"}
        built[member] = {mode: member, "KmsKeyArn": "k"}
    built["S3Encryption"] = [built["S3Encryption"]]
    assert SecurityConfiguration.from_api({"Name": "c", "EncryptionConfiguration": built}) == (
        SecurityConfiguration(
            "c",
            (EncryptionSetting("S3Encryption", "k"),),
            EncryptionSetting("CloudWatchEncryption", "k"),
            EncryptionSetting("JobBookmarksEncryption", "k"),
            EncryptionSetting("DataQualityEncryption", "k"),
        )
    )


@pytest.mark.parametrize("shape", ["Job", "JobRun"])
def test_jobs_and_runs_name_their_configuration(glue, shape):
    assert "SecurityConfiguration" in glue.shape_for(shape).members


@pytest.mark.parametrize(
    "name",
    [
        "JDBC_CONNECTION_URL",
        "JDBC_ENFORCE_SSL",
        "CUSTOM_JDBC_CERT",
        "SKIP_CUSTOM_JDBC_CERT_VALIDATION",
        "CUSTOM_JDBC_CERT_STRING",
        "SECRET_ID",
        "ENCRYPTED_PASSWORD",
        "PASSWORD",
        "USERNAME",
        "HOST",
        "PORT",
    ],
)
def test_connection_properties_are_glues_own(glue, name):
    assert name in glue.shape_for("ConnectionPropertyKey").enum


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ("KeyState", {"Enabled", "Disabled", "PendingDeletion"}),
        ("KeyUsageType", {"ENCRYPT_DECRYPT", "SIGN_VERIFY"}),
        ("KeySpec", {"SYMMETRIC_DEFAULT", "RSA_2048"}),
        ("KeyManagerType", {"CUSTOMER", "AWS"}),
        ("DataKeySpec", {"AES_256"}),
    ],
)
def test_the_values_of_key_metadata_are_in_the_kms_api(kms, shape, words):
    assert words <= set(kms.shape_for(shape).enum)


def test_key_metadata_has_the_members_that_are_read(kms):
    read = {"Arn", "KeyState", "KeyManager", "KeyUsage", "KeySpec", "CustomerMasterKeySpec", "DeletionDate"}
    assert read <= set(kms.shape_for("KeyMetadata").members)


def test_the_distinguished_error_codes_exist(botocore_session, glue, kms):
    assert "EntityNotFoundException" in glue.shape_names
    assert "NotFoundException" in kms.shape_names
    assert {"DisabledException", "KMSInvalidStateException", "InvalidCiphertextException"} <= set(
        kms.shape_names
    )
    assert "ResourceNotFoundException" in botocore_session.get_service_model("secretsmanager").shape_names


def test_conditional_writes_and_encryption_headers_are_s3s_own(botocore_session):
    members = botocore_session.get_service_model("s3").shape_for("PutObjectRequest").members
    assert {"IfMatch", "IfNoneMatch", "ServerSideEncryption", "SSEKMSKeyId"} <= set(members)
    assert {"aws:kms", "AES256", "aws:kms:dsse"} <= set(members["ServerSideEncryption"].enum)


def test_the_endpoint_suffixes_cover_every_partition_of_aws(botocore_session):
    suffixes = set()
    for partition in botocore_session.get_data("partitions")["partitions"]:
        suffixes |= {partition["outputs"]["dnsSuffix"], partition["outputs"]["dualStackDnsSuffix"]}
    for partition in botocore_session.get_data("endpoints")["partitions"]:
        suffixes.add(partition["dnsSuffix"])
        suffixes |= {v["dnsSuffix"] for v in partition["defaults"]["variants"] if "dnsSuffix" in v}
    assert suffixes
    missing = {s for s in suffixes if endpoints.endpoint_kind(f"https://glue.region.{s}") != "aws"}
    assert missing == set()


def test_every_endpoint_suffix_is_in_botocores_data(botocore_session):
    known = set()
    for partition in botocore_session.get_data("partitions")["partitions"]:
        known |= {partition["outputs"]["dnsSuffix"], partition["outputs"]["dualStackDnsSuffix"]}
    assert {suffix.removeprefix(".") for suffix in endpoints.AWS_SUFFIXES} <= known


def test_a_key_of_every_region_of_every_partition_is_read(botocore_session):
    unread = []
    for partition in botocore_session.get_available_partitions():
        for region in botocore_session.get_available_regions("kms", partition):
            if "fips" in region:
                continue  # A name of an endpoint, not of a region.
            text = f"arn:{partition}:kms:{region}:123456789012:key/abc"
            try:
                KmsKeyArn.parse(text)
            except UsageError:
                unread.append(text)
    assert unread == []


def test_every_operation_of_s3_is_in_the_table(botocore_session):
    operations = set(botocore_session.get_service_model("s3").operation_names)
    assert operations - set(s3_operations.KINDS) == set()
