"""Column functions in Glue: awsglue's own. They access no data."""

from __future__ import annotations

from typing import Any

from awsglue import functions as awsglue_functions


def __getattr__(name: str) -> Any:
    return getattr(awsglue_functions, name)
