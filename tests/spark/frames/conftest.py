"""Tables for the tests of transformations."""

import json

import pytest

from glue_secure.dynamicframe.frames.schema import to_spark
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import hive


@pytest.fixture
def table_of(glue_spark):
    """Make a table of rows as dictionaries, in one partition; the schema is Hive's text or Glue's type."""

    def make(schema, *rows):
        kind = hive.parse(schema) if isinstance(schema, str) else schema
        return Table(glue_spark.createDataFrame(list(rows), to_spark(kind)).coalesce(1), kind)

    return make


@pytest.fixture
def rows_of():
    """The rows of a table as dictionaries, nulls left out, in any order made stable.

    The DataFrame's own schema must be the one that stores the table's.
    """

    def read(table):
        stored, expected = table.data.schema.simpleString(), to_spark(table.schema).simpleString()
        assert stored == expected
        return sorted(map(json.loads, table.data.toJSON().collect()), key=lambda row: json.dumps(row))

    return read
