"""The table of engines: the corpus of downgrades, and what good connections are turned into."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from glue_secure.core.errors import Refusal
from glue_secure.jdbc.engine import Engine, Rule
from glue_secure.jdbc.engines import ENGINES, SUPPORTED
from glue_secure.jdbc.options import judge_options
from glue_secure.jdbc.url import parse_url
from glue_secure.jdbc.url_forms import judge, read_url

VECTORS = Path(__file__).parents[2] / "vectors"
BY_NAME = {engine.name: engine for engine in ENGINES}
WANTED = {
    "postgresql": {"sslmode": "verify-full", "ssl": "true"},
    "mysql": {"sslMode": "VERIFY_IDENTITY", "allowLoadLocalInfile": "false"},
    "mariadb": {"sslMode": "verify-full", "allowLocalInfile": "false"},
    "sqlserver": {"encrypt": "true", "trustServerCertificate": "false"},
    "oracle": {"oracle.net.ssl_server_dn_match": "true"},
    "redshift": {"sslmode": "verify-full", "ssl": "true"},
}


def rows(name: str) -> list[dict[str, str]]:
    with (VECTORS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


DOWNGRADES, ACCEPTED = rows("jdbc_downgrades.csv"), rows("jdbc_accepted.csv")


@pytest.mark.parametrize("row", DOWNGRADES, ids=lambda row: f"{row['where']}-{row['text']}")
def test_a_downgrade_is_refused_for_its_control(row: dict[str, str]) -> None:
    with pytest.raises(Refusal) as refused:
        if row["where"] == "url":
            read_url(row["text"])
        else:
            name, _, value = row["text"].partition("=")
            judge_options(BY_NAME[row["engine"]], "c", {name: value})
    assert refused.value.control == row["control"]


def test_the_corpus_is_large_and_covers_every_engine() -> None:
    assert len(DOWNGRADES) >= 150
    for name in BY_NAME:
        assert sum(row["engine"] == name for row in DOWNGRADES) >= 20


@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: row["url"])
def test_a_good_url_comes_out_with_full_verification_forced(row: dict[str, str]) -> None:
    judged = judge(row["url"], {}, connection="c")
    properties = dict(judged.properties)
    assert judged.url.engine.name == row["engine"]
    assert WANTED[row["engine"]].items() <= properties.items()
    assert properties.items() >= dict(judged.url.engine.forced).items()
    assert "?" not in judged.url.bare
    assert read_url(judged.url.bare).bare == judged.url.bare


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_what_is_forced_and_the_anchor_can_come_from_nobody_else(engine: Engine) -> None:
    anchors = [engine.anchor_option] if engine.anchor_option else [name for name, _ in engine.anchor_store]
    assert anchors
    for name in (*anchors, *(name for name, _ in engine.forced)):
        option = engine.option(name)
        assert option is not None, name
        assert option.rule is not Rule.HARMLESS, name
    for name in anchors:
        option = engine.option(name)
        assert option is not None
        assert not option.accepts("anything")


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_each_option_stands_once_in_an_engine(engine: Engine) -> None:
    names = [option.name.lower() for option in engine.options]
    assert sorted(names) == sorted(set(names))


def test_an_engine_without_a_preflight_is_judged_and_still_refused_by_a_run() -> None:
    assert [engine.name for engine in SUPPORTED] == ["postgresql"]
    for row in ACCEPTED:
        if row["engine"] == "postgresql":
            continue
        with pytest.raises(Refusal) as refused:
            parse_url(row["url"])
        assert refused.value.control == "GS-TLS-011"
        assert "not supported yet" in str(refused.value)
