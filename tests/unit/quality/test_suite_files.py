"""GS-DQ-003: suites are read from the working folder, Python's path or S3."""

import zipfile

import pytest

from glue_secure.core.errors import RefusedError
from glue_secure.core.findings import Verdict, enforce
from glue_secure.quality.gate import read_suite

NAME = "suites/flights.json"


@pytest.mark.parametrize("kind", ["folder", "wheel", "zip"])
def test_a_suite_is_read_from_a_folder_or_archive_on_pythons_path(tmp_path, monkeypatch, kind):
    location = tmp_path / f"job.{kind}"
    if kind == "folder":
        (location / "suites").mkdir(parents=True)
        (location / NAME).write_bytes(b"{}")
    else:
        with zipfile.ZipFile(location, "w") as archive:
            archive.writestr(NAME, b"{}")
    monkeypatch.syspath_prepend(str(location))
    monkeypatch.chdir(tmp_path)
    body, (finding,) = read_suite(NAME, objects=None)
    assert body == b"{}"
    assert (finding.control, finding.verdict) == ("GS-DQ-003", Verdict.PASS)


def test_the_working_folder_has_precedence(tmp_path, monkeypatch):
    for folder, content in (("path", b"2"), ("here", b"1")):
        (tmp_path / folder / "suites").mkdir(parents=True)
        (tmp_path / folder / NAME).write_bytes(content)
    monkeypatch.syspath_prepend(str(tmp_path / "path"))
    monkeypatch.chdir(tmp_path / "here")
    assert read_suite(NAME, objects=None)[0] == b"1"


@pytest.mark.parametrize("location", [NAME, "/suites/nowhere.json", "../suites/nowhere.json"])
def test_gs_dq_003_a_missing_suite_fails(tmp_path, monkeypatch, location):
    monkeypatch.chdir(tmp_path)
    body, findings = read_suite(location, objects=None)
    assert body == b""
    with pytest.raises(RefusedError, match="GS-DQ-003"):
        enforce(findings)
