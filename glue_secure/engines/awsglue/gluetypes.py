"""Glue's types in Glue: awsglue's own, because its frames hand them out."""

from __future__ import annotations

from typing import Any

from awsglue import gluetypes as theirs


def __getattr__(name: str) -> Any:
    return getattr(theirs, name)
