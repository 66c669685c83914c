"""The commands and the repairs by hand of docs/bookmarks.md."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from glue_secure import RefusedError
from glue_secure.cli.app import app
from glue_secure.embedded.account_setup import EVIDENCE
from glue_secure.embedded.clients import clients


class BucketWriter:
    """A principal that can write the bookmark's bucket and use the command line."""

    def __init__(self, bench, bookmark_key):
        self.bench, self.key = bench, bookmark_key
        self.s3 = clients(bench.account)("s3")
        self.prefix = f"bookmarks/{bench.account.account_id}/{bench.account.region}/{bench.name}/"

    def command(self, word, *words):
        done = CliRunner().invoke(app, ["bookmark", word, self.bench.name, *words, "--yes"])
        assert done.exit_code == 0, (done.output, done.exception)

    def delete(self, *names):
        for name in names:
            self.s3.delete_object(Bucket=EVIDENCE, Key=self.prefix + name)

    def names(self):
        listed = self.s3.list_objects_v2(Bucket=EVIDENCE, Prefix=self.prefix).get("Contents", ())
        return [entry["Key"].removeprefix(self.prefix) for entry in listed]

    def copy_to_current(self, sequence):
        self.s3.copy_object(
            Bucket=EVIDENCE,
            Key=self.prefix + "current",
            CopySource={"Bucket": EVIDENCE, "Key": f"{self.prefix}history/{sequence:012d}"},
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=self.key,
        )

    def read(self):
        """Return the carriers of the new rows that one run reads."""
        with self.bench.job("source") as job:
            frame = job.read.s3(job.args.source, format="csv", bookmark="flights")
            return sorted(row.carrier for row in frame.collect())


@pytest.fixture
def writer(glue_job, provisioned):
    """A job that has run twice: UA in its first run, AA in its second."""
    writer = BucketWriter(glue_job, provisioned.bookmark_key)
    for name, carrier in (("a.csv", "UA"), ("b.csv", "AA")):
        glue_job.land(name, f"carrier\n{carrier}\n")
        assert writer.read() == [carrier]
    assert writer.names() == ["current", "history/000000000001", "history/000000000002"]
    return writer


def test_restoring_current_from_the_history(writer):
    writer.delete("current")
    with pytest.raises(RefusedError, match="GS-BKM-003"):
        writer.read()
    writer.copy_to_current(2)
    assert writer.read() == []


def test_restoring_an_earlier_state_is_rejected_and_a_rewind_is_accepted(writer):
    writer.copy_to_current(1)
    with pytest.raises(RefusedError, match="GS-BKM-004"):
        writer.read()
    writer.copy_to_current(2)
    writer.command("rewind", "--to-sequence", "1")
    assert writer.read() == ["AA"]
    writer.command("reset")
    assert writer.read() == ["AA", "UA"]
    writer.command("rewind", "--to-sequence", "4")
    assert writer.read() == []
    assert len(writer.names()) == 8, "the history is complete"


def test_deleting_everything_reads_everything_again(writer):
    writer.delete(*writer.names())
    assert writer.read() == ["AA", "UA"]
