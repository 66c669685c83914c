"""The packages of an extra of glue-secure, as a command that installs those that are missing."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution, requires

_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?P<rest>[^;]*)(?:;(?P<marker>.*))?")
_EXTRA = re.compile(r"""\s*(?:\band\s+)?extra\s*==\s*["']([\w-]+)["']""")


def install_command(extra: str) -> str:
    """Return the command that installs the packages of an extra that this environment lacks.

    glue-secure itself need not be on a package index. Without the metadata of glue-secure, the result names
    the extra only.
    """
    try:
        found = [_REQUIREMENT.match(line) for line in requires("glue-secure") or ()]
    except PackageNotFoundError:
        found = []
    lines = []
    for match in found:
        marker = (match["marker"] or "") if match else ""
        named = _EXTRA.search(marker)
        if match is None or named is None or named[1] != extra or _is_installed(match["name"]):
            continue
        condition = _EXTRA.sub("", marker).strip()
        lines.append(f"'{match['name']}{match['rest'].strip()}{f'; {condition}' if condition else ''}'")
    if not lines:
        return f"install glue-secure with its extra {extra} from where it was installed"
    return f"python -m pip install {' '.join(lines)}"


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
