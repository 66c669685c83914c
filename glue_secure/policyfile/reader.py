"""Read a policy file (TOML or JSON). Every error names the line; unknown keys are errors.

``SHAPE`` describes the structure once: the reader checks against it, and the JSON Schema is made of it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NoReturn

from glue_secure.core.document_lines import Path, line_of
from glue_secure.core.documents import load_document
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.target_encryption import Algorithm
from glue_secure.policyfile.exceptable import reason_against
from glue_secure.policyfile.model import (
    DEFAULT_EXCEPTION_DAYS,
    MOST_EXCEPTION_DAYS,
    RUN_KEY,
    Connector,
    Delegation,
    Level,
    PolicyException,
    PolicyFile,
    SourceRequirement,
    Target,
    accepted_encryptions,
)

SCHEMA = 1
MOST_BYTES = 1_000_000
ALGORITHMS = tuple(algorithm.value for algorithm in Algorithm)
CHECKED = ("all", "sample")
KEY_PATTERN = r"run|arn:aws[a-z-]*:kms:[a-z]{2,}(-[a-z]+)+-\d:\d{12}:key/[A-Za-z0-9/_-]{1,256}"
PREFIX_PATTERN = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?"
_NAME = r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}"


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a table.

    Attributes:
        kind: ``text``, ``texts``, ``boolean``, ``integer`` or ``date``.
        required: whether the key must be there.
        pattern: what a text must match as a whole; ``""`` for any text that is not empty.
        values: the accepted texts; empty for any.
        text: what the key means, for the JSON Schema.
    """

    kind: str
    text: str
    required: bool = False
    pattern: str = ""
    values: tuple[str, ...] = ()


_REASON = Field("text", "why; an auditor reads it", required=True)
_PREFIX = Field("text", "s3://BUCKET/PREFIX/", pattern=PREFIX_PATTERN)
_ENTRY = Field("text", "unique in the file; the evidence names it", required=True, pattern=_NAME)
_ACCOUNT = r"\d{12}"
_CONTROL = r"GS-[A-Z0-9]+-\d{3}"

SHAPE: Mapping[str, Mapping[str, Field]] = {
    "": {
        "schema": Field("integer", "version of the format: 1", required=True),
        "name": Field("text", "name of the policy", pattern=_NAME),
        "level": Field("text", "who states the file", values=tuple(level.value for level in Level)),
        "exception_days": Field("integer", f"longest validity of an exception, 1 to {MOST_EXCEPTION_DAYS}"),
        "table_rollback": Field("boolean", "whether a table's commit that cannot be verified is undone"),
    },
    "targets": {
        "name": _ENTRY,
        "prefix": _PREFIX,
        "table": Field("text", "DATABASE.TABLE, in place of prefix", pattern=r"[^.\s]{1,255}\.[^.\s]{1,255}"),
        "encryption": Field(
            "text", "SSE-KMS, DSSE-KMS, or SSE-S3 as a minimum", required=True, values=ALGORITHMS
        ),
        "keys": Field(
            "texts", "key ARNs; run is the security configuration's; the first is used", pattern=KEY_PATTERN
        ),
        "shared_key": Field("boolean", "whether keys of other accounts are accepted; needs reason"),
        "bucket_key": Field("boolean", "whether an S3 Bucket Key is required (true) or forbidden (false)"),
        "reason": Field("text", "why; required for SSE-S3 and shared_key"),
    },
    "sources": {
        "name": _ENTRY,
        "prefix": Field("text", "s3://BUCKET/PREFIX/", required=True, pattern=PREFIX_PATTERN),
        "encryption": Field("texts", "accepted algorithms; without it, any", values=ALGORITHMS),
        "keys": Field("texts", "accepted keys; without it, any", pattern=KEY_PATTERN),
        "checked": Field("text", "all objects, or a sample of each read", values=CHECKED),
        "tls_only": Field("boolean", "whether the bucket policy must deny requests without TLS"),
        "lake_formation_only": Field("boolean", "whether reads need credentials of Lake Formation"),
    },
    "connectors": {
        "class": Field("text", "class that a call or connection names", required=True,
                       pattern=r"[A-Za-z_$][\w$]*(\.[\w$]+)+"),
        "sha256": Field("text", "SHA-256 of the JAR", pattern=r"[0-9a-fA-F]{64}"),
        "image": Field("text", "digest of the image: sha256:...", pattern=r"sha256:[0-9a-f]{64}"),
        "owner": Field("text", "who answers for it", required=True),
        "reason": _REASON,
    },
    "exceptions": {
        "control": Field("text", "id of the control", required=True, pattern=_CONTROL),
        "resource": Field("text", "resource of the finding; * stands for any text", required=True),
        "reason": _REASON,
        "ticket": Field("text", "of the issue tracker", required=True),
        "owner": Field("text", "who removes the violation", required=True),
        "expires": Field("date", "last day, UTC", required=True),
    },
    "delegations": {
        "level": Field("text", "level that may decide", required=True, values=("account", "job")),
        "reason": _REASON,
        "prefix": _PREFIX,
        "encryption": Field("texts", "algorithms that its targets may accept", values=ALGORITHMS),
        "accounts": Field("texts", "accounts whose keys they may accept", pattern=_ACCOUNT),
        "controls": Field("texts", "controls that it may make exceptions from", pattern=_CONTROL),
        "connectors": Field("boolean", "whether it may approve connectors"),
    },
}  # fmt: skip
"""Tables and keys of a policy file. ``""`` is the top level, every other table is an array of tables."""

_TYPES: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "text": (str, "a text"),
    "texts": (list, "a list of texts"),
    "boolean": (bool, "true or false"),
    "integer": (int, "a whole number"),
    "date": ((date, str), "a date: 2026-12-31"),
}


def parse_policy(text: str, name: str, *, as_json: bool = False) -> PolicyFile:
    """Return the policy of a text.

    Args:
        text: TOML, or JSON with the same structure and dates as texts.
        name: of the file, for messages.
        as_json: whether the text is JSON.

    Raises:
        UsageError: the text is invalid. The message names the line.
    """
    return parse_with_lines(text, name, as_json=as_json)[0]


def parse_with_lines(text: str, name: str, *, as_json: bool) -> tuple[PolicyFile, dict[Path, int]]:
    """Return the policy of a text, and the line of each table and key. Raises like :func:`parse_policy`."""
    document, lines = load_document(text, name, as_json=as_json)
    return _Reader(name, lines).policy(document), lines


class _Reader:
    def __init__(self, name: str, lines: dict[Path, int]) -> None:
        self._name, self._lines = name, lines

    def policy(self, document: Mapping[str, Any]) -> PolicyFile:
        top = self._table({k: v for k, v in document.items() if k not in SHAPE}, "", ())
        if top["schema"] != SCHEMA or isinstance(top["schema"], bool):
            self._fail(("schema",), repr(top["schema"]), f"schema = {SCHEMA}")
        days = top.get("exception_days", DEFAULT_EXCEPTION_DAYS)
        if not 1 <= days <= MOST_EXCEPTION_DAYS:
            self._fail(("exception_days",), str(days), f"1 to {MOST_EXCEPTION_DAYS}")
        entries = {kind: self._entries(document, kind) for kind in SHAPE if kind}
        targets = tuple(self._target(entry, ("targets", at)) for at, entry in enumerate(entries["targets"]))
        sources = tuple(self._source(entry, ("sources", at)) for at, entry in enumerate(entries["sources"]))
        self._unique([(target.name, ("targets", at, "name")) for at, target in enumerate(targets)])
        self._unique([(target.subject, ("targets", at)) for at, target in enumerate(targets)])
        self._unique([(source.name, ("sources", at, "name")) for at, source in enumerate(sources)])
        self._unique([(str(source.prefix), ("sources", at)) for at, source in enumerate(sources)])
        connectors = tuple(
            self._connector(entry, ("connectors", at)) for at, entry in enumerate(entries["connectors"])
        )
        self._unique([(one.class_name, ("connectors", at)) for at, one in enumerate(connectors)])
        for at, connector in enumerate(connectors):
            if connector.class_name.startswith("org.apache.spark."):
                self._fail(("connectors", at, "class"), connector.class_name, "no class of Spark")
        return PolicyFile(
            name=top.get("name", ""),
            level=Level(top.get("level", Level.ORGANISATION.value)),
            exception_days=days,
            table_rollback=top.get("table_rollback", True),
            targets=targets,
            sources=sources,
            connectors=connectors,
            exceptions=tuple(
                self._exception(entry, ("exceptions", at)) for at, entry in enumerate(entries["exceptions"])
            ),
            delegations=tuple(
                self._delegation(entry, ("delegations", at))
                for at, entry in enumerate(entries["delegations"])
            ),
        )

    def _target(self, entry: Mapping[str, Any], path: Path) -> Target:
        if ("prefix" in entry) == ("table" in entry):
            self._fail(path, "both or neither of prefix and table", "one of prefix and table")
        algorithm = Algorithm(entry["encryption"])
        keys = self._keys(entry, path)
        shared, reason = entry.get("shared_key", False), entry.get("reason", "")
        if (algorithm is Algorithm.SSE_S3 or shared) and not reason:
            self._fail(path, "no reason", "reason, for SSE-S3 and for shared_key")
        if algorithm is Algorithm.DSSE_KMS and entry.get("bucket_key"):
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingDSSEncryption.html
            self._fail((*path, "bucket_key"), "true with DSSE-KMS", "no bucket_key: DSSE-KMS has none")
        if algorithm is Algorithm.SSE_S3 and "bucket_key" in entry:
            self._fail((*path, "bucket_key"), "bucket_key with SSE-S3", "no bucket_key: SSE-S3 has none")
        return Target(
            name=entry["name"],
            accepted=accepted_encryptions(algorithm, keys),
            prefix=self._prefix(entry, path) if "prefix" in entry else None,
            table=entry.get("table", "").lower(),  # as the Data Catalog stores names
            bucket_key=entry.get("bucket_key"),
            shared_key=shared,
            reason=reason,
        )

    def _source(self, entry: Mapping[str, Any], path: Path) -> SourceRequirement:
        algorithms = tuple(Algorithm(text) for text in entry.get("encryption", ()))
        keys = self._keys(entry, path)
        return SourceRequirement(
            entry["name"],
            self._prefix(entry, path),
            algorithms,
            keys,
            entry.get("checked", "all"),
            entry.get("tls_only", False),
            entry.get("lake_formation_only", False),
        )

    def _connector(self, entry: Mapping[str, Any], path: Path) -> Connector:
        sha256, image = entry.get("sha256", "").lower(), entry.get("image", "")
        if not sha256 and not image:
            self._fail(path, "neither sha256 nor image", "sha256 of the JAR, image of the connector, or both")
        return Connector(entry["class"], sha256, entry["owner"], entry["reason"], image)

    def _exception(self, entry: Mapping[str, Any], path: Path) -> PolicyException:
        control = entry["control"]
        reason = reason_against(control)
        if reason:
            self._fail((*path, "control"), control, f"a control that can be excepted: {reason}")
        if not entry["resource"].replace("*", "").strip():
            self._fail((*path, "resource"), repr(entry["resource"]), "a pattern that names a resource")
        return PolicyException(
            control,
            entry["resource"],
            entry["reason"],
            entry["ticket"],
            entry["owner"],
            self._date(entry["expires"], (*path, "expires")),
        )

    def _delegation(self, entry: Mapping[str, Any], path: Path) -> Delegation:
        grants = ("prefix", "controls", "connectors")
        if not any(entry.get(name) for name in grants):
            self._fail(path, "a delegation of nothing", "prefix with encryption, controls, or connectors")
        if ("prefix" in entry) != ("encryption" in entry):
            self._fail(path, "one of prefix and encryption", "both of prefix and encryption")
        if "accounts" in entry and "prefix" not in entry:
            self._fail((*path, "accounts"), "accounts without prefix", "prefix and encryption")
        for at, control in enumerate(entry.get("controls", ())):
            if reason := reason_against(control):
                self._fail((*path, "controls", at), control, f"a control that can be excepted: {reason}")
        return Delegation(
            level=Level(entry["level"]),
            reason=entry["reason"],
            prefix=self._prefix(entry, path) if "prefix" in entry else None,
            algorithms=tuple(Algorithm(text) for text in entry.get("encryption", ())),
            accounts=tuple(entry.get("accounts", ())),
            controls=tuple(entry.get("controls", ())),
            connectors=entry.get("connectors", False),
        )

    def _prefix(self, entry: Mapping[str, Any], path: Path) -> S3Uri:
        try:
            location = S3Uri.parse(entry["prefix"])
        except UsageError as error:
            self._fail((*path, "prefix"), error.found, error.required)
        # Equal prefixes have one spelling, so that two entries for one prefix are found.
        return S3Uri(location.bucket, location.as_prefix())

    def _keys(self, entry: Mapping[str, Any], path: Path) -> tuple[str, ...]:
        keys = tuple(entry.get("keys", ()))
        if "keys" in entry and not keys:
            self._fail((*path, "keys"), "no key", f"key ARNs, or {RUN_KEY}")
        for at, key in enumerate(keys):
            if key != RUN_KEY:
                try:
                    KmsKeyArn.parse(key)
                except UsageError as error:
                    self._fail((*path, "keys", at), error.found, error.required)
        return tuple(dict.fromkeys(keys))

    def _entries(self, document: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
        values = document.get(kind, [])
        if not isinstance(values, list):
            self._fail((kind,), type(values).__name__, f"[[{kind}]]")
        return [self._table(value, kind, (kind, at)) for at, value in enumerate(values)]

    def _table(self, values: Any, kind: str, path: Path) -> dict[str, Any]:
        if not isinstance(values, Mapping):
            self._fail(path, type(values).__name__, "a table")
        shape = SHAPE[kind]
        for key in values:
            if key not in shape:
                known = [*shape, *(() if kind else (name for name in SHAPE if name))]
                close = difflib.get_close_matches(str(key), known, 1)
                self._fail((*path, key), f"the key {key}", close[0] if close else ", ".join(known))
        for key, field in shape.items():
            if field.required and key not in values:
                self._fail(path, f"no {key}", f"{key}: {field.text}")
        return {key: self._value(value, shape[key], (*path, key)) for key, value in values.items()}

    def _value(self, value: Any, field: Field, path: Path) -> Any:
        kind, form = _TYPES[field.kind]
        if not isinstance(value, kind) or (isinstance(value, bool) and field.kind != "boolean"):
            self._fail(path, repr(value), form)
        if isinstance(value, int) and value.bit_length() > 32:  # TOML has numbers that Python does not print
            self._fail(path, f"a number of {value.bit_length()} bits", field.text)
        texts: Sequence[Any] = ()
        if field.kind in ("text", "texts"):
            texts = value if isinstance(value, list) else [value]
        for at, text in enumerate(texts):
            here = (*path, at) if field.kind == "texts" else path
            if not isinstance(text, str) or not text.strip() or not text.isprintable():
                self._fail(here, repr(text), "a text of printable characters")
            if field.values and text not in field.values:
                self._fail(here, repr(text), ", ".join(field.values))
            if field.pattern and not re.fullmatch(field.pattern, text):
                self._fail(here, repr(text), field.text)
        return value

    def _date(self, value: Any, path: Path) -> date:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        try:
            if not isinstance(value, str):
                raise ValueError
            return date.fromisoformat(value)
        except ValueError:
            self._fail(path, repr(value), "a date: 2026-12-31")

    def _unique(self, named: Sequence[tuple[str, Path]]) -> None:
        seen: set[str] = set()
        for name, path in named:
            if name in seen:
                self._fail(path, f"{name}, a second time", "each once")
            seen.add(name)

    def _fail(self, path: Path, found: str, required: str) -> NoReturn:
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
        line = line_of(path, self._lines)
        resource = f"{self._name}:{line}" + (f" {place}" if place else "")
        raise UsageError(resource, found=found, required=required, fix="see docs/policy.md")
