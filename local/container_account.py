"""The embedded account as the only work of a container: ``container_account.py SHARE``.

The folder SHARE is what job containers see. ``spark.sh`` and ``glue.sh`` are environments; ``glue.conf`` has
Spark properties, ``ca.pem`` and ``trust.p12`` the authority, for Glue's image, whose user is another one.
``ready`` comes last. Nothing of it is a secret of anything real.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.account_setup import BOOKMARKS_URI, EVIDENCE_URI
from glue_secure.embedded.environment import environment_of, export_lines
from glue_secure.embedded.folders import STATE_VARIABLE
from glue_secure.embedded.lifecycle import embedded_account
from glue_secure.embedded.seed import seed_flights
from glue_secure.embedded.spark_files import properties, spark_defaults

_PLACES = {"GLUE_SECURE_BOOKMARK_URI": BOOKMARKS_URI, "GLUE_SECURE_EVIDENCE_URI": EVIDENCE_URI}


def main(share: Path) -> None:
    """Run an account until it is told to end, or ends."""
    (share / "ready").unlink(missing_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with embedded_account(os.environ[STATE_VARIABLE]) as account:
        seed_flights(account, months=range(1, 12), progress=print)
        publish(account, share)
        (share / "ready").touch()
        while not account.supervisor.wait(1):
            pass
        sys.exit("the embedded account has ended")


def publish(account: EmbeddedAccount, share: Path) -> None:
    """Write what job containers need of the account, readable for every user."""
    whole = environment_of(account)
    # A command of this package in a job's container would find the account's processes gone, and clean up.
    del whole[STATE_VARIABLE]
    for source, name in ((account.ca_bundle, "ca.pem"), (account.trust_store, "trust.p12")):
        shutil.copyfile(source, share / name)
        (share / name).chmod(0o644)
    store = {
        "trustStore": share / "trust.p12",
        "trustStorePassword": account.trust_store_password,
        "trustStoreType": "PKCS12",
    }
    foreign = {name: value for name, value in whole.items() if name.startswith("AWS_")}
    foreign |= {
        "AWS_CA_BUNDLE": str(share / "ca.pem"),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "GLUE_SECURE_RUNTIME": "glue",
        # Every JVM reads it; the image's own options in its Spark settings stay as they are.
        "JAVA_TOOL_OPTIONS": " ".join(f"-Djavax.net.ssl.{name}={value}" for name, value in store.items()),
    }
    settings = {
        name: value
        for name, value in spark_defaults(account).items()
        if name.startswith(("spark.hadoop.fs.", "spark.driver.host", "spark.driver.bindAddress"))
        and not name.endswith("buffer.dir")
    }
    for name, text in (
        ("spark.sh", export_lines({**whole, **_PLACES})),
        # Without the line that unsets: Hadoop's and Spark's variables of the image are its own business.
        ("glue.sh", export_lines({**foreign, **_PLACES}).partition("\n")[2]),
        ("glue.conf", properties(settings)),
    ):
        (share / name).write_text(text, encoding="utf-8")
        (share / name).chmod(0o644)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
