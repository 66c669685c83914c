"""Files that are replaced atomically, and files that an option names."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.core.files import FileChangedError, replace_file, write_output


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask():
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.mark.parametrize(("mask", "expected"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path, umask, mask, expected):
    umask(mask)
    replace_file(tmp_path / "file", "text")
    assert mode(tmp_path / "file") == expected
    write_output(tmp_path / "output", "text")
    assert mode(tmp_path / "output") == expected
    replace_file(tmp_path / "shared", "text", mode=0o644)
    assert mode(tmp_path / "shared") == 0o644


@pytest.mark.usefixtures("umask")
def test_a_replaced_file_keeps_its_mode(tmp_path):
    path = tmp_path / "file"
    replace_file(path, "täxt")
    assert (path.read_text(encoding="utf-8"), mode(path)) == ("täxt", 0o644)
    path.chmod(0o750)
    replace_file(path, b"new")
    assert (path.read_bytes(), mode(path)) == (b"new", 0o750)
    replace_file(path, b"own", mode=0o600, owner=os.geteuid())
    assert (path.read_bytes(), mode(path)) == (b"own", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_with_other_content_than_expected_is_not_replaced(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"changed")
    with pytest.raises(FileChangedError, match="changed by another program"):
        replace_file(path, b"new", expected=b"old")
    assert path.read_bytes() == b"changed"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_has_the_old_content_until_the_new_one_is_complete(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(descriptor):
        assert path.read_bytes() == b"old"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_output_creates_its_folder_follows_a_link_and_names_itself_in_an_error(tmp_path):
    path = tmp_path / "new" / "file"
    write_output(path, "one")
    link = tmp_path / "link"
    link.symlink_to(path)
    write_output(link, "two")
    assert link.is_symlink()
    assert path.read_text() == "two"
    for wrong in (tmp_path, path / "below"):
        with pytest.raises(UsageError, match=str(wrong)):
            write_output(wrong, "three")


_WRITES = """
import sys
from pathlib import Path
from glue_secure.core.files import write_output
print("before", flush=True)
write_output(Path(sys.argv[1]), "output\\n")
print("after", flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the names are Linux's")
@pytest.mark.parametrize(
    "name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/thread-self/fd/1", "link"]
)
@pytest.mark.parametrize("opened", ["wb", "ab"])
def test_an_output_to_an_open_file_leaves_what_was_written_before(tmp_path, name, opened):
    log = tmp_path / "log.txt"
    log.write_text("earlier\n")
    if name == "link":
        name = tmp_path / "link"
        name.symlink_to("/dev/stdout")
    with log.open(opened) as stream:
        subprocess.run([sys.executable, "-c", _WRITES, name], stdout=stream, check=True)
    earlier = "earlier\n" if opened == "ab" else ""
    assert log.read_text() == f"{earlier}before\noutput\nafter\n"
    assert {*tmp_path.iterdir()} <= {log, tmp_path / "link"}


@pytest.mark.parametrize("name", ["/dev/fd/987", f"/dev/fd/{10**30}", "/dev/fd/x"])
def test_a_descriptor_that_is_not_open_is_an_error_that_names_it(name):
    with pytest.raises(UsageError, match=name):
        write_output(Path(name), "text")


def test_an_output_that_is_a_mount_point_is_overwritten(tmp_path, monkeypatch):
    path = tmp_path / "mounted"
    path.write_text("a longer text")

    def busy(*_):
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(Path, "replace", busy)
    write_output(path, "new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_output_that_is_a_pipe_is_written_to(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_output(pipe, "text")
        assert os.read(reader, 10) == b"text"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
