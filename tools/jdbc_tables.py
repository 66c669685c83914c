"""docs/jdbc.md from tools/jdbc.md and the tables of engines: what is forced is told as it is.

A line ``<!-- table: NAME -->`` of the source becomes the table of that name.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from glue_secure.connections.engines.engine import Engine, OptionRule
from glue_secure.connections.engines.registry import ENGINES

SOURCE = "tools/jdbc.md"
CORPUS = "tests/vectors/jdbc_downgrades.csv"
# The tests that each word of evidence stands for; a test that is gone fails the making of the document.
EVIDENCE = {
    "corpus": "tests/unit/connections/test_jdbc_engines.py",
    "driver": "tests/integration/connections/test_drivers_read_alike.py",
    "handshake": "tests/integration/connections/test_drivers_at_the_handshake.py",
    "server": "tests/integration/connections/test_real_servers.py",
    "run": "tests/spark",
}
_SERVED = ("postgresql", "mysql", "mariadb")


def as_markdown(root: Path) -> str:
    """The document."""
    for path in EVIDENCE.values():
        if not (root / path).exists():
            raise FileNotFoundError(path)
    source = (root / SOURCE).read_text(encoding="utf-8")
    tables: dict[str, Callable[[], Iterator[str]]] = {
        "engines": lambda: _engines(root),
        "forced": _forced,
        "drivers": _drivers,
        "options": _options,
    }
    text = re.sub(r"<!-- table: (\w+) -->", lambda match: "\n".join(tables[match[1]]()), source)
    return text.replace(
        "\n\n",
        f"\n\nGenerated from `{SOURCE}` and `glue_secure/connections/engines*.py` by `make docs`; do not edit.\n\n",
        1,
    )


def _engines(root: Path) -> Iterator[str]:
    with (root / CORPUS).open(encoding="utf-8", newline="") as file:
        cases = Counter(row["engine"] for row in csv.DictReader(file))
    yield "| Engine | Session (GS-TLS-010) | URL that is read | Trust anchor | Refused | Evidence |"
    yield "|-|-|-|-|-|-|"
    for engine in ENGINES:
        words = [
            word for word in EVIDENCE if word in ("corpus", "driver", "handshake") or engine.name in _SERVED
        ]
        evidence = ", ".join(f"[{word}](../{EVIDENCE[word]})" for word in words)
        url = engine.bare_form.format(host="HOST", port="PORT", database="DATABASE")
        anchor = f"`{engine.anchor_option}`, PEM text" if engine.anchor_option else "a PKCS #12 file"
        served = engine.session_source or "not told; drivers " + ", ".join(one for one, _ in engine.tried)
        yield f"| {engine.name} | {served} | `{url}` | {anchor} | {cases[engine.name]} | {evidence} |"


def _forced() -> Iterator[str]:
    yield "| Engine | Option | Value | Without it, or with another value |"
    yield "|-|-|-|-|"
    for engine in ENGINES:
        for name, value in engine.forced_options:
            option = engine.option(name)
            yield f"| {engine.name} | `{name}` | `{value}` | {option.reason if option else ''} |"
        for name, value in engine.default_options:
            yield f"| {engine.name} | `{name}` | `{value}` by default | slower; a call may change it |"


def _drivers() -> Iterator[str]:
    yield "| Engine | Glue | Driver | Where nobody says anything |"
    yield "|-|-|-|-|"
    for engine in ENGINES:
        for one in engine.bundled_drivers:
            yield f"| {engine.name} | {one.glue} | {one.version} | {one.default_behaviour} |"


def _options() -> Iterator[str]:
    for engine in ENGINES:
        yield f"### {engine.name}"
        yield ""
        yield f"- Allowed: {_names(engine, OptionRule.HARMLESS)}"
        yield f"- Decide TLS, only the forced value: {_names(engine, OptionRule.TLS)}"
        yield f"- Refused, credentials (GS-TLS-008): {_names(engine, OptionRule.CREDENTIAL)}"
        yield f"- Refused, another server (GS-TLS-007): {_names(engine, OptionRule.ADDRESS)}"
        yield f"- Refused, run code, leak, or cannot be judged (GS-TLS-005): {_names(engine, OptionRule.REFUSED)}"
        yield ""


def _names(engine: Engine, rule: OptionRule) -> str:
    return ", ".join(f"`{option.name}`" for option in engine.options if option.rule is rule)
