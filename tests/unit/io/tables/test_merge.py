"""The MERGE statement of ``job.write.merge``."""

from __future__ import annotations

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.io.tables.merge import Merge

TABLE, FRAME = ("id", "name", "Total"), ("ID", "name", "total", "op")


def statement(**options):
    return Merge(**{"on": ("id",), **options}).statement("c.db.t", "v", TABLE, FRAME).split("\n")


def test_by_default_common_columns_are_updated_or_inserted():
    assert statement() == [
        "MERGE INTO c.db.t AS target USING `v` AS source ON target.`id` = source.`id`",
        "WHEN MATCHED THEN UPDATE SET target.`name` = source.`name`, target.`Total` = source.`Total`",
        "WHEN NOT MATCHED THEN INSERT (`id`, `name`, `Total`) "
        "VALUES (source.`id`, source.`name`, source.`Total`)",
    ]


def test_rows_to_delete_are_deleted_and_never_inserted():
    _, deletion, update, insertion = statement(delete_when="source.op = 'D'")
    assert deletion == "WHEN MATCHED AND (source.op = 'D') THEN DELETE"
    assert update.startswith("WHEN MATCHED THEN UPDATE")
    assert insertion.startswith("WHEN NOT MATCHED AND NOT coalesce((source.op = 'D'), false) THEN INSERT")


def test_expressions_of_columns():
    _, update, insertion = statement(
        when_matched={"total": "target.total + source.total"}, when_not_matched={"id": "source.id"}
    )
    assert update == "WHEN MATCHED THEN UPDATE SET target.`total` = target.total + source.total"
    assert insertion == "WHEN NOT MATCHED THEN INSERT (`id`) VALUES (source.id)"


@pytest.mark.parametrize(
    ("options", "actions"),
    [
        ({"when_matched": "ignore"}, ["WHEN NOT MATCHED"]),
        ({"when_not_matched": "ignore"}, ["WHEN MATCHED THEN UPDATE"]),
        ({"when_matched": "delete", "when_not_matched": "ignore"}, ["WHEN MATCHED THEN DELETE"]),
        ({"on": ("id", "name", "Total"), "when_not_matched": "insert"}, ["WHEN NOT MATCHED"]),
    ],
    ids=["insert only", "update only", "delete only", "keys only"],
)
def test_actions(options, actions):
    lines = statement(**options)[1:]
    assert len(lines) == len(actions)
    assert all(line.startswith(action) for line, action in zip(lines, actions, strict=True))


def test_names_with_back_quotes_are_quoted():
    text = Merge(("a`b",)).statement("t", "v", ("a`b", "c"), ("a`b", "c"))
    assert "target.`a``b` = source.`a``b`" in text


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"on": ()}, "no column"),
        ({"on": ("id",), "when_matched": "ignore", "when_not_matched": "ignore"}, "ignore"),
    ],
    ids=["no key", "no action"],
)
def test_a_merge_without_effect_is_rejected(options, found):
    with pytest.raises(UsageError, match=found):
        Merge(**options)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"on": ("op",)}, "column 'op', which the table does not have"),
        ({"on": ("id",), "when_matched": {"op": "1"}}, "columns that the table does not have: op"),
        ({"on": ("id",), "when_not_matched": {"op": "1"}}, "columns that the table does not have: op"),
    ],
    ids=["key", "update", "insert"],
)
def test_a_column_that_does_not_exist_is_rejected(options, found):
    with pytest.raises(UsageError, match=found):
        Merge(**options).check_columns("db.t", TABLE, FRAME)


def test_a_key_that_the_frame_does_not_have_is_rejected():
    with pytest.raises(UsageError, match="'name', which the frame does not have"):
        Merge(("name",)).check_columns("db.t", TABLE, ("id",))
