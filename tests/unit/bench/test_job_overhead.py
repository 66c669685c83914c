"""The pure parts of bench/job_overhead.py: splitting, comparing and printing runs."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[3] / "bench"

PHASES = {
    "preflight": 0.5,
    "settings": 0.01,
    "bookmark": 0.1,
    "list": 0.2,
    "connect": 0.3,
    "write": 3.0,
    "verify": 0.4,
    "commit": 0.15,
}


@pytest.fixture(scope="module")
def bench():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))  # what Python does for a script
        yield importlib.import_module("job_overhead")
        for name in ("job_overhead", "pairs"):
            sys.modules.pop(name, None)


@pytest.fixture
def pairs(bench):
    return sys.modules["pairs"]


@pytest.fixture
def secured(pairs):
    return pairs.Secured.of(start=0.9, body=5.0, end=0.2, phases=PHASES)


@pytest.fixture
def result(pairs, secured):
    timed = [
        pairs.Pair(pairs.Plain(total=total, write=2.5), secured, pairs.plain_first(number), load=1.0 + number)
        for number, total in enumerate((4.0, 4.1, 4.2, 4.05, 4.1, 4.3, 8.2))
    ]
    return pairs.Result((1, 2), 51_955, False, 2, 0.25, tuple(timed))


def test_importing_the_benchmark_loads_neither_spark_nor_boto3():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import job_overhead;"
        "print(*{'pyspark', 'boto3', 'glue_secure'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, BENCH], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_job_proper_is_the_body_less_the_phases_within_it(secured):
    assert secured.proper == pytest.approx(5.0 - 0.2 - 0.3 - 0.4)
    assert secured.write == 3.0


def test_time_outside_the_recorded_phases_is_shown_as_clients_and_evidence(secured):
    assert secured.phases["clients"] == pytest.approx(0.9 - 0.5 - 0.01 - 0.1)
    assert secured.phases["evidence"] == pytest.approx(0.2 - 0.15)


def test_job_proper_and_phases_are_the_whole_run(pairs, secured):
    assert tuple(secured.phases) == pairs.PHASES
    assert secured.proper + sum(secured.phases.values()) == pytest.approx(secured.total)


def test_evidence_that_lacks_a_phase_is_not_read_as_zero(pairs):
    phases = {name: value for name, value in PHASES.items() if name != "verify"}
    with pytest.raises(ValueError, match="has no verify"):
        pairs.Secured.of(start=0.9, body=5.0, end=0.2, phases=phases)


@pytest.mark.parametrize("part", ["start", "body", "end"])
def test_a_phase_longer_than_its_part_is_an_error(pairs, part):
    parts = {"start": 0.9, "body": 5.0, "end": 0.2, part: 0.1}
    with pytest.raises(ValueError, match="do not fit"):
        pairs.Secured.of(phases=PHASES, **parts)


def test_ratios_are_secured_over_plain(pairs, secured):
    pair = pairs.Pair(pairs.Plain(total=4.0, write=2.5), secured, True, 1.0)
    assert pair.proper == pytest.approx(4.1 / 4.0)
    assert pair.whole == pytest.approx(6.1 / 4.0)
    assert pair.write == pytest.approx(3.0 / 2.5)


def test_a_spread_interpolates_its_quartiles(pairs):
    spread = pairs.Spread.of([4.0, 1.0, 3.0, 2.0])
    assert (spread.lowest, spread.lower, spread.median, spread.upper, spread.highest) == (
        1,
        1.75,
        2.5,
        3.25,
        4,
    )


def test_the_spread_of_one_value_has_equal_bounds(pairs):
    assert pairs.Spread.of([1.5]) == pairs.Spread(1.5, 1.5, 1.5, 1.5, 1.5, None)


@pytest.mark.parametrize(
    ("count", "sure"),
    # Ranks of the tables of the sign test, e.g. Conover, Practical Nonparametric Statistics, table A3.
    [(1, None), (5, None), (6, (1, 6)), (7, (1, 7)), (8, (1, 8)), (9, (2, 8)), (15, (4, 12)), (25, (8, 18))],
)
def test_the_median_is_enclosed_by_ranks_that_need_no_distribution(pairs, count, sure):
    assert pairs.Spread.of([float(value) for value in range(1, count + 1)]).sure == sure


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1.00, 1.01, 1.01, 1.00, 1.02, 1.01, 0.99], "met"),
        ([1.03, 1.04, 1.05, 1.03, 1.04, 1.06, 1.03], "missed"),
        ([0.90, 1.04, 1.05, 1.03, 1.04, 1.06, 1.03], "undecided: the median is in 0.900..1.060"),
        ([1.00, 1.00, 1.00], "undecided: fewer than six pairs"),
    ],
)
def test_a_target_is_met_or_missed_only_where_the_spread_says_so(pairs, values, said):
    assert pairs.verdict(pairs.Spread.of(values)).startswith(said)


def test_the_order_is_swapped_from_pair_to_pair(pairs):
    assert [pairs.plain_first(number) for number in range(4)] == [True, False, True, False]


@pytest.mark.parametrize(
    ("text", "months"),
    [("1-11", tuple(range(1, 12))), ("3", (3,)), ("12,1,2", (1, 2, 12)), ("1-2,2-3", (1, 2, 3))],
)
def test_months_are_ranges_and_lists(bench, text, months):
    assert bench.months_of(text) == months


@pytest.mark.parametrize("text", ["", "0", "13", "1-13", "3-1", "one", "1,", "-2"])
def test_an_invalid_month_is_rejected(bench, text, capsys):
    with pytest.raises(ValueError):
        bench.months_of(text)
    with pytest.raises(SystemExit, match="2"):
        bench.options([f"--months={text}"])
    assert "--months" in capsys.readouterr().err


def test_the_defaults_are_seven_pairs_of_january_to_november(bench):
    chosen = bench.options([])
    assert (chosen.pairs, chosen.months, chosen.by_name, chosen.json) == (
        7,
        tuple(range(1, 12)),
        False,
        False,
    )


@pytest.mark.parametrize("words", [["--pairs", "0"], ["--pairs", "x"], ["--warm-ups", "-1"], ["--strict"]])
def test_wrong_usage_ends_with_2(bench, words, capsys):
    with pytest.raises(SystemExit, match="2"):
        bench.options(words)
    assert words[0] in capsys.readouterr().err


def test_the_text_contains_both_ratios_the_target_and_every_phase(pairs, result):
    text = pairs.render(result)
    assert "job proper   1.000  (quartiles 0.965..1.006, all 0.500..1.025)" in text
    assert "target at most 1.02: undecided" in text
    assert "whole run    1.488" in text
    assert "load 0.2 before, 1.0..7.0 meanwhile" in text
    assert all(f"\n  {name} " in text for name in pairs.PHASES)


def test_the_document_is_json_with_every_pair(pairs, result):
    document = json.loads(json.dumps(pairs.document(result)))
    assert document["ratios"]["job_proper"]["median"] == pytest.approx(1.0)
    assert document["ratios"]["job_proper"]["sure"] == pytest.approx([0.5, 1.025])
    assert document["seconds"]["verify"]["median"] == 0.4
    assert document["seconds"]["guard_apart"]["median"] == pytest.approx(6.1 - 4.1)
    assert [pair["plain_first"] for pair in document["pairs"]] == [True, False] * 3 + [True]
    assert document["pairs"][0]["secured"]["phases"]["commit"] == 0.15


def test_a_benchmark_without_a_verdict_exits_with_0(bench, result, monkeypatch, capsys):
    monkeypatch.setattr(bench, "measure", lambda *_, **__: result)
    monkeypatch.setattr(sys, "argv", ["job_overhead.py", "--json"])
    assert bench.main() is None
    assert json.loads(capsys.readouterr().out)["verdict"].startswith("undecided")


def test_the_job_script_is_the_one_that_the_demo_runs(bench):
    assert bench.JOB.is_file()
    assert bench.JOB.name == "flights_curated.py"
