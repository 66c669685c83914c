"""COPY of objects that a run has written, and the options that request it."""

import pytest

from glue_secure.connections.redshift_load import (
    RedshiftLoad,
    can_load,
    copy_statement,
    split_load,
    with_location,
)
from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.core.identifiers import S3Uri

ROLE = "arn:aws:iam::123456789012:role/load"
GIVEN = {"redshiftTmpDir": "s3://b/tmp/", "aws_iam_role": ROLE}


def test_a_load_needs_a_location_and_a_role():
    load, others = split_load({**GIVEN, "extracopyoptions": "STATUPDATE ON", "batchsize": "5"}, "a write")
    assert load == RedshiftLoad("s3://b/tmp/", ROLE, "STATUPDATE ON")
    assert others == {"batchsize": "5"}
    for missing in GIVEN:
        options = {name: value for name, value in GIVEN.items() if name != missing}
        assert split_load(options, "a write") == (None, options)


@pytest.mark.parametrize(
    ("extra", "control"),
    [
        ("encrypted master_symmetric_key 'abc'", "GS-S3-005"),
        ("KMS_KEY_ID 'x'", "GS-S3-005"),
        ("CREDENTIALS 'aws_access_key_id=x'", "GS-TLS-008"),
        ("iam_role 'arn:aws:iam::999999999999:role/other'", "GS-TLS-008"),
        ("ssh", "GS-TLS-008"),
    ],
)
def test_parameters_that_change_encryption_or_login_are_refused(extra, control):
    with pytest.raises(RefusedError, match="remove") as caught:
        split_load({**GIVEN, "extracopyoptions": extra}, "a write")
    assert caught.value.control == control
    assert "abc" not in str(caught.value)


@pytest.mark.parametrize("extra", ["; drop table t", "-- x", "/* x */"])
def test_further_statements_and_comments_are_rejected(extra):
    with pytest.raises(UsageError, match="preactions"):
        split_load({**GIVEN, "extracopyoptions": extra}, "a write")


def test_a_role_is_an_arn():
    with pytest.raises(UsageError, match="ARN of a role"):
        split_load({**GIVEN, "aws_iam_role": "x' csv"}, "a write")


def test_the_statement_names_columns_objects_and_role_and_quotes_them():
    load = RedshiftLoad("s3://b/tmp/", ROLE, "STATUPDATE ON")
    assert copy_statement("shop.t", ["a", 'b"c'], S3Uri("b", "it's/1/"), load, null="@N@") == (
        f"copy shop.t (\"a\", \"b\"\"c\") from 's3://b/it''s/1/part-' iam_role '{ROLE}' csv gzip null as "
        "'@N@' dateformat 'auto' timeformat 'auto' STATUPDATE ON"
    )
    load = RedshiftLoad("s3://b/", "DEFAULT")
    assert "iam_role default csv" in copy_statement("t", ["a"], S3Uri("b", "x"), load, null="")


def test_a_csv_object_contains_plain_types_only():
    assert can_load([("a", "decimal(10,2)"), ("b", "timestamp"), ("c", "string"), ("d", "varchar(3)")])
    assert not can_load([("a", "int"), ("b", "binary")])
    assert not can_load([("a", "array<int>")])


def test_glues_argument_counts_as_location_with_a_role_only():
    assert with_location({"aws_iam_role": ROLE}, "s3://b/") == {
        "aws_iam_role": ROLE,
        "redshiftTmpDir": "s3://b/",
    }
    assert with_location({"dbtable": "t"}, "s3://b/") == {"dbtable": "t"}
    assert with_location(GIVEN, "s3://other/") == GIVEN
