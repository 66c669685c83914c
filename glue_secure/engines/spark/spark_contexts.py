"""Which objects of Python stand for one SparkContext."""

from __future__ import annotations

from typing import Any


def is_same_context(one: Any, other: Any) -> bool:
    """Return whether two objects stand for one SparkContext.

    In ``glue_job.run_script``, ``SparkContext()`` is a second object for the context of the tests.
    """
    java = getattr(one, "_jsc", None)
    return one is other or (java is not None and java is getattr(other, "_jsc", None))
