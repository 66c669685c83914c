"""What a column policy means for one schema: a decision for each column, or a refusal. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from glue_secure.columns.names import known_as
from glue_secure.columns.policy import ColumnPolicy
from glue_secure.core.columns import ColumnDecision, ColumnRule, SchemaColumn, Shape, Tag, plain
from glue_secure.core.errors import RefusedError

ColumnTags = Mapping[str, frozenset[Tag]]
"""Tags by the column's name, as the Data Catalog has it."""

# errorsAsDynamicFrame's columns, and those that hold a record's own values as text.
_ERROR_RECORD = frozenset(("callsite", "msg", "stacktrace", "input", "bytesread", "source", "dynamicrecord"))
_ERROR_TEXTS = frozenset(("msg", "stacktrace", "input", "dynamicrecord"))


def decide(
    policy: ColumnPolicy, tags: ColumnTags, schema: Sequence[SchemaColumn], *, sink: str
) -> tuple[ColumnDecision, ...]:
    """What the policy does to each column of a sink; parents come before their fields in ``schema``.

    A catalog tag is met by name, at any depth: a column that was moved into a struct stays tagged, and so
    does a struct's field that became a column ``address.street``.

    Raises:
        RefusedError: GS-COL-001, a tagged column has no action; GS-COL-003, an action that cannot be carried out,
            or the texts of records that failed.
    """
    tagged_as: dict[str, frozenset[Tag]] = {}
    for name, carried in tags.items():
        tagged_as[plain(name)] = tagged_as.get(plain(name), frozenset()) | carried
    made: list[ColumnDecision] = []
    settled: list[tuple[str, ...]] = []
    for column in schema:
        if any(column.path[: len(parent)] == parent for parent in settled):
            continue
        names = known_as(column.path)
        met = {name: tagged_as[name] for name in names & tagged_as.keys()}
        carried = frozenset(tag for found in met.values() for tag in found)
        rule = next((one for one in policy.rules if one.matches(names, carried)), None)
        if rule is None:
            without = sorted(map(str, carried & policy.tagged))
            if without:
                raise RefusedError(
                    "GS-COL-001",
                    resource=f"column {column.text} of {sink}",
                    found=f"{', '.join(without)}, and no action",
                    required="drop, mask, tokenise or encrypt for every tagged column",
                    fix=f"add a rule for {column.text} to the column policy {policy.name}",
                )
            continue
        _refuse_impossible(column, rule, sink)
        by_tag = sorted(
            (name for name, found in met.items() if rule.tag in found), key=lambda n: (-len(n), n)
        )
        made.append(ColumnDecision(column, rule, plain(rule.column) if rule.tag is None else by_tag[0]))
        settled.append(column.path)
    _refuse_error_texts(schema, settled, sink)
    return tuple(made)


def _refuse_impossible(column: SchemaColumn, rule: ColumnRule, sink: str) -> None:
    if column.inside_repeated:
        found, fix = (
            f"{rule.action.value} inside an array or a map",
            "name the whole array, or flatten it first",
        )
    elif rule.action.needs_key and column.shape is not Shape.VALUE:
        found, fix = f"{rule.action.value} of a {column.shape.value}", "name its fields, or use drop or mask"
    else:
        return
    raise RefusedError(
        "GS-COL-003",
        resource=f"column {column.text} of {sink}",
        found=found,
        required="an action that can be carried out on every value of the column",
        fix=fix,
    )


def _refuse_error_texts(
    schema: Sequence[SchemaColumn], settled: Iterable[tuple[str, ...]], sink: str
) -> None:
    """Records that failed hold columns as text, where no rule by name meets them: those texts need a rule."""
    siblings: dict[tuple[str, ...], dict[str, SchemaColumn]] = {}
    for column in schema:
        *above, name = plain(column.text).split(".")
        siblings.setdefault(tuple(above), {})[name] = column
    for found in siblings.values():
        if not found.keys() >= _ERROR_RECORD:
            continue
        for name in sorted(_ERROR_TEXTS):
            column = found[name]
            if column.shape is Shape.VALUE and not any(column.path[: len(at)] == at for at in settled):
                raise RefusedError(
                    "GS-COL-003",
                    resource=f"column {column.text} of {sink}",
                    found="records that failed, as text, under a column policy",
                    required="a rule for the whole text: columns in it have no names any more",
                    fix=f"drop or encrypt {column.text}, by a rule of the column policy or in the script",
                )
