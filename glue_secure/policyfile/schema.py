"""The JSON Schema of policy files, made of the shape that the reader checks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from glue_secure.policyfile.model import MOST_EXCEPTION_DAYS
from glue_secure.policyfile.reader import SCHEMA, SHAPE, Field

URI = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12) of a policy file as JSON.

    In TOML, ``expires`` is a date without quotes. The schema does not describe rules between entries, such
    as unique names; ``glue-secure policy-file lint`` checks them.
    """
    schema = _table(SHAPE[""])
    schema["properties"] |= {
        kind: {"type": "array", "items": _table(fields)} for kind, fields in SHAPE.items() if kind
    }
    schema["properties"]["schema"]["const"] = SCHEMA
    schema["properties"]["exception_days"] |= {"minimum": 1, "maximum": MOST_EXCEPTION_DAYS}
    schema["properties"]["targets"]["items"]["oneOf"] = [{"required": ["prefix"]}, {"required": ["table"]}]
    schema["properties"]["connectors"]["items"]["anyOf"] = [{"required": ["sha256"]}, {"required": ["image"]}]
    return {"$schema": URI, "title": "glue-secure policy file", **schema}


def as_text() -> str:
    """Return the schema as the text of ``docs/policy.schema.json``."""
    return json.dumps(json_schema(), indent=2) + "\n"


def _table(fields: Mapping[str, Field]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [name for name, field in fields.items() if field.required],
        "properties": {name: _field(field) for name, field in fields.items()},
    }


def _field(field: Field) -> dict[str, Any]:
    if field.kind == "boolean":
        return {"type": "boolean", "description": field.text}
    if field.kind == "integer":
        return {"type": "integer", "description": field.text}
    if field.kind == "date":
        return {
            "type": "string",
            "format": "date",
            "pattern": r"^\d{4}-\d{2}-\d{2}$",
            "description": field.text,
        }
    text: dict[str, Any] = {"type": "string", "minLength": 1}
    if field.values:
        text["enum"] = list(field.values)
    if field.pattern:
        text["pattern"] = f"^(?:{field.pattern})$"
    if field.kind == "texts":
        return {"type": "array", "items": text, "description": field.text}
    return {**text, "description": field.text}
