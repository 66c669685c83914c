"""Documents with parts of the wrong kind: one clear error in every command, whatever the part."""

import json

import pytest
from evidence_documents import first_form, hostile, large, tolerated
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.core.errors import VerificationError
from glue_secure.report.schema import json_schema
from glue_secure.report.shape import misplaced


def structures():
    """Return the properties of the published schema that are objects or lists."""

    def kinds(schema):
        return {schema.get("type")} | {each.get("type") for each in schema.get("anyOf", ())}

    properties = json_schema()["properties"]
    return [name for name, schema in properties.items() if kinds(schema) & {"object", "array"}]


@pytest.mark.parametrize("name", structures())
def test_each_part_of_the_wrong_kind_is_named(name):
    assert misplaced(first_form() | {name: "text"}) == name


@pytest.mark.parametrize(
    ("part", "value", "found"),
    [
        ("controls", ["text"], "controls[0]"),
        ("writes", [{"objects": {}}], "writes[0].objects"),
        ("writes", [{"objects": [1]}], "writes[0].objects[0]"),
        ("policy", {"files": ["text"]}, "policy.files[0]"),
        ("policy", {"exceptions": "text"}, "policy.exceptions"),
        ("bookmark", {"contexts": {"a": 1}}, "bookmark.contexts.a"),
        ("proofs", {"a": []}, "proofs.a"),
    ],
)
def test_inner_parts_of_the_wrong_kind_are_named(part, value, found):
    assert misplaced(first_form() | {part: value}) == found


@pytest.mark.parametrize(
    "document", [first_form(), first_form("refused"), tolerated(), hostile(), large(2, 2)]
)
def test_good_documents_of_every_form_have_no_fault(document):
    assert misplaced(document) == ""
    assert misplaced(document | {"a later version's property": 1}) == ""


@pytest.mark.parametrize(
    "words",
    [("evidence", "show"), ("report",), ("evidence", "export", "--format", "ocsf")],
    ids=lambda words: words[-1],
)
def test_commands_name_the_damaged_part(tmp_path, words):
    path = tmp_path / "evidence.json"
    path.write_text(json.dumps(first_form() | {"reads": [3]}))
    done = CliRunner().invoke(app, [*words, str(path)])
    assert isinstance(done.exception, VerificationError)
    assert "reads[0] is not what the schema says" in str(done.exception)
