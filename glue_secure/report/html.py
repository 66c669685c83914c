"""The HTML report: one self-contained file that loads nothing and runs no script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from glue_secure import __version__
from glue_secure.core.redaction import escape_unprintable, redact_text
from glue_secure.report import period as periods
from glue_secure.report import view as views
from glue_secure.report.page import Section
from glue_secure.report.results import Result
from glue_secure.report.stored import StoredRun

GENERATOR = '<meta name="generator" content="glue-secure '
"""Text that every report contains, and by which it is recognised."""
_MOST_CHARACTERS = 4000


@dataclass(frozen=True, slots=True)
class TablesPage:
    """A page of tables.

    Attributes:
        kind: what the page is, above its headline.
        headline: the result, in a sentence.
        sections: the tables.
        source: what the page was generated from.
    """

    kind: str
    headline: str
    sections: Sequence[Section]
    source: str


@dataclass(frozen=True, slots=True)
class FindingSection:
    """Findings about one job or account.

    Attributes:
        title: what they are about.
        summary: the number of findings of each verdict.
        findings: those that are shown, the worst first.
        more: number of findings that are not shown.
    """

    title: str
    summary: str
    findings: Sequence[Result]
    more: int = 0


@dataclass(frozen=True, slots=True)
class FindingsPage:
    """A page of findings.

    Attributes:
        kind: what the page is, above its title.
        title: what was checked.
        state: key in ``view.LABELS``.
        headline: the result, in a sentence.
        figures: name and value of each number below the headline.
        sections: the findings that did not pass.
        passed: id, requirement and number of resources of each control that passed.
        source: what the page was generated from.
    """

    kind: str
    title: str
    state: str
    headline: str
    figures: Sequence[tuple[str, str]]
    sections: Sequence[FindingSection]
    passed: Sequence[tuple[str, str, str]]
    source: str


def run_page(run: StoredRun, now: datetime) -> str:
    """Return the report of a run.

    Args:
        run: the run, with its document.
        now: the time of the report, UTC.
    """
    return _page("run.html", views.view(run, now.date()), now)


def period_page(runs: Iterable[StoredRun], now: datetime) -> tuple[str, periods.PeriodView]:
    """Return the report of a period, and what it shows.

    Args:
        runs: the runs with their documents, newest first; at least one.
        now: the time of the report, UTC.
    """
    shown = periods.view(runs, now.date())
    return _page("period.html", shown, now), shown


def tables_page(page: TablesPage, now: datetime) -> str:
    """Return a page of tables.

    Args:
        page: the page. All rows are shown.
        now: the time of the page, UTC.
    """
    return _page("tables.html", page, now)


def findings_page(page: FindingsPage, now: datetime) -> str:
    """Return a page of findings.

    Args:
        page: the page.
        now: the time of the page, UTC.
    """
    return _page("findings.html", page, now)


def _page(template: str, shown: object, now: datetime) -> str:
    environment = Environment(
        loader=PackageLoader("glue_secure.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_text,
    )
    environment.filters["count"] = _count
    environment.filters["number"] = lambda number, noun: f"{number:,} {noun}{'' if number == 1 else 's'}"
    environment.filters["code"] = _code
    environment.filters["size"] = _size
    style, _, _ = environment.loader.get_source(environment, "style.css")  # type: ignore[union-attr]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template(template).render(
        page=shown,
        labels=views.LABELS,
        style=Markup(style),  # noqa: S704 - our own file
        # A browser then loads nothing and runs nothing, whatever names the evidence contains.
        content_policy=f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'",
        version=__version__,
        now=f"{now:%Y-%m-%d %H:%M} UTC",
    )


def _text(value: object) -> object:
    """Return text as it is shown: without secrets, invisible characters as escapes, and of limited length."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    more = len(value) - _MOST_CHARACTERS
    if more > 0:
        value = f"{value[:_MOST_CHARACTERS]} ... ({more:,} more characters)"
    return "\n".join(map(escape_unprintable, redact_text(value).split("\n")))


def _code(value: str) -> Markup:
    """Return text with its parts between backticks as code."""
    words = [Markup.escape(_text(word)) for word in value.split("`")]
    if len(words) % 2 == 0:
        return Markup("`").join(words)
    return Markup("").join(
        Markup("<code>{}</code>").format(word) if at % 2 else word for at, word in enumerate(words)
    )


def _count(number: int | None) -> str:
    return "not counted" if number is None else f"{number:,}"


def _size(number: int | None) -> str:
    if number is None:
        return ""
    size, unit = float(number), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
