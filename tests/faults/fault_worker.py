"""Runs a job in forked children, without a JVM. Only the engine is a replacement.

Each line of standard input contains a job's arguments as JSON. The worker prints ``{"pid": N}`` when the
child runs, and ``{"status": ..., "error": ..., "text": ...}`` when it has ended. If the child is killed, the
worker reports the signal.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
import traceback
import uuid
from typing import Any

from glue_secure.core.identifiers import S3Uri
from glue_secure.core.request_guard import RequestReport
from glue_secure.core.unmanaged_writes import UnmanagedWriteReport
from glue_secure.run import composition
from glue_secure.run.start import open_run

CONTEXT = "rows"


class LineEngine:
    """An engine whose frames are lists of rows. Like Spark, it clears a partition, then writes part files."""

    name, versions, scheme = "lines", {"engine": "1"}, "s3a"

    def __init__(self, objects: Any, s3: Any) -> None:
        self._objects, self._s3 = objects, s3
        self.settings = {"fs.s3a.endpoint": s3.meta.endpoint_url}

    def apply_settings(self, plan):
        self.settings.update(plan.settings)

    def settings_in_force(self):
        return dict(self.settings)

    def client_encryption(self, uri):
        names = ("fs.s3a.encryption.algorithm", "fs.s3a.encryption.key")
        return self.settings.get(names[0], ""), self.settings.get(names[1], "")

    def java_options(self):
        return {}

    def worker_settings(self):
        return {}

    def belongs_to_session(self, frame):
        return True

    def read_s3(self, objects, *, empty=False, **_):
        bodies = [] if empty else [self._objects.read(uri).body for uri in objects]
        return [json.loads(line) for body in bodies for line in body.splitlines()], "mark"

    def write_s3(self, frame, target, *, mode, partition_by, **_):
        days: dict[str, list[Any]] = {}
        for row in frame:
            days.setdefault(row["day"], []).append(row)
        for day, rows in sorted(days.items()):
            folder = target.child(f"day={day}")
            if mode == "overwrite":
                for old in list(self._objects.list(folder)):
                    self._s3.delete_object(Bucket=old.uri.bucket, Key=old.uri.key)
            for half in (rows[::2], rows[1::2]):
                self._put(folder.child(f"part-{uuid.uuid4().hex}.json"), half)
        return len(frame)

    def _put(self, uri: S3Uri, rows):
        self._s3.put_object(
            Bucket=uri.bucket,
            Key=uri.key,
            Body="\n".join(json.dumps(row) for row in rows).encode(),
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=self.settings["fs.s3a.encryption.key"],
        )

    def is_certainly_empty(self, frame):
        return not frame

    def is_empty(self, frame):
        return not frame

    def sources_deleted_by_overwrite(self, frame, target, **_):
        return ()

    def rows_read(self, scan):
        return None

    def columns(self, frame):
        return ("id", "day")

    def attribute_writes_to_run(self, location, **_):
        return contextlib.nullcontext()

    def guard_requests(self, policy):
        return "no JVM"

    def merged_columns(self, scan):
        return ()

    def jar_of(self, class_name):
        return None

    def end_writes(self, seconds):
        return ()

    def take_requests(self):
        return RequestReport()

    def guard_python_workers(self, folder, on_executors):
        return ""

    def requests_catalog(self):
        return False

    def monitor_writes(self, save):
        """Do nothing: every write goes through this engine."""

    def unmanaged_writes(self):
        return UnmanagedWriteReport()

    def active_work(self, seconds):
        return ()

    def pending_unmanaged_writes(self):
        return ()

    def close(self):
        """Do nothing: the engine installs no listeners."""


def shorten_patience(seconds: float) -> None:
    """Set a read timeout and a retry delay of 0.1 s, so that faults take less time."""
    import botocore.config
    from botocore.retries import standard

    standard.ExponentialBackoff._MAX_BACKOFF = 0.1
    made = botocore.config.Config.__init__

    def __init__(self, *args, **options):
        if "read_timeout" in options:
            options["read_timeout"] = seconds
        made(self, *args, **options)

    botocore.config.Config.__init__ = __init__


def job(request: dict[str, Any]) -> dict[str, str]:
    """Run the job, and return its outcome."""
    from glue_secure.aws.session import AwsSession

    try:
        arguments = composition.arguments(request["argv"])
        identity = arguments.identity(fresh_run_id=composition.fresh_run_id())
        services = composition.services()
        engine = LineEngine(services.objects, AwsSession.from_chain(path_style=True).client("s3"))
        run = open_run(identity, arguments, services=services, engine=engine)
        try:
            rows = run.reader.read_s3(arguments.get("source"), format="json", transformation_ctx=CONTEXT)
            run.writer.write_s3(
                rows, arguments.get("target"), format="json", mode=request["mode"], partition_by=["day"]
            )
            run.commit()
        except BaseException as error:
            run.close(error)
            raise
    except BaseException as error:
        class_names = [kind.__name__ for kind in type(error).__mro__]
        return {"status": "error", "error": class_names, "text": str(error), "trace": traceback.format_exc()}
    return {"status": "done", "run": str(identity.run_id), "rows": len(rows)}


def child(request: dict[str, Any], answer: int) -> None:
    """Run the job, write its outcome to the pipe, and end the process."""
    shorten_patience(request["read_timeout"])
    os.write(answer, json.dumps(job(request)).encode())
    os._exit(0)


def main() -> None:
    """Run one job for each line of standard input."""
    import boto3  # imported once for all children
    import botocore.loaders
    import botocore.session

    import glue_secure.aws.kms  # noqa: F401

    botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)  # parsed once
    for service in ("s3", "kms", "glue", "sts", "secretsmanager"):
        boto3.client(service)
    for line in sys.stdin:
        request = json.loads(line)
        reader, writer = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(reader)
            child(request, writer)
        os.close(writer)
        print(json.dumps({"pid": pid}), flush=True)
        with os.fdopen(reader, "rb") as pipe:
            outcome = pipe.read()
        status = os.waitpid(pid, 0)[1]
        if os.WIFSIGNALED(status):
            print(json.dumps({"status": "killed", "signal": os.WTERMSIG(status)}), flush=True)
        else:
            print(outcome.decode() or json.dumps({"status": "vanished"}), flush=True)


if __name__ == "__main__":
    main()
