"""A release: archives whose bytes depend on their content only, and what stops it."""

import io
import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

import build_backend
import pytest
import release

from glue_secure import __version__

ROOT = Path(__file__).resolve().parents[3]


def a_zip(date, mode):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("b.py", "a.py"):
            member = zipfile.ZipInfo(name, date)
            member.external_attr = mode << 16
            archive.writestr(member, name * 100)
    return buffer.getvalue()


def a_tar(mtime, owner, names, mode):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.mtime, member.uid, member.uname, member.mode = mtime, owner, f"user-{owner}", mode
            member.size = 3
            archive.addfile(member, io.BytesIO(b"abc"))
    return buffer.getvalue()


def test_a_zip_does_not_depend_on_clock_and_umask():
    first = build_backend.reproducible_zip(a_zip((2026, 1, 2, 3, 4, 6), 0o100600))
    assert first == build_backend.reproducible_zip(a_zip((2027, 5, 6, 7, 8, 10), 0o100664))
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.namelist() == ["b.py", "a.py"]
        assert archive.read("a.py") == b"a.py" * 100


def test_a_tar_does_not_depend_on_clock_user_order_and_umask():
    first = build_backend.reproducible_tar(a_tar(1, 1000, ("b", "a"), 0o600))
    assert first == build_backend.reproducible_tar(a_tar(2.5, 0, ("a", "b"), 0o664))
    with tarfile.open(fileobj=io.BytesIO(first)) as archive:
        assert archive.getnames() == ["a", "b"]
        assert archive.extractfile("a").read() == b"abc"


def test_builds_that_differ_stop_a_release():
    release.require_equal({"a": b"1"}, {"a": b"1"})
    with pytest.raises(release.ReleaseError, match="two builds differ: a"):
        release.require_equal({"a": b"1", "b": b"2"}, {"a": b"3", "b": b"2"})


def test_a_release_needs_a_dated_entry_of_the_changelog():
    release.require_entry_of_the_changelog(f"# Changelog\n\n## [{__version__}] - 2026-11-30\n")
    for text in ("## [Unreleased]\n", f"## [{__version__}]\n", "## [0.0.1] - 2026-11-30\n"):
        with pytest.raises(release.ReleaseError, match=r"CHANGELOG\.md has no section"):
            release.require_entry_of_the_changelog(text)


def test_metadata_with_a_fault_stops_a_release(tmp_path):
    pytest.importorskip("twine")
    wheel = tmp_path / "broken-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(
            "broken-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n"
        )
        archive.writestr("broken-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\n")
    with pytest.raises(release.ReleaseError, match="twine check --strict"):
        release.require_complete_metadata([wheel])


def test_files_that_are_not_committed_stop_a_release(tmp_path):
    def git(*words):
        name = ("-c", "user.name=n", "-c", "user.email=n@example.com")
        subprocess.run(["git", "-C", str(tmp_path), *name, *words], check=True, capture_output=True)

    package = tmp_path / "glue_secure"
    package.mkdir()
    (package / "a.py").write_text("a = 1\n")
    (tmp_path / ".gitignore").write_text("*.jar\n")
    git("init")
    git("add", "-A")
    git("commit", "-m", "first")
    (package / "guard.jar").write_text("built")
    (tmp_path / "notes.txt").write_text("not packed")
    release.require_committed(tmp_path)
    (package / "b.py").write_text("")
    with pytest.raises(release.ReleaseError, match=r"\?\? glue_secure/b\.py"):
        release.require_committed(tmp_path)
    (package / "b.py").unlink()
    (package / "a.py").write_text("a = 2\n")
    with pytest.raises(release.ReleaseError, match=r"M glue_secure/a\.py"):
        release.require_committed(tmp_path)


def test_a_folder_with_files_of_an_earlier_release_is_refused(tmp_path):
    (tmp_path / release.SUMS).write_text("")
    release.require_no_other_files(tmp_path, (release.SUMS,))
    release.require_no_other_files(tmp_path / "absent", (release.SUMS,))
    old = tmp_path / "old-0.0.1.tar.gz"
    old.write_text("")
    with pytest.raises(release.ReleaseError, match=f"rm -r -- {re.escape(str(old))}"):
        release.require_no_other_files(tmp_path, (release.SUMS,))


@pytest.mark.long
def test_a_release_has_the_files_that_its_sums_name(tmp_path, monkeypatch):
    """Builds both archives twice."""
    monkeypatch.setattr(release, "require_committed", lambda root: None)
    assert release.main([str(tmp_path)]) == 0
    lines = (tmp_path / release.SUMS).read_text().splitlines()
    assert {line.split()[1] for line in lines} == {path.name for path in tmp_path.iterdir()} - {release.SUMS}
