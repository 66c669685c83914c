"""Responses and errors of AWS Glue."""

from __future__ import annotations

import pytest
from botocore.stub import Stubber

from glue_secure.aws.glue import GlueControlPlane
from glue_secure.core.catalog import CatalogColumn, CatalogPartition
from glue_secure.core.security_configuration import EncryptionSetting
from glue_secure.core.service import NotFound, ServiceError

RUN, JOB = {"JobName": "curate", "RunId": "jr_1"}, {"JobName": "curate"}


@pytest.fixture
def glue(stubbed) -> tuple[GlueControlPlane, Stubber]:
    client, stubber = stubbed("glue")
    return GlueControlPlane(client=client), stubber


def test_the_runs_configuration_takes_precedence_over_the_jobs(glue):
    plane, stubber = glue
    stubber.add_response("get_job_run", {"JobRun": {"SecurityConfiguration": "of-the-run"}}, RUN)
    assert plane.attached_configuration("curate", "jr_1") == "of-the-run"


def test_a_run_without_a_configuration_has_its_jobs(glue):
    plane, stubber = glue
    stubber.add_response("get_job_run", {"JobRun": {}}, RUN)
    stubber.add_response("get_job", {"Job": {"SecurityConfiguration": "of-the-job"}}, JOB)
    assert plane.attached_configuration("curate", "jr_1") == "of-the-job"


def test_a_run_that_glue_did_not_start_has_its_jobs(glue):
    plane, stubber = glue
    stubber.add_response("get_job", {"Job": {"SecurityConfiguration": "of-the-job"}}, JOB)
    assert plane.attached_configuration("curate", None) == "of-the-job"


def test_a_job_without_a_security_configuration_has_none_attached(glue):
    plane, stubber = glue
    stubber.add_response("get_job_run", {"JobRun": {}}, RUN)
    stubber.add_response("get_job", {"Job": {}}, JOB)
    assert plane.attached_configuration("curate", "jr_1") is None


def test_the_jobs_own_arguments_are_read(glue):
    plane, stubber = glue
    job = {
        "DefaultArguments": {"--a": "1", "--b": "2"},
        "NonOverridableArguments": {"--b": "3"},
    }
    stubber.add_response("get_job", {"Job": job}, {"JobName": "curate"})
    assert plane.default_arguments("curate") == {"a": "1", "b": "3"}


@pytest.mark.parametrize(
    ("code", "kind"), [("AccessDeniedException", ServiceError), ("EntityNotFoundException", NotFound)]
)
def test_a_run_that_cannot_be_read_is_an_error(glue, code, kind):
    plane, stubber = glue
    stubber.add_client_error("get_job_run", code, "no", expected_params=RUN)
    with pytest.raises(ServiceError) as caught:
        plane.attached_configuration("curate", "jr_1")
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.operation) == (code, "GetJobRun")
    assert str(caught.value) == f"GetJobRun: {code}: no"


@pytest.mark.parametrize(
    ("method", "operation", "arguments"),
    [
        ("security_configuration", "get_security_configuration", ("c",)),
        ("connection", "get_connection", ("c",)),
        ("table", "get_table", ("d", "t")),
    ],
)
@pytest.mark.parametrize(
    ("code", "kind"), [("AccessDeniedException", ServiceError), ("EntityNotFoundException", NotFound)]
)
def test_access_denied_and_not_found_are_distinguished(glue, method, operation, arguments, code, kind):
    plane, stubber = glue
    stubber.add_client_error(operation, code, "no")
    with pytest.raises(ServiceError) as caught:
        getattr(plane, method)(*arguments)
    assert type(caught.value) is kind
    assert caught.value.code == code


def test_a_configuration_is_read(glue, key):
    plane, stubber = glue
    shape = {
        "Name": "strict",
        "EncryptionConfiguration": {
            "S3Encryption": [{"S3EncryptionMode": "SSE-KMS", "KmsKeyArn": str(key)}],
            "CloudWatchEncryption": {"CloudWatchEncryptionMode": "DISABLED"},
        },
    }
    stubber.add_response("get_security_configuration", {"SecurityConfiguration": shape}, {"Name": "strict"})
    read = plane.security_configuration("strict")
    assert read.s3 == (EncryptionSetting("SSE-KMS", str(key)),)
    assert read.cloudwatch == EncryptionSetting("DISABLED", "")
    assert read.job_bookmarks is None


def test_a_connection_is_read_without_its_password(glue):
    plane, stubber = glue
    answer = {"Connection": {"Name": "db", "ConnectionType": "JDBC", "ConnectionProperties": {"HOST": "h"}}}
    stubber.add_response("get_connection", answer, {"Name": "db", "HidePassword": True})
    assert plane.connection("db").properties == {"HOST": "h"}


def test_a_table_is_read(glue):
    plane, stubber = glue
    answer = {"Table": {"Name": "t", "DatabaseName": "d", "StorageDescriptor": {"Location": "s3://bucket/t"}}}
    stubber.add_response("get_table", answer, {"DatabaseName": "d", "Name": "t"})
    assert plane.table("d", "t").location == "s3://bucket/t"


def test_a_password_that_a_service_quotes_is_redacted(glue):
    plane, stubber = glue
    stubber.add_client_error("get_connection", "InvalidInputException", "bad url https://me:hunter2@host/")
    with pytest.raises(ServiceError) as caught:
        plane.connection("db")
    assert "hunter2" not in str(caught.value)


def test_partitions_are_read_page_by_page(glue):
    plane, stubber = glue
    asked = {"DatabaseName": "d", "TableName": "t", "Expression": "year > 1", "CatalogId": "123456789012"}
    first = {
        "Values": ["2024", "a"],
        "StorageDescriptor": {"Location": "s3://b/x/", "SerdeInfo": {"Parameters": {"field.delim": ";"}}},
        "Parameters": {"k": "v"},
    }
    stubber.add_response("get_partitions", {"Partitions": [first], "NextToken": "more"}, asked)
    stubber.add_response(
        "get_partitions", {"Partitions": [{"Values": ["2025", "b"]}]}, {**asked, "NextToken": "more"}
    )
    found = list(plane.list_partitions("d", "t", "year > 1", "123456789012"))
    assert found == [
        CatalogPartition(("2024", "a"), "s3://b/x/", {"field.delim": ";"}, {"k": "v"}),
        CatalogPartition(("2025", "b"), ""),
    ]


def test_another_accounts_catalog_is_read_by_its_id(glue):
    plane, stubber = glue
    asked = {"DatabaseName": "d", "Name": "t", "CatalogId": "123456789012"}
    columns = [{"Name": "id", "Type": "bigint"}, {"Name": "untyped"}]
    table = {
        "Name": "t",
        "StorageDescriptor": {"Columns": columns},
        "PartitionKeys": [{"Name": "y", "Type": "int"}],
    }
    stubber.add_response("get_table", {"Table": table}, asked)
    found = plane.table("d", "t", "123456789012")
    assert found.columns == (CatalogColumn("id", "bigint"), CatalogColumn("untyped", "string"))
    assert found.partition_keys == (CatalogColumn("y", "int"),)
    stubber.add_response(
        "get_connection",
        {"Connection": {"Name": "c", "ConnectionType": "JDBC"}},
        {"Name": "c", "HidePassword": True, "CatalogId": "123456789012"},
    )
    assert plane.connection("c", "123456789012").name == "c"


def test_a_jobs_connections_and_those_of_the_catalog_are_listed(glue):
    plane, stubber = glue
    stubber.add_response("get_job", {"Job": {"Connections": {"Connections": ["a", "b"]}}}, JOB)
    stubber.add_response("get_job", {"Job": {}}, JOB)
    pages = [
        {"ConnectionList": [{"Name": "a", "ConnectionType": "JDBC"}], "NextToken": "2"},
        {
            "ConnectionList": [
                {"Name": "n", "ConnectionType": "NETWORK"},
                {"Name": "k", "ConnectionType": "KAFKA"},
            ]
        },
    ]
    stubber.add_response("get_connections", pages[0], {"HidePassword": True})
    stubber.add_response("get_connections", pages[1], {"HidePassword": True, "NextToken": "2"})
    assert plane.connection_names("curate") == ("a", "b")
    assert plane.connection_names("curate") == ()
    assert plane.connection_names() == ("a", "k")
