"""Files that are replaced atomically."""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path

from glue_secure.core.errors import UsageError

# Folders of open files, whose names are no files of their own. The first group is the process.
_DESCRIPTORS = re.compile(r"/(?:proc/([^/]+)(?:/task/[^/]+)?|dev)/fd\Z")
_MOST_LINKS = 40
Content = bytes | str | Callable[[], Iterable[str]]
"""The content of a file; a text is encoded in UTF-8. A function returns the parts of a long text."""


class FileChangedError(OSError):
    """A file does not have the content that it is to be replaced with a new version of."""


def replace_file(
    path: Path,
    content: Content,
    *,
    mode: int | None = None,
    owner: int | None = None,
    expected: bytes | None = None,
) -> None:
    """Create or replace a file. A reader sees the old or the complete new content.

    The content is on the disk before the file gets its name. Mode and owner are set before the content is
    written. A device or a pipe is written to, because it cannot be replaced.

    Args:
        path: The file. Its folder must exist.
        content: The content.
        mode: Permissions of the file. Default: those of the replaced file; for a new one, those that the
            umask of the process leaves of 0666.
        owner: User id of the owner, None for the user of this process.
        expected: Content of the file to replace.

    Raises:
        FileChangedError: The file has other content than ``expected``. It is as before.
        OSError: The file cannot be written. It is as before.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        with path.open("wb") as stream:
            stream.writelines(_parts(content))
        return
    if mode is None and path.is_file():
        mode = path.stat().st_mode & 0o7777
    part = path.parent / f".{secrets.token_hex(8)}.part"
    # The kernel applies the umask, which a process cannot read without a change of it.
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            if mode is not None:
                os.fchmod(stream.fileno(), mode)
            if owner is not None and owner != os.geteuid():
                os.fchown(stream.fileno(), owner, -1)
            stream.writelines(_parts(content))
            stream.flush()
            os.fsync(stream.fileno())
        if expected is not None and path.read_bytes() != expected:
            raise FileChangedError(f"{path} was changed by another program")
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_output(path: Path, content: Content) -> None:
    """Write the file that an option of the command line names, and create its folder.

    A link is followed: the file that it names is replaced. An open file, such as ``/dev/stdout``, is written
    to, also if the shell redirects it to a regular file. A file that is a mount point, as in a container,
    cannot be replaced, and is overwritten.

    Raises:
        UsageError: The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if (descriptor := _open_file(path)) is not None:
            with os.fdopen(descriptor, "wb") as stream:
                stream.writelines(_parts(content))
            return
        target = path.resolve() if path.is_file() else path
        try:
            replace_file(target, content)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            with target.open("wb") as stream:
                stream.writelines(_parts(content))
    except OSError as error:
        raise UsageError(
            str(path),
            found=error.strerror or type(error).__name__,
            required="a file that can be written",
            fix="name another file",
        ) from None


def _parts(content: Content) -> Iterable[bytes]:
    if isinstance(content, bytes):
        return (content,)
    texts = (content,) if isinstance(content, str) else content()
    return (text.encode("utf-8") for text in texts)


def _open_file(path: Path) -> int | None:
    """Return a descriptor of the open file that a path names, None if it names another kind of file.

    The descriptor of an open file of this process has its position: what was written before remains.
    """
    for _ in range(_MOST_LINKS):
        folder = os.path.realpath(path.parent)
        if match := _DESCRIPTORS.match(folder):
            own = match[1] in (None, str(os.getpid()))
            if own and path.name.isdecimal() and len(path.name) < 10:
                return os.dup(int(path.name))
            return os.open(path, os.O_WRONLY | os.O_APPEND)
        if not path.is_symlink():
            return None
        path = Path(folder, path.readlink())
    return None
