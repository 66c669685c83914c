"""Measure the planning of Lake Formation permissions for 10,000 tables, 500 principals and 50 LF-Tags.

The planner uses ``glue_secure.testing.lake_formation.FakeLakeFormation``: real boto3 clients validate and
count each request, and an in-memory account responds. The account is in the measured process. The memory is
what the planner adds to it at its peak, traced by ``tracemalloc``.

    file        parse the permissions file
    plan        plan for an account without permissions: every entry is a step
    apply       apply the steps, and plan again to verify them
    again       plan for the resulting account: no steps
    unmanaged   plan an empty file for that account: one pass over permissions that the file does not contain

Memory must depend on the file and not on the account: the peaks of ``unmanaged`` for the full account and for
a tenth of it must be equal. A page has 1,000 entries (100 in searches by LF-Tags), a batch 20 grants.
"""

from __future__ import annotations

import argparse
import json
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

TARGET_FLAT = 4.0
"""Limit in MiB for the difference of the peaks of the full account and a tenth of it."""
DATABASES = 100
ACCOUNT = "123456789012"


@dataclass(frozen=True, slots=True)
class Measured:
    """The measurement of one operation.

    Attributes:
        name: name of the operation.
        seconds: CPU time, without tracing.
        peak: peak of additional memory in MiB; 0 if not traced.
        requests: number of requests.
        steps: number of steps of the resulting plan.
    """

    name: str
    seconds: float
    peak: float
    requests: int
    steps: int


def text_of(tables: int, principals: int, tags: int) -> str:
    """Return a permissions file that tags each table, and grants to each principal by tags and by name."""
    roles = [f"arn:aws:iam::{ACCOUNT}:role/r{number:05}" for number in range(principals)]
    document: dict[str, Any] = {
        "schema": 1,
        "lf_tags": {f"tag{number}": ["a", "b", "c"] for number in range(tags)},
        "assign": [
            {
                "database": f"d{number % DATABASES}",
                "table": f"t{number}",
                "tags": {f"tag{number % tags}": "abc"[number % 3]},
            }
            for number in range(tables)
        ],
        "grants": [
            {"principal": role, "tables_with": {f"tag{number % tags}": ["a", "b"]}, "permissions": ["SELECT"]}
            for number, role in enumerate(roles)
        ]
        + [
            {
                "principal": roles[number % principals],
                "database": f"d{number % DATABASES}",
                "table": f"t{number}",
                "permissions": ["SELECT", "DESCRIBE"],
            }
            for number in range(tables)
        ],
    }
    return json.dumps(document)


def lake_of(tables: int) -> Any:
    """Return an account with tables and without permissions."""
    from glue_secure.testing.lake_formation import FakeLakeFormation

    lake = FakeLakeFormation(record_requests=False)
    lake.settings = {"CreateDatabaseDefaultPermissions": [], "CreateTableDefaultPermissions": []}
    for number in range(tables):
        lake.table(f"d{number % DATABASES}", f"t{number}", "id", "name")
    return lake


def measure(tables: int, principals: int, tags: int, report: Callable[[str], None]) -> list[Measured]:
    """Run all operations in order, and return their measurements."""
    from glue_secure.governance.lakeformation.account import Account
    from glue_secure.governance.lakeformation.apply import apply_plan
    from glue_secure.governance.lakeformation.file import parse
    from glue_secure.governance.lakeformation.plan import make_plan

    lake = lake_of(tables)
    clients = {name: lake.client(name) for name in ("lakeformation", "glue")}
    account = Account(**clients, account=ACCOUNT)
    measurements: list[Measured] = []

    def step(name: str, operation: Callable[[], Any], *, traced: bool = False) -> Any:
        report(name)
        lake.requests.clear()
        started = time.process_time()
        result = operation()
        seconds, requests = time.process_time() - started, sum(lake.requests.values())
        peak = 0.0
        if traced:
            result = None
            tracemalloc.start()
            result = operation()
            peak = tracemalloc.get_traced_memory()[1] / (1 << 20)
            tracemalloc.stop()
        measurements.append(Measured(name, seconds, peak, requests, len(getattr(result, "steps", ()))))
        return result

    text = text_of(tables, principals, tags)
    desired = step("file", lambda: parse(text, "bench", as_json=True), traced=True)
    plan = step("plan", lambda: make_plan(desired, account))
    step("apply", lambda: apply_plan(plan, account, pause=lambda _seconds: None))
    step("again", lambda: make_plan(desired, account))
    empty = parse('{"schema": 1}', "bench", as_json=True)
    step("unmanaged", lambda: make_plan(empty, account), traced=True)
    return measurements


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name, default in (("tables", 10_000), ("principals", 500), ("tags", 50)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()

    def report(name: str) -> None:
        if not options.json:
            print(f"... {name}", flush=True)

    full = measure(options.tables, options.principals, options.tags, report)
    tenth = measure(max(1, options.tables // 10), options.principals, options.tags, lambda _name: None)
    difference = full[-1].peak - tenth[-1].peak
    if options.json:
        print(json.dumps({"full": [*map(asdict, full)], "tenth": [*map(asdict, tenth)], "flat": difference}))
        return
    print(f"{'':<10}{'seconds':>9}{'MiB':>8}{'requests':>10}{'steps':>8}")
    for measured in full:
        peak = f"{measured.peak:.1f}" if measured.peak else "-"
        print(
            f"{measured.name:<10}{measured.seconds:>9.2f}{peak:>8}{measured.requests:>10,}{measured.steps:>8,}"
        )
    print(f"peak for ten times the account: {difference:+.1f} MiB; the limit is {TARGET_FLAT} MiB")


if __name__ == "__main__":
    main()
