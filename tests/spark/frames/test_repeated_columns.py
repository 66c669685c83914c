"""Joins whose result has several columns of one name become DynamicFrames."""

from types import SimpleNamespace

import pytest
from spark_errors import SPARK_ERRORS

from glue_secure import transforms as glue
from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frame import DynamicFrame


@pytest.fixture
def joined(glue_spark):
    """``joined(how)``: customers and orders, both with the column id."""
    customers = glue_spark.createDataFrame([(1, "ada"), (2, "bob")], "id int, name string")
    orders = glue_spark.createDataFrame([(1, 9.5), (3, 1.5)], "id int, price double")

    def join(how):
        frame = customers.join(orders, customers.id == orders.id, how)
        return DynamicFrame.fromDF(frame, SimpleNamespace(spark_session=glue_spark), "joined")

    return join


@pytest.mark.parametrize(
    ("how", "rows"),
    [
        ("inner", [(1, "ada", 9.5)]),
        ("left", [(1, "ada", 9.5), (2, "bob", None)]),
        ("right", [(1, "ada", 9.5), (3, None, 1.5)]),
        ("outer", [(1, "ada", 9.5), (2, "bob", None), (3, None, 1.5)]),
        ("leftsemi", [(1, "ada")]),
    ],
)
def test_the_key_of_a_join_is_one_field(joined, how, rows):
    frame = joined(how)
    assert sorted(tuple(row) for row in frame.toDF().collect()) == rows
    mapped = glue.ApplyMapping.apply(frame=frame, mappings=[("id", "int", "key", "int")])
    assert sorted(row.key for row in mapped.toDF().collect()) == [row[0] for row in rows]


def test_two_values_of_one_record_stop_the_job(glue_spark):
    frame = glue_spark.createDataFrame([(1, 1, "x"), (1, 2, "y")], ["id", "id", "name"])
    merged = DynamicFrame.fromDF(frame, SimpleNamespace(spark_session=glue_spark), "t")
    with pytest.raises(SPARK_ERRORS, match="columns 'id' of one record have different values"):
        merged.toDF().collect()


def test_columns_of_two_types_are_named(glue_spark):
    frame = glue_spark.sql("select 1 as id, 'x' as id")
    with pytest.raises(UsageError, match="several columns 'id' of int and string"):
        DynamicFrame.fromDF(frame, SimpleNamespace(spark_session=glue_spark), "t")
