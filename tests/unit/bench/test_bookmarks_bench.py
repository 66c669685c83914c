"""bench/bookmarks.py: its simulation and its summary of pairs."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from glue_secure.core.identifiers import S3Uri

BENCH = Path(__file__).resolve().parents[3] / "bench"


@pytest.fixture(scope="module")
def bench():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        yield importlib.import_module("bookmarks")
        for name in ("bookmarks", "pairs"):
            sys.modules.pop(name, None)


def test_importing_the_benchmark_loads_neither_spark_nor_boto3():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import bookmarks;"
        "print(*{'pyspark', 'boto3', 'glue_secure'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, BENCH], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_simulated_prefix_lists_as_s3_does(bench):
    pages = bench.Pages(3500)
    store = bench.store(pages)
    listed = list(store.list(S3Uri("landing", "flights")))
    assert [one.uri.key for one in listed] == sorted(pages.key_of(number) for number in range(3500))
    assert (listed[-1].last_modified, listed[-1].size) == (bench.NOW, 1048576)
    after = list(store.list(S3Uri("landing", "flights"), start_after=pages.key_of(3400)))
    assert after == listed[3401:]


@pytest.mark.parametrize(
    ("mode", "listed", "selected"),
    [
        ("bare", 4000, 0),
        ("select", 4000, 100),
        ("first run", 4000, 4000),
        ("unpacked", 4000, 4000),
        ("bounded", 4000, 1000),
        ("ascending", 1902, 100),
    ],
)
def test_each_mode_selects_its_objects(bench, monkeypatch, mode, listed, selected):
    monkeypatch.setattr(bench, "PASSES", 0)
    monkeypatch.setattr("glue_secure.bookmarks.bounds.PACK_FROM", 1000)  # "unpacked" sets it
    found = bench.measure(mode, 4000)
    assert (found.listed, found.selected) == (listed, selected)
    assert found.seconds > 0
    assert found.state < bench.TARGET_STATE


def test_pairs_alternate_and_are_compared_with_the_targets(bench):
    order = []

    def run(mode, count):
        order.append(mode)
        seconds, peak = (2.0, 50.0) if mode == "bare" else (2.1, 51.5)
        return bench.Measured(seconds, peak, count, 100, 54_000)

    pairs = bench.pairs_of("select", 10_000, 3, lambda _: None, run)
    assert order == ["bare", "select", "select", "bare", "bare", "select"]
    line = bench.summary_of("select", 10_000, pairs)
    assert line["time_over_bare"]["median"] == pytest.approx(1.05)
    assert line["memory_over_bare_mib"]["median"] == pytest.approx(1.5)
    assert line["met"] == {"time": True, "memory": True, "state": True}
    text = bench.render([line])
    assert "1.050 (1.050..1.050)" in text
    assert "time over bare at most 1.10: met" in text
    json.dumps(line)


def test_the_memory_of_a_first_run_is_compared_with_unpacked_objects(bench):
    def line(mode, peak):
        pair = bench.Pair(bench.Measured(1.0, 50, 1), bench.Measured(1.2, peak, 1, 1, 200))
        return bench.summary_of(mode, 1_000_000, [pair])

    text = bench.render([line("first run", 90), line("unpacked", 450)])
    assert "memory of a first run of 1,000,000 objects over unpacked: 0.10" in text


def test_a_missed_target_is_reported_with_its_size(bench):
    slow = bench.Pair(bench.Measured(1.0, 50, 1), bench.Measured(1.2, 150, 1, 1, 200_000))
    text = bench.render([bench.summary_of("select", 1_000_000, [slow])])
    assert text.count("missed at 1,000,000") == 3


@pytest.mark.parametrize(
    "words", [["--sizes", "2000"], ["--sizes", "x"], ["--modes", "sideways"], ["--repeats", "0"]]
)
def test_wrong_usage_ends_with_2(bench, words, capsys):
    with pytest.raises(SystemExit, match="2"):
        bench.options(words)
    assert words[0] in capsys.readouterr().err
