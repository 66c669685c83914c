"""Examples of the AWS Glue developer guide. Each file names its page."""

import json
from pathlib import Path

import pytest

from glue_secure.dynamicframe.frames import columns, mapping, relational, rows
from glue_secure.dynamicframe.types.paths import null_fields

FOLDER = Path(__file__).parents[2] / "vectors" / "awsglue_docs"
MODULES = {"columns": columns, "mapping": mapping, "relational": relational, "rows": rows}
CASES = [
    pytest.param(case, id=f"{file.stem}: {case['name']}")
    for file in sorted(FOLDER.glob("*.json"))
    for case in json.loads(file.read_text("utf-8"))["cases"]
]


def drop_null_fields(table):
    """Drop the fields that the transform DropNullFields drops."""
    return columns.drop(table, list(null_fields(table.schema)))


def call(case, tables):
    if case["call"] == "columns.drop_nulls":
        return drop_null_fields(*tables)
    module, function = case["call"].split(".")
    arguments = case["arguments"]
    if function == "apply":
        arguments = [[tuple(item) for item in arguments[0]]]
    return getattr(MODULES[module], function)(*tables, *arguments)


@pytest.mark.parametrize("case", CASES)
def test_the_documented_result(case, table_of, rows_of):
    result = call(case, [table_of(item["schema"], *item["rows"]) for item in case["input"]])
    if isinstance(result, dict):
        assert list(result) == list(case["tables"])
        pairs = [(result[name], expected) for name, expected in case["tables"].items()]
    elif isinstance(result, tuple):
        pairs = list(zip(result, case["tables"], strict=True))
    else:
        pairs = [(result, case)]
    for table, expected in pairs:
        assert rows_of(table) == sorted(expected["rows"], key=json.dumps)
        if "schema" in expected:
            assert table.schema.treeString().splitlines() == expected["schema"]
