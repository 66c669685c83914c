"""The requirements of a job, resolved by pip from a folder of small wheels, without network."""

import functools
import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.project import gluewheels, requirements, wheel
from glue_secure.project.packaging import package
from glue_secure.project.versions import GLUE_VERSIONS, glue_versions

(GLUE_5_1,) = glue_versions(["5.1"])
(GLUE_6_0,) = glue_versions(["6.0"])


def make_wheel(folder, name, version, *requires, tag="py3-none-any"):
    """Write a wheel without code, and return its SHA-256."""
    path = folder / f"{name}-{version}-{tag}.whl"
    info = f"{name}-{version}.dist-info"
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    extras = sorted({text.split("extra ==")[1].strip(" '\"") for text in requires if "extra ==" in text})
    metadata += [f"Provides-Extra: {extra}" for extra in extras]
    metadata += [f"Requires-Dist: {text}" for text in requires]
    with zipfile.ZipFile(path, "w") as target:
        target.writestr(f"{name}.py", "")
        target.writestr(f"{info}/METADATA", "\n".join(metadata) + "\n")
        target.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        target.writestr(f"{info}/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def index(tmp_path):
    folder = tmp_path / "index"
    folder.mkdir()
    return folder


@pytest.fixture
def options(index):
    return ("--no-index", "--find-links", str(index))


@pytest.fixture
def given(tmp_path):
    """Return a function that writes a requirements file and returns its path."""

    def write(text):
        path = tmp_path / "requirements.txt"
        path.write_text(text)
        return path

    return write


def resolved(path, options, version=GLUE_5_1):
    return requirements.resolve(requirements.read(path), version, options)


def fake_wheels(version):
    return tuple(gluewheels.Wheel(f"{pin.name}.whl", b"x") for pin in gluewheels.pins(version))


def test_what_glue_lacks_is_pinned_after_its_dependencies_and_what_it_has_is_left_out(index, options, given):
    base = make_wheel(index, "base", "2.0", "numpy>=2")
    top = make_wheel(index, "top", "1.5", "base>=1", "pandas>=2")
    make_wheel(index, "pandas", "2.3.3", "numpy>=1")
    make_wheel(index, "pandas", "3.0.0")
    make_wheel(index, "numpy", "2.3.4")
    line = f"top >= 1 \\\n    --hash=sha256:{top}  # with pandas\n"
    wheels = resolved(given(f"# ours\n{line}"), options)
    assert [(pin.requirement, pin.sha256) for pin in wheels.pins] == [("base==2.0", base), ("top==1.5", top)]
    assert [item.name for item in wheels.wheels] == ["base-2.0-py3-none-any.whl", "top-1.5-py3-none-any.whl"]


def test_the_wheel_for_glues_linux_and_python_is_taken(index, options, given):
    tags = ("cp311-cp311-manylinux_2_34_x86_64", "cp313-cp313-manylinux_2_17_x86_64")
    make_wheel(index, "native", "1.0", tag=tags[0])
    make_wheel(index, "native", "1.0", tag=tags[1])
    make_wheel(index, "native", "1.0", tag="cp311-cp311-macosx_11_0_arm64")
    make_wheel(index, "native", "2.0", tag="cp311-cp311-manylinux_2_39_x86_64")
    path = given("native\n")
    assert [item.name for item in resolved(path, options).wheels] == [f"native-1.0-{tags[0]}.whl"]
    assert [item.name for item in resolved(path, options, GLUE_6_0).wheels] == [f"native-1.0-{tags[1]}.whl"]


def test_markers_are_those_of_glue_whatever_python_runs_pip(index, options, given):
    make_wheel(
        index,
        "top",
        "1.0",
        "for311; python_version == '3.11'",
        "for313; python_version == '3.13'",
        "elsewhere; sys_platform == 'win32'",
        "extra1; extra == 'more'",
    )
    for name in ("for311", "for313", "elsewhere", "extra1"):
        make_wheel(index, name, "1.0", *(["deep"] if name.startswith("for") else []))
    make_wheel(index, "deep", "1.0")
    path = given("top[more]\nelsewhere; python_version < '3'\n")
    names = [pin.name for pin in resolved(path, options, GLUE_6_0).pins]
    assert sorted(names) == sorted(["deep", "for313", "extra1", "top"])
    assert names.index("deep") < names.index("top") == 3


def test_requirements_without_any_for_glue_need_no_wheel(given, options):
    assert resolved(given("colour; sys_platform == 'win32'\n"), options) == gluewheels.Wheels()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pandas==2.0\n", r"found:    pandas==2.0\n.*pandas 2.3.3.*\n  fix:      write pandas==2.3.3 into"),
        (
            "old\n",
            r"found:    conflicting requirements: .*old 1.0 depends on numpy<2.*\n.*\n  fix:      change",
        ),
        ("top\nbase==1.0\n", r"conflicting requirements: .*top 1.0 depends on base>=2"),
        ("source\n", r"no wheel of source for Python 3.11, Linux x86_64, glibc 2.34\n.*\n  fix:      choose"),
    ],
)
def test_a_conflict_or_a_missing_wheel_is_an_error_with_its_fix(index, options, given, text, message):
    make_wheel(index, "old", "1.0", "numpy<2")
    make_wheel(index, "top", "1.0", "base>=2")
    for version in ("1.0", "2.0"):
        make_wheel(index, "base", version)
    for name, version in (("pandas", "2.0"), ("pandas", "2.3.3"), ("numpy", "1.26"), ("numpy", "2.3.4")):
        make_wheel(index, name, version)
    (index / "source-1.0.tar.gz").write_bytes(b"")
    path = given(text)
    before = sorted(path.parent.iterdir())
    out = path.parent / "dist"
    with pytest.raises(UsageError, match=message):
        package(
            out,
            [GLUE_5_1],
            requirements_file=path,
            fetch=fake_wheels,
            resolve=functools.partial(requirements.resolve, options=options),
        )
    assert sorted(path.parent.iterdir()) == before


def test_an_index_that_does_not_answer_is_an_error_with_its_fix(given):
    options = ("--index-url", "http://user:hunter2@127.0.0.1:1/simple", "--timeout", "1")
    with pytest.raises(
        GlueSecureError, match=r"cannot reach the package index(.|\n)*PIP_INDEX_URL"
    ) as caught:
        resolved(given("top\n"), options)
    assert not isinstance(caught.value, UsageError)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-r other.txt\n", "an option of pip: -r\n"),
        ("--index-url=https://user:hunter2@example.org\n", "an option of pip: --index-url\n"),
        ("top @ https://example.org/top-1.0-py3-none-any.whl\n", "a URL for top"),
        ("../top\n", "a requirement like"),
        ("top=1\n", "a requirement like"),
    ],
)
def test_a_line_that_cannot_be_locked_is_refused(given, text, message):
    with pytest.raises(UsageError, match=message) as caught:
        requirements.read(given(text))
    assert "hunter2" not in str(caught.value)


def test_a_wheel_without_a_digest_of_the_requirements_file_is_refused(index, options, given):
    digest = make_wheel(index, "top", "1.0")
    with pytest.raises(UsageError, match=f"top: a wheel with SHA-256 {digest}"):
        resolved(given(f"top==1.0 --hash=sha256:{'0' * 64}\n"), options)


@pytest.fixture
def made(index, options, given, tmp_path):
    """A package with the wheel ``top`` for Glue 5.1."""
    make_wheel(index, "top", "1.0")
    resolve = functools.partial(requirements.resolve, options=options)
    path = given("top\n")
    return package(tmp_path / "dist", [GLUE_5_1], requirements_file=path, fetch=fake_wheels, resolve=resolve)


def test_a_package_has_the_wheels_a_lock_and_a_bill_of_materials(made, index):
    (target,) = made.targets
    assert target.files[0].name.endswith("-glue5.1-requirements.gluewheels.zip")
    with zipfile.ZipFile(target.files[0].path) as opened:
        packed = opened.read("wheels/top-1.0-py3-none-any.whl")
        lines = opened.read("wheels/requirements.txt").decode().splitlines()
    assert packed == (index / "top-1.0-py3-none-any.whl").read_bytes()
    assert lines[-2:] == ["top==1.0", f"{wheel.DISTRIBUTION}=={lines[-1].partition('==')[2]}"]
    digest = hashlib.sha256(packed).hexdigest()
    assert target.lock.name == "requirements.glue-5.1.lock.txt"
    assert target.lock.path.read_text().splitlines()[-1] == f"top==1.0 --hash=sha256:{digest}"
    bill = json.loads(target.bill.path.read_text())
    (component,) = [item for item in bill["components"] if item["name"] == "top"]
    assert component["purl"] == "pkg:pypi/top@1.0"
    assert component["hashes"] == [{"alg": "SHA-256", "content": digest}]
    (root,) = [
        item for item in bill["dependencies"] if item["ref"] == bill["metadata"]["component"]["bom-ref"]
    ]
    assert component["bom-ref"] in root["dependsOn"]


def test_a_lock_gives_the_same_wheels_although_the_index_has_newer_ones(made, index, options, given):
    make_wheel(index, "top", "2.0")
    path = made.targets[0].lock.path.with_name("requirements.txt")
    assert [pin.requirement for pin in requirements.locked(path, GLUE_5_1, options).pins] == ["top==1.0"]
    make_wheel(index, "top", "1.0", "changed")
    expected = r"(?s)requirements\.glue-5\.1\.lock\.txt: the locked wheels.*pip cannot download.*HASHES"
    with pytest.raises(GlueSecureError, match=expected):
        requirements.locked(path, GLUE_5_1, options)


def test_a_local_version_is_locked_and_listed(given, tmp_path):
    pin = gluewheels.Pin("top", "1.0+acme", hashlib.sha256(b"top").hexdigest())
    own = gluewheels.Wheels((pin,), (gluewheels.Wheel("top-1.0+acme-py3-none-any.whl", b"top"),))
    (target,) = package(
        tmp_path / "dist",
        [GLUE_5_1],
        requirements_file=given("top\n"),
        fetch=fake_wheels,
        resolve=lambda *_: own,
    ).targets
    assert gluewheels.parse_pins(target.lock.path.read_text(), target.lock.name) == (pin,)
    components = json.loads(target.bill.path.read_text())["components"]
    assert "pkg:pypi/top@1.0%2Bacme" in [component.get("purl") for component in components]


def test_a_missing_or_old_lock_is_an_error_with_the_command_that_writes_it(made, options, given, tmp_path):
    lock = made.targets[0].lock.path
    path = lock.with_name("requirements.txt")
    fix = rf"glue-secure package --requirements {path} --glue"
    with pytest.raises(UsageError, match=rf"no such file\n.*\n  fix:      {fix} 6.0"):
        requirements.locked(path, GLUE_6_0, options)
    given("top<2\n")
    with pytest.raises(UsageError, match=rf"the lock of another requirements.txt(.|\n)*{fix} 5.1"):
        requirements.locked(path, GLUE_5_1, options)
    given("top\n")
    with lock.open("a") as file:
        file.write(f"pandas==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(UsageError, match=r"no module that Glue 5\.1 or glue-secure has"):
        requirements.locked(path, GLUE_5_1, options)


def test_the_command_prints_the_lock(index, given, tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from glue_secure.cli import package as package_command
    from glue_secure.cli.app import app

    make_wheel(index, "top", "1.0")
    monkeypatch.setattr(package_command, "package", functools.partial(package, fetch=fake_wheels))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    path = given("top\n")
    words = [
        "package",
        "--requirements",
        str(path),
        "--glue",
        "5.1",
        "--out",
        str(tmp_path / "dist"),
        "--json",
    ]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    document = json.loads(done.stdout)
    lock = Path(document["glue"][0]["lock"]["path"])
    assert lock == path.with_name("requirements.glue-5.1.lock.txt")
    assert hashlib.sha256(lock.read_bytes()).hexdigest() == document["glue"][0]["lock"]["sha256"]


@pytest.mark.parametrize("version", [v for v in GLUE_VERSIONS if v.takes_zip_of_wheels], ids=lambda v: v.name)
def test_the_modules_of_a_version_are_those_that_packages_rely_on(version):
    published = gluewheels.preinstalled(version)
    assert {**version.preinstalled_for_quality, **version.preinstalled}.items() <= published.items()
