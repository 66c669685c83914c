"""TOML and JSON documents of users, with the line of each value.

Python's own TOML parser exists since 3.11. Python 3.10 needs the package tomli, which AWS Glue 4.0 does not
have, so JSON is accepted wherever TOML is.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

from glue_secure.core.document_lines import Path, json_lines, toml_lines
from glue_secure.core.errors import UsageError
from glue_secure.core.json_documents import DuplicateNameError, depth_as_value_error, load_json

_AT_LINE = re.compile(r"line (\d+)")


def load_document(text: str, name: str, *, as_json: bool) -> tuple[dict[str, Any], dict[Path, int]]:
    """Return a parsed document, and the line of each table and key.

    Args:
        text: TOML, or JSON with the same structure.
        name: of the document in messages.
        as_json: whether the text is JSON.

    Raises:
        UsageError: the text is invalid, and the message has the line; or this Python cannot read TOML.
    """
    loads = load_json if as_json else toml_parser(name)
    try:
        with depth_as_value_error():
            document = loads(text)
    except DuplicateNameError as error:
        raise UsageError(name, found=str(error), required="unique names") from None
    except ValueError as error:
        match = _AT_LINE.search(str(error))
        line = match[1] if match else text.count("\n") + 1  # an error without a line is at the end
        required = "JSON" if as_json else "TOML"
        raise UsageError(f"{name}:{line}", found=str(error), required=required) from None
    if not isinstance(document, dict):
        raise UsageError(name, found=type(document).__name__, required="an object")
    return document, json_lines(text) if as_json else toml_lines(text)


def toml_parser(name: str) -> Callable[[str], Any]:
    """Return the function that parses TOML.

    Args:
        name: of the document in messages.

    Raises:
        UsageError: Python 3.10 without tomli.
    """
    for module in ("tomllib", "tomli"):
        with contextlib.suppress(ModuleNotFoundError):
            loads: Callable[[str], Any] = import_module(module).loads
            return loads
    raise UsageError(
        name, found="TOML, which Python 3.10 reads with tomli, and tomli is not installed", required="JSON"
    )
