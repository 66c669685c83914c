"""Every public class and method of awsglue 5.1 that a script can call is here, with the same parameters.

Compared with the official Python side of awsglue: names, order, kinds and defaults, ``{}`` being as good as
None (a mutable default of theirs is None here). Docstrings and code are nobody's business.
"""

from __future__ import annotations

import importlib
import inspect
from importlib.metadata import version

import pytest

pytest.importorskip("awsglue", reason="AWSGlueDataplanePython is made for Python 3.11 alone")

CLASSES = {
    "GlueContext": ("awsglue.context", "glue_secure.context"),
    "DynamicFrame": ("awsglue.dynamicframe", "glue_secure.dynamicframe"),
    "DynamicFrameCollection": ("awsglue.dynamicframe", "glue_secure.dynamicframe"),
    "DynamicFrameReader": ("awsglue.dynamicframe", "glue_secure.dynamicframe"),
    "DynamicFrameWriter": ("awsglue.dynamicframe", "glue_secure.dynamicframe"),
    "ResolveOption": ("awsglue.dynamicframe", "glue_secure.dynamicframe"),
    "DataSource": ("awsglue.data_source", "glue_secure.data_source"),
    "DataSink": ("awsglue.data_sink", "glue_secure.data_sink"),
    "Job": ("awsglue.job", "glue_secure.job"),
}
TRANSFORMS = sorted(importlib.import_module("awsglue.transforms").__all__)
# Made by the context, never by a script; their own arguments are the runtime's.
MADE_BY_THE_CONTEXT = {"DynamicFrame", "DataSource", "DataSink"}
# Of theirs, what only their own JVM could answer, with the reason.
NOT_IN_PLAIN_SPARK = {
    ("GlueContext", "convert_resolve_option"): "makes an object of Glue's JVM",
}
RUNTIMES = ("spark", "glue")


def test_the_installed_awsglue_has_the_expected_version():
    assert version("AWSGlueDataplanePython") == "5.1.0"


def shape(function):
    """Parameters without ``self``: name, kind, default."""
    found = list(inspect.signature(function).parameters.values())
    if found and found[0].name in ("self", "cls"):
        found = found[1:]
    return [(one.name, one.kind, _default(one.default)) for one in found]


def _default(value):
    if value is inspect.Parameter.empty:
        return "required"
    # UnknownType() is what a collection holds when nobody says: theirs makes one, shared by all.
    return None if value in ({}, [], ()) or type(value).__name__ == "UnknownType" else value


def public_methods(kind):
    """Public methods that the class itself defines."""
    return sorted(
        name
        for name, member in vars(kind).items()
        if not name.startswith("_") and (callable(member) or isinstance(member, (classmethod, staticmethod)))
    )


def methods():
    for name, (home, _) in CLASSES.items():
        for method in public_methods(getattr(importlib.import_module(home), name)):
            for runtime in RUNTIMES:
                if runtime == "glue" or (name, method) not in NOT_IN_PLAIN_SPARK:
                    yield pytest.param(runtime, name, method, id=f"{runtime}-{name}.{method}")


def both(name, runtime, monkeypatch):
    monkeypatch.setenv("GLUE_SECURE_RUNTIME", runtime)
    home, door = CLASSES[name]
    return getattr(importlib.import_module(home), name), getattr(importlib.import_module(door), name)


@pytest.mark.parametrize(("runtime", "name", "method"), list(methods()))
def test_a_method_has_awsglues_parameters(runtime, name, method, monkeypatch):
    theirs, ours = both(name, runtime, monkeypatch)
    assert hasattr(ours, method), f"{name}.{method} is missing"
    assert shape(getattr(ours, method)) == shape(getattr(theirs, method))


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", sorted(set(CLASSES) - MADE_BY_THE_CONTEXT))
def test_a_constructor_has_awsglues_parameters(runtime, name, monkeypatch):
    theirs, ours = both(name, runtime, monkeypatch)
    assert shape(ours.__init__) == shape(theirs.__init__)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_transform_has_awsglues_parameters(runtime, name, monkeypatch):
    monkeypatch.setenv("GLUE_SECURE_RUNTIME", runtime)
    theirs = getattr(importlib.import_module("awsglue.transforms"), name)
    ours = getattr(importlib.import_module("glue_secure.transforms"), name)
    assert shape(ours.__call__) == shape(theirs.__call__)
    assert callable(ours.apply)
    assert ours.name() == name


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_type_has_awsglues_constructor_parameters(runtime, monkeypatch):
    monkeypatch.setenv("GLUE_SECURE_RUNTIME", runtime)
    theirs = importlib.import_module("awsglue.gluetypes")
    ours = importlib.import_module("glue_secure.gluetypes")
    names = set(ours.__all__) - {"DynamicRecord"}  # a dict, made as any dict
    assert len(names) >= 26
    different = {
        name: (shape(getattr(ours, name)), shape(getattr(theirs, name)))
        for name in names
        if shape(getattr(ours, name)) != shape(getattr(theirs, name))
    }
    assert different == {}
    assert issubclass(ours.DynamicRecord, dict)


TYPES = importlib.import_module("awsglue.gluetypes")
TYPE_CLASSES = sorted(
    name for name, kind in vars(TYPES).items() if inspect.isclass(kind) and kind.__module__ == TYPES.__name__
)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", TYPE_CLASSES)
def test_the_methods_of_a_type_have_awsglues_parameters(runtime, name, monkeypatch):
    monkeypatch.setenv("GLUE_SECURE_RUNTIME", runtime)
    theirs, ours = getattr(TYPES, name), getattr(importlib.import_module("glue_secure.gluetypes"), name)
    methods = public_methods(theirs)
    assert [shape(getattr(ours, method)) for method in methods] == [
        shape(getattr(theirs, method)) for method in methods
    ]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_get_resolved_options_has_awsglues_parameters_and_allow_abbrev(runtime, monkeypatch):
    monkeypatch.setenv("GLUE_SECURE_RUNTIME", runtime)
    ours = importlib.import_module("glue_secure.utils").getResolvedOptions
    theirs = importlib.import_module("awsglue.utils").getResolvedOptions
    extra = ("allow_abbrev", inspect.Parameter.POSITIONAL_OR_KEYWORD, False)
    assert shape(ours) == [*shape(theirs), extra]


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_the_adapters_classes_are_subclasses_of_awsglues(name, monkeypatch):
    theirs, ours = both(name, "glue", monkeypatch)
    assert issubclass(ours, theirs)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_the_adapters_transforms_are_subclasses_of_awsglues(name, monkeypatch):
    monkeypatch.setenv("GLUE_SECURE_RUNTIME", "glue")
    ours = getattr(importlib.import_module("glue_secure.transforms"), name)
    assert issubclass(ours, getattr(importlib.import_module("awsglue.transforms"), name))
