"""A job with real Spark that merges into a table, killed (SIGKILL) at requests that a test selects."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fault_bench import FaultBench, job_environment
from fault_proxy import KILL_AFTER, KILL_BEFORE, PASS, FaultProxy, Plan, Seen, nothing

from glue_secure.embedded.account_setup import CURATED
from glue_secure.embedded.clients import clients

ROOT = Path(__file__).parents[2]
DATABASE = "killed"
SECONDS = 400
Matcher = Callable[[Seen], bool]
_COMMITS: dict[str, Matcher] = {
    "iceberg": lambda seen: seen.operation == "AWSGlue.UpdateTable",
    "delta": lambda seen: seen.method == "PUT" and bool(re.search(r"/_delta_log/\d{20}\.json", seen.path)),
    # The completed instant of the table, not of its metadata table.
    "hudi": lambda seen: (
        seen.method == "PUT" and bool(re.search(r"/table/\.hoodie/timeline/\d+_\d+\.commit", seen.path))
    ),
}


@dataclass(frozen=True)
class Point:
    """Where a run is killed.

    Attributes:
        name: for messages.
        matches: whether a request is of the kind at which the run is killed.
        when: before the account receives the request, or after it has answered.
        nth: which request of the kind, from 0.
        published: whether the rows of the run are visible then; None if either is right.
        done: whether the bookmark has moved.
    """

    name: str
    matches: Matcher
    when: str
    nth: int = 0
    published: bool | None = None
    done: bool = False

    def plan(self) -> Plan:
        """Return the plan of the proxy."""
        met = 0

        def plan(seen: Seen) -> str:
            nonlocal met
            if not self.matches(seen):
                return PASS
            met += 1
            return self.when if met == self.nth + 1 else PASS

        return plan


def points(format: str, publish: str = "at_once") -> dict[str, Point]:
    """Return the points around the table's commit, the verification, the publication and the bookmark.

    With ``after_audit``, Iceberg's commits are the branch, the merge, and the publication.
    """
    commit = _COMMITS[format]

    def is_read_back(seen: Seen) -> bool:
        return seen.method == "HEAD" and seen.by_python and seen.phase == "verify"

    def is_bookmark(seen: Seen) -> bool:
        return seen.phase == "commit"

    def is_evidence(seen: Seen) -> bool:
        return seen.phase == "evidence"

    found = [
        Point("before the bookmark", is_bookmark, KILL_BEFORE, published=True),
        Point("after the bookmark", is_bookmark, KILL_AFTER, published=True, done=True),
        Point("before the evidence", is_evidence, KILL_BEFORE, published=True, done=True),
    ]
    if publish == "after_audit":
        for nth, step in enumerate(("branch", "merge", "publication")):
            found.append(Point(f"before the {step}", commit, KILL_BEFORE, nth, published=False))
            found.append(Point(f"after the {step}", commit, KILL_AFTER, nth, published=step == "publication"))
    else:
        found += [
            Point("before the commit", commit, KILL_BEFORE, published=False),
            Point("after the commit", commit, KILL_AFTER, published=True),
            Point("in the verification", is_read_back, KILL_BEFORE, published=True),
        ]
    return {point.name: point for point in found}


class TableBench(FaultBench):
    """The job, its table, and the invariants after each killed run.

    Args:
        account: the embedded account.
        proxy: what the job's requests go through.
        format: ``iceberg``, ``delta`` or ``hudi``.
        publish: as for ``job.write.merge``.
        seed: draws how much lands.
    """

    def __init__(self, account: Any, proxy: FaultProxy, format: str, publish: str, seed: int) -> None:
        super().__init__(account, proxy, mode="merge", chance=random.Random(seed))
        self.format, self.publish = format, publish
        self.table = f"{DATABASE}.t_{self.name.replace('-', '_')}"
        glue = clients(account)("glue")
        if DATABASE not in {entry["Name"] for entry in glue.get_databases()["DatabaseList"]}:
            glue.create_database(DatabaseInput={"Name": DATABASE, "LocationUri": f"s3://{CURATED}/lake/"})

    def run_table(self, *, create: bool = False, plan: Plan = nothing) -> tuple[int, dict[str, list[str]]]:
        """Run the job in a process of its own. Return its exit code, and the rows that it printed."""
        more = {
            "format": self.format,
            "table": self.table,
            "location": f"{self.target}table",
            "publish": self.publish,
            "create": str(create).lower(),
        }
        words = [*self.argv()[1:], *(word for name, text in more.items() for word in (f"--{name}", text))]
        modules = os.pathsep.join(map(str, (ROOT, ROOT / "tests" / "support")))
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("table_job.py")), *words],
            env=job_environment(self.account, self.proxy) | {"PYTHONPATH": modules},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # so that the JVM is killed with the driver
        )
        self.proxy.begin(plan, lambda: os.killpg(process.pid, signal.SIGKILL))
        try:
            output, errors = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        lines = [line for line in output.decode().splitlines() if line.startswith('{"')]
        printed = {name: rows for line in lines for name, rows in json.loads(line).items()}
        assert process.returncode in (0, -signal.SIGKILL), errors.decode(errors="replace")[-4000:]
        return process.returncode, printed

    def campaign(self, chosen: list[Point]) -> None:
        """Kill one run at each point, with new input each time, and check what the next run finds.

        Raises:
            AssertionError: a row is missing or stored twice, or the bookmark was ahead of the table.
        """
        self.land()
        code, printed = self.run_table(create=True)
        assert code == 0
        visible = set(printed["after"])
        expected: Point | None = None
        for point in [*chosen, None]:
            done = self.done(self.store.load())
            landed = dict(self.landed)
            if point is not None:
                self.land()
            code, printed = self.run_table(plan=nothing if point is None else point.plan())
            self._check_found(printed["before"], visible, expected, done, landed)
            assert (code == 0) == (point is None), point
            expected = point
            visible = set(printed["before"])
        rows = Counter(printed["after"])
        assert rows == Counter(row for ids in self.landed.values() for row in ids)
        assert self.done(self.store.load()) == set(self.landed)

    @staticmethod
    def _check_found(
        found: list[str], before: set[str], killed: Point | None, done: set[str], landed: dict[str, list[str]]
    ) -> None:
        """Check what readers see after a killed run, and its bookmark."""
        where = "the first run" if killed is None else killed.name
        rows = Counter(found)
        assert set(rows.values()) <= {1}, f"{where}: a row is there twice: {rows.most_common(2)}"
        ahead = {row for uri in done for row in landed[uri]} - set(rows)
        assert not ahead, f"{where}: the bookmark is ahead of the table by {sorted(ahead)}"
        everything = {row for ids in landed.values() for row in ids}
        if killed is None:
            assert set(rows) == everything
            return
        if killed.published is not None:
            assert set(rows) == (everything if killed.published else before), where
        assert (done == set(landed)) == killed.done, where
