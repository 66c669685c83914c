"""Apply a column policy to one schema: a decision for each matched column, and findings. Pure.

Rules and tags match a column by its name and by the names that Glue's transforms derive from it:
``address.street`` (unnest), ``items.val.sku`` (relationalize), ``phone.string`` and ``phone_string`` (the
types of a choice).
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-dynamic-frame.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from glue_secure.columns.policy import ColumnPolicy
from glue_secure.core.columns import ColumnDecision, ColumnShape, SchemaColumn, Tag, normalize_name
from glue_secure.core.findings import Finding, failed, passed

ColumnTags = Mapping[str, frozenset[Tag]]
"""Tags by the column's name in the Data Catalog."""

# Types of a choice, which name its alternatives. "date" and "timestamp" are missing because ordinary names
# end in them (birth_date): a column of make_cols with one of these suffixes is matched by its whole name
# only.
_CHOICE_TYPES = ("array", "binary", "boolean", "byte", "decimal", "double", "float", "int", "long", "map",
                 "short", "string", "struct")  # fmt: skip
_DERIVED_PARTS = frozenset((*_CHOICE_TYPES, "date", "timestamp", "val"))
# The columns of errorsAsDynamicFrame, and those that contain the text of whole records.
_ERROR_RECORD = frozenset(("callsite", "msg", "stacktrace", "input", "bytesread", "source", "dynamicrecord"))
_ERROR_TEXTS = frozenset(("msg", "stacktrace", "input", "dynamicrecord"))


def decide(
    policy: ColumnPolicy, tags: ColumnTags, schema: Sequence[SchemaColumn], *, sink: str
) -> tuple[tuple[ColumnDecision, ...], list[Finding]]:
    """Return the policy's decision for each matched column of a sink, and the findings.

    Catalog tags match by name at any depth: a column that was moved into a struct keeps its tags, and so does
    a struct's field that became a column ``address.street``.

    Args:
        policy: the column policy.
        tags: tags of the policy's tables.
        schema: the sink's columns, parents before their fields.
        sink: for the findings.

    Returns:
        Decisions, and either one PASS of GS-COL-001, or a FAIL for each tagged column without an action
        (GS-COL-001), each action that cannot be applied, and each text of failed records (GS-COL-003).
    """
    tags_by_name: dict[str, frozenset[Tag]] = {}
    for name, column_tags in tags.items():
        tags_by_name[normalize_name(name)] = tags_by_name.get(normalize_name(name), frozenset()) | column_tags
    decisions: list[ColumnDecision] = []
    failures: list[Finding] = []
    decided: list[tuple[str, ...]] = []
    for column in schema:
        if any(column.path[: len(parent)] == parent for parent in decided):
            continue
        names = names_of(column.path)
        matched = {name: tags_by_name[name] for name in names & tags_by_name.keys()}
        column_tags = frozenset(tag for tags_of_name in matched.values() for tag in tags_of_name)
        rule = next((rule for rule in policy.rules if rule.matches(names, column_tags)), None)
        if rule is None:
            untreated = sorted(map(str, column_tags & policy.tagged))
            if untreated:
                failures.append(
                    failed(
                        "GS-COL-001",
                        f"column {column.text} of {sink}",
                        found=f"{', '.join(untreated)}, and no action",
                        required="drop, mask, tokenise or encrypt for every tagged column",
                        fix=f"add a rule for {column.text} to the column policy {policy.name}",
                    )
                )
            continue
        if rule.tag is None:
            name = normalize_name(rule.column)
        else:
            tagged_names = (name for name, tags_of_name in matched.items() if rule.tag in tags_of_name)
            name = min(tagged_names, key=lambda tagged_name: (-len(tagged_name), tagged_name))
        decision = ColumnDecision(column, rule, name)
        decisions.append(decision)
        decided.append(column.path)
        failures += _check_action(decision, sink)
    failures += _check_error_texts(schema, decided, sink)
    return tuple(decisions), failures or [passed("GS-COL-001", sink, f"{len(decisions)} columns protected")]


def names_of(path: Sequence[str]) -> frozenset[str]:
    """Return every name (``email``) and every path from the top (``address.street``) that a column matches.

    Names and paths of its parents are included: a rule for ``address`` matches ``address.street``.
    """
    parts = [part for name in path for part in map(normalize_name, normalize_name(name).split(".")) if part]
    original = [part for part in parts if part not in _DERIVED_PARTS]
    chains = (parts, original, [_without_choice_type(part) for part in original])
    names = {part for chain in chains for part in chain}
    names |= {".".join(chain[:end]) for chain in chains for end in range(2, len(chain) + 1)}
    return frozenset(names)


def _without_choice_type(part: str) -> str:
    stem, _, kind = part.rpartition("_")
    return stem if stem and kind in _CHOICE_TYPES else part


def _check_action(decision: ColumnDecision, sink: str) -> list[Finding]:
    """Return a FAIL of GS-COL-003 if the action cannot be applied to the column."""
    column, action = decision.column, decision.rule.action
    if column.inside_repeated:
        found = f"{action.value} inside an array or a map"
        fix = "name the whole array, or flatten it first"
    elif action.needs_key and column.shape is not ColumnShape.VALUE:
        found, fix = f"{action.value} of a {column.shape.value}", "name its fields, or use drop or mask"
    else:
        return []
    return [
        failed(
            "GS-COL-003",
            f"column {column.text} of {sink}",
            found=found,
            required="an action that can be applied to every value of the column",
            fix=fix,
        )
    ]


def _check_error_texts(
    schema: Sequence[SchemaColumn], decided: Iterable[tuple[str, ...]], sink: str
) -> list[Finding]:
    """Return a FAIL of GS-COL-003 for each text of failed records that has no rule."""
    decided = list(decided)
    siblings: dict[tuple[str, ...], dict[str, SchemaColumn]] = {}
    for column in schema:
        *parent, name = normalize_name(column.text).split(".")
        siblings.setdefault(tuple(parent), {})[name] = column
    return [
        failed(
            "GS-COL-003",
            f"column {columns[name].text} of {sink}",
            found="failed records, as text, under a column policy",
            required="a rule for the whole text, because columns inside it cannot be matched by name",
            fix=f"drop or encrypt {columns[name].text}, by a rule of the column policy or in the script",
        )
        for columns in siblings.values()
        if columns.keys() >= _ERROR_RECORD
        for name in sorted(_ERROR_TEXTS)
        if columns[name].shape is ColumnShape.VALUE
        and not any(columns[name].path[: len(path)] == path for path in decided)
    ]
