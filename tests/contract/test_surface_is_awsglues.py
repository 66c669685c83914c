"""The names of docs/surface.md are awsglue's public names: all of them, and no other."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytest.importorskip("awsglue", reason="AWSGlueDataplanePython is made for Python 3.11 alone")


def load():
    spec = importlib.util.spec_from_file_location("surface", ROOT / "tools" / "surface.py")
    module = sys.modules["surface"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SURFACE = load()
SECTIONS = {section.title: section for section in SURFACE.sections(ROOT)}


def public_names(place):
    """What a class defines itself, or a module and its submodules define, without a leading underscore."""
    module_name, _, class_name = place.partition(":")
    module = importlib.import_module(module_name)
    if class_name:
        kinds = (classmethod, staticmethod, property)
        members = vars(getattr(module, class_name)).items()
        return {n for n, v in members if not n.startswith("_") and (callable(v) or isinstance(v, kinds))}
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__.startswith(module_name)
    }


@pytest.mark.parametrize("title", SECTIONS)
def test_every_public_name_has_a_row_and_no_row_is_made_up(title):
    section = SECTIONS[title]
    assert {row.name for row in section.rows} == public_names(section.theirs)


def test_every_class_of_the_doors_has_a_section():
    places = {section.theirs for section in SECTIONS.values()}
    for module in ("context", "dynamicframe", "data_source", "streaming_data_source", "data_sink", "job"):
        name = f"awsglue.{module}"
        for found in public_names(name):
            if inspect.isclass(getattr(importlib.import_module(name), found)) and found != "ResolveOption":
                assert f"{name}:{found}" in places
    assert {"awsglue.transforms", "awsglue.gluetypes", "awsglue.utils"} <= places
    assert {"awsglue.dataframereader:DataFrameReader", "awsglue.dataframewriter:DataFrameWriter"} <= places


def test_there_are_22_transforms():
    from awsglue.transforms import ALL_TRANSFORMS

    named = {row.name for row in SECTIONS["Transforms"].rows}
    assert len(ALL_TRANSFORMS) == 22
    assert {transform.__name__ for transform in ALL_TRANSFORMS} <= named
