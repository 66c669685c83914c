"""Commands are imported when they are used."""

import subprocess
import sys

import pytest

from glue_secure.cli import app as cli_app
from glue_secure.cli import main
from glue_secure.core import requirements


def test_the_help_of_run_imports_no_other_command():
    code = (
        "import sys; sys.argv = ['glue-secure', 'run', '--help']\n"
        "from glue_secure.cli.main import run\n"
        "try: run()\n"
        "except SystemExit: print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage: glue-secure run" in done.stdout
    loaded = set(done.stderr.split())
    assert "glue_secure.cli.run" in loaded
    for module in (
        "glue_secure.cli.audit",
        "glue_secure.audit",
        "glue_secure.engines.spark.engine",
        "boto3",
        "pyspark",
        "moto",
    ):
        assert module not in loaded


def test_a_missing_package_is_named_with_its_fix(monkeypatch, capsys):
    def missing(name):
        raise ModuleNotFoundError("No module named 'moto'", name="moto")

    cli_app._command.cache_clear()
    monkeypatch.setattr(cli_app, "import_module", missing)
    monkeypatch.setattr(requirements, "_is_installed", lambda name: name != "moto")
    monkeypatch.setattr(sys, "argv", ["glue-secure", "demo"])
    with pytest.raises(SystemExit) as ended:
        main.run()
    assert ended.value.code == 2
    text = capsys.readouterr().err
    assert "glue-secure needs packages that are not installed (moto is missing)" in text
    assert "fix:      python -m pip install 'moto" in text


def test_a_missing_module_of_glue_secure_is_a_defect(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    cli_app._command.cache_clear()
    monkeypatch.setattr(cli_app, "import_module", missing)
    monkeypatch.setattr(sys, "argv", ["glue-secure", "demo"])
    with pytest.raises(ModuleNotFoundError, match=r"glue_secure\.cli\.demo"):
        main.run()
