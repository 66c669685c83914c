"""Environment variables that make a plain ``spark-submit script.py`` use the embedded account."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping

from glue_secure.core.errors import UsageError
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.account_setup import SIGNING_ALIAS
from glue_secure.embedded.installed_spark import require_spark_of

REQUEST_GUARD_VARIABLE = "GLUE_SECURE_LOCAL_REQUEST_GUARD"
"""Variable that selects Spark with (``on``) or without (``off``) the request guard."""
REQUEST_GUARD_DEFAULT = True
"""Whether Spark has the request guard if the variable is not set."""

UNSET = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_ENDPOINT_URL_GLUE",
    "AWS_ENDPOINT_URL_KMS",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_ENDPOINT_URL_STS",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "SPARK_WORKER_DIR",
    "HADOOP_CONF_DIR",
    "YARN_CONF_DIR",
    "PYSPARK_DRIVER_PYTHON",
    "PYSPARK_SUBMIT_ARGS",
    "SPARK_REMOTE",
)
"""Variables that must be unset: each would direct a job to another account, or change its Spark."""


VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SHARED_CREDENTIALS_FILE",
    "GLUE_SECURE_EVIDENCE_SIGNING_KEY",
    "GLUE_SECURE_LOCAL_STATE",
    "GLUE_SECURE_RUNTIME",
    "JAVA_HOME",
    "MASTER",
    "PYSPARK_PYTHON",
    "SPARK_CONF_DIR",
    "SPARK_HOME",
    "SPARK_LOCAL_DIRS",
    "SPARK_LOCAL_HOSTNAME",
    "SPARK_LOCAL_IP",
)
"""The variables of ``environment_of``."""


def environment_of(
    account: EmbeddedAccount,
    *,
    master: str = "local[2]",
    python: str = sys.executable,
    request_guard: bool = REQUEST_GUARD_DEFAULT,
) -> dict[str, str]:
    """Return the variables to set for a job. ``overlay`` also removes those of ``UNSET``.

    Args:
        account: a running account.
        master: Spark's master; ``spark-submit --master`` and ``spark.master`` in code take precedence.
        python: the Python interpreter of the driver and the Python workers.
        request_guard: load the request guard into Spark. Without its JAR, this has no effect.

    Raises:
        UsageError: the account was started with another pyspark.
    """
    require_spark_of(account.spark_home, account.state)
    return {
        "AWS_ACCESS_KEY_ID": account.access_key_id,
        "AWS_CA_BUNDLE": str(account.ca_pem),
        "AWS_CONFIG_FILE": str(account.aws_folder / "config"),
        "AWS_DEFAULT_REGION": account.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": account.endpoint_url,
        "AWS_REGION": account.region,
        "AWS_SECRET_ACCESS_KEY": account.secret_access_key,
        "AWS_SHARED_CREDENTIALS_FILE": str(account.aws_folder / "credentials"),
        "GLUE_SECURE_EVIDENCE_SIGNING_KEY": SIGNING_ALIAS,
        "GLUE_SECURE_LOCAL_STATE": str(account.state),
        "GLUE_SECURE_RUNTIME": "spark",
        "JAVA_HOME": str(account.java_home),
        "MASTER": master,
        "PYSPARK_PYTHON": python,
        "SPARK_CONF_DIR": str(account.guarded_spark_conf if request_guard else account.spark_conf),
        "SPARK_HOME": str(account.spark_home),
        # A Spark worker sets this variable itself, and Spark warns if spark.local.dir is set as well.
        "SPARK_LOCAL_DIRS": str(account.scratch),
        # The machine's host name may not resolve, or not to the loopback address.
        "SPARK_LOCAL_HOSTNAME": "localhost",
        "SPARK_LOCAL_IP": "127.0.0.1",
    }


def overlay(
    environment: Mapping[str, str], account: EmbeddedAccount, *, master: str = "local[2]"
) -> dict[str, str]:
    """Return a child process's environment: ``environment`` without ``UNSET``, plus ``environment_of``.

    ``GLUE_SECURE_LOCAL_REQUEST_GUARD`` in ``environment`` selects Spark with or without the request guard.

    Raises:
        UsageError: the variable has another value than ``on`` or ``off``, or as for ``environment_of``.
    """
    inherited = {name: value for name, value in environment.items() if name not in UNSET}
    guard = requested_guard(environment)
    return {**inherited, **environment_of(account, master=master, request_guard=guard)}


def use(account: EmbeddedAccount) -> None:
    """Point the variables of this process to the account. boto3 and Spark read them when they start.

    Raises:
        UsageError: ``GLUE_SECURE_LOCAL_REQUEST_GUARD`` has another value than ``on`` or ``off``.
    """
    variables = overlay(os.environ, account)
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)


def requested_guard(environment: Mapping[str, str]) -> bool:
    """Return whether ``GLUE_SECURE_LOCAL_REQUEST_GUARD`` selects the request guard.

    Raises:
        UsageError: the variable has another value than ``on`` or ``off``.
    """
    value = environment.get(REQUEST_GUARD_VARIABLE, "")
    if value not in ("", "on", "off"):
        raise UsageError(
            f"the variable {REQUEST_GUARD_VARIABLE}",
            found=value,
            required="on or off",
            fix=f"export {REQUEST_GUARD_VARIABLE}=on",
        )
    return value == "on" if value else REQUEST_GUARD_DEFAULT


def unset_line() -> str:
    """Return shell code for ``eval`` that removes the variables of ``export_lines``."""
    return f"unset {' '.join(sorted(VARIABLES))}\n"


def export_lines(settings: Mapping[str, str]) -> str:
    """Return shell code for ``eval``: an ``unset`` line, then quoted ``export`` lines."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in sorted(settings.items())]
    return "\n".join([f"unset {' '.join(UNSET)}", *exports]) + "\n"
