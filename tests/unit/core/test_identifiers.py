"""ARNs, S3 locations, run ids and job names: valid, or rejected with the text."""

from __future__ import annotations

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import KmsKeyArn, RunId, S3Uri, job_name


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111",
        "arn:aws:kms:us-east-1:123456789012:key/mrk-1234567890abcdef1234567890abcdef",
        "arn:aws-cn:kms:cn-north-1:123456789012:key/abc",
        "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/abc",
        "arn:aws-iso-b:kms:us-isob-east-1:123456789012:key/abc",
        "arn:aws-eusc:kms:eusc-de-east-1:123456789012:key/abc",
    ],
)
def test_a_key_arn_of_any_partition_reads_and_writes_back_the_same(text):
    arn = KmsKeyArn.parse(text)
    assert str(arn) == text
    assert (arn.account, arn.key_id) == ("123456789012", text.rpartition("/")[2])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "11111111-1111-1111-1111-111111111111",
        "alias/glue",
        "arn:aws:kms:eu-west-1:123456789012:alias/glue",
        "arn:aws:kms:eu-west-1:12345678901:key/abc",
        "arn:aws:kms::123456789012:key/abc",
        "arn:aws:s3:eu-west-1:123456789012:key/abc",
        "arn:aws:kms:eu-west-1:123456789012:key/",
        "arn:aws:kms:eu-west-1:123456789012:key/abc\n",
        " arn:aws:kms:eu-west-1:123456789012:key/abc",
        "arn:aws:kms:eu-west-1:123456789012:key/abc:extra",
        "ARN:aws:kms:eu-west-1:123456789012:key/abc",
    ],
)
def test_a_text_that_is_not_a_key_arn_is_rejected_and_shown(text):
    with pytest.raises(UsageError) as caught:
        KmsKeyArn.parse(text)
    assert caught.value.found == repr(text)


@pytest.mark.parametrize("scheme", ["s3", "s3a", "s3n", "S3"])
def test_the_scheme_is_not_part_of_a_location(scheme):
    assert S3Uri.parse(f"{scheme}://bucket/a/b.csv") == S3Uri("bucket", "a/b.csv")


@pytest.mark.parametrize(
    ("text", "key"),
    [("s3://bucket", ""), ("s3://bucket/", ""), ("s3://bucket/a/", "a/"), ("s3://bucket/a b+é=1", "a b+é=1")],
)
def test_a_location_keeps_its_key_as_written(text, key):
    assert S3Uri.parse(text).key == key
    assert S3Uri.parse(str(S3Uri.parse(text))) == S3Uri.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bucket/a",
        "/tmp/a",
        "file:///tmp/a",
        "hdfs://bucket/a",
        "https://bucket.s3.amazonaws.com/a",
        "s3:/bucket/a",
        "s3:///a",
        "s3://B_ucket/a",
        "s3://-bucket/a",
        "s3://ab",
        "s3://" + "b" * 64,
        "s3://user:password@bucket/a",
        "s3://bucket\n/a",
        " s3://bucket/a",
    ],
)
def test_a_text_that_is_not_an_s3_location_is_rejected(text):
    with pytest.raises(UsageError, match="not an S3 location"):
        S3Uri.parse(text)


@pytest.mark.parametrize(
    "key", ["../a", "a/../b", "a/..", "..", "a/./b", ".", "a//b", "/a", "a//", "//", "a/b/../../../c"]
)
def test_paths_that_s3_and_hadoop_interpret_differently_are_rejected(key):
    with pytest.raises(UsageError, match="interpret differently"):
        S3Uri.parse(f"s3://bucket/{key}")


@pytest.mark.parametrize("key", ["a..b", "..a/b..", "...", "a/.hidden"])
def test_dots_inside_a_key_are_accepted(key):
    assert S3Uri.parse(f"s3://bucket/{key}").key == key


@pytest.mark.parametrize("character", ["\x00", "\n", "\r", "\t", "\x1b"])
def test_control_characters_in_a_key_are_refused(character):
    with pytest.raises(UsageError, match="control character"):
        S3Uri.parse(f"s3://bucket/a{character}b")


def test_a_prefix_selects_only_names_below_it():
    assert S3Uri("bucket", "a").as_prefix() == "a/"
    assert S3Uri("bucket", "a/").as_prefix() == "a/"
    assert S3Uri("bucket", "").as_prefix() == ""


def test_a_child_is_one_slash_below():
    assert str(S3Uri("bucket", "a").child("b")) == "s3://bucket/a/b"
    assert str(S3Uri("bucket", "a/").child("b")) == "s3://bucket/a/b"
    assert str(S3Uri("bucket", "").child("b")) == "s3://bucket/b"
    assert S3Uri("bucket", "a").with_scheme("s3a") == "s3a://bucket/a"


@pytest.mark.parametrize("text", ["jr_1", "jr_" + "0f" * 32, "spark-local", "a" * 255])
def test_a_run_id_of_glue_or_our_own_is_accepted(text):
    assert str(RunId(text)) == text


@pytest.mark.parametrize("text", ["", "a b", "../jr", "jr/1", "jr_1\n", "a" * 256, "jr_é"])
def test_a_run_id_that_is_not_safe_in_a_key_is_rejected(text):
    with pytest.raises(UsageError, match="not a job run id"):
        RunId(text)


@pytest.mark.parametrize("text", ["curate", "Flights curated (daily)", "a.b", "flüge", "a" * 255])
def test_a_job_name_that_is_safe_in_a_key_is_accepted(text):
    assert job_name(text) == text


@pytest.mark.parametrize("text", ["", "a/b", "..", ".a", "a ", " a", "a\nb", "a\x7f", "a\\b", "a" * 256])
def test_a_job_name_that_is_not_safe_in_a_key_is_refused(text):
    with pytest.raises(UsageError, match="not a job name"):
        job_name(text)
