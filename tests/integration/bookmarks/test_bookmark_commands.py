"""``glue-secure bookmark`` on the embedded account."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from datetime import datetime, timezone
from pathlib import Path

import pytest

from glue_secure.bookmarks.s3_state import S3SourceState
from glue_secure.bookmarks.session import BookmarkSession
from glue_secure.cli import bookmark
from glue_secure.cli.main import run as run_command
from glue_secure.core.arguments import BookmarkOption
from glue_secure.core.identifiers import RunId
from glue_secure.embedded import seed
from glue_secure.embedded.clients import clients

COMMAND = Path(sys.executable).with_name("glue-secure")


@pytest.fixture
def glue_secure(monkeypatch, capsys):
    """Return a function that runs ``glue-secure bookmark`` in this process, and returns what it printed."""

    def run(*words, code=0):
        monkeypatch.setattr(sys, "argv", ["glue-secure", "bookmark", *words])
        with pytest.raises(SystemExit) as ended:
            run_command()
        shown = capsys.readouterr()
        assert (ended.value.code or 0) == code, shown
        return shown

    return run


def new_key(account):
    made = clients(account)("kms").create_key(KeyUsage="ENCRYPT_DECRYPT", KeySpec="SYMMETRIC_DEFAULT")
    return made["KeyMetadata"]["Arn"]


def run(store, run_id, month):
    """Commit the state of a run that read everything up to a month."""
    session = BookmarkSession(
        option=BookmarkOption.ENABLE, store=store, now=datetime.now(timezone.utc), run_id=RunId(run_id)
    )
    session.load()
    time = datetime(2026, month, 1, tzinfo=timezone.utc)
    session.propose("flights", S3SourceState(time, time, {}))
    session.commit()


def test_every_command_in_one_account(glue_account, glue_secure):
    job = f"job-{uuid.uuid4().hex[:12]}"
    seed.ensure_job(glue_account, job)
    location = bookmark.find(job, None, None, None)
    for month in (1, 2):
        run(location.store(), f"jr_{month}", month)

    assert "sequence         2" in glue_secure("show", job).out
    assert glue_secure("verify", job).out.startswith("OK: 2 states")
    asked = glue_secure("rewind", job, "--to-run", "jr_1", "--yes", "--reason", "rates of February")
    assert "'flights' goes back to 2026-01-01T00:00:00+00:00" in asked.err
    glue_secure("reset", job, "--yes")

    new = new_key(glue_account)
    glue_secure("rekey", job, "--key", new, "--yes")
    refused = glue_secure("show", job, code=3)
    assert refused.err.startswith("GS-BKM-001 refused")
    # Without the environment of the account, by the folder of its state.
    bare = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    listed = subprocess.run(
        [COMMAND, "bookmark", "history", job, "--json", "--decrypt-keys", new, "--state", glue_account.state],
        env=bare,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    entries = json.loads(listed.stdout)["history"]
    assert [(one["sequence"], one["cause"], one["run"]) for one in entries] == [
        (5, "rekey", 0), (4, "reset", 0), (3, "rewind", 1), (2, "run", 2), (1, "run", 1),
    ]  # fmt: skip
    assert entries[2]["reason"] == "rates of February"
    assert entries[2]["by"].startswith("arn:aws:")
    verified = json.loads(glue_secure("verify", job, "--json", "--decrypt-keys", new).out)
    assert verified["keys"] == {new: 2, str(location.key): 4}
