"""A column policy and its text, which is TOML or JSON; docs/columns.md has an example."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glue_secure.core.columns import ColumnAction, ColumnRule, Tag, TagKind, WrappedKey
from glue_secure.core.documents import toml_parser
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.json_documents import depth_as_value_error, parse_json


@dataclass(frozen=True, slots=True)
class ColumnPolicy:
    """What a run does to the columns of every frame that it writes.

    Attributes:
        name: part of the data key's encryption context and of every encrypted value's associated data.
        rules: the first rule that matches a column applies.
        tagged: tags that require an action; the tags of the rules are included.
        tables: database and table whose column parameters and LF-tags are read when the run starts.
        key: the wrapped data key, None if no action needs it.
        digest: SHA-256 of the policy's text, hexadecimal.
    """

    name: str
    rules: tuple[ColumnRule, ...]
    tagged: frozenset[Tag] = frozenset()
    tables: tuple[tuple[str, str], ...] = ()
    key: WrappedKey | None = None
    digest: str = ""

    @classmethod
    def parse(cls, text: str, *, source: str) -> ColumnPolicy:
        """Return the policy of a TOML text, or of a JSON text if it starts with ``{``.

        Args:
            text: the text.
            source: where the text is from, for messages.

        Raises:
            UsageError: the text is neither, or is not a valid policy.
        """
        kind = "JSON" if text.lstrip().startswith("{") else "TOML"
        loads = parse_json if kind == "JSON" else toml_parser(source)
        try:
            with depth_as_value_error():
                value = loads(text)
        except ValueError as error:
            raise _invalid(source, f"text that is not {kind} ({error})", kind) from error
        return cls.from_value(value, source=source, digest=hashlib.sha256(text.encode()).hexdigest())

    @classmethod
    def from_value(cls, value: Any, *, source: str, digest: str = "") -> ColumnPolicy:
        """Return the policy of a parsed text. Raises UsageError, also for unknown names."""
        members = _object(value, {"name", "columns", "tagged", "tables", "kms_key", "wrapped_key"}, source)
        name = _text(members, "name", source)
        rules = tuple(
            _rule(item, f"columns[{index}] of {source}")
            for index, item in enumerate(_list(members, "columns", source))
        )
        tags = [
            _tag(item, f"tagged[{index}] of {source}")
            for index, item in enumerate(_list(members, "tagged", source))
        ]
        tables = tuple(_table(item, source) for item in _list(members, "tables", source))
        key = None
        if "kms_key" in members or "wrapped_key" in members:
            key = WrappedKey(KmsKeyArn.parse(_text(members, "kms_key", source)), _blob(members, source), name)
        if key is None and any(rule.action.needs_key for rule in rules):
            raise _invalid(
                source,
                "tokenise or encrypt without a data key",
                "kms_key and wrapped_key",
                "glue-secure columns new-key NAME --kms-key ARN",
            )
        if not rules and not tags:
            raise _invalid(source, "neither columns nor tagged", "at least one of them")
        tagged = frozenset(tags) | {rule.tag for rule in rules if rule.tag is not None}
        if tagged and not tables:
            raise _invalid(
                source, "tags without a table to read them from", 'tables = ["database.table", ...]'
            )
        return cls(name, rules, tagged, tables, key, digest)


def _rule(value: Any, source: str) -> ColumnRule:
    members = _object(value, {"column", "parameter", "lf_tag", "action", "domain", "keep_last"}, source)
    if sum(name in members for name in ("column", "parameter", "lf_tag")) != 1:
        raise _invalid(source, "not exactly one of column, parameter, lf_tag", "one of them")
    known = ", ".join(action.value for action in ColumnAction)
    try:
        action = ColumnAction(members.get("action"))
    except ValueError:
        raise _invalid(f"action of {source}", repr(members.get("action")), known) from None
    for option, needs in (("domain", ColumnAction.TOKENISE), ("keep_last", ColumnAction.MASK)):
        if option in members and action is not needs:
            raise _invalid(source, f"{option} with {action.value}", f"{option} with {needs.value} only")
    keep = members.get("keep_last", 0)
    if type(keep) is not int or keep < 0:
        raise _invalid(f"keep_last of {source}", repr(keep), "a whole number from 0 on")
    return ColumnRule(
        action,
        column=_text(members, "column", source) if "column" in members else "",
        tag=None if "column" in members else _tag(
            {name: members[name] for name in ("parameter", "lf_tag") if name in members}, source
        ),
        domain=_text(members, "domain", source) if "domain" in members else "",
        keep_last=keep,
    )  # fmt: skip


def _tag(value: Any, source: str) -> Tag:
    members = _object(value, {kind.value for kind in TagKind}, source)
    if len(members) != 1:
        raise _invalid(source, "not exactly one tag", "one of parameter, lf_tag")
    kind = TagKind(next(iter(members)))
    name, separator, text = _text(members, kind.value, source).partition("=")
    if not (name and separator and text):
        raise _invalid(f"{kind.value} of {source}", repr(members[kind.value]), "NAME=VALUE")
    return Tag(kind, name, text)


def _table(value: Any, source: str) -> tuple[str, str]:
    database, separator, name = value.partition(".") if isinstance(value, str) else ("", "", "")
    if not (database and separator and name):
        raise _invalid(f"tables of {source}", repr(value), "database.table")
    return database, name


def _blob(members: Mapping[str, Any], source: str) -> str:
    blob = _text(members, "wrapped_key", source)
    try:
        base64.b64decode(blob, validate=True)
    except (binascii.Error, ValueError):
        raise _invalid(
            f"wrapped_key of {source}",
            "text that is not base64",
            "the text that glue-secure columns new-key printed",
        ) from None
    return blob


def _object(value: Any, known: Iterable[str], source: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _invalid(source, type(value).__name__, "a table of names and values")
    unknown = sorted(set(map(str, value)) - set(known))
    if unknown:
        raise _invalid(source, ", ".join(unknown), ", ".join(sorted(known)))
    return value


def _list(members: Mapping[str, Any], name: str, source: str) -> Sequence[Any]:
    value = members.get(name, [])
    if not isinstance(value, (list, tuple)):
        raise _invalid(f"{name} of {source}", type(value).__name__, "a list")
    return value


def _text(members: Mapping[str, Any], name: str, source: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise _invalid(f"{name} of {source}", "nothing" if value is None else repr(value), "a text")
    return value


def _invalid(source: str, found: str, required: str, fix: str = "") -> UsageError:
    return UsageError(source, found=found, required=required, fix=fix)
