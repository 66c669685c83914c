"""Names of formats and options that are misspelt, and binary objects that are read as CSV."""

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.engines.spark.formats import format_of, require_text, spark_options


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("seperator", "write sep instead of seperator"),
        ("hedaer", "write header instead of hedaer"),
        ("withHeader", "write header instead of withHeader"),
        ("zzz", "remove zzz: Spark itself would silently ignore the option"),
    ],
)
def test_the_likely_option_is_the_fix_and_works(name, fix):
    with pytest.raises(UsageError) as refused:
        spark_options("csv", {name: "true"})
    assert refused.value.fix == fix
    options = {fix.split()[1]: "true"} if fix.startswith("write") else {}
    assert len(spark_options("csv", options)) == len(options)


def test_the_likely_format_is_the_fix():
    with pytest.raises(UsageError) as refused:
        format_of("parqet")
    assert refused.value.fix == "write parquet"


@pytest.mark.parametrize(
    ("name", "fix"),
    [("parqet", "write parquet"), ("cvs", "write csv"), ("XML", "Glue does not write XML either")],
)
def test_a_write_lists_the_formats_that_it_supports(name, fix):
    with pytest.raises(UsageError, match="the format of a write") as refused:
        spark_options(name, {}, writing=True)
    assert refused.value.required == "avro, csv, json, orc, parquet"
    assert refused.value.fix == fix


@pytest.mark.parametrize(
    ("header", "found"),
    [("PAR1\x15\x04", "Parquet"), ("Obj\x01\x04", "Avro"), ("ORC\n\x03", "ORC"), ("PK\x03\x04\x14", "a ZIP")],
)
def test_a_binary_object_that_is_read_as_csv_is_named(header, found):
    with pytest.raises(UsageError, match=f"an object of {found}"):
        require_text([header, "x"], "read of s3://b/a.parquet as csv")


@pytest.mark.parametrize("columns", [["PAR1", "x"], ["ORC_ID"], ["id\x07"], []])
def test_other_headers_are_text(columns):
    require_text(columns, "read of s3://b/a.csv as csv")
