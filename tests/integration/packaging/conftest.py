"""A Python that has all dependencies, but not this package."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def python_without_package(tmp_path_factory):
    """The interpreter of an environment with links to all installed packages except glue_secure.

    Neither the package, its metadata nor ``.pth`` files of editable installations are linked.
    """
    home = tmp_path_factory.mktemp("python_without_package") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    python = home / "bin" / "python"
    program = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(
        subprocess.run([python, "-c", program], check=True, capture_output=True, text=True).stdout.strip()
    )
    for folder in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(folder).iterdir():
            if "glue_secure" not in entry.name and entry.suffix != ".pth":
                (site / entry.name).symlink_to(entry)
    absent = subprocess.run(
        [python, "-E", "-c", "import pyspark, glue_secure"], capture_output=True, text=True, cwd=home
    )
    assert "No module named 'glue_secure'" in absent.stderr
    return python
