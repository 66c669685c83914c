"""Replace a check by one that leaves out the findings of a control."""

from __future__ import annotations

import dataclasses
import importlib
import sys
from types import GeneratorType
from typing import Any

import pytest

from glue_secure.core.findings import Finding


def without(control: str, result: Any) -> Any:
    """Return a check's result without the findings of a control."""
    if isinstance(result, Finding):
        return None if result.control == control else result
    if isinstance(result, GeneratorType):
        return [item for item in result if not isinstance(item, Finding) or item.control != control]
    if isinstance(result, list) or type(result) is tuple:
        items = [(item, without(control, item)) for item in result]
        return type(result)(new for old, new in items if new is not None or not isinstance(old, Finding))
    if dataclasses.is_dataclass(result) and "findings" in {
        field.name for field in dataclasses.fields(result)
    }:
        return dataclasses.replace(result, findings=without(control, result.findings))
    return result


def remove_findings(monkeypatch: pytest.MonkeyPatch, check: str, control: str) -> None:
    """Replace a check, wherever it is imported, by one that leaves out the findings of a control."""
    module, _, path = check.partition(":")
    owner: Any = importlib.import_module(module)
    *classes, name = path.split(".")
    for part in classes:
        owner = vars(owner)[part]
    function = vars(owner)[name]

    def weakened(*arguments: Any, **options: Any) -> Any:
        return without(control, function(*arguments, **options))

    monkeypatch.setattr(owner, name, weakened)
    for loaded in [module for key, module in sys.modules.items() if key.startswith("glue_secure")]:
        for attribute in [key for key, value in vars(loaded).items() if value is function]:
            monkeypatch.setattr(loaded, attribute, weakened)
