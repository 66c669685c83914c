"""Transformations by Python functions: types, choices, error records, thresholds."""

import datetime
from decimal import Decimal

import pytest
from py4j.protocol import Py4JJavaError

from glue_secure.dynamicframe.frames import errors, records
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.values import decode


@pytest.fixture(params=["true", "false"], ids=["ansi", "no-ansi"])
def spark(glue_spark, request):
    before = glue_spark.conf.get("spark.sql.ansi.enabled")
    glue_spark.conf.set("spark.sql.ansi.enabled", request.param)
    yield glue_spark
    glue_spark.conf.set("spark.sql.ansi.enabled", before)


def records_in(table):
    return [dict(decode(row, table.schema)) for row in table.data.collect()]


def schema(*fields):
    return glue.StructType([glue.Field(name, kind) for name, kind in fields])


def test_values_of_different_types_become_a_choice(spark):
    rows = [{"id": 1, "v": 5}, {"id": 2, "v": "x"}, {"id": 3, "v": {"a": 1}}, {"id": 4, "v": None}]
    table = records.from_records(spark, rows)
    assert records_in(table) == rows
    kind = table.schema.field_map["v"].dataType
    assert isinstance(kind, glue.ChoiceType)
    assert table.data.schema["v"].dataType.names == ["int", "string", "struct"]
    assert errors.count(table.errors) == 0


def test_a_record_that_does_not_fit_a_given_schema_is_an_error_record(spark):
    wanted = schema(("a", glue.LongType()), ("b", glue.StringType()))
    table = records.from_records(spark, [{"a": 1, "b": "x"}, {"a": "no"}, (2, "y"), 5], wanted)
    assert records_in(table) == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    assert table.schema == wanted
    assert errors.count(table.errors) == 2


def test_map_preserves_all_types(spark):
    data = spark.sql(
        "select 1Y as b, 2S as s, 3 as i, 4L as l, float(1.5) as f, 2.5D as d, 1.50BD as n, 'x' as t, "
        "true as k, date'2020-01-02' as day, timestamp'2020-01-02 03:04:05' as at, X'01' as raw, "
        "array(1L) as a, map('k', 1L) as m, named_struct('x', 1L) as st, cast(null as bigint) as nothing"
    )
    table = Table.of(data)
    mapped = records.map(table, lambda record: record)
    assert mapped.schema == table.schema
    assert mapped.data.schema.simpleString() == data.schema.simpleString()
    assert mapped.data.collect() == data.collect()
    assert records_in(mapped)[0]["n"] == Decimal("1.50")
    assert records_in(mapped)[0]["at"] == datetime.datetime(2020, 1, 2, 3, 4, 5)


def test_a_record_for_which_the_function_raises_becomes_an_error_record(spark):
    table = records.from_records(spark, [{"n": n} for n in range(4)])

    def halve(record):
        n, record["n"] = record["n"], "changed"
        if n == 3:
            return None
        record["n"] = 10 // n
        return record

    mapped = records.map(table, halve, call=errors.CallSite("script.py", "halving"))
    assert records_in(mapped) == [{"n": 10}, {"n": 5}]
    failed = records_in(records.errors_as_table(mapped))
    assert [error_record["error"].dynamicRecord for error_record in failed] == [{"n": 0}, {"n": 3}]
    assert failed[0]["error"].callsite == {"site": "script.py", "info": "halving"}
    assert "division" in failed[0]["error"].msg
    assert "ZeroDivisionError" in failed[0]["error"].stackTrace
    assert failed[1]["error"].msg == "User-specified function returned None instead of DynamicRecord"


def test_errors_accumulate_over_transformations(spark):
    table = records.from_records(spark, [{"n": n} for n in range(6)])
    first = records.map(table, lambda record: {"n": 10 // record.n} if record.n else 1 / 0)
    second = records.map(first, lambda record: {"m": 1 // (record.n - 10)})
    third = records.filter(second, lambda record: record.m == 0 or _fail())
    assert errors.count(first.errors) == 1
    assert errors.count(second.errors) == 2
    assert errors.count(third.errors) == 6
    assert records_in(third) == []


def _fail():
    raise RuntimeError("not wanted")


def test_filter_preserves_types_and_drops_records_with_a_key_value_or_type_error(spark):
    data = spark.sql("select * from values (1L, 'a'), (2L, null), (3L, 'c') as t(n, s)")

    def starts(record):
        return record.s.upper() and record["other"] if record.n == 3 else record.s + "" == "a"

    result = records.filter(Table.of(data), starts)
    assert records_in(result) == [{"n": 1, "s": "a"}]
    assert result.data.schema.simpleString() == data.schema.simpleString()
    assert errors.count(result.errors) == 0


def test_a_filter_receives_the_plain_value_of_a_choice(spark):
    table = records.from_records(spark, [{"v": 5}, {"v": "x"}, {"v": 7}])
    result = records.filter(table, lambda record: isinstance(record.v, int))
    assert records_in(result) == [{"v": 5}, {"v": 7}]
    assert result.schema == table.schema


def test_map_partitions_receives_and_returns_wrapped_records(spark):
    table = records.from_records(spark, spark.sparkContext.parallelize([{"n": n} for n in range(4)], 2))

    def number(index, iterator):
        for error_record in iterator:
            error_record["record"]["part"] = index
            if error_record["record"].n == 3:
                error_record["isError"], error_record["errorMessage"] = True, "three"
            yield error_record
        yield {"n": 1}

    mapped = records.map_partitions(table, number, with_index=True)
    assert records_in(mapped) == [{"n": 0, "part": 0}, {"n": 1, "part": 0}, {"n": 2, "part": 1}]
    messages = {error_record["error"].msg for error_record in records_in(records.errors_as_table(mapped))}
    assert messages == {"three", "the function returned a value that is not {'record': {...}}"}


def test_map_preserves_the_schema_of_an_empty_frame(spark):
    table = Table.of(spark.sql("select 1 as a").limit(0))
    mapped = records.map(table, lambda record: record)
    assert mapped.schema == table.schema
    assert mapped.data.count() == 0


def test_a_nondeterministic_function_fails_the_spark_job_and_the_error_contains_no_record(spark, tmp_path):
    table = records.from_records(spark, [{"n": "secret"}])
    mark = tmp_path / "ran"

    def change(record):
        if mark.exists():
            return record
        mark.touch()
        return {"n": 1}

    mapped = records.map(table, change)
    # Remove the cached records, as Spark does when memory runs out.
    for rdd in spark.sparkContext._jsc.getPersistentRDDs().values():
        rdd.unpersist(True)
    with pytest.raises(Py4JJavaError, match="other types when Spark ran it again") as caught:
        mapped.data.collect()
    assert "secret" not in str(caught.value)


def test_records_are_cached_in_memory_only(spark):
    # Frames that other tests cached are in the session until Java's garbage collection.
    before = set(spark.sparkContext._jsc.getPersistentRDDs())
    records.map(records.from_records(spark, [{"n": 1}]), lambda record: record)
    result = [
        rdd for number, rdd in spark.sparkContext._jsc.getPersistentRDDs().items() if number not in before
    ]
    assert result
    assert not any(rdd.getStorageLevel().useDisk() for rdd in result)


def test_a_threshold_is_the_largest_number_of_errors_that_is_allowed(spark):
    table = records.from_records(spark, [{"n": n} for n in (0, 0, 1)])
    mapped = records.map(table, lambda record: {"n": 1 // record.n})
    errors.check(mapped.errors, mapped.errors, 0, 0)
    errors.check(mapped.errors, mapped.errors, 2, 2)
    with pytest.raises(errors.ErrorThresholdError, match="stageThreshold"):
        errors.check(mapped.errors, mapped.errors, 1, 0)
    with pytest.raises(errors.ErrorThresholdError, match="totalThreshold"):
        errors.check((), mapped.errors, 1, 1)
