"""What every part of a DynamicFrame stands on: its table, its errors, and how a step makes the next frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue

if TYPE_CHECKING:
    from glue_secure.dynamicframe.emulation.frame import DynamicFrame


class FrameBase:
    """A table with a name and a context.

    Args:
        frame: a :class:`Table`, or a ``pyspark.sql.DataFrame``.
        glue_ctx: the GlueContext it belongs to.
        name: the frame's name.

    Attributes:
        table: the frame as a value.
        glue_ctx: the context.
        name: the name.
    """

    def __init__(self, frame: Any, glue_ctx: Any, name: str = "") -> None:
        self.table: Table = frame if isinstance(frame, Table) else Table.of(frame)
        self.glue_ctx, self.name = glue_ctx, name
        self._stage_errors: tuple[Any, ...] = self.table.errors
        self._thresholds = (0, 0)

    def errorsAsDynamicFrame(self) -> DynamicFrame:
        """The records that failed on the way to this frame, oldest step first.

        Returns:
            A frame of one column, ``error``: a struct of ``callsite`` (``site``, ``info``), ``msg``,
            ``stackTrace``, ``input``, ``bytesread``, ``source`` and ``dynamicRecord`` (the record).
        """
        from glue_secure.dynamicframe.frames import errors

        return self._new(errors.as_table(self.table), self.name)

    def errorsCount(self) -> int:
        """How many records failed up to and including this step; runs a Spark job when any step lost some."""
        from glue_secure.dynamicframe.frames import errors

        return errors.count(self.table.errors)

    def stageErrorsCount(self) -> int:
        """How many records failed in the step that made this frame."""
        from glue_secure.dynamicframe.frames import errors

        return errors.count(self._stage_errors)

    def assertErrorThreshold(self) -> None:
        """Compute the errors and raise when the step's thresholds are reached.

        Raises:
            ErrorThresholdReached: so many records failed.
        """
        from glue_secure.dynamicframe.frames import errors

        errors.check(self._stage_errors, self.table.errors, *self._thresholds)

    def _new(self, table: Table, name: str) -> DynamicFrame:
        from glue_secure.dynamicframe.emulation.frame import DynamicFrame

        return DynamicFrame(table, self.glue_ctx, name)

    def _step(
        self,
        table: Table,
        stageThreshold: int,
        totalThreshold: int,
        *,
        name: str | None = None,
        others: Iterable[Table] = (),
    ) -> DynamicFrame:
        """The frame that a step made of this one (and of ``others``), its thresholds checked at once."""
        frame = self._new(table, self.name if name is None else name)
        before = [error for one in (self.table, *others) for error in one.errors]
        frame._stage_errors = tuple(e for e in table.errors if not any(e is old for old in before))
        frame._thresholds = (_threshold(stageThreshold), _threshold(totalThreshold))
        if any(frame._thresholds):
            frame.assertErrorThreshold()
        return frame


def paths_of(paths: Any, what: str) -> list[str]:
    """Glue takes one path or a list of them."""
    chosen = [paths] if isinstance(paths, str) else list(paths)
    if not all(isinstance(path, str) for path in chosen):
        raise UsageError(what, found="a path that is no text", required="one path, or a list of paths")
    return chosen


def options_of(options: Mapping[str, Any] | None, known: Iterable[str], what: str) -> dict[str, Any]:
    """The options, all of them known."""
    chosen = dict(options or {})
    unknown = sorted(set(chosen) - set(known))
    if unknown:
        raise UsageError(what, found=", ".join(unknown), required=", ".join(sorted(known)) or "no options")
    return chosen


def frame_of(other: Any, what: str) -> DynamicFrame:
    """The other frame of a step that takes two."""
    from glue_secure.dynamicframe.emulation.frame import DynamicFrame

    if not isinstance(other, DynamicFrame):
        raise UsageError(
            what, found=type(other).__name__, required="a DynamicFrame", fix="DynamicFrame.fromDF(df, ctx)"
        )
    return other


def given_schema(schema: Any, what: str) -> glue.StructType:
    """A copy of the schema, which its owner may add to, or why it is none."""
    if not isinstance(schema, glue.StructType):
        raise UsageError(
            what,
            found=type(schema).__name__,
            required="a StructType of glue_secure.gluetypes",
        )
    return deepcopy(schema)


def _threshold(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UsageError(
            "stageThreshold, totalThreshold",
            found=repr(value),
            required="a number of errors; 0 for never",
        )
    return value
