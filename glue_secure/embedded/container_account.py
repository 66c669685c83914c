"""Run the embedded account in a container: ``python -m glue_secure.embedded.container_account SHARE``.

SHARE is a folder that job containers can read. ``spark.sh`` and ``glue.sh`` set environment variables.
``glue.conf`` has Spark properties, and ``ca.pem`` and ``trust.p12`` have the certificate authority, for
Glue's image, which runs as another user. ``ready`` is written last. The files contain only secrets of this
temporary account.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.account_setup import BOOKMARKS_URI, EVIDENCE_URI, SIGNING_ALIAS
from glue_secure.embedded.environment import environment_of, export_lines, requested_guard
from glue_secure.embedded.folders import STATE_VARIABLE
from glue_secure.embedded.lifecycle import embedded_account
from glue_secure.embedded.seed import seed_flights
from glue_secure.embedded.spark_files import properties, spark_defaults

_ARGUMENTS = {
    "GLUE_SECURE_BOOKMARK_URI": BOOKMARKS_URI,
    "GLUE_SECURE_EVIDENCE_URI": EVIDENCE_URI,
    "GLUE_SECURE_EVIDENCE_SIGNING_KEY": SIGNING_ALIAS,
}


def main(share: Path) -> None:
    """Run an account until SIGTERM is received or the account ends."""
    (share / "ready").unlink(missing_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with embedded_account(os.environ[STATE_VARIABLE]) as account:
        seed_flights(account, months=range(1, 12), progress=print)
        publish(account, share)
        (share / "ready").touch()
        while not account.supervisor.wait(1):
            pass
        sys.exit("the embedded account ended unexpectedly")


def publish(account: EmbeddedAccount, share: Path) -> None:
    """Write the files that job containers need, readable by every user."""
    spark_variables = environment_of(account, request_guard=requested_guard(os.environ))
    # With this variable, a glue-secure command in a job container would not find the account's processes,
    # and would remove the state folder.
    del spark_variables[STATE_VARIABLE]
    for source, name in ((account.ca_pem, "ca.pem"), (account.trust_store, "trust.p12")):
        shutil.copyfile(source, share / name)
        (share / name).chmod(0o644)
    store = {
        "trustStore": share / "trust.p12",
        "trustStorePassword": account.trust_store_password,
        "trustStoreType": "PKCS12",
    }
    glue_variables = {name: value for name, value in spark_variables.items() if name.startswith("AWS_")}
    glue_variables |= {
        "AWS_CA_BUNDLE": str(share / "ca.pem"),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "GLUE_SECURE_RUNTIME": "glue",
        # Every JVM reads this variable. The options in the image's Spark settings are not changed.
        "JAVA_TOOL_OPTIONS": " ".join(f"-Djavax.net.ssl.{name}={value}" for name, value in store.items()),
    }
    settings = {
        name: value
        for name, value in spark_defaults(account).items()
        if name.startswith(("spark.hadoop.fs.", "spark.driver.host", "spark.driver.bindAddress"))
        and not name.endswith("buffer.dir")
    }
    for name, text in (
        ("spark.sh", export_lines({**spark_variables, **_ARGUMENTS})),
        # Without the unset line, so that Hadoop's and Spark's variables of the image are not changed.
        ("glue.sh", export_lines({**glue_variables, **_ARGUMENTS}).partition("\n")[2]),
        ("glue.conf", properties(settings)),
    ):
        (share / name).write_text(text, encoding="utf-8")
        (share / name).chmod(0o644)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
