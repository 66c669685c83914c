"""The public names of the package, and what an import loads."""

import pkgutil
import subprocess
import sys

import pytest

import glue_secure
from glue_secure import errors

HEAVY = (
    "boto3",
    "botocore",
    "pyspark",
    "aws_encryption_sdk",
    "cryptography",
    "moto",
    "typer",
    "rich",
    "pandas",
)


def modules_after(code):
    check = "assert sys.excepthook is hook\nprint(*sorted(sys.modules))"
    # On Python 3.10, a package that pytest needs replaces the hook.
    backport = "import exceptiongroup" if sys.version_info < (3, 11) else ""
    program = f"import sys\n{backport}\nhook = sys.excepthook\n{code}\n{check}"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program], check=True, capture_output=True, text=True
    ).stdout.split()


@pytest.mark.parametrize(
    "module", ["glue_secure", "glue_secure.testing.plugin", "glue_secure.embedded", "glue_secure.core.policy"]
)
def test_an_import_loads_no_heavy_package_and_changes_no_hook(module):
    loaded = modules_after(f"import {module}")
    assert [name for name in HEAVY if name in loaded] == []


# Modules that need a package which glue-secure does not require, or which change the process.
NOT_IMPORTED = (
    "glue_secure.as_awsglue",
    "glue_secure.cli.__main__",
    "glue_secure.__main__",
    "glue_secure.engines.awsglue",
    "glue_secure.quality",
    "glue_secure.embedded",
)


def test_every_module_can_be_imported():
    names = [module.name for module in pkgutil.walk_packages(glue_secure.__path__, "glue_secure.")]
    wanted = [name for name in names if not name.startswith(NOT_IMPORTED)]
    assert len(wanted) > 200
    program = f"import importlib\nfor name in {wanted!r}:\n    importlib.import_module(name)\n"
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_the_start_of_a_run_does_not_import_quality():
    assert "glue_secure.quality.gate" not in modules_after("import glue_secure.run.start")


def test_the_package_exports_its_public_names():
    assert sorted(glue_secure.__all__) == [
        "BookmarkConflictError",
        "ControlError",
        "DynamicFrame",
        "EngineError",
        "GlueSecureError",
        "RefusedError",
        "SecureJob",
        "UsageError",
        "VerificationError",
    ]
    assert set(glue_secure.__all__) < set(dir(glue_secure))
    assert set(errors.__all__) == set(glue_secure.__all__) - {"DynamicFrame", "SecureJob"}
    for name in glue_secure.__all__:
        assert getattr(glue_secure, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Nonsense"):
        glue_secure.Nonsense  # noqa: B018


def test_the_example_jobs_import_only_the_package_and_pyspark():
    import ast
    from pathlib import Path

    for script in (Path(__file__).resolve().parents[2] / "jobs").glob("*.py"):
        tree = ast.parse(script.read_text())
        names = {
            (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
            for node in ast.walk(tree)
            if isinstance(node, (ast.Import, ast.ImportFrom))
        }
        roots = {name.partition(".")[0] for name in names}
        assert roots <= {"dataclasses", "glue_secure", "pyspark", "sys", "flights_curated"}, script
