"""docs/surface.md lists exactly awsglue's public names."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytest.importorskip("awsglue", reason="AWSGlueDataplanePython is made for Python 3.11 and 3.13 alone")


def load():
    spec = importlib.util.spec_from_file_location("surface", ROOT / "tools" / "surface.py")
    module = sys.modules["surface"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SURFACE = load()
SECTIONS = {section.title: section for section in SURFACE.sections(ROOT)}


def public_names(location):
    """Return the names that a class defines, or a module and its submodules, without a leading underscore."""
    module_name, _, class_name = location.partition(":")
    module = importlib.import_module(module_name)
    if class_name:
        descriptors = (classmethod, staticmethod, property)
        return {
            name
            for name, member in vars(getattr(module, class_name)).items()
            if not name.startswith("_") and (callable(member) or isinstance(member, descriptors))
        }
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__.startswith(module_name)
    }


@pytest.mark.parametrize("title", SECTIONS)
def test_the_table_lists_exactly_awsglues_public_names(title):
    section = SECTIONS[title]
    assert {row.name for row in section.rows} == public_names(section.awsglue)


def test_every_class_of_the_awsglue_api_has_a_section():
    locations = {section.awsglue for section in SECTIONS.values()}
    for module in ("context", "dynamicframe", "data_source", "streaming_data_source", "data_sink", "job"):
        name = f"awsglue.{module}"
        for member in public_names(name):
            if inspect.isclass(getattr(importlib.import_module(name), member)) and member != "ResolveOption":
                assert f"{name}:{member}" in locations
    assert {"awsglue.transforms", "awsglue.gluetypes", "awsglue.utils"} <= locations
    assert {"awsglue.dataframereader:DataFrameReader", "awsglue.dataframewriter:DataFrameWriter"} <= locations


def test_every_transform_of_awsglue_is_listed():
    from awsglue.transforms import ALL_TRANSFORMS

    names = {row.name for row in SECTIONS["Transforms"].rows}
    assert {transform.__name__ for transform in ALL_TRANSFORMS} <= names
