"""Where a suite is found that is no object of S3, and what of it is not taken."""

import zipfile

import pytest

from glue_secure.core.errors import RefusedError
from glue_secure.quality.gate import read_local

NAME = "suites/flights.json"


@pytest.mark.parametrize("kind", ["folder", "wheel", "zip"])
def test_in_a_folder_or_an_archive_of_pythons_path(tmp_path, monkeypatch, kind):
    place = tmp_path / f"job.{kind}"
    if kind == "folder":
        (place / "suites").mkdir(parents=True)
        (place / NAME).write_bytes(b"{}")
    else:
        with zipfile.ZipFile(place, "w") as archive:
            archive.writestr(NAME, b"{}")
    monkeypatch.syspath_prepend(str(place))
    monkeypatch.chdir(tmp_path)
    assert read_local(NAME) == b"{}"


def test_the_working_folder_comes_first(tmp_path, monkeypatch):
    for folder, content in (("path", b"2"), ("here", b"1")):
        (tmp_path / folder / "suites").mkdir(parents=True)
        (tmp_path / folder / NAME).write_bytes(content)
    monkeypatch.syspath_prepend(str(tmp_path / "path"))
    monkeypatch.chdir(tmp_path / "here")
    assert read_local(NAME) == b"1"


@pytest.mark.parametrize("place", [NAME, "/suites/nowhere.json", "../suites/nowhere.json"])
def test_gs_dq_003_one_that_is_nowhere_is_refused(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RefusedError, match="GS-DQ-003"):
        read_local(place)
