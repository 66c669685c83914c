"""The JSON Schema of the evidence, and its page, from the records of :mod:`glue_secure.core.evidence`.

Documents of ``glue-secure/evidence/1`` may have further properties, which a reader ignores. None is removed.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, is_dataclass
from datetime import datetime
from enum import Enum
from inspect import cleandoc, getdoc
from typing import Any, Union, get_args, get_origin, get_type_hints

from glue_secure.core.evidence import SCHEMA, Evidence, document_fields
from glue_secure.core.identifiers import KmsKeyArn, RunId, S3Uri

_SIMPLE: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    datetime: {"type": "string", "format": "date-time"},
    KmsKeyArn: {"type": "string", "pattern": "^arn:"},
    S3Uri: {"type": "string", "pattern": "^s3://"},
    RunId: {"type": "string"},
    Any: {},
}
_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)
# The text of the page above the tables.
_PAGE = f"""\
# Evidence

Generated from `glue_secure/core/evidence.py` by `make docs`; do not edit.

A run writes one JSON document, `job=JOB/run=RUN_ID/evidence.json`, below the location of
`--glue-secure-evidence-uri`, encrypted with SSE-KMS under the key of `--glue-secure-evidence-key`, by default
under the run's S3 key. A second attempt of a run writes `evidence-2.json`. `_started.json` is written before
the run reads or writes data. There is no document

- while the run is running, or if its process was killed: only the record of its start
- if the run was refused at its start and no key for evidence could be used: the error is printed only. Name
  `--glue-secure-evidence-key` to have evidence of such a run
- if the permission to write it was removed during the run, which then ends with GS-EVD-001, exit code 4,
  although its bookmark may have moved

<!-- not run: commands with placeholders; test_examples.py checks their options -->
```text
glue-secure evidence list --in s3://BUCKET/PREFIX/ --outcome refused --since 2026-11-01
glue-secure evidence show RUN --in s3://BUCKET/PREFIX/
glue-secure evidence objects RUN --in s3://BUCKET/PREFIX/
glue-secure evidence diff RUN RUN --in s3://BUCKET/PREFIX/
```

`--in` also takes a folder with a copy of the documents. `list` shows the runs, newest first, with the
controls that did not pass, and those that are reported only; `signed` means that the evidence names a signing
key, which `verify` verifies. `show` prints, in the line `verdict`, the
outcome and the number of checks that passed, then what was read and written with its encryption, the TLS
facts of connections, and the controls. Its exit code is 3 if a control did not pass. Findings that are
[reported only](controls.md#what-does-not-stop-a-run), such as UNKNOWN of GS-SPK, do not change it if they did
not stop the run. `diff` compares settings, keys, versions, controls, sources and targets.
`objects` prints every object that a run wrote, one line of JSON each.
`glue-secure controls show ID` prints the text of a control. [`report` and `evidence export`](reports.md)
write an HTML page, and the formats of Security Hub, OCSF, code scanning, JUnit and OpenLineage.

| outcome | the run |
|---|---|
| `succeeded` | ended with a commit |
| `refused` | was stopped by a control that was FAIL or UNKNOWN: `error.control`; `controls` has the verdict |
| `failed` | ended with any other error: `error.type` |
| `abandoned` | was ended by the script with `SecureJob.abandon` |
| `ended without job.commit()` | ended when its script ended, without a commit |
| `terminated by SIGTERM` | ended on this signal, for instance after a timeout of AWS Glue |
| `not ended` | has a start and no document: it is still running, or its process was killed |
| `unreadable` | has a document that cannot be read, or is none |

The last two are of `evidence list`; no document has them.

`error.message` of a failed run is there if glue-secure raised the error. Of an error of Spark, it names the
read or write that failed: Spark's own text may quote data, so only the job's log has it.

[evidence-1.schema.json](evidence-1.schema.json) is the JSON Schema of the document. Documents of this
version (`{SCHEMA}`) may have properties that the schema does not list, which a reader ignores.
None is removed, and none changes its meaning.

A document lists the first 100 objects of its run. All others are in parts beside it,
`_objects-START-NUMBER.ndjson.gz`, each with at most 50,000 lines of JSON and with its SHA-256 in the
document. They are written while the run verifies its writes. Athena and Spark ignore their names; to query
them, name them with `evidence objects`, or read them with DuckDB or jq.

Each document has an entry in the job's chain, `job=JOB/_chain/ACCOUNT-REGION/`, with its SHA-256, and with a
signature if the job names a key (`--glue-secure-evidence-signing-key`). `glue-secure evidence verify` finds
what was changed since: see [auditor.md](auditor.md)."""


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a document."""
    records = list(_records(Evidence))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Evidence of a run",
        "description": f"{SCHEMA}. Ignore properties that are not listed here.",
        **_object(Evidence),
        "$defs": {record.__name__: _object(record) for record in records if record is not Evidence},
    }


def as_markdown() -> str:
    """Return the text of ``docs/evidence.md``."""
    lines = [_PAGE]
    for record in _records(Evidence):
        lines += [
            "",
            f"## {record.__name__}",
            "",
            _summary(record),
            "",
            "| property | type | meaning |",
            "|-|-|-|",
        ]
        meanings, hints = _meanings(record), get_type_hints(record)
        for each in document_fields(record):
            meaning = " ".join(meanings.get(each.name, "").split())
            lines.append(f"| `{each.name}` | {_type_text(hints[each.name])} | {_cell(meaning)} |")
    return "\n".join(lines) + "\n"


def _object(record: type) -> dict[str, Any]:
    hints, meanings = get_type_hints(record), _meanings(record)
    properties = {}
    for each in document_fields(record):
        meaning = " ".join(meanings.get(each.name, "").split()).replace("``", "`")
        properties[each.name] = _schema(hints[each.name]) | ({"description": meaning} if meaning else {})
    required = [
        each.name
        for each in document_fields(record)
        if each.default is MISSING and each.default_factory is MISSING
    ]
    if record is Evidence:
        properties["schema"] = {"const": SCHEMA}
        required.append("schema")
    return {"type": "object", "properties": properties, "required": sorted(required)}


def _schema(hint: Any) -> dict[str, Any]:
    if hint in _SIMPLE:
        return dict(_SIMPLE[hint])
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(each) for each in arguments]}
    if origin in (tuple, Sequence, list):
        return {"type": "array", "items": _schema(arguments[0])}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _schema(arguments[1])}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [each.value for each in hint]}
    if isinstance(hint, type) and is_dataclass(hint):
        return {"$ref": f"#/$defs/{hint.__name__}"}
    raise TypeError(f"no JSON Schema for {hint}")


def _records(root: type) -> Iterator[type]:
    """Yield ``root`` and every record that it contains, each once, in the order of their first use."""
    seen, waiting = {root}, [root]
    while waiting:
        record = waiting.pop(0)
        yield record
        for hint in get_type_hints(record).values():
            for each in _dataclasses(hint):
                if each not in seen:
                    seen.add(each)
                    waiting.append(each)


def _dataclasses(hint: Any) -> Iterator[type]:
    if isinstance(hint, type) and is_dataclass(hint) and hint not in _SIMPLE:
        yield hint
    for each in get_args(hint):
        yield from _dataclasses(each)


def _summary(record: type) -> str:
    return (getdoc(record) or "").partition("\n\n")[0].replace("``", "`")


def _meanings(record: type) -> dict[str, str]:
    """Return attribute → text of the record's docstring."""
    return dict(_ATTRIBUTE.findall(cleandoc(record.__doc__ or "")))


def _type_text(hint: Any) -> str:
    schema = _schema(hint)
    if "anyOf" in schema:
        return " or ".join(_type_text(each) for each in get_args(hint))
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if schema.get("type") == "array":
        return f"array of {_type_text(get_args(hint)[0])}"
    if schema.get("type") == "object":
        return f"object of {_type_text(get_args(hint)[1])}"
    if "enum" in schema:
        return "one of " + ", ".join(f"`{each}`" for each in schema["enum"])
    return str(schema.get("type", "any value"))


def _cell(text: str) -> str:
    text = re.sub(r":(?:mod|class|func|data):`[~.]*([\w.]+)`", r"`\1`", text.replace("``", "`"))
    return re.sub(r"\bNone\b", "null", text).replace("|", "\\|")
