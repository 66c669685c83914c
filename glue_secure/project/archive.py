"""Zip archives whose bytes depend on their content alone."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# The first moment a zip can name: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.4.6.
_MOMENT = (1980, 1, 1, 0, 0, 0)
_REGULAR_0644 = 0o100644 << 16
_UNIX = 3
_LEVEL = 9


@dataclass(frozen=True, slots=True)
class Artefact:
    """One written file.

    Attributes:
        path: where it lies.
        size: bytes.
        sha256: its digest, hexadecimal.
    """

    path: Path
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name


def archive(members: Iterable[tuple[str, bytes]], *, compressed: bool = True) -> bytes:
    """A zip of the members, in the order given.

    No clock, umask or folder shows in it: each member is dated 1980, has mode 0644 and no extra field.
    Two Pythons with different builds of zlib may deflate differently; the members are the same then too.

    Args:
        members: name and content; a name may come once.
        compressed: deflate; members that are archives themselves are better stored.
    """
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    buffer = io.BytesIO()
    seen = set()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, content in members:
            if name in seen:
                raise ValueError(f"{name}: twice in one archive")
            seen.add(name)
            info = zipfile.ZipInfo(name, _MOMENT)
            info.compress_type = method
            info.create_system = _UNIX
            info.external_attr = _REGULAR_0644
            target.writestr(info, content, compresslevel=_LEVEL if compressed else None)
    return buffer.getvalue()


def write(path: Path, content: bytes) -> Artefact:
    """Put the content at the path in one step: a reader sees the old file or the whole new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(number, "wb") as target:
            target.write(content)
        part.chmod(0o644)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return Artefact(path, len(content), hashlib.sha256(content).hexdigest())
