"""Folders of the embedded account: their locations, private files in them, and a lock on them.

This module reads the variables ``GLUE_SECURE_LOCAL_STATE``, ``XDG_STATE_HOME``, ``XDG_CACHE_HOME``, ``HOME``.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from glue_secure.core.errors import UsageError
from glue_secure.core.files import replace_file

STATE_VARIABLE = "GLUE_SECURE_LOCAL_STATE"
MARKER = ".glue-secure-local"
"""File that marks a state folder. Files are removed only from a folder that contains it."""


def state_folder(state: str | os.PathLike[str] | None, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the state folder: the argument, else ``GLUE_SECURE_LOCAL_STATE``, else the user's default."""
    folder = os.fspath(state) if state is not None else environment.get(STATE_VARIABLE, "")
    if folder:
        return Path(folder).expanduser().absolute()
    return _home_folder("XDG_STATE_HOME", ".local/state", environment) / "glue-secure" / "local"


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that caches pinned JARs between runs. It can be deleted at any time."""
    return _home_folder("XDG_CACHE_HOME", ".cache", environment) / "glue-secure" / "jars"


def _home_folder(variable: str, below_home: str, environment: Mapping[str, str]) -> Path:
    # The XDG Base Directory specification says to ignore relative paths.
    folder = environment.get(variable, "")
    if folder and Path(folder).is_absolute():
        return Path(folder)
    home = environment.get("HOME", "")
    if home and Path(home).is_absolute() and os.access(home, os.W_OK | os.X_OK):
        return Path(home) / below_home
    return user_temporary_folder()


def user_temporary_folder() -> Path:
    """Return this user's folder below the temporary folder, for a user without a writable home.

    Raises:
        UsageError: the folder is a link, belongs to another user, or other users can write to it.
    """
    folder = Path(tempfile.gettempdir()) / f"glue-secure-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not folder.is_dir() or folder.lstat().st_uid != os.getuid() or not is_trusted(folder):
            raise UsageError(
                f"the folder {folder} cannot be trusted",
                found="a link, a folder of another user, or a folder that other users can write to",
                required="a folder that only this user can write to",
                fix="set HOME, XDG_CACHE_HOME and XDG_STATE_HOME to folders that belong to this user",
            ) from None
    return folder


def is_trusted(path: Path) -> bool:
    """Return whether only this user and root can change a file or folder, which is no link."""
    try:
        status = path.lstat()
    except OSError:
        return False
    is_own = status.st_uid in (0, os.getuid()) and not status.st_mode & 0o022
    return is_own and not stat.S_ISLNK(status.st_mode)


def write_private(path: Path, content: bytes | str, mode: int = 0o600, owner: int | None = None) -> None:
    """Write a file atomically, by default for this user only. See :func:`replace_file`."""
    replace_file(path, content, mode=mode, owner=owner)


def initialise(state: Path) -> None:
    """Create a state folder, or mark an empty folder as one.

    Raises:
        UsageError: the folder contains files and is not marked as a state folder, or cannot be created.
    """
    create(state)
    if (state / MARKER).exists():
        return
    if any(state.iterdir()):
        raise _not_a_state_folder(state, "a folder with other files in it")
    state.chmod(0o700)
    write_private(state / MARKER, "Created by glue-secure local up; glue-secure local down empties it.\n")


def create(state: Path) -> Path:
    """Create a state folder if it is missing, and return it. Raises UsageError if that fails."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a name with U+0000
        raise _not_a_state_folder(state, getattr(error, "strerror", None) or str(error)) from error
    return state


def _not_a_state_folder(state: Path, found: str) -> UsageError:
    return UsageError(
        f"{state} cannot be the embedded account's state folder",
        found=found,
        required="a folder that is empty, does not exist yet, or was created by glue-secure local up",
        fix=f"choose another folder with --state or {STATE_VARIABLE}",
    )


def clear(state: Path) -> None:
    """Remove the contents of a state folder. A folder without the marker is not changed."""
    marker = state / MARKER
    if not marker.exists():
        return
    for entry in state.iterdir():
        if entry == marker:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
    marker.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Lock a folder for one process at a time. The kernel releases the lock when the process ends.

    The lock is on the folder itself (flock(2)), so that no lock file appears in a folder of the user.

    Args:
        folder: an existing folder.
        on_wait: called once if another process has locked the folder.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if on_wait is not None:
                on_wait()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
