"""Where the embedded account keeps its things, and how a file is put there.

The environment is read here and nowhere else in this room: ``GLUE_SECURE_LOCAL_STATE``,
``XDG_STATE_HOME``, ``XDG_CACHE_HOME`` and ``HOME``.
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

STATE_VARIABLE = "GLUE_SECURE_LOCAL_STATE"
MARKER = ".glue-secure-local"
"""A state folder holds this file. Nothing is ever removed from a folder that does not."""


def state_folder(state: str | os.PathLike[str] | None, environment: Mapping[str, str] = os.environ) -> Path:
    """The state folder: the argument, else ``GLUE_SECURE_LOCAL_STATE``, else the user's state home."""
    chosen = os.fspath(state) if state is not None else environment.get(STATE_VARIABLE, "")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return _home_folder("XDG_STATE_HOME", ".local/state", environment) / "glue-secure" / "local"


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where pinned jars are kept between runs. It can be removed at any time."""
    return _home_folder("XDG_CACHE_HOME", ".cache", environment) / "glue-secure" / "jars"


def _home_folder(variable: str, below_home: str, environment: Mapping[str, str]) -> Path:
    # The XDG specification has relative paths ignored.
    named = environment.get(variable, "")
    if named and Path(named).is_absolute():
        return Path(named)
    home = environment.get("HOME", "")
    if home and Path(home).is_absolute() and os.access(home, os.W_OK | os.X_OK):
        return Path(home) / below_home
    return user_temporary_folder()


def user_temporary_folder() -> Path:
    """A folder of this user below the temporary folder, for a user without a writable home.

    Raises:
        UsageError: somebody else made a folder or link of that name first.
    """
    folder = Path(tempfile.gettempdir()) / f"glue-secure-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        facts = folder.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o022:
            raise UsageError(
                f"the folder {folder} cannot be trusted",
                found="it belongs to somebody else, is a link, or others can write to it",
                required="a folder that only this user can write to",
                fix="set HOME, XDG_CACHE_HOME and XDG_STATE_HOME to folders of yours",
            ) from None
    return folder


def write_private(path: Path, content: bytes | str, mode: int = 0o600, owner: int | None = None) -> None:
    """Write a file so that a reader sees the old or the new content, never a part.

    The file has its mode and owner before it has its content or its name.
    """
    raw = content.encode("utf-8") if isinstance(content, str) else content
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            if owner is not None and owner != os.geteuid():
                os.fchown(file.fileno(), owner, -1)
            file.write(raw)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def claim(state: Path) -> None:
    """Make a state folder, or take an empty one.

    Raises:
        UsageError: the folder holds something that is not an embedded account.
    """
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (state / MARKER).exists():
        return
    if any(state.iterdir()):
        raise UsageError(
            f"{state} cannot be the embedded account's state folder",
            found="a folder with other files in it",
            required="a folder that is empty, does not exist yet, or was made by glue-secure local up",
            fix=f"name another folder with --state or {STATE_VARIABLE}",
        )
    state.chmod(0o700)
    write_private(state / MARKER, "Made by glue-secure local up; glue-secure local down empties it.\n")


def clear(state: Path) -> None:
    """Empty a state folder. A folder without the marker is left as it is."""
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
    """Hold a folder for one process at a time. The kernel lets go when the process ends, however it ends.

    Args:
        folder: an existing folder.
        on_wait: called once when somebody else holds it.
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
