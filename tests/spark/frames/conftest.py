"""Tables for the tests of transformations."""

import json

import pytest

from glue_secure.dynamicframe.frames.schema import to_spark
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import hive


@pytest.fixture
def table_of(glue_spark):
    """``table_of(schema, *rows)`` returns a table of dicts. The schema is a Hive or Glue type."""

    def make(schema, *rows):
        kind = hive.parse(schema) if isinstance(schema, str) else schema
        return Table(glue_spark.createDataFrame(list(rows), to_spark(kind)).coalesce(1), kind)

    return make


@pytest.fixture
def rows_of():
    """``rows_of(table)`` returns the rows as dicts without nulls, sorted by their JSON.

    The DataFrame's own schema must be the one that stores the table's.
    """

    def read(table):
        stored, expected = table.data.schema.simpleString(), to_spark(table.schema).simpleString()
        assert stored == expected
        return sorted(map(json.loads, table.data.toJSON().collect()), key=lambda row: json.dumps(row))

    return read
