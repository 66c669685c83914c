"""Glue's types in Glue: awsglue's own, because awsglue's frames return them."""

from __future__ import annotations

from typing import Any

from awsglue import gluetypes as awsglue_gluetypes


def __getattr__(name: str) -> Any:
    return getattr(awsglue_gluetypes, name)
