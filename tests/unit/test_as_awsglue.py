"""``import awsglue`` gives glue-secure after ``import glue_secure.as_awsglue``."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import textwrap

import pytest


def python(code, runtime="spark", **environment):
    variables = {**os.environ, "GLUE_SECURE_RUNTIME": runtime, **environment}
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=variables,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_script_and_its_libraries_get_glue_secure(tmp_path):
    (tmp_path / "library.py").write_text("import awsglue.utils\nfrom awsglue.context import GlueContext\n")
    code = """
        import glue_secure.as_awsglue
        import glue_secure.context, glue_secure.dynamicframe
        from awsglue import DynamicFrame
        from awsglue.context import GlueContext
        from awsglue.transforms import *
        from awsglue.dynamicframe import DynamicFrame as Same
        import awsglue.dataframe_transforms, awsglue.gluetypes, awsglue.job, library, sys
        assert GlueContext is glue_secure.context.GlueContext is library.GlueContext
        assert DynamicFrame is Same is glue_secure.DynamicFrame
        assert ApplyMapping.__module__.startswith("glue_secure.")
        assert sys.modules["awsglue.context"] is glue_secure.context
        assert glue_secure.context.__spec__.name == "glue_secure.context"
        print("same")
    """
    assert python(code, PYTHONPATH=os.pathsep.join(["", str(tmp_path), *sys.path])) == "same\n"


@pytest.mark.parametrize("first", ["pass", "import glue_secure.as_awsglue"])
@pytest.mark.parametrize("runtime", ["spark", "glue"])
def test_the_modules_of_the_transforms_have_their_classes(first, runtime):
    package = "awsglue" if "as_awsglue" in first else "glue_secure"
    code = f"""
        {first}
        from {package}.transforms import *
        from {package}.transforms.apply_mapping import ApplyMapping as FromModule
        from {package}.transforms.dynamicframe_filter import Filter as FilterOfModule
        import {package}.transforms.relationalize
        import glue_secure.transforms
        assert FromModule is ApplyMapping is glue_secure.transforms.ApplyMapping
        assert FilterOfModule is Filter
        assert {package}.transforms.relationalize.Relationalize is Relationalize
        assert glue_secure.transforms.__spec__.name == "glue_secure.transforms"
        print("same")
    """
    if runtime == "glue" and importlib.util.find_spec("awsglue") is None:
        pytest.skip("awsglue is not installed")
    assert python(code, runtime) == "same\n"


def test_a_test_patches_names_of_awsglue():
    code = """
        import glue_secure.as_awsglue
        from unittest.mock import patch
        import awsglue.context
        with patch("awsglue.context.GlueContext") as context, patch("awsglue.utils.getResolvedOptions"):
            from awsglue.context import GlueContext
            assert GlueContext is context
        from awsglue.context import GlueContext
        print(GlueContext.__module__.partition(".")[0])
    """
    assert python(code) == "glue_secure\n"


@pytest.mark.parametrize("first", ["glue_secure.as_awsglue", "glue_secure.utils"])
@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("awsglue.blueprint", "blueprints"),
    ],
)
def test_what_is_not_served_is_an_import_error_with_the_reason(first, module, text):
    if first == "glue_secure.utils" and importlib.util.find_spec("awsglue") is None:
        pytest.skip("awsglue is not installed")
    code = f"""
        import {first}
        try:
            import {module}
        except ModuleNotFoundError as error:
            print(error)
    """
    assert text in python(code)


@pytest.mark.parametrize("first", ["glue_secure.as_awsglue", "glue_secure.utils"])
@pytest.mark.parametrize(
    ("package", "name"), [("awsgluedq", "EvaluateDataQuality"), ("awsglueml", "EntityDetector")]
)
def test_transforms_of_glues_other_packages_are_glue_secures(first, package, name):
    code = f"""
        import {first}
        from {package}.transforms import {name}
        import glue_secure.{package}.transforms
        assert {name} is glue_secure.{package}.transforms.{name}
        try:
            import {package}.other
        except ModuleNotFoundError as error:
            print(error.name)
    """
    assert python(code) == f"{package}.other\n"


def test_no_module_is_imported_twice_under_a_second_name():
    code = """
        import glue_secure.as_awsglue
        try:
            import awsglue.secure_job
        except ModuleNotFoundError as error:
            print(error)
    """
    assert "glue-secure replaces awsglue" in python(code)


def test_a_file_on_the_path_installs_it_when_awsglue_is_imported(tmp_path):
    (tmp_path / "awsglue.py").write_text("import glue_secure.as_awsglue\n")
    code = "from awsglue.job import Job\nimport awsglue\nprint(Job.__module__, awsglue.__name__)"
    path = os.pathsep.join([str(tmp_path), *sys.path])
    assert python(code, PYTHONPATH=path) == "glue_secure.engines.spark.job glue_secure\n"


@pytest.mark.skipif(importlib.util.find_spec("awsglue") is None, reason="awsglue is not installed")
def test_in_glue_the_transforms_are_subclasses_of_those_of_awsgluedq(tmp_path):
    (tmp_path / "awsgluedq").mkdir()
    (tmp_path / "awsgluedq" / "__init__.py").write_text("")
    (tmp_path / "awsgluedq" / "transforms.py").write_text("class EvaluateDataQuality:\n    pass\n")
    code = """
        import warnings
        warnings.simplefilter("ignore")
        import glue_secure.as_awsglue
        from awsgluedq.transforms import EvaluateDataQuality
        print(*(each.__module__ for each in EvaluateDataQuality.__mro__[:2]))
    """
    path = os.pathsep.join(["", str(tmp_path), *sys.path])
    assert python(code, "glue", PYTHONPATH=path).split() == [
        "glue_secure.engines.awsglue.data_quality",
        "awsgluedq.transforms",
    ]


@pytest.mark.skipif(importlib.util.find_spec("awsglue") is None, reason="awsglue is not installed")
def test_in_glue_the_classes_are_subclasses_of_awsglues():
    code = """
        import warnings
        warnings.simplefilter("ignore")
        from awsglue.job import Job as Real
        import glue_secure.as_awsglue
        from awsglue.context import GlueContext
        from awsglue.dynamicframe import DynamicFrame
        from awsglue.job import Job
        from awsglue.dataframe_transforms import ApplyMapping
        assert Job is not Real and issubclass(Job, Real)
        print(GlueContext.__module__, DynamicFrame.__module__, ApplyMapping.__module__)
    """
    assert python(code, "glue").split() == [
        "glue_secure.engines.awsglue.context",
        "glue_secure.engines.awsglue.frames",
        "awsglue.dataframe_transforms.apply_mapping",
    ]


@pytest.mark.skipif(importlib.util.find_spec("awsglue") is None, reason="awsglue is not installed")
def test_a_forgotten_import_of_awsglue_is_a_usage_error():
    code = """
        from glue_secure import UsageError
        from glue_secure.context import GlueContext
        from glue_secure.engines.spark.context import glue_context
        from awsglue import DynamicFrame
        glue_context.session_as_requested = lambda spark: spark
        class Session: _jsparkSession = None
        class Frame: _jdf = None
        try:
            DynamicFrame.fromDF(Frame(), GlueContext(Session()), "x")
        except UsageError as error:
            print(error)
    """
    assert "fix:      import it from glue_secure.dynamicframe" in python(code)
