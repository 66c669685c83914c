"""Under which names a rule or a tag meets a column, whatever a transform has made of its name.

Names that Glue's transforms make from a column's name still mean that column: ``address.street`` of unnest,
``items.val.sku`` of relationalize, ``phone.string`` and ``phone_string`` of a choice's alternatives.
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-dynamic-frame.html
"""

from __future__ import annotations

from collections.abc import Sequence

from glue_secure.core.columns import plain

# Types that a choice may have, as names of its alternatives. "date" and "timestamp" end ordinary names too
# (birth_date), so that a column of make_cols with one of those is a name of its own.
_ALTERNATIVES = ("array", "binary", "boolean", "byte", "decimal", "double", "float", "int", "long", "map",
                 "short", "string", "struct")  # fmt: skip
_STEPS_BETWEEN = frozenset((*_ALTERNATIVES, "date", "timestamp", "val"))


def known_as(path: Sequence[str]) -> frozenset[str]:
    """Every name, ``email``, and every path from the top, ``address.street``, that the column answers to.

    Those of what stands above it are among them: who names ``address`` means the column ``address.street``.
    """
    steps = _steps(path)
    bare = [step for step in steps if step not in _STEPS_BETWEEN]
    chains = (steps, bare, [_without_type(step) for step in bare])
    names = {step for chain in chains for step in chain}
    names |= {".".join(chain[:end]) for chain in chains for end in range(2, len(chain) + 1)}
    return frozenset(names)


def _steps(path: Sequence[str]) -> list[str]:
    return [step for name in path for step in map(plain, plain(name).split(".")) if step]


def _without_type(step: str) -> str:
    stem, _, kind = step.rpartition("_")
    return stem if stem and kind in _ALTERNATIVES else step
