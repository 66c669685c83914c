"""bench/run.py: each question is answered from the results, and the page shows every answer."""

import importlib
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[3] / "bench"
MEASURED = {"time": "2026-01-01T00:00:00+00:00", "cores": 2, "load": 0.1, "python": "3.11.7", "quick": False}


@pytest.fixture(scope="module")
def bench():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        yield importlib.import_module("run")
        sys.modules.pop("run", None)


def scale(*, requests=3, memory=2.0, document=30_000, ratio=1.05):
    def measured(factor):
        return {"seconds": factor, "processor": factor, "memory": memory}

    return {
        "append": [
            {"objects": size, "method": method, "memory": memory, "requests": {"HeadObject": requests}}
            for size in (1_000, 1_000_000)
            for method in ("receipts", "listing")
        ],
        "receipts": [{"objects": 9, "processor": 1.0, "memory": memory, "document": document, "parts": 1}],
        "evidence": [{"objects": 9, "plain": measured(1.0), "guard": measured(ratio)}],
        "verify": [{"objects": 9, "plain": measured(1.0), "guard": measured(ratio)}],
        "measured": MEASURED,
    }


def job(sure):
    spread = {"median": 1.0, "sure": sure}
    seconds = {"plain": {"median": 5.0}, "job_proper": {"median": 5.1}}
    return {
        "ratios": {"job_proper": spread}, "pairs": [{}] * 30, "rows": 7, "load_before": 0.1,
        "seconds": seconds, "measured": MEASURED,
    }  # fmt: skip


def verdicts(bench, results):
    return {answer.name: answer.met for answer in bench.answers(results)}


def test_targets_are_met(bench):
    assert set(verdicts(bench, {"scale": scale()}).values()) == {True}


@pytest.mark.parametrize(
    ("change", "missed"),
    [
        ({"requests": 113}, {"append-receipts", "append-listing"}),
        ({"memory": 33.0}, {"append-receipts", "append-listing", "receipts-9"}),
        ({"document": 200_001}, {"receipts-9"}),
        ({"ratio": 1.15}, {"verify-9"}),
        ({"ratio": 1.25}, {"verify-9", "evidence-9"}),
    ],
)
def test_a_target_that_is_missed_is_shown(bench, change, missed):
    found = verdicts(bench, {"scale": scale(**change)})
    assert {name for name, met in found.items() if not met} == missed


@pytest.mark.parametrize(
    ("sure", "met"), [([0.99, 1.01], True), ([1.03, 1.1], False), ([1.0, 1.05], None), (None, None)]
)
def test_the_interval_decides(bench, sure, met):
    assert verdicts(bench, {"job": job(sure)}) == {"job": met}


@pytest.mark.parametrize("state", [True, False])
def test_a_bookmark_meets_its_target_in_time_memory_and_size(bench, state):
    met = {"time": True, "memory": True, "state": state}
    figures = {"time_over_bare": {"median": 1.0}, "memory_over_bare_mib": {"median": 0.1}, "state_bytes": 5}
    row = {"objects": 9, "mode": "select", "met": met, **figures}
    results = {"bookmarks": {"rows": [row, row | {"mode": "bounded"}]}}
    assert verdicts(bench, results) == {"bookmarks-9": state}


def test_what_has_no_target_does_not_count_as_undecided(bench):
    of_copy = {"of copy": {"median": 0.5}}
    columns = {"rows": 9, "summary": dict.fromkeys(("pandas", "tokenise", "encrypt"), of_copy)}
    results = {"columns": columns | {"measured": MEASURED}, "job": job([1.0, 1.05])}
    page = bench.page(results, {})
    assert "0 targets met, 0 missed, 1 not decided" in page
    assert "tokenise 0.50" in page
    assert page.count("no target") == 1


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        assert not {name for name, _ in attrs} & {"src", "href", "onclick"}

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_has_every_answer_and_reason_and_loads_nothing(bench):
    results = {"scale": scale(ratio=1.25), "job": job(None)}
    reader = Reader()
    reader.feed(bench.page(results, {"verify-9": "a reason with <angle> brackets"}))
    text = "\n".join(reader.text)
    for answer in bench.answers(results):
        assert answer.question in text
        assert answer.found in text
    assert "a reason with <angle> brackets" in text
    assert "missed" in text
    assert reader.tags.count("svg") == 4
    assert not {"script", "img", "link", "iframe"} & set(reader.tags)


def test_each_program_exists(bench):
    assert all((BENCH / program.script).is_file() for program in bench.PROGRAMS.values())


def test_earlier_results_of_the_start_without_processor_time_are_rendered(bench):
    spread = {"median": 1.02}
    summary = {"ratio": spread}
    (earlier,) = bench._startup({"summary": summary, "pairs": 10})
    (later,) = bench._startup({"summary": summary | {"ratio_processor": spread}, "pairs": 10})
    assert later.found == f"{earlier.found}; of the processor time 1.020"
