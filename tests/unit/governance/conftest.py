"""Lake Formation in memory, used through real clients."""

import pytest

from glue_secure.governance.lakeformation.account import Account
from glue_secure.governance.lakeformation.apply import apply_plan
from glue_secure.governance.lakeformation.file import parse
from glue_secure.governance.lakeformation.plan import make_plan
from glue_secure.governance.lakeformation.steps import Unmanaged
from glue_secure.testing.lake_formation import FakeLakeFormation

ACCOUNT = "123456789012"
ANALYST = f"arn:aws:iam::{ACCOUNT}:role/analyst"
STEWARD = f"arn:aws:iam::{ACCOUNT}:role/steward"
OTHER = f"arn:aws:iam::{ACCOUNT}:role/other"
HEAD = f"""schema = 1
[principals]
analyst = "{ANALYST}"
steward = "{STEWARD}"
"""


class LakeHarness:
    """A fake account, with functions to plan and apply a permissions file."""

    def __init__(self):
        self.lake = FakeLakeFormation()
        self.lake.settings["CreateDatabaseDefaultPermissions"] = []
        self.lake.settings["CreateTableDefaultPermissions"] = []
        for table in ("customers", "orders"):
            self.lake.table("sales", table, "id", "name", "email")
        self._account = None

    @property
    def account(self):
        if self._account is None:
            clients = {name: self.lake.client(name) for name in ("lakeformation", "glue")}
            self._account = Account(**clients, account=ACCOUNT)
        return self._account

    def plan(self, text, unmanaged="leave"):
        return make_plan(parse(HEAD + text, "p.toml"), self.account, Unmanaged(unmanaged))

    def steps(self, text, unmanaged="leave"):
        return [str(step) for step in self.plan(text, unmanaged).steps]

    def apply(self, text, unmanaged="leave"):
        return apply_plan(self.plan(text, unmanaged), self.account, pause=lambda _seconds: None)

    def granted(self, principal):
        return {
            resource: tuple(map(sorted, permissions))
            for (grantee, resource, _), permissions in self.lake.permissions.items()
            if grantee == principal
        }


@pytest.fixture
def harness():
    return LakeHarness()
