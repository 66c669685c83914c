"""Column functions in Glue: awsglue's own. They read and write nothing."""

from __future__ import annotations

from typing import Any

from awsglue import functions as theirs


def __getattr__(name: str) -> Any:
    return getattr(theirs, name)
