"""A column policy as data: which columns a sink must protect, how, and what that means for one schema.

The text is TOML or JSON; docs/columns.md shows one. How names compare stands in ``core/column_names.py``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from glue_secure.core.columns import ColumnAction, ColumnRule, Tag, TagKind, WrappedKey
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import KmsKeyArn


@dataclass(frozen=True, slots=True)
class ColumnPolicy:
    """What every guarded sink of a run does to columns.

    Attributes:
        name: bound into every encrypted value and into the data key's encryption context.
        rules: the first one that matches a column decides.
        tagged: tags that a column may not carry to a sink without an action; those of the rules count too.
        tables: ``database.table``, whose column parameters and LF-tags are read at the start of the run.
        key: the wrapped data key, None where no action needs one.
        digest: SHA-256 of the policy's text, hexadecimal.
    """

    name: str
    rules: tuple[ColumnRule, ...]
    tagged: frozenset[Tag] = frozenset()
    tables: tuple[tuple[str, str], ...] = ()
    key: WrappedKey | None = None
    digest: str = ""

    @classmethod
    def parse(cls, text: str, *, what: str) -> ColumnPolicy:
        """Read TOML, or JSON where the text begins with ``{``.

        Args:
            text: the policy.
            what: its place, for messages.

        Raises:
            UsageError: it is neither, or is no policy.
        """
        kind = "JSON" if text.lstrip().startswith("{") else "TOML"
        try:
            value = json.loads(text) if kind == "JSON" else _toml(text, what)
        except ValueError as error:
            raise _wrong(what, f"text that is not {kind} ({error})", kind) from error
        return cls.of(value, what=what, digest=hashlib.sha256(text.encode()).hexdigest())

    @classmethod
    def of(cls, value: Any, *, what: str, digest: str = "") -> ColumnPolicy:
        """Read the dictionary that a policy's text stands for. Raises UsageError; nothing is ignored."""
        given = _object(value, {"name", "columns", "tagged", "tables", "kms_key", "wrapped_key"}, what)
        name = _text(given, "name", what)
        rules = tuple(
            _rule(one, f"columns[{at}] of {what}") for at, one in enumerate(_list(given, "columns", what))
        )
        tags = [_tag(one, f"tagged[{at}] of {what}") for at, one in enumerate(_list(given, "tagged", what))]
        tables = tuple(_table(one, what) for one in _list(given, "tables", what))
        key = None
        if "kms_key" in given or "wrapped_key" in given:
            key = WrappedKey(KmsKeyArn.parse(_text(given, "kms_key", what)), _blob(given, what), name)
        if key is None and any(rule.action.needs_key for rule in rules):
            raise _wrong(
                what,
                "tokenise or encrypt without a data key",
                "kms_key and wrapped_key",
                "glue-secure columns new-key NAME --kms-key ARN",
            )
        if not rules and not tags:
            raise _wrong(what, "neither columns nor tagged", "at least one of them")
        tagged = frozenset(tags) | {rule.tag for rule in rules if rule.tag is not None}
        if tagged and not tables:
            raise _wrong(what, "tags, and no table to read them from", 'tables = ["database.table", ...]')
        return cls(name, rules, tagged, tables, key, digest)


def _toml(text: str, what: str) -> Any:
    try:
        return import_module("tomllib").loads(text)
    except ModuleNotFoundError:
        raise _wrong(what, "TOML on Python 3.10, which cannot read it", "JSON") from None


def _rule(value: Any, what: str) -> ColumnRule:
    given = _object(value, {"column", "parameter", "lf_tag", "action", "domain", "keep_last"}, what)
    if sum(name in given for name in ("column", "parameter", "lf_tag")) != 1:
        raise _wrong(what, "not exactly one subject", "one of column, parameter, lf_tag")
    known = ", ".join(action.value for action in ColumnAction)
    try:
        action = ColumnAction(given.get("action"))
    except ValueError:
        raise _wrong(f"action of {what}", repr(given.get("action")), known) from None
    for option, needs in (("domain", ColumnAction.TOKENISE), ("keep_last", ColumnAction.MASK)):
        if option in given and action is not needs:
            raise _wrong(what, f"{option} with {action.value}", f"{option} with {needs.value} only")
    keep = given.get("keep_last", 0)
    if type(keep) is not int or keep < 0:
        raise _wrong(f"keep_last of {what}", repr(keep), "a whole number from 0 on")
    return ColumnRule(
        action,
        column=_text(given, "column", what) if "column" in given else "",
        tag=None if "column" in given else _tag(
            {name: given[name] for name in ("parameter", "lf_tag") if name in given}, what
        ),
        domain=_text(given, "domain", what) if "domain" in given else "",
        keep_last=keep,
    )  # fmt: skip


def _tag(value: Any, what: str) -> Tag:
    given = _object(value, {kind.value for kind in TagKind}, what)
    if len(given) != 1:
        raise _wrong(what, "not exactly one tag", "one of parameter, lf_tag")
    kind = TagKind(next(iter(given)))
    name, separator, text = _text(given, kind.value, what).partition("=")
    if not (name and separator and text):
        raise _wrong(f"{kind.value} of {what}", repr(given[kind.value]), "NAME=VALUE")
    return Tag(kind, name, text)


def _table(value: Any, what: str) -> tuple[str, str]:
    database, separator, name = value.partition(".") if isinstance(value, str) else ("", "", "")
    if not (database and separator and name):
        raise _wrong(f"tables of {what}", repr(value), "database.table")
    return database, name


def _blob(given: Mapping[str, Any], what: str) -> str:
    blob = _text(given, "wrapped_key", what)
    try:
        base64.b64decode(blob, validate=True)
    except (binascii.Error, ValueError):
        raise _wrong(
            f"wrapped_key of {what}", "text that is not base64", "what columns new-key printed"
        ) from None
    return blob


def _object(value: Any, known: Iterable[str], what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(what, type(value).__name__, "a table of names and values")
    unknown = sorted(set(map(str, value)) - set(known))
    if unknown:
        raise _wrong(what, ", ".join(unknown), ", ".join(sorted(known)))
    return value


def _list(given: Mapping[str, Any], name: str, what: str) -> Sequence[Any]:
    value = given.get(name, [])
    if not isinstance(value, (list, tuple)):
        raise _wrong(f"{name} of {what}", type(value).__name__, "a list")
    return value


def _text(given: Mapping[str, Any], name: str, what: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise _wrong(f"{name} of {what}", "nothing" if value is None else repr(value), "a text")
    return value


def _wrong(what: str, found: str, required: str, fix: str = "") -> UsageError:
    return UsageError(what, found=found, required=required, fix=fix)
