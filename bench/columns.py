"""Rows per second of ``tokenise`` and ``encrypt``, against a plain copy of the same frame and against AES.

Each round writes one frame (a number and a text, Parquet on the local disk) four ways, by the run's own code
(``runtime/spark/columns.py``) with a data key that a stub of KMS on loopback opens for each Python worker:

    copy      as it is
    pandas    through a vectorised function that gives the text back: what going to Python and back costs
    tokenise  the text tokenised
    encrypt   the text encrypted

Ratios are of pairs: each way against the copy of its round; every other round goes the other way round.
The limits are of one core without Spark: AES-256-GCM (cryptography's AESGCM, a nonce and the context for
each value), HMAC-SHA256 (``hmac.digest``), and the functions that the workers call, with the same values. A
worker has a process of its own beside the JVM's thread: ``--cores 1`` has one of each.
"""

from __future__ import annotations

import base64
import hmac
import http.server
import json
import os
import shutil
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pairs import Spread
from rounds import run

KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111"
WAYS = ("copy", "pandas", "tokenise", "encrypt")
LIMITS = ("AES-256-GCM", "HMAC-SHA256", "tokens()", "seal()")
_DATA_KEY = bytes(range(32))  # opens nothing but what this bench makes


class _Kms(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        plain = base64.b64encode(_DATA_KEY).decode()
        body = json.dumps({"KeyId": KEY, "Plaintext": plain}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def kms(folder: Path) -> Iterator[None]:
    """A KMS that gives one data key, trusted by this process and its children."""
    from verify import trusted

    pair = trusted(folder, "kms")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Kms)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(pair.certificate), str(pair.key))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    os.environ["AWS_ENDPOINT_URL_KMS"] = f"https://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def texts(rows: int) -> list[str]:
    """Values as an address of mail is long: 20 to 27 characters, all different."""
    return [f"somebody{n}@example.org" for n in range(rows)]


def limits(rows: int) -> dict[str, float]:
    """Values a second of one core, without Spark."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from glue_secure.columns.sealing import seal, tokens

    values = texts(rows)
    raw = [value.encode() for value in values]
    cipher, context = AESGCM(_DATA_KEY), b'["glue-secure columns 1","bench","value"]'
    nonces = [os.urandom(12) for _ in raw]
    ways: dict[str, Callable[[], Any]] = {
        "AES-256-GCM": lambda: [cipher.encrypt(n, one, context) for n, one in zip(nonces, raw, strict=True)],
        "HMAC-SHA256": lambda: [hmac.digest(_DATA_KEY, one, "sha256") for one in raw],
        "tokens()": lambda: tokens(values, data_key=_DATA_KEY, domain="value"),
        "seal()": lambda: seal(values, data_key=_DATA_KEY, policy="bench", column="value"),
    }
    return {name: rows / _seconds(way) for name, way in ways.items()}


class Ways:
    """The frame, and each way to write it."""

    def __init__(self, spark: Any, folder: Path, rows: int, cores: int) -> None:
        self._folder, self.rows = folder, rows
        made = spark.range(0, rows, 1, cores).selectExpr("id", "concat('somebody', id, '@example.org') value")
        made.write.parquet(str(folder / "source"))
        frame = spark.read.parquet(str(folder / "source"))
        self._frames = {
            "copy": frame,
            "pandas": frame.withColumn("value", _identity()("value")),
            **{action: self._protected(frame, action) for action in ("tokenise", "encrypt")},
        }

    def _protected(self, frame: Any, action: str) -> Any:
        from glue_secure.columns.decisions import decide
        from glue_secure.columns.policy import ColumnPolicy
        from glue_secure.columns.spark import column_tree, protected

        policy = ColumnPolicy.from_value(
            {"name": "bench", "kms_key": KEY, "wrapped_key": "AAAA",
             "columns": [{"column": "value", "action": action}]}, source="bench",
        )  # fmt: skip
        decisions, _ = decide(policy, {}, column_tree(frame.schema), sink="bench")
        return protected(frame, decisions, policy=policy.name, key=policy.key)

    def write(self, way: str) -> float:
        """Once; rows a second."""
        target = self._folder / way
        seconds = _seconds(lambda: self._frames[way].write.parquet(str(target)))
        shutil.rmtree(target)
        return self.rows / seconds


def _identity() -> Any:
    import pandas as pd
    from pyspark.sql.functions import pandas_udf

    def same(values: Any) -> Any:
        return pd.Series(values.tolist(), dtype=object)

    same.__annotations__ = {"values": pd.Series, "return": pd.Series}
    return pandas_udf(same, "string")


def _seconds(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def measure(rows: int, rounds: int, cores: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Everything: rates of each way and limit by round."""
    from verify import session

    done: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as name, kms(Path(name)), session(cores) as spark:
        ways = Ways(spark, Path(name), rows, cores)
        for way in WAYS:
            ways.write(way)  # Python's processes start, the JVM compiles
        for number in range(rounds):
            order = WAYS if number % 2 else WAYS[::-1]
            done.append({way: ways.write(way) for way in order} | limits(min(rows, 200_000)))
            say(f"round {number + 1} of {rounds}")
    return {"rows": rows, "cores": cores, "rounds": done}


def summary(found: Mapping[str, Any]) -> dict[str, dict[str, Spread]]:
    """Of each way and limit: rows a second, and the ratios of pairs to the copy and to AES, as spreads."""
    rounds, cores = found["rounds"], found["cores"]
    told: dict[str, dict[str, Spread]] = {}
    for name in (*WAYS, *LIMITS):
        one = told[name] = {"rate": Spread.of([each[name] for each in rounds])}
        threads = cores if name in WAYS else 1
        one["of AES"] = Spread.of([each[name] / threads / each["AES-256-GCM"] for each in rounds])
        if name in WAYS:
            one["of copy"] = Spread.of([each[name] / each["copy"] for each in rounds])
    return told


def render(found: Mapping[str, Any]) -> str:
    """The result as a table: medians, with the range of all rounds."""
    lines = [
        f"{found['rows']:,} rows, --cores {found['cores']}, {len(found['rounds'])} rounds; "
        "median (lowest to highest)",
        f"{'':<12}{'rows a second':>34}{'of the copy':>24}{'a core, of AES':>24}",
    ]
    for name, told in summary(found).items():
        rate = told["rate"]
        cells = f"{rate.median:>12,.0f} ({rate.lowest:,.0f} to {rate.highest:,.0f})".rjust(34)
        for column in ("of copy", "of AES"):
            share = told.get(column)
            shown = f"{share.median:.3f} ({share.lowest:.3f} to {share.highest:.3f})" if share else ""
            cells += shown.rjust(24)
        lines.append(f"{name:<12}{cells}")
    return "\n".join(lines)


if __name__ == "__main__":
    run(__doc__, measure, summary, render, rows=1_000_000, rounds=7, cores=1)
