"""The examples of the AWS Glue developer guide, as printed there; each file names its page."""

import json
from pathlib import Path

import pytest

from glue_secure.dynamicframe.frames import columns, mapping, relational, rows

FOLDER = Path(__file__).parents[2] / "vectors" / "awsglue_docs"
MODULES = {"columns": columns, "mapping": mapping, "relational": relational, "rows": rows}
CASES = [
    pytest.param(case, id=f"{file.stem}: {case['name']}")
    for file in sorted(FOLDER.glob("*.json"))
    for case in json.loads(file.read_text("utf-8"))["cases"]
]


def call(case, tables):
    module, function = case["call"].split(".")
    arguments = case["arguments"]
    if function == "apply":
        arguments = [[tuple(item) for item in arguments[0]]]
    return getattr(MODULES[module], function)(*tables, *arguments)


@pytest.mark.parametrize("case", CASES)
def test_the_documented_result(case, table_of, rows_of):
    found = call(case, [table_of(given["schema"], *given["rows"]) for given in case["input"]])
    if isinstance(found, dict):
        assert list(found) == list(case["tables"])
        pairs = [(found[name], expected) for name, expected in case["tables"].items()]
    elif isinstance(found, tuple):
        pairs = list(zip(found, case["tables"], strict=True))
    else:
        pairs = [(found, case)]
    for table, expected in pairs:
        assert rows_of(table) == sorted(expected["rows"], key=json.dumps)
        if "schema" in expected:
            assert table.schema.treeString().splitlines() == expected["schema"]
