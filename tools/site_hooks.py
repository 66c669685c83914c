"""Hooks of mkdocs for the site: pages from outside docs/, and links to files of the repository."""

from __future__ import annotations

import re
from pathlib import Path
from posixpath import normpath, relpath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
# Pages of the repository's root: their path in the repository, and on the site.
ROOT_PAGES = {name: name.lower() for name in ("CHANGELOG.md", "CONTRIBUTING.md", "README.md", "SECURITY.md")}
_MARK = re.compile(r"^ *<!-- .*? -->\n(?= *```)", re.M)
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s:#]+)(#[^)]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the repository's root."""
    for path, page in ROOT_PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Remove the marks of code blocks, and replace links that lead out of docs/."""
    source = page.file.src_uri
    in_repository = {site: path for path, site in ROOT_PAGES.items()}.get(source, f"docs/{source}")
    folder = in_repository.rpartition("/")[0]

    def link(match: re.Match[str]) -> str:
        text, target, anchor = match[1], match[2], match[3] or ""
        path = normpath(f"{folder}/{target}" if folder else target)
        site = ROOT_PAGES.get(path, path.removeprefix("docs/") if path.startswith("docs/") else None)
        if site is None:
            return text  # a file of the repository, which the site does not have
        start = source.rpartition("/")[0] or "."
        return f"[{text}]({relpath(site, start)}{anchor})"

    return _LINK.sub(link, _MARK.sub("", markdown))
