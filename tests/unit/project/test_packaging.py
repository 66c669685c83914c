"""The files that ``glue-secure package`` writes, with fake wheels in place of downloads."""

import functools
import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.engines.spark.guard_jar import guard_jar
from glue_secure.project import gluewheels, sbom, wheel
from glue_secure.project.archive import write
from glue_secure.project.packaging import package
from glue_secure.project.versions import GLUE_VERSIONS, glue_versions

DIRECT = ("aws-encryption-sdk", "boto3", "cryptography")
# Their dependencies, direct and indirect, from the metadata of the locked wheels.
CLOSURE = {*DIRECT, "attrs", "botocore", "cffi", "jmespath", "pycparser", "python-dateutil", "s3transfer"}
CLOSURE |= {"six", "urllib3", "wrapt"}


def fake_wheels(version):
    return tuple(
        gluewheels.Wheel(f"{pin.name}-{pin.version}.whl", pin.name.encode())
        for pin in gluewheels.pins(version)
    )


@pytest.mark.parametrize("version", GLUE_VERSIONS, ids=lambda version: version.name)
def test_lock_and_preinstalled_packages_cover_the_dependencies_without_overlap(version):
    locked = {pin.name for pin in gluewheels.pins(version)}
    assert not locked & set(version.preinstalled)
    needed = CLOSURE | ({"typing-extensions"} if version.python == "3.10" else set())
    assert locked | set(version.preinstalled) == needed


@pytest.mark.parametrize("version", GLUE_VERSIONS, ids=lambda version: version.name)
def test_a_lock_lists_a_dependency_before_its_dependent(version):
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


def test_boto3_is_included_where_the_preinstalled_one_lacks_conditional_writes():
    """The S3 model got IfMatch on PutObject after botocore 1.34; bookmarks are committed with it."""
    included = {v.name for v in GLUE_VERSIONS if "boto3" in {pin.name for pin in gluewheels.pins(v)}}
    assert included == {"4.0", "5.0"}


def test_gluewheels_contain_requirements_and_wheels_in_one_folder(tmp_path):
    made = package(tmp_path, glue_versions(["5.1"]), fetch=fake_wheels)
    (target,) = made.targets
    with zipfile.ZipFile(target.files[0].path) as opened:
        names = opened.namelist()
        text = opened.read("wheels/requirements.txt").decode()
        packed = opened.read(f"wheels/{wheel.NAME}")
    assert names == sorted(names)
    assert {name.rpartition("/")[0] for name in names} == {"wheels"}
    assert text.splitlines()[-1].startswith("glue-secure==")
    assert len(text.splitlines()) == len(names) - 1 == len(target.contents)
    assert packed == made.wheel.path.read_bytes() == made.zip.path.read_bytes()


def test_arguments_name_the_files_under_the_prefix(tmp_path):
    made = package(
        tmp_path, glue_versions(["5.1"]), bucket=S3Uri.parse("s3://artifacts/x/"), fetch=fake_wheels
    )
    assert dict(made.targets[0].arguments) == {
        "--additional-python-modules": f"s3://artifacts/x/{made.targets[0].files[0].name}",
        "--python-modules-installer-option": "--no-index",
    }
    assert made.targets[0].files[0].name.endswith(".gluewheels.zip")
    assert made.extra_py_files == ("--extra-py-files", f"s3://artifacts/x/{made.zip.name}")


def test_glue_4_gets_single_wheels_with_the_package_last(tmp_path):
    """A zip of wheels is for Glue 5.0 and above."""
    made = package(
        tmp_path, glue_versions(["4.0"]), bucket=S3Uri.parse("s3://artifacts/x"), fetch=fake_wheels
    )
    modules = dict(made.targets[0].arguments)["--additional-python-modules"].split(",")
    assert modules[-1] == f"s3://artifacts/x/{wheel.NAME}"
    assert [uri.rpartition("/")[2] for uri in modules[:-1]] == [file.name for file in made.targets[0].files]
    assert {str(file.path.parent.name) for file in made.targets[0].files} == {"glue-4.0-wheels"}


def test_packages_are_byte_identical_in_two_folders(tmp_path):
    written = []
    for name in ("a", "b"):
        package(tmp_path / name, GLUE_VERSIONS, fetch=fake_wheels)
        files = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
        written.append({path.relative_to(tmp_path / name): path.read_bytes() for path in files})
    assert written[0] == written[1]


def test_the_jar_of_the_request_guard_is_that_of_the_wheel(tmp_path):
    made = package(tmp_path, [], bucket=S3Uri.parse("s3://artifacts/x/"))
    with zipfile.ZipFile(made.wheel.path) as opened:
        jar = opened.read("glue_secure/engines/spark/jvm/glue-secure-request-guard.jar")
    assert made.request_guard.path.read_bytes() == jar
    assert dict(made.request_guard_arguments) == {
        "--extra-jars": f"s3://artifacts/x/{made.request_guard.name}",
        "--conf": "spark.plugins=gluesecure.guard.GuardPlugin",
    }


def digests(bill):
    """Return the SHA-256 of each component of a bill of materials, by name."""
    document = json.loads(bill.path.read_bytes())
    components = [document["metadata"]["component"], *document["components"]]
    return {item["name"]: item["hashes"][0]["content"] for item in components if "hashes" in item}


def test_the_bill_of_the_wheel_has_the_digests_of_the_wheel_and_of_its_jar(tmp_path):
    made = package(tmp_path, [])
    assert digests(made.bill) == {
        "glue-secure": hashlib.sha256(made.wheel.path.read_bytes()).hexdigest(),
        "glue-secure-request-guard.jar": made.request_guard.sha256,
    }


@pytest.mark.parametrize("version", GLUE_VERSIONS, ids=lambda version: version.name)
def test_the_bill_of_a_glue_version_has_the_digest_of_every_wheel_that_the_job_installs(version, tmp_path):
    made = package(tmp_path, [version], fetch=fake_wheels)
    (target,) = made.targets
    assert digests(target.bill) == {
        **digests(made.bill),
        **{pin.name: pin.sha256 for pin in gluewheels.pins(version)},
    }
    assert len(digests(target.bill)) == len(target.contents) + 1
    document = json.loads(target.bill.path.read_bytes())
    references = [item["bom-ref"] for item in document["components"]]
    assert len(set(references)) == len(references)
    assert set(references) == {name for entry in document["dependencies"] for name in entry["dependsOn"]}


def test_another_wheel_has_a_bill_with_another_serial_number(tmp_path):
    jar = guard_jar()
    bills = [
        json.loads(sbom.wheel_bill(write(tmp_path / wheel.NAME, content), jar)) for content in (b"1", b"2")
    ]
    assert bills[0]["serialNumber"] != bills[1]["serialNumber"]


def test_a_failed_download_leaves_existing_files_and_writes_none(tmp_path):
    def fails_at_the_second(version):
        if version is GLUE_VERSIONS[1]:
            raise GlueSecureError("the index is gone")
        return fake_wheels(version)

    (tmp_path / "existing").write_text("before")
    with pytest.raises(GlueSecureError, match="index is gone"):
        package(tmp_path, GLUE_VERSIONS[:2], fetch=fails_at_the_second)
    assert [path.name for path in tmp_path.iterdir()] == ["existing"]


def test_all_versions_are_the_default_and_an_unknown_one_is_rejected():
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


def test_an_error_of_pip_has_a_fix_for_a_machine_without_an_index(monkeypatch):
    pip_that(monkeypatch, 1, "ERROR: No matching distribution found for pycparser")
    with pytest.raises(GlueSecureError) as error:
        gluewheels.fetch(glue_versions(["5.1"])[0])
    lines = str(error.value).splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:4]] == ["found", "required", "fix"]
    assert "PIP_NO_INDEX=1" in lines[3]
    assert lines[-1] == "ERROR: No matching distribution found for pycparser"


def test_a_wheel_with_another_digest_than_locked_is_an_error(monkeypatch):
    pip_that(monkeypatch, 0, files=[("pycparser-3.12.whl", b"something else")])
    with pytest.raises(GlueSecureError, match="other files than the locked ones"):
        gluewheels.fetch(glue_versions(["5.1"])[0])


def test_wheels_are_returned_in_the_order_of_the_lock(monkeypatch):
    contents = {"b-1.whl": b"b", "a-1.whl": b"a"}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    text = f"# lock\nb==1 --hash=sha256:{digests['b-1.whl']}\na==1 --hash=sha256:{digests['a-1.whl']}\n"
    monkeypatch.setattr(gluewheels, "lock_text", lambda version: text)
    pip_that(monkeypatch, 0, files=contents.items())
    assert [item.name for item in gluewheels.fetch(glue_versions(["5.1"])[0])] == ["b-1.whl", "a-1.whl"]


def test_a_failed_pip_shows_its_last_lines_and_a_missing_pip_the_fix(monkeypatch):
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

    from glue_secure.cli import package as package_command
    from glue_secure.cli.app import app

    monkeypatch.setattr(package_command, "package", functools.partial(package, fetch=fake_wheels))
    words = ["package", "--glue", "5.1", "--out", str(tmp_path), "--bucket", "s3://artifacts/x"]
    done = CliRunner().invoke(app, [*words, "--json"] if as_json else words, catch_exceptions=False)
    assert done.exit_code == 0
    if as_json:
        document = json.loads(done.stdout)
        assert document["glue"][0]["arguments"]["--python-modules-installer-option"] == "--no-index"
        assert document["wheel"]["bytes"] == (tmp_path / wheel.NAME).stat().st_size
        assert list(document["extra_py_files"]) == ["--extra-py-files"]
        assert list(document["request_guard"]["arguments"]) == ["--extra-jars", "--conf"]
        assert Path(document["bill_of_materials"]["path"]).is_file()
        assert Path(document["glue"][0]["bill_of_materials"]["path"]).is_file()
    else:
        lines = done.stdout.splitlines()
        assert any(line.strip().startswith("--additional-python-modules s3://artifacts/x/") for line in lines)
        assert any(wheel.NAME in line for line in lines)
        assert any(line.startswith("  --extra-jars s3://artifacts/x/") for line in lines)


def test_a_bucket_that_is_not_an_s3_uri_is_rejected_before_any_file_is_written(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "from glue_secure.cli.main import run; run()", "package", "--bucket", "x"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    assert list(tmp_path.iterdir()) == []
    assert "s3://BUCKET" in done.stderr


WITH_QUALITY = [version for version in GLUE_VERSIONS if version.preinstalled_for_quality]


@pytest.mark.parametrize("version", WITH_QUALITY, ids=lambda version: version.name)
def test_great_expectations_is_included_with_the_dependencies_that_glue_lacks(version):
    plain = [pin.name for pin in gluewheels.pins(version)]
    combined = [pin.name for pin in gluewheels.pins(version.with_quality())]
    assert combined[: len(plain)] == plain
    assert combined[-1] == "great-expectations"
    assert len(set(combined)) == len(combined)
    assert not set(combined) & set(version.with_quality().preinstalled)


def test_great_expectations_is_not_available_for_glue_4():
    with pytest.raises(UsageError, match=r"5\.0 or above"):
        glue_versions(["4.0"])[0].with_quality()


def test_a_package_with_great_expectations_has_another_name_and_the_same_wheel(tmp_path):
    version = glue_versions(["5.1"])[0].with_quality()
    made = package(tmp_path, [version], fetch=fake_wheels)
    assert "glue5.1-great-expectations.gluewheels.zip" in made.targets[0].files[0].name
    assert made.wheel.path.read_bytes() == wheel.build_wheel()
