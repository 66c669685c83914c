"""The MERGE statement of ``job.write.merge``, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import quoted

WhenMatched = Literal["update", "delete", "ignore"] | Mapping[str, str]
WhenNotMatched = Literal["insert", "ignore"] | Mapping[str, str]
TARGET, SOURCE = "target", "source"


@dataclass(frozen=True, slots=True)
class Merge:
    """What a merge does.

    Attributes:
        on: columns that identify a row, in the table and in the frame.
        when_matched: ``update`` every other column that the frame and the table have, ``delete`` the row,
            ``ignore`` it, or the SQL expression of each column to update, over ``source`` and ``target``.
        when_not_matched: ``insert`` the columns that the frame and the table have, ``ignore`` the row, or the
            SQL expression of each column to insert, over ``source``.
        delete_when: a SQL condition over ``source``: rows that meet it are deleted from the table if they
            match, and never inserted. ``""`` for none.
    """

    on: tuple[str, ...]
    when_matched: WhenMatched = "update"
    when_not_matched: WhenNotMatched = "insert"
    delete_when: str = ""

    def __post_init__(self) -> None:
        if not self.on:
            raise UsageError("job.write.merge", found="no column in on", required="on=['id', ...]")
        if self.when_matched == "ignore" and self.when_not_matched == "ignore" and not self.delete_when:
            raise UsageError(
                "job.write.merge",
                found="when_matched='ignore' and when_not_matched='ignore'",
                required="an action for one of them",
            )

    def check_columns(self, table: str, table_columns: Sequence[str], frame_columns: Sequence[str]) -> None:
        """Raise UsageError if a column that the merge names does not exist."""
        in_table = {name.lower() for name in table_columns}
        in_frame = {name.lower() for name in frame_columns}
        for name in self.on:
            for place, names in (("the table", in_table), ("the frame", in_frame)):
                if name.lower() not in names:
                    raise UsageError(
                        f"on of a merge into {table}",
                        found=f"column {name!r}, which {place} does not have",
                        required="columns of both",
                    )
        for action in (self.when_matched, self.when_not_matched):
            missing = [
                name for name in (() if isinstance(action, str) else action) if name.lower() not in in_table
            ]
            if missing:
                raise UsageError(
                    f"a merge into {table}",
                    found=f"columns that the table does not have: {', '.join(missing)}",
                    required=f"columns of the table: {', '.join(table_columns)}",
                )

    def statement(
        self, target: str, view: str, table_columns: Sequence[str], frame_columns: Sequence[str]
    ) -> str:
        """Return the statement.

        Args:
            target: the table as SQL names it.
            view: the temporary view of the frame.
            table_columns: the table's columns.
            frame_columns: the frame's columns.
        """
        in_frame = {name.lower() for name in frame_columns}
        common = [name for name in table_columns if name.lower() in in_frame]
        keys = {name.lower() for name in self.on}
        on = " AND ".join(f"{TARGET}.{quoted(name)} = {SOURCE}.{quoted(name)}" for name in self.on)
        lines = [f"MERGE INTO {target} AS {TARGET} USING {quoted(view)} AS {SOURCE} ON {on}"]
        if self.delete_when:
            lines.append(f"WHEN MATCHED AND ({self.delete_when}) THEN DELETE")
        if self.when_matched == "delete":
            lines.append("WHEN MATCHED THEN DELETE")
        elif self.when_matched != "ignore":
            changes = (
                {name: f"{SOURCE}.{quoted(name)}" for name in common if name.lower() not in keys}
                if isinstance(self.when_matched, str)
                else self.when_matched
            )
            if changes:  # a table of nothing but keys has nothing to update
                pairs = ", ".join(f"{TARGET}.{quoted(name)} = {value}" for name, value in changes.items())
                lines.append(f"WHEN MATCHED THEN UPDATE SET {pairs}")
        if self.when_not_matched != "ignore":
            values = (
                {name: f"{SOURCE}.{quoted(name)}" for name in common}
                if isinstance(self.when_not_matched, str)
                else self.when_not_matched
            )
            # A condition that is null does not keep a row from being inserted, as it does not delete one.
            condition = f" AND NOT coalesce(({self.delete_when}), false)" if self.delete_when else ""
            names, expressions = ", ".join(map(quoted, values)), ", ".join(values.values())
            # The expressions are the script's own SQL, like those that it gives to spark.sql.
            lines.append(f"WHEN NOT MATCHED{condition} THEN INSERT ({names}) VALUES ({expressions})")  # noqa: S608
        return "\n".join(lines)
