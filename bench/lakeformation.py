"""What planning Lake Formation's permissions costs, with 10,000 tables, 500 principals and 50 LF-Tags.

The planner runs against ``glue_secure.testing.lake_formation.FakeLakeFormation``: real boto3 clients, so that each request is
validated and counted, and an account in memory in the place of the wire. The account lies in the process that
measures; what is told of memory is what the planner adds to it, traced by ``tracemalloc``, at its peak.

    file      the permissions file, parsed
    plan      a plan against an account that holds nothing of it: everything is a step
    apply     its steps, and the plan afterwards that says that nothing is left
    again     a plan against the account as it is then: nothing to do
    foreign   a plan of an empty file against that account: what a pass costs that keeps nothing

Memory has to go with the file and not with the account: ``foreign`` at the full account and at a tenth of it
must peak alike. Pages are a thousand entries (a hundred in searches by LF-Tags), batches twenty grants.
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
"""MiB by which a pass over the full account may peak above one over a tenth of it."""
DATABASES = 100
ACCOUNT = "123456789012"


@dataclass(frozen=True, slots=True)
class Measured:
    """One step.

    Attributes:
        what: its name.
        seconds: of the processor, without tracing.
        peak: MiB that it added at its peak; 0 where it was not traced.
        requests: how many it made.
        steps: of the plan that came out.
    """

    what: str
    seconds: float
    peak: float
    requests: int
    steps: int


def text_of(tables: int, principals: int, tags: int) -> str:
    """The permissions file: each table tagged, each principal granted by tags and by name."""
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
    """An account with the tables, and nothing else."""
    from glue_secure.testing.lake_formation import FakeLakeFormation

    lake = FakeLakeFormation(record_requests=False)
    lake.settings = {"CreateDatabaseDefaultPermissions": [], "CreateTableDefaultPermissions": []}
    for number in range(tables):
        lake.table(f"d{number % DATABASES}", f"t{number}", "id", "name")
    return lake


def measure(tables: int, principals: int, tags: int, say: Callable[[str], None]) -> list[Measured]:
    """All steps, one after the other."""
    from glue_secure.governance.lakeformation.account import Account
    from glue_secure.governance.lakeformation.apply import apply_plan
    from glue_secure.governance.lakeformation.file import parse
    from glue_secure.governance.lakeformation.plan import make_plan

    lake = lake_of(tables)
    clients = {name: lake.client(name) for name in ("lakeformation", "glue")}
    account = Account(**clients, account=ACCOUNT)
    found: list[Measured] = []

    def step(what: str, do: Callable[[], Any], *, traced: bool = False) -> Any:
        say(what)
        lake.requests.clear()
        begun = time.process_time()
        made = do()
        seconds, requests = time.process_time() - begun, sum(lake.requests.values())
        peak = 0.0
        if traced:
            made = None
            tracemalloc.start()
            made = do()
            peak = tracemalloc.get_traced_memory()[1] / (1 << 20)
            tracemalloc.stop()
        found.append(Measured(what, seconds, peak, requests, len(getattr(made, "steps", ()))))
        return made

    text = text_of(tables, principals, tags)
    desired = step("file", lambda: parse(text, "bench", as_json=True), traced=True)
    plan = step("plan", lambda: make_plan(desired, account))
    step("apply", lambda: apply_plan(plan, account, pause=lambda _seconds: None))
    step("again", lambda: make_plan(desired, account))
    nothing = parse('{"schema": 1}', "bench", as_json=True)
    step("foreign", lambda: make_plan(nothing, account), traced=True)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name, default in (("tables", 10_000), ("principals", 500), ("tags", 50)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args()

    def say(what: str) -> None:
        if not asked.json:
            print(f"... {what}", flush=True)

    whole = measure(asked.tables, asked.principals, asked.tags, say)
    tenth = measure(max(1, asked.tables // 10), asked.principals, asked.tags, lambda _what: None)
    over = whole[-1].peak - tenth[-1].peak
    if asked.json:
        print(json.dumps({"whole": [*map(asdict, whole)], "tenth": [*map(asdict, tenth)], "flat": over}))
        return
    print(f"{'':<10}{'seconds':>9}{'MiB':>8}{'requests':>10}{'steps':>8}")
    for one in whole:
        peak = f"{one.peak:.1f}" if one.peak else "-"
        print(f"{one.what:<10}{one.seconds:>9.2f}{peak:>8}{one.requests:>10,}{one.steps:>8,}")
    print(f"a pass over ten times the account peaks {over:+.1f} MiB; the target is at most {TARGET_FLAT}")


if __name__ == "__main__":
    main()
