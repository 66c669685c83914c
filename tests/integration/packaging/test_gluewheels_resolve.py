"""The locks, compared with the package index: the pins are available and complete."""

import io
import subprocess
import sys
import zipfile
from email import message_from_bytes

import pytest
from packaging.requirements import Requirement
from packaging.tags import cpython_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

from glue_secure import __version__
from glue_secure.project import gluewheels
from glue_secure.project.packaging import package
from glue_secure.project.versions import GLUE_VERSIONS, glue_versions

OTHER_VERSIONS = [
    pytest.param(v.name, False, marks=pytest.mark.long) for v in GLUE_VERSIONS if v.name != "5.1"
]
WITH_QUALITY = [
    pytest.param(v.name, True, marks=pytest.mark.long) for v in GLUE_VERSIONS if v.preinstalled_for_quality
]


@pytest.mark.parametrize(("name", "quality"), [("5.1", False), *OTHER_VERSIONS, *WITH_QUALITY])
def test_a_glue_version_gets_every_dependency_for_its_python_and_linux(name, quality, tmp_path):
    (version,) = glue_versions([name])
    if quality:
        version = version.with_quality()
    made = package(tmp_path, [version])
    (target,) = made.targets
    present = dict(version.preinstalled)
    requirements = []
    for wheel in gluewheels_of(made, target):
        project, release, _, tags = parse_wheel_filename(wheel.name)
        assert loadable(tags, version), wheel.name
        present[str(project)] = str(release)
        with zipfile.ZipFile(io.BytesIO(wheel.content)) as opened:
            (name,) = (member for member in opened.namelist() if member.endswith(".dist-info/METADATA"))
            metadata = message_from_bytes(opened.read(name))
        requirements += [
            (str(project), Requirement(text)) for text in metadata.get_all("Requires-Dist") or ()
        ]
    environment = {
        "extra": "",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "python_full_version": f"{version.python}.9",
        "platform_machine": "x86_64",
        "platform_system": "Linux",
        "python_version": version.python,
        "sys_platform": "linux",
    }
    for project, requirement in requirements:
        if requirement.marker is None or requirement.marker.evaluate(environment):
            available = present.get(canonicalize_name(requirement.name))
            assert available is not None, f"{project} needs {requirement}"
            assert requirement.specifier.contains(available), (
                f"{project} needs {requirement}, has {available}"
            )
    assert present["glue-secure"] == __version__


@pytest.mark.long
def test_pip_installs_the_gluewheels_without_an_index_as_glue_does(tmp_path):
    """In the Python that runs the tests, if it is that of Glue 5.1 or 6.0."""
    (version,) = glue_versions(["5.1" if sys.version_info[:2] == (3, 11) else "6.0"])
    if version.python != f"{sys.version_info[0]}.{sys.version_info[1]}":
        pytest.skip(f"needs Python {version.python}")
    made = package(tmp_path, [version])
    with zipfile.ZipFile(made.targets[0].files[0].path) as opened:
        opened.extractall(tmp_path / "unpacked")
    wheels = tmp_path / "unpacked" / "wheels"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    options = ["--no-index", "--find-links", wheels, "--requirement", wheels / "requirements.txt"]
    site = tmp_path / "site"
    done = subprocess.run([*command, *options, "--target", site], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    program = (
        "import aws_encryption_sdk, cryptography.hazmat.bindings._rust, glue_secure as g; print(g.__file__)"
    )
    where = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(site)!r}); {program}"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert where.startswith(str(site))


def gluewheels_of(made, target):
    """Return all wheels that the job installs, including this package."""
    if target.version.takes_zip_of_wheels:
        with zipfile.ZipFile(target.files[0].path) as opened:
            names = [name for name in opened.namelist() if name.endswith(".whl")]
            return [gluewheels.Wheel(name.rpartition("/")[2], opened.read(name)) for name in names]
    files = [file.path for file in (*target.files, made.wheel)]
    return [gluewheels.Wheel(path.name, path.read_bytes()) for path in files]


def loadable(tags, version):
    """Return whether the version's Python and C library can load a wheel with these tags."""
    major, minor = (int(part) for part in version.glibc.split("."))
    platforms = [f"manylinux_{major}_{older}_x86_64" for older in range(minor, 4, -1)]
    platforms += ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"]
    python = tuple(int(part) for part in version.python.split("."))
    good = set(cpython_tags(python, platforms=platforms))
    pure = {
        tag
        for tag in tags
        if tag.abi == "none" and tag.platform == "any" and tag.interpreter.startswith("py")
    }
    return bool(good & set(tags) or pure)
