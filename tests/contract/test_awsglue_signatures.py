"""Every public class and method of awsglue 5.1 exists here, with the same parameters.

Names, order, kinds and defaults are compared with the official Python side of awsglue. A mutable default of
awsglue (``{}``) is None here.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from importlib.metadata import version

import pytest

pytest.importorskip("awsglue", reason="AWSGlueDataplanePython is made for Python 3.11 and 3.13 alone")

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
# Created by the context, never by a script, so their constructors may differ.
MADE_BY_THE_CONTEXT = {"DynamicFrame", "DataSource", "DataSink"}
# Methods that need Glue's JVM, with the reason.
NOT_IN_PLAIN_SPARK = {
    ("GlueContext", "convert_resolve_option"): "makes an object of Glue's JVM",
}
RUNTIMES = ("spark", "glue")


def test_the_installed_awsglue_has_the_expected_version():
    expected = {(3, 11): "5.1.0", (3, 13): "6.0.0"}[sys.version_info[:2]]
    assert version("AWSGlueDataplanePython") == expected


def parameters_of(function):
    """Return name, kind and default of each parameter, without ``self``."""
    parameters = list(inspect.signature(function).parameters.values())
    if parameters and parameters[0].name in ("self", "cls"):
        parameters = parameters[1:]
    return [(parameter.name, parameter.kind, _default(parameter.default)) for parameter in parameters]


def _default(value):
    if value is inspect.Parameter.empty:
        return "required"
    # awsglue's default element type of a collection is one shared UnknownType().
    return None if value in ({}, [], ()) or type(value).__name__ == "UnknownType" else value


def public_methods(kind):
    """Return the public methods that the class itself defines."""
    return sorted(
        name
        for name, member in vars(kind).items()
        if not name.startswith("_") and (callable(member) or isinstance(member, (classmethod, staticmethod)))
    )


def methods():
    for name, (awsglue_module, _) in CLASSES.items():
        for method in public_methods(getattr(importlib.import_module(awsglue_module), name)):
            for runtime in RUNTIMES:
                if runtime == "glue" or (name, method) not in NOT_IN_PLAIN_SPARK:
                    yield pytest.param(runtime, name, method, id=f"{runtime}-{name}.{method}")


def both(name, runtime, monkeypatch):
    monkeypatch.setenv("GLUE_SECURE_RUNTIME", runtime)
    awsglue_module, module = CLASSES[name]
    awsglue_class = getattr(importlib.import_module(awsglue_module), name)
    return awsglue_class, getattr(importlib.import_module(module), name)


@pytest.mark.parametrize(("runtime", "name", "method"), list(methods()))
def test_a_method_has_awsglues_parameters(runtime, name, method, monkeypatch):
    awsglue_class, ours = both(name, runtime, monkeypatch)
    assert hasattr(ours, method), f"{name}.{method} is missing"
    assert parameters_of(getattr(ours, method)) == parameters_of(getattr(awsglue_class, method))


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", sorted(set(CLASSES) - MADE_BY_THE_CONTEXT))
def test_a_constructor_has_awsglues_parameters(runtime, name, monkeypatch):
    awsglue_class, ours = both(name, runtime, monkeypatch)
    assert parameters_of(ours.__init__) == parameters_of(awsglue_class.__init__)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_transform_has_awsglues_parameters(runtime, name, monkeypatch):
    monkeypatch.setenv("GLUE_SECURE_RUNTIME", runtime)
    awsglue_class = getattr(importlib.import_module("awsglue.transforms"), name)
    ours = getattr(importlib.import_module("glue_secure.transforms"), name)
    assert parameters_of(ours.__call__) == parameters_of(awsglue_class.__call__)
    assert callable(ours.apply)
    assert ours.name() == name


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_type_has_awsglues_constructor_parameters(runtime, monkeypatch):
    monkeypatch.setenv("GLUE_SECURE_RUNTIME", runtime)
    awsglue_class = importlib.import_module("awsglue.gluetypes")
    ours = importlib.import_module("glue_secure.gluetypes")
    names = set(ours.__all__) - {"DynamicRecord"}  # a dict, made as any dict
    assert len(names) >= 26
    different = {
        name: (parameters_of(getattr(ours, name)), parameters_of(getattr(awsglue_class, name)))
        for name in names
        if parameters_of(getattr(ours, name)) != parameters_of(getattr(awsglue_class, name))
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
    awsglue_class, ours = (
        getattr(TYPES, name),
        getattr(importlib.import_module("glue_secure.gluetypes"), name),
    )
    methods = public_methods(awsglue_class)
    assert [parameters_of(getattr(ours, method)) for method in methods] == [
        parameters_of(getattr(awsglue_class, method)) for method in methods
    ]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_get_resolved_options_has_awsglues_parameters_and_allow_abbrev(runtime, monkeypatch):
    monkeypatch.setenv("GLUE_SECURE_RUNTIME", runtime)
    ours = importlib.import_module("glue_secure.utils").getResolvedOptions
    awsglue_class = importlib.import_module("awsglue.utils").getResolvedOptions
    extra = ("allow_abbrev", inspect.Parameter.POSITIONAL_OR_KEYWORD, False)
    theirs = parameters_of(awsglue_class)
    assert parameters_of(ours) == (theirs if extra in theirs else [*theirs, extra])
    assert (extra in theirs) is (version("AWSGlueDataplanePython") >= "6")


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_the_adapters_classes_are_subclasses_of_awsglues(name, monkeypatch):
    awsglue_class, ours = both(name, "glue", monkeypatch)
    assert issubclass(ours, awsglue_class)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_the_adapters_transforms_are_subclasses_of_awsglues(name, monkeypatch):
    monkeypatch.setenv("GLUE_SECURE_RUNTIME", "glue")
    ours = getattr(importlib.import_module("glue_secure.transforms"), name)
    assert issubclass(ours, getattr(importlib.import_module("awsglue.transforms"), name))
