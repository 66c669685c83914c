"""Run the benchmarks, and write ``bench/results.json`` and ``docs/benchmarks.html``.

Each benchmark is a program of its own. ``--quick`` measures all of them with small sizes, to see that they
work; its figures mean nothing. ``--only NAME`` measures some, and takes the others from the existing results.
``--render`` measures nothing, and writes the page again. A benchmark that fails is reported, and the others
run.

The targets are printed, not tested: a machine that does other work misses them. Reasons for a target that is
missed are in ``bench/explanations.json``, by the question's name.
"""

from __future__ import annotations

import argparse
import datetime as dt
import html
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS, PAGE = ROOT / "bench" / "results.json", ROOT / "docs" / "benchmarks.html"
EXPLANATIONS = ROOT / "bench" / "explanations.json"
STYLE = ROOT / "glue_secure" / "report" / "templates" / "style.css"
Results = Mapping[str, Any]
NO_TARGET = "none"
"""The target of a question that has none."""


@dataclass(frozen=True, slots=True)
class Program:
    """A benchmark.

    Attributes:
        script: its file in ``bench``.
        full: arguments for a measurement.
        quick: arguments for small sizes.
        needs_spark: whether it starts Spark.
    """

    script: str
    full: tuple[str, ...]
    quick: tuple[str, ...]
    needs_spark: bool = True


PROGRAMS = {
    "scale": Program(
        "scale.py",
        (),
        ("--tables", "1000", "5000", "--objects", "2000", "6000", "--heads", "300", "--rounds", "1"),
        needs_spark=False,
    ),
    "bookmarks": Program(
        "bookmarks.py",
        ("--json", "--modes", "select"),
        ("--json", "--sizes", "3000,5000", "--repeats", "1"),
        needs_spark=False,
    ),
    "request_guard": Program(
        "request_guard.py", ("--json",), ("--json", "--rounds", "2", "--requests", "1000"), needs_spark=False
    ),
    "job": Program(
        "job_overhead.py",
        ("--json", "--pairs", "30", "--by-name"),
        ("--json", "--pairs", "1", "--warm-ups", "1", "--months", "1"),
    ),
    "parquet": Program(
        "parquet_job.py",
        ("--json", "--mebibytes", "1024", "--pairs", "7"),
        ("--json", "--mebibytes", "4", "--pairs", "1"),
    ),
    "committers": Program("committers.py", ("--json",), ("--json", "--files", "4")),
    "spread": Program(
        "verify.py", ("--json", "--pairs", "3"), ("--json", "--objects", "2500", "--pairs", "1")
    ),
    "startup": Program("startup.py", ("--json", "--pairs", "15"), ("--json", "--pairs", "1")),
    "crossings": Program("crossings.py", ("--json",), ("--json",)),
    "columns": Program("columns.py", ("--json",), ("--json", "--rows", "2000", "--rounds", "1")),
    "quality": Program("quality.py", ("--json",), ("--json", "--rows", "2000", "--rounds", "1")),
    "jdbc": Program("jdbc.py", ("--json",), ("--json", "--rows", "2000", "--rounds", "1")),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question of the benchmarks.

    Attributes:
        name: id, for ``explanations.json``.
        question: what was measured.
        target: what is required.
        found: what was measured, as text.
        met: whether the target is met; None if the measurement does not decide, or there is none.
    """

    name: str
    question: str
    target: str
    found: str
    met: bool | None


def answers(results: Results) -> list[Answer]:
    """Return an answer for each question of which there are results."""
    found: list[Answer] = []
    for program, answer in (
        ("scale", _scale),
        ("spread", _spread),
        ("job", _job),
        ("parquet", _parquet),
        ("committers", _committers),
        ("startup", _startup),
        ("crossings", _crossings),
        ("bookmarks", _bookmarks),
        ("quality", _quality),
        ("columns", _columns),
        ("jdbc", _jdbc),
        ("request_guard", _request_guard),
    ):
        if program in results:
            found += answer(results[program])
    return found


def _scale(result: Results) -> list[Answer]:
    found = []
    largest_allowed, most_allowed = 32.0, 1.1
    for method in ("receipts", "listing"):
        rows = [row for row in result["append"] if row["method"] == method]
        requests = [sum(row["requests"].values()) for row in rows]
        memory = [row["memory"] for row in rows]
        sizes = " / ".join(f"{row['objects']:,}" for row in rows)
        met = max(requests) <= 100 * most_allowed + 2 and max(memory) <= largest_allowed
        found.append(
            Answer(
                f"append-{method}",
                f"Append of 100 objects to a table of {sizes} objects, verified with "
                + ("receipts (request guard)" if method == "receipts" else "one listing (no request guard)"),
                "at most 1.1 requests an object and 2 a partition; driver +32 MiB",
                f"{' / '.join(f'{number:,}' for number in requests)} requests, "
                f"+{' / '.join(f'{number:.1f}' for number in memory)} MiB",
                met,
            )
        )
    for row in result["receipts"]:
        found.append(
            Answer(
                f"receipts-{row['objects']}",
                f"Receipts of {row['objects']:,} objects (committer v1, {3 * row['objects']:,} responses), "
                "to the evidence",
                "memory flat (+32 MiB); document under 200 KB",
                f"{row['processor']:.1f} s of processor time, +{row['memory']:.1f} MiB, document "
                f"{row['document'] / 1000:.0f} KB and {row['parts']} parts",
                row["memory"] <= largest_allowed and row["document"] < 200_000,
            )
        )
    for name, target in (("evidence", 1.2), ("verify", 1.1)):
        for size in sorted({row["objects"] for row in result[name]}):
            rows = [row for row in result[name] if row["objects"] == size]
            ratios = [row["guard"]["processor"] / row["plain"]["processor"] for row in rows]
            memory = max(row["guard"]["memory"] for row in rows)
            what = {
                "evidence": f"Evidence of {size:,} objects, against the same lines by json.dumps and zlib",
                "verify": f"HeadObject of {size:,} objects by the driver, against bare calls with 16 threads",
            }[name]
            found.append(
                Answer(
                    f"{name}-{size}",
                    what,
                    f"at most {target} (processor time)",
                    f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}, {len(ratios)} "
                    f"rounds), +{memory:.1f} MiB",
                    statistics.median(ratios) <= target,
                )
            )
    return found


def _spread(result: Results) -> list[Answer]:
    ratios = [pair["spread"]["driver"] / pair["driver"]["driver"] for pair in result["pairs"]]
    median = statistics.median(ratios)
    return [
        Answer(
            "spread",
            f"Verification of {result['objects']:,} objects on the executors: processor time of the driver",
            "falls with the number of executors",
            f"{median:.3f} of that of the driver alone, peak {result['peak']['spread']:.1f} MiB",
            median < 0.1,
        )
    ]


def _decided(spread: Mapping[str, Any], target: float) -> bool | None:
    sure = spread.get("sure")
    if not sure:
        return None
    return True if sure[1] <= target else False if sure[0] > target else None


def _text(spread: Mapping[str, Any]) -> str:
    sure = spread.get("sure")
    interval = f", {sure[0]:.3f} to {sure[1]:.3f} with 95 %" if sure else ""
    return f"{spread['median']:.3f}{interval}"


def _job(result: Results) -> list[Answer]:
    return _job_proper("job", f"CSV to Parquet with a join and a shuffle, {result['rows']:,} rows", result)


def _parquet(result: Results) -> list[Answer]:
    return _job_proper("parquet", f"{result['mebibytes']:,} MiB Parquet to Parquet with a shuffle", result)


def _job_proper(name: str, job: str, result: Results) -> list[Answer]:
    spread, pairs = result["ratios"]["job_proper"], len(result["pairs"])
    return [
        Answer(
            name,
            f"Secured job, {job}: the job proper",
            "at most 1.02 of plain PySpark, median",
            f"{_text(spread)}, {pairs} pairs; load {result['load_before']:.1f} before",
            _decided(spread, 1.02),
        )
    ]


def _committers(result: Results) -> list[Answer]:
    each = {row["committer"]: row["requests"] / row["objects"] for row in result["rows"]}
    return [
        Answer(
            "committers",
            "Requests of S3A for each object written, by committer",
            "directory needs the fewest",
            ", ".join(f"{name} {number:.1f}" for name, number in each.items()),
            min(each, key=lambda name: each[name]) == "directory",
        )
    ]


def _startup(result: Results) -> list[Answer]:
    spread = result["summary"]["ratio"]
    processor = result["summary"].get("ratio_processor")  # Earlier results do not have it.
    shown = f"; of the processor time {processor['median']:.3f}" if processor else ""
    return [
        Answer(
            "startup",
            "Start to the first row read: glue-secure run, against spark-submit",
            "at most 1.10, median",
            f"{_text(spread)}, {result['pairs']} pairs{shown}",
            _decided(spread, 1.1),
        )
    ]


def _crossings(result: Results) -> list[Answer]:
    steps = ", ".join(f"{step} {count:,}" for step, count in result["secured"].items())
    found = f"{sum(result['secured'].values()):,} ({steps}); plain {sum(result['plain'].values()):,}"
    return [Answer("crossings", "Calls from Python to the JVM in a secured job", NO_TARGET, found, None)]


def _bookmarks(result: Results) -> list[Answer]:
    return [
        Answer(
            f"bookmarks-{row['objects']}",
            f"Bookmark selection of {row['objects']:,} objects, against a listing alone",
            "at most 1.10 (processor time), +64 MiB, state under 100 KB",
            f"{_text(row['time_over_bare'])}, +{row['memory_over_bare_mib']['median']:.1f} MiB, state "
            f"{row['state_bytes'] / 1000:.0f} KB",
            all(row["met"].values()),
        )
        for row in result["rows"]
        if row["mode"] == "select"
    ]


def _quality(result: Results) -> list[Answer]:
    question = f"Data quality: {result['rules']} rules on {result['rows']:,} rows, against one aggregation"
    ratios = {name: spread["ratio"] for name, spread in result["summary"].items()}
    found = f"{_text(ratios['gate'])}; Great Expectations alone {ratios['default']['median']:.2f}"
    return [Answer("quality", question, NO_TARGET, found, None)]


def _columns(result: Results) -> list[Answer]:
    question = f"Column policies: rows a second of {result['rows']:,} rows, against an unchanged copy"
    each = {name: result["summary"][name]["of copy"]["median"] for name in ("pandas", "tokenise", "encrypt")}
    named = {"pandas": "a vectorised function that changes nothing"}
    found = ", ".join(f"{named.get(name, name)} {number:.2f}" for name, number in each.items())
    return [Answer("columns", question, NO_TARGET, found, None)]


def _jdbc(result: Results) -> list[Answer]:
    question = f"JDBC: {result['rows']:,} rows of PostgreSQL over TLS, against Spark's own source and sink"
    ours = [row for row in result["measurements"] if "glue-secure" in row["measurement"]]
    found = ", ".join(
        f"{row['measurement'].replace('glue-secure, ', '').replace(': glue-secure', '')} {row['ratio']:.2f} "
        f"({row['least']:.2f} to {row['most']:.2f})"
        for row in ours
    )
    return [Answer("jdbc", question, NO_TARGET, f"{found}; opening {result['opening']:.2f} s", None)]


def _request_guard(result: Results) -> list[Answer]:
    spread = result["summary"]["ratio"]
    text = f"{_text(spread)} of the processor time of the request's signature"
    return [
        Answer("request_guard", "Request guard: check and receipt of one PutObject", NO_TARGET, text, None)
    ]


def measure(names: Sequence[str], *, quick: bool, report: Callable[[str], None]) -> dict[str, Any]:
    """Run programs, and return the JSON document of each that did not fail."""
    results: dict[str, Any] = {}
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    }
    for name in names:
        program = PROGRAMS[name]
        arguments = program.quick if quick else program.full
        report(f"{name}: bench/{program.script} {' '.join(arguments)}")
        command = [sys.executable, str(ROOT / "bench" / program.script), *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment)
        if done.returncode:
            report(f"{name}: exit code {done.returncode}")
            continue
        document = json.loads(done.stdout)
        values = document if isinstance(document, dict) else {"rows": document}
        results[name] = {**values, "measured": _circumstances(quick)}
    return results


def _circumstances(quick: bool) -> dict[str, Any]:
    return {
        "time": dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "quick": quick,
    }


def page(results: Results, explanations: Mapping[str, str]) -> str:
    """Return the page as HTML. It loads nothing and runs no script."""
    found = answers(results)
    missed = [one for one in found if one.met is False]
    met = sum(one.met is True for one in found)
    state = "pass" if not missed else "warn"
    undecided = sum(one.met is None and one.target != NO_TARGET for one in found)
    headline = f"{met} targets met, {len(missed)} missed, {undecided} not decided"
    rows = "".join(_row(one, explanations) for one in found)
    quick = any(result["measured"]["quick"] for result in results.values())
    note = "<p class=detail>Some figures are of small sizes (--quick) and mean nothing.</p>" if quick else ""
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>Benchmarks of glue-secure</title>"
        "<meta name=viewport content='width=device-width'>"
        f"<style>{STYLE.read_text()}{_STYLE}</style></head><body><main>"
        f"<div class='verdict {state}'><p class=kind>Benchmarks</p><h1>What glue-secure costs</h1>"
        f"<p class=headline>{headline}</p>{note}</div>"
        "<section><h2>Questions</h2><table><thead><tr><th>question<th>target<th>measured<th>result</thead>"
        f"<tbody>{rows}</tbody></table></section>{_plots(results)}"
        f"<section><h2>Circumstances</h2><table><thead><tr><th>benchmark<th>time<th>cores<th>load<th>Python"
        f"</thead><tbody>{''.join(_circumstance(name, one) for name, one in results.items())}</tbody></table>"
        "<p class=rest>Nothing was measured on AWS. S3 is a stub or the embedded account on the same "
        "machine. Ratios are within one run. <code>bench/results.json</code> has every figure; "
        "<code>make bench</code> measures again.</p></section></main></body></html>\n"
    )


_STYLE = """
table { width: 100%; border-collapse: collapse; font-size: 14px; }
th, td { text-align: left; vertical-align: top; padding: 6px 10px 6px 0; border-top: 1px solid var(--line); }
.met { color: var(--pass); } .missed { color: var(--fail); } .undecided { color: var(--unknown); }
svg { width: 100%; max-width: 640px; height: auto; display: block; margin-bottom: 14px; }
svg text { font: 12px system-ui, sans-serif; fill: var(--text); }
"""


def _row(one: Answer, explanations: Mapping[str, str]) -> str:
    word = {True: "met", False: "missed", None: "" if one.target == NO_TARGET else "undecided"}[one.met]
    why = explanations.get(one.name, "")
    reason = f"<div class=detail>{html.escape(why)}</div>" if why else ""
    cells = "".join(f"<td>{html.escape(text)}" for text in (one.question, one.target, one.found))
    return f"<tr>{cells}{reason}<td class={word or 'detail'}>{word or 'no target'}"


def _circumstance(name: str, result: Results) -> str:
    values = result["measured"]
    size = ", small sizes" if values["quick"] else ""
    cells = (name + size, values["time"], values["cores"], values["load"], values["python"])
    return "<tr>" + "".join(f"<td>{html.escape(str(cell))}" for cell in cells)


def _plots(results: Results) -> str:
    plots = []
    if "scale" in results:
        rows = results["scale"]["append"]
        for figure, title in (
            ("requests", "S3 requests of the guard"),
            ("memory", "Memory of the driver, +MiB"),
        ):
            bars = []
            for row in rows:
                value = sum(row["requests"].values()) if figure == "requests" else row["memory"]
                bars.append((f"{row['method']}, {row['objects']:,} objects before", float(value)))
            plots.append((f"Append of 100 objects: {title}", bars))
        rows = results["scale"]["receipts"]
        bars = [(f"{row['objects']:,} objects", row["memory"]) for row in rows]
        plots.append(("Receipts to evidence: memory of the driver, +MiB", bars))
    if "job" in results:
        seconds = results["job"]["seconds"]
        names = ("plain", "job_proper", "whole_run", "preflight", "settings", "verify", "commit", "evidence")
        bars = [(name.replace("_", " "), seconds[name]["median"]) for name in names if name in seconds]
        plots.append(("Secured job, seconds (median)", bars))
    if "startup" in results:
        bars = [
            (name, spread["median"])
            for name, spread in results["startup"]["summary"].items()
            if name in ("plain", "secured")
        ]
        plots.append(("Start to the first row, seconds (median)", bars))
    if not plots:
        return ""
    figures = "".join(f"<h3>{html.escape(title)}</h3>{bar_chart(bars)}" for title, bars in plots)
    return f"<section><h2>Plots</h2>{figures}</section>"


def bar_chart(bars: Sequence[tuple[str, float]]) -> str:
    """Return a chart of horizontal bars as SVG."""
    most = max((value for _, value in bars), default=0.0) or 1.0
    height = 26
    parts = [f"<svg viewBox='0 0 640 {height * len(bars)}' role=img>"]
    for number, (label, value) in enumerate(bars):
        top = number * height
        width = max(1.0, 300 * value / most)
        text = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.2f}"
        parts.append(
            f"<text x=0 y={top + 17}>{html.escape(label)}</text>"
            f"<rect x=260 y={top + 4} width={width:.1f} height=18 rx=3 fill='var(--accent)'></rect>"
            f"<text x={268 + width:.1f} y={top + 17}>{text}</text>"
        )
    return "".join([*parts, "</svg>"])


def main() -> None:
    """Measure, and write the results and the page. The exit code is 1 if a benchmark failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, whose figures mean nothing")
    parser.add_argument("--only", action="append", choices=[*PROGRAMS], help="of these only; may be repeated")
    parser.add_argument("--without-spark", action="store_true", help="only those that do not start Spark")
    parser.add_argument("--render", action="store_true", help="measure nothing")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    names = options.only or [
        name for name, program in PROGRAMS.items() if not (options.without_spark and program.needs_spark)
    ]
    results: dict[str, Any] = json.loads(options.results.read_text()) if options.results.exists() else {}
    measured: dict[str, Any] = {}
    if not options.render:
        measured = measure(
            names, quick=options.quick, report=lambda text: print(text, file=sys.stderr, flush=True)
        )
        results |= measured
        options.results.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    explanations = json.loads(EXPLANATIONS.read_text()) if EXPLANATIONS.exists() else {}
    options.page.write_text(page(results, explanations))
    for one in answers(results):
        undecided = "no target" if one.target == NO_TARGET else "not decided"
        word = {True: "met", False: "missed", None: undecided}[one.met]
        print(f"{one.question}\n  target:   {one.target}\n  measured: {one.found}\n  {word}")
    sys.exit(0 if options.render or len(measured) == len(names) else 1)


if __name__ == "__main__":
    main()
