"""The demo's step without a run: permissions by LF-Tags, as docs/lake-formation.md shows them."""

from __future__ import annotations

import time

from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.clients import clients
from glue_secure.embedded.demo import DemoStep
from glue_secure.embedded.lake_tables import PERMISSIONS, define_lake_tables
from glue_secure.governance.lakeformation.account import Account
from glue_secure.governance.lakeformation.apply import apply_plan
from glue_secure.governance.lakeformation.explain import explain
from glue_secure.governance.lakeformation.file import parse
from glue_secure.governance.lakeformation.plan import make_plan

EXPECTED = {
    ("analyst", "sales.customers"): (),
    ("analyst", "sales.orders"): ("id", "amount"),
    ("privacy", "sales.customers"): ("email", "name"),
}
"""Role and table, and the columns that the role reads. The columns of personal data are confidential."""


def lake_step(account: EmbeddedAccount) -> DemoStep:
    """Apply the example's permissions file in the account, and return who reads which columns.

    The exit code of the step is 1 if a role reads other columns than the example says.
    """
    started = time.monotonic()
    define_lake_tables(account)
    client = clients(account)
    lake = Account(lakeformation=client("lakeformation"), glue=client("glue"), account=account.account_id)
    plan = make_plan(parse(PERMISSIONS, "the example of docs/lake-formation.md"), lake)
    apply_plan(plan, lake)
    read = {}
    for role, table in EXPECTED:
        principal = f"arn:aws:iam::{account.account_id}:role/{role}"
        columns = explain(lake, principal, table).access.columns
        read[role, table] = tuple(column for column, rows in columns.items() if rows)
    facts = [
        ("tags", "columns with personal data are confidential, for the role privacy only"),
        ("steps", f"{len(plan.steps)} of the plan applied and read back; the roles then read:"),
    ]
    facts += [
        (role, f"{table}: {', '.join(columns) or 'nothing'}") for (role, table), columns in read.items()
    ]
    return DemoStep(
        name="Lake Formation: an analyst reads no confidential data",
        expected=(0, None),
        exit_code=0 if read == EXPECTED else 1,
        control=None,
        rows_read=None,
        rows_written=None,
        reads=(),
        objects=(),
        written=0,
        tls={},
        bookmark={},
        evidence=None,
        refusal=None,
        seconds=round(time.monotonic() - started, 1),
        phases={},
        facts=tuple(facts),
    )
