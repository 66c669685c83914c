"""Zip archives whose bytes depend on their content only."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from glue_secure.core.files import replace_file

# The earliest date of the zip format, https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.4.6.
_DATE = (1980, 1, 1, 0, 0, 0)
_REGULAR_0644 = 0o100644 << 16
_UNIX = 3
_LEVEL = 9


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that was written.

    Attributes:
        path: Its path.
        size: Its size in bytes.
        sha256: The SHA-256 of its content, in hexadecimal.
    """

    path: Path
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The file name."""
        return self.path.name


def archive(members: Iterable[tuple[str, bytes]], *, compressed: bool = True) -> bytes:
    """Return a zip archive of the members, in their order.

    Each member is dated 1980-01-01 and has mode 0644 and no extra field: clock, umask and folder do not
    change the bytes. Different builds of zlib may compress differently; the members' content is the same.

    Args:
        members: Name and content of each member.
        compressed: Compress the members. Members that are archives themselves are better stored.

    Raises:
        ValueError: Two members have the same name.
    """
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    buffer = io.BytesIO()
    names = set()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, content in members:
            if name in names:
                raise ValueError(f"{name}: duplicate name in an archive")
            names.add(name)
            info = zipfile.ZipInfo(name, _DATE)
            info.compress_type = method
            info.create_system = _UNIX
            info.external_attr = _REGULAR_0644
            target.writestr(info, content, compresslevel=_LEVEL if compressed else None)
    return buffer.getvalue()


def write(path: Path, content: bytes) -> Artifact:
    """Write the content to the path atomically, and create its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content, mode=0o644)
    return Artifact(path, len(content), hashlib.sha256(content).hexdigest())
