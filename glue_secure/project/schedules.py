"""Schedules of triggers and crawlers, as AWS Glue accepts them.

https://docs.aws.amazon.com/glue/latest/dg/monitor-data-warehouse-schedule.html
"""

from __future__ import annotations

import re

from glue_secure.core.errors import UsageError

EXAMPLE = "cron(0 3 * * ? *)"
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minutes", 0, 59, ()),
    ("hours", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 1, 7, _DAYS),
    ("year", 1970, 2199, ()),
)
_DAY_OF_MONTH, _DAY_OF_WEEK = 2, 4


def check_schedule(text: str) -> None:
    """Require a schedule of AWS with six fields whose values are in range.

    Raises:
        UsageError: The text is not such a schedule. ``required`` has an example.
    """
    form = re.match(r"cron\(([^()]+)\)\Z", text)
    fields = form[1].upper().split() if form else []
    if len(fields) != len(_FIELDS):
        found = f"{text!r}, with {len(fields)} fields" if form else repr(text)
        raise _invalid(found, "six fields: minutes, hours, day of the month, month, day of the week, year")
    if (fields[_DAY_OF_MONTH] == "?") == (fields[_DAY_OF_WEEK] == "?"):
        raise _invalid(repr(text), "? for either the day of the month or the day of the week")
    for position, value in enumerate(fields):
        if not _is_valid(position, value):
            name, least, most, names = _FIELDS[position]
            values = f"{least} to {most}" + (f" or {names[0]} to {names[-1]}" if names else "")
            raise _invalid(f"{text!r}, whose field for {name} is {value!r}", f"{name} of {values}")


def _invalid(found: str, rule: str) -> UsageError:
    return UsageError("schedule", found=found, required=f"a schedule in UTC like {EXAMPLE}, with {rule}")


def _is_valid(position: int, field: str) -> bool:
    if field == "?":
        return position in (_DAY_OF_MONTH, _DAY_OF_WEEK)
    return all(_is_part(position, part) for part in field.split(","))


def _is_part(position: int, part: str) -> bool:
    """Return whether one part of a list is a value, a range, or one of these with a step."""
    _, least, most, names = _FIELDS[position]

    def number(text: str) -> int | None:
        if text in names:
            return names.index(text) + least
        value = int(text) if re.fullmatch(r"[0-9]{1,4}", text) else -1
        return value if least <= value <= most else None

    if position == _DAY_OF_MONTH and (
        part in ("L", "LW") or (part.endswith("W") and number(part[:-1]) is not None)
    ):
        return True
    if position == _DAY_OF_WEEK:
        day, _, week = part.partition("#")
        if part == "L" or (part.endswith("L") and number(part[:-1]) is not None):
            return True
        if week:
            return number(day) is not None and week in ("1", "2", "3", "4", "5")
    base, slash, step = part.partition("/")
    if slash and not (re.fullmatch(r"[0-9]{1,4}", step) and 1 <= int(step) <= most):
        return False
    if base == "*":
        return True
    first, dash, last = base.partition("-")
    # AWS does not document whether a range may pass the end, as FRI-MON does: AWS Glue decides.
    return number(first) is not None and (not dash or number(last) is not None)
