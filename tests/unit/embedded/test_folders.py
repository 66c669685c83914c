import os
import stat
from pathlib import Path

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.embedded import folders


def test_the_argument_takes_precedence_over_the_environment() -> None:
    environment = {folders.STATE_VARIABLE: "/from/environment"}
    assert folders.state_folder("/from/argument", environment) == Path("/from/argument")
    assert folders.state_folder(None, environment) == Path("/from/environment")


def test_the_default_folders_follow_the_xdg_specification(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path)}
    assert folders.state_folder(None, environment) == tmp_path / ".local/state/glue-secure/local"
    assert folders.cache_folder(environment) == tmp_path / ".cache/glue-secure/jars"
    environment["XDG_CACHE_HOME"] = str(tmp_path / "x")
    assert folders.cache_folder(environment) == tmp_path / "x/glue-secure/jars"


@pytest.mark.parametrize("environment", [{}, {"HOME": "/nonexistent"}, {"HOME": ""}])
def test_without_a_home_a_private_temporary_folder_is_used(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    cache = folders.cache_folder(environment)
    private = tmp_path / f"glue-secure-{os.getuid()}"
    assert cache == private / "glue-secure" / "jars"
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


def test_a_temporary_folder_that_others_can_write_to_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = tmp_path / f"glue-secure-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(UsageError, match="cannot be trusted"):
        folders.user_temporary_folder()


def test_a_folder_with_other_files_is_neither_used_nor_cleared(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="a folder with other files in it"):
        folders.initialise(tmp_path)
    folders.clear(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_a_state_folder_is_emptied_without_following_links(tmp_path: Path) -> None:
    outside, state = tmp_path / "outside", tmp_path / "state"
    outside.mkdir()
    (outside / "file").touch()
    folders.initialise(state)
    (state / "link").symlink_to(outside)
    (state / "folder").mkdir()
    (state / "folder" / "file").touch()
    folders.clear(state)
    assert list(state.iterdir()) == []
    assert (outside / "file").exists()


def test_a_written_file_has_its_mode_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    folders.write_private(tmp_path / "secret", "one")
    folders.write_private(tmp_path / "secret", "two")
    assert (tmp_path / "secret").read_text() == "two"
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert len(list(tmp_path.iterdir())) == 1
