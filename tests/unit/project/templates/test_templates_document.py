"""docs/templates.md: its file is read, and gives every document that it names."""

import json
import re
from pathlib import Path

from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.project.project_file import read_text

DOCUMENT = (Path(__file__).resolve().parents[4] / "docs" / "templates.md").read_text(encoding="utf-8")
PLACE = ["--account", "111122223333", "--region", "eu-west-1"]
KEY = ["--key", "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"]
NETWORK = ["--vpc", "vpc-0123456789abcdef0", "--subnet", "subnet-0123456789abcdef0"]
NETWORK += ["--security-group", "sg-0123456789abcdef0"]


def test_every_command_of_the_table_makes_a_document_from_the_file_shown(tmp_path):
    text, environments = re.findall(r"^```toml\n(.*?)^```$", DOCUMENT, re.S | re.M)
    prod = read_text(text + environments, environment="prod")
    assert (prod.name, prod.jobs["orders_daily"].workers) == ("orders-prod", 20)
    file = tmp_path / "glue_secure.toml"
    file.write_text(text, encoding="utf-8")
    given = {
        "--job NAME": ["--job", "orders_daily", *PLACE, *KEY, *NETWORK],
        "--table DATABASE.TABLE": ["--table", "db1.books", *PLACE],
        "PURPOSE": ["data", *PLACE],
        "ALIAS": ["curated", *PLACE, *KEY],
        "JOB": ["orders_daily", *PLACE],
        "": [],
    }
    commands = re.findall(r"^\| `glue-secure (\w+ \w+) ?(.*?)` \|", DOCUMENT, re.M)
    assert len(commands) == 9
    for command, rest in commands:
        if command == "policy scp":  # as the other policy of its row, run by test_guard_rails.py
            continue
        done = CliRunner().invoke(
            app,
            [
                *command.split(),
                *(PLACE if command == "policy boundary" else given[rest]),
                "--project",
                str(file),
            ],
        )
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)
