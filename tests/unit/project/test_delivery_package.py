"""What ``glue-secure package`` writes, without the network: wheels of one's own stand for the locked."""

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.project import gluewheels, wheel
from glue_secure.project.packaging import package
from glue_secure.project.versions import GLUE_VERSIONS, glue_versions

OWN = ("aws-encryption-sdk", "boto3", "cryptography")
# What each of these needs, and these need: read from the metadata of the locked wheels.
CLOSURE = {*OWN, "attrs", "botocore", "cffi", "jmespath", "pycparser", "python-dateutil", "s3transfer"}
CLOSURE |= {"six", "urllib3", "wrapt"}


def stand_ins(version):
    return tuple(
        gluewheels.Wheel(f"{pin.name}-{pin.version}.whl", pin.name.encode())
        for pin in gluewheels.pins(version)
    )


@pytest.mark.parametrize("version", GLUE_VERSIONS, ids=lambda version: version.name)
def test_lock_and_preinstalled_packages_cover_what_the_package_needs_without_overlap(version):
    locked = {pin.name for pin in gluewheels.pins(version)}
    assert not locked & set(version.preinstalled)
    needed = CLOSURE | ({"typing-extensions"} if version.python == "3.10" else set())
    assert locked | set(version.preinstalled) == needed


@pytest.mark.parametrize("version", GLUE_VERSIONS, ids=lambda version: version.name)
def test_what_is_needed_stands_above_what_needs_it(version):
    order = [pin.name for pin in gluewheels.pins(version)]
    for first, then in [
        ("pycparser", "cffi"),
        ("cffi", "cryptography"),
        ("cryptography", "aws-encryption-sdk"),
        ("boto3", "aws-encryption-sdk"),
        ("botocore", "s3transfer"),
        ("s3transfer", "boto3"),
    ]:
        if first in order and then in order:
            assert order.index(first) < order.index(then)


def test_boto3_is_carried_where_glue_has_one_without_conditional_writes():
    """The S3 model got IfMatch on PutObject after botocore 1.34; bookmarks are committed with it."""
    carried = {v.name for v in GLUE_VERSIONS if "boto3" in {pin.name for pin in gluewheels.pins(v)}}
    assert carried == {"4.0", "5.0"}


def test_gluewheels_hold_requirements_and_wheels_in_one_folder(tmp_path):
    made = package(tmp_path, glue_versions(["5.1"]), fetch=stand_ins)
    (target,) = made.targets
    with zipfile.ZipFile(target.files[0].path) as opened:
        names = opened.namelist()
        text = opened.read("wheels/requirements.txt").decode()
        own = opened.read(f"wheels/{wheel.NAME}")
    assert names == sorted(names)
    assert {name.rpartition("/")[0] for name in names} == {"wheels"}
    assert text.splitlines()[-1].startswith("glue-secure==")
    assert len(text.splitlines()) == len(names) - 1 == len(target.contents)
    assert own == made.wheel.path.read_bytes() == made.zip.path.read_bytes()


def test_arguments_name_the_files_under_the_prefix(tmp_path):
    made = package(tmp_path, glue_versions(["5.1"]), bucket=S3Uri.parse("s3://artifacts/x/"), fetch=stand_ins)
    assert dict(made.targets[0].arguments) == {
        "--additional-python-modules": f"s3://artifacts/x/{made.targets[0].files[0].name}",
        "--python-modules-installer-option": "--no-index",
    }
    assert made.targets[0].files[0].name.endswith(".gluewheels.zip")
    assert made.extra_py_files == ("--extra-py-files", f"s3://artifacts/x/{made.zip.name}")


def test_glue_4_gets_single_wheels_the_own_one_last(tmp_path):
    """A zip of wheels is for Glue 5.0 and above."""
    made = package(tmp_path, glue_versions(["4.0"]), bucket=S3Uri.parse("s3://artifacts/x"), fetch=stand_ins)
    modules = dict(made.targets[0].arguments)["--additional-python-modules"].split(",")
    assert modules[-1] == f"s3://artifacts/x/{wheel.NAME}"
    assert [uri.rpartition("/")[2] for uri in modules[:-1]] == [one.name for one in made.targets[0].files]
    assert {str(one.path.parent.name) for one in made.targets[0].files} == {"glue-4.0-wheels"}


def test_packages_are_byte_identical_in_two_folders(tmp_path):
    first = package(tmp_path / "a", GLUE_VERSIONS, fetch=stand_ins)
    second = package(tmp_path / "b", GLUE_VERSIONS, fetch=stand_ins)
    digests = [[one.sha256 for target in made.targets for one in target.files] for made in (first, second)]
    assert digests[0] == digests[1]


def test_wheels_that_cannot_be_had_leave_what_was_there_and_nothing_of_their_own(tmp_path):
    def fails_at_the_second(version):
        if version is GLUE_VERSIONS[1]:
            raise GlueSecureError("the index is gone")
        return stand_ins(version)

    (tmp_path / "kept").write_text("before")
    with pytest.raises(GlueSecureError, match="index is gone"):
        package(tmp_path, GLUE_VERSIONS[:2], fetch=fails_at_the_second)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_all_versions_are_the_default_and_an_unknown_one_is_refused():
    assert [version.name for version in glue_versions([])] == ["4.0", "5.0", "5.1", "6.0"]
    assert [version.name for version in glue_versions(["6.0", "5.0", "6.0"])] == ["5.0", "6.0"]
    with pytest.raises(UsageError, match=r"3\.0"):
        glue_versions(["3.0"])


def pip_that(monkeypatch, returncode, stderr="", files=()):
    def run(command, **_):
        folder = command[command.index("--dest") + 1]
        for name, content in files:
            Path(folder, name).write_bytes(content)
        return subprocess.CompletedProcess(command, returncode, "", stderr)

    monkeypatch.setattr(gluewheels.subprocess, "run", run)


def test_other_bytes_than_the_locked_are_an_error(monkeypatch):
    pip_that(monkeypatch, 0, files=[("pycparser-3.12.whl", b"something else")])
    with pytest.raises(GlueSecureError, match="other files than the locked"):
        gluewheels.fetch(glue_versions(["5.1"])[0])


def test_the_locked_bytes_come_in_the_locks_order(monkeypatch):
    contents = {"b-1.whl": b"b", "a-1.whl": b"a"}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    text = f"# lock\nb==1 --hash=sha256:{digests['b-1.whl']}\na==1 --hash=sha256:{digests['a-1.whl']}\n"
    monkeypatch.setattr(gluewheels, "lock_text", lambda version: text)
    pip_that(monkeypatch, 0, files=contents.items())
    assert [one.name for one in gluewheels.fetch(glue_versions(["5.1"])[0])] == ["b-1.whl", "a-1.whl"]


def test_a_failed_pip_says_its_last_lines_and_a_missing_one_what_to_do(monkeypatch):
    pip_that(monkeypatch, 1, stderr="ERROR: no index")
    with pytest.raises(GlueSecureError, match="no index"):
        gluewheels.fetch(glue_versions(["5.1"])[0])
    pip_that(monkeypatch, 1, stderr="python: No module named pip")
    with pytest.raises(UsageError, match="ensurepip"):
        gluewheels.fetch(glue_versions(["5.1"])[0])


def test_a_lock_line_without_a_digest_is_an_error(monkeypatch):
    monkeypatch.setattr(gluewheels, "lock_text", lambda version: "boto3==1.0\n")
    with pytest.raises(GlueSecureError, match="digest"):
        gluewheels.pins(glue_versions(["5.1"])[0])


@pytest.mark.parametrize("as_json", [True, False])
def test_the_command_prints_files_and_arguments(tmp_path, monkeypatch, capsys, as_json):
    from typer.testing import CliRunner

    from glue_secure.cli import package as page
    from glue_secure.cli.app import app

    real = page.package
    monkeypatch.setattr(page, "package", lambda *given, **named: real(*given, fetch=stand_ins, **named))
    words = ["package", "--glue", "5.1", "--out", str(tmp_path), "--bucket", "s3://artifacts/x"]
    done = CliRunner().invoke(app, [*words, "--json"] if as_json else words, catch_exceptions=False)
    assert done.exit_code == 0
    if as_json:
        document = json.loads(done.stdout)
        assert document["glue"][0]["arguments"]["--python-modules-installer-option"] == "--no-index"
        assert document["wheel"]["bytes"] == (tmp_path / wheel.NAME).stat().st_size
        assert list(document["extra_py_files"]) == ["--extra-py-files"]
    else:
        lines = done.stdout.splitlines()
        assert any(line.strip().startswith("--additional-python-modules s3://artifacts/x/") for line in lines)
        assert any(wheel.NAME in line for line in lines)


def test_a_bucket_that_is_no_s3_uri_is_refused_before_anything_is_written(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "from glue_secure.cli.main import run; run()", "package", "--bucket", "x"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    assert list(tmp_path.iterdir()) == []
    assert "s3://BUCKET" in done.stderr


CARRYING = [version for version in GLUE_VERSIONS if version.beside]


@pytest.mark.parametrize("version", CARRYING, ids=lambda version: version.name)
def test_great_expectations_goes_with_what_it_needs_and_glue_has_not(version):
    plain = [pin.name for pin in gluewheels.pins(version)]
    carried = [pin.name for pin in gluewheels.pins(version.with_quality())]
    assert carried[: len(plain)] == plain
    assert carried[-1] == "great-expectations"
    assert len(set(carried)) == len(carried)
    assert not set(carried) & set(version.with_quality().preinstalled)


def test_glue_4_carries_no_gates():
    with pytest.raises(UsageError, match=r"5\.0 or above"):
        glue_versions(["4.0"])[0].with_quality()


def test_a_package_with_gates_has_another_name_and_the_room_in_its_wheel(tmp_path):
    version = glue_versions(["5.1"])[0].with_quality()
    made = package(tmp_path, [version], fetch=stand_ins)
    assert "glue5.1-great-expectations.gluewheels.zip" in made.targets[0].files[0].name
    with zipfile.ZipFile(made.zip.path) as opened:
        assert "glue_secure/quality/gate.py" in opened.namelist()
