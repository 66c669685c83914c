"""Comparison of frames in tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def assert_rows(frame: DataFrame, *expected: Mapping[str, Any]) -> None:
    """Raise AssertionError unless a frame has these rows, in any order, and no other columns.

    Args:
        frame: a DataFrame or DynamicFrame.
        expected: column → value, for each row. Rows that occur twice are given twice.
    """
    found = Counter(map(_row, (row.asDict(recursive=True) for row in frame.collect())))
    wanted = Counter(map(_row, expected))
    lines = [f"missing:    {row}" for row in (wanted - found).elements()]
    lines += [f"unexpected: {row}" for row in (found - wanted).elements()]
    if lines:
        raise AssertionError("the rows differ\n" + "\n".join(sorted(lines)))


def _row(values: Mapping[str, Any]) -> str:
    return repr(dict(sorted(values.items())))
