"""Write the files that make a plain ``spark-submit`` use the embedded account.

They are a folder for ``SPARK_CONF_DIR`` (defaults and logging), an empty AWS configuration, a scratch folder,
and a ``SPARK_HOME`` of links to pyspark's folders.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from glue_secure.core.errors import UsageError
from glue_secure.core.worker_encryption import DISK_CONF, network_conf
from glue_secure.embedded import class_archive
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.folders import write_private
from glue_secure.embedded.installed_spark import installed_spark
from glue_secure.engines.spark.guard_jar import PLUGIN_SETTING, GuardJar, guard_jar

LOG_LEVEL_VARIABLE = "GLUE_SECURE_SPARK_LOG_LEVEL"
"""Variable with Spark's log level; default ``warn``."""

_LOGGING = f"""\
rootLogger.level = ${{env:{LOG_LEVEL_VARIABLE}:-warn}}
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{{HH:mm:ss}} %p %c{{1}}: %m%n%ex
"""

# Each of these logs a warning at every start that requires no action.
_QUIET_LOGGERS = (
    "org.apache.hadoop.util.NativeCodeLoader",
    "org.apache.hadoop.metrics2.impl.MetricsConfig",
    "org.apache.spark.sql.catalyst.util.SparkStringUtils",
    "com.amazonaws.util.Base64",
    # It recommends a committer of Hadoop's cloud module, which is not in the class path.
    "org.apache.hadoop.fs.s3a.commit.AbstractS3ACommitterFactory",
)


# The same class in the AWS SDK that the line's S3A is built on.
_CREDENTIALS = {
    "3.5": "com.amazonaws.auth.EnvironmentVariableCredentialsProvider",
    "4.1": "software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider",
}

# The class of Hadoop 3.3 accepts s3a:// only. Without it, Spark writes the checkpoints of streams and the
# checksums of Delta with the FileSystem of fs.s3.impl.
_FILE_CONTEXT: dict[str, dict[str, str]] = {
    "3.5": {},
    "4.1": {"spark.hadoop.fs.AbstractFileSystem.s3.impl": "org.apache.hadoop.fs.s3a.S3A"},
}


SERIAL_COLLECTOR = "-XX:+UseSerialGC"
"""The garbage collector. Measured: a session of twenty jobs needs 11 % less CPU time than with G1."""

_NOT_LINKED = ("work", "conf", "python", "__pycache__")
_DAEMON = "glue_secure_python_daemon"


def write(account: EmbeddedAccount) -> None:
    """Write all files below the account's state folder."""
    folders = (account.spark_conf, account.guarded_spark_conf)
    for folder in (*folders, account.aws_folder, account.scratch, account.spark_home):
        folder.mkdir(mode=0o700, exist_ok=True)
    write_private(account.aws_folder / "config", "")
    write_private(account.aws_folder / "credentials", "")
    # Only the processes of a local cluster use the secret. It is random, and stored in this folder only.
    network = network_conf(secrets.token_hex(32))
    for folder, guard in zip(folders, (None, guard_jar()), strict=True):
        defaults = {**spark_defaults(account, guard), **network}
        write_private(folder / "spark-defaults.conf", properties(defaults))
        write_private(folder / "log4j2.properties", _logging())
    _link_home(account.spark_home)


def spark_defaults(account: EmbeddedAccount, guard: GuardJar | None = None) -> dict[str, str]:
    """Return the Spark properties that the embedded account needs. They contain no secret.

    Args:
        account: the account.
        guard: the request guard to load into the driver and the executors.

    Raises:
        UsageError: the path of a JAR has a colon.
    """
    archive = class_archive.class_archive(account)
    jars = class_archive.archived_jars(account.spark_jars) if archive else account.spark_jars
    class_path = _class_path([*jars, *([guard.path] if guard else [])])
    options = " ".join(
        (
            java_option(f"-Djavax.net.ssl.trustStore={account.trust_store}"),
            java_option(f"-Djavax.net.ssl.trustStorePassword={account.trust_store_password}"),
            "-Djavax.net.ssl.trustStoreType=PKCS12",
            # Spark's temporary folders of a process that was killed are removed with the account.
            java_option(f"-Djava.io.tmpdir={account.scratch}"),
            # A job takes seconds here. Measured: the C2 compiler used half of the job's CPU time.
            "-XX:TieredStopAtLevel=1",
            # Without C2, Java reserves 48 MB instead of 240 MB. Measured in a session of hundreds of jobs:
            # the cache was full, so that compiled methods were dropped and compiled again.
            "-XX:ReservedCodeCacheSize=240m",
            SERIAL_COLLECTOR,
            *(map(java_option, class_archive.options(archive)) if archive else ()),
        )
    )
    s3a = "spark.hadoop.fs.s3a"
    return {
        # On the class path instead of in spark.jars, which copies 280 MB to each executor.
        "spark.driver.extraClassPath": class_path,
        "spark.executor.extraClassPath": class_path,
        **(PLUGIN_SETTING if guard else {}),
        "spark.driver.extraJavaOptions": options,
        "spark.executor.extraJavaOptions": options,
        "spark.driver.host": "localhost",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.python.daemon.module": _DAEMON,
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.warehouse.dir": (account.scratch / "warehouse").as_uri(),
        **DISK_CONF,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.hadoop.hadoop.tmp.dir": str(account.scratch),
        "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "2",
        # Jobs use s3:// URIs, as in Glue.
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        **_FILE_CONTEXT[installed_spark().line],
        # Set explicitly, because the default of Hadoop 3.4 fails if the folder's name has a space.
        f"{s3a}.buffer.dir": str(account.scratch / "s3a"),
        f"{s3a}.endpoint": account.endpoint_url,
        f"{s3a}.endpoint.region": account.region,
        f"{s3a}.path.style.access": "true",
        f"{s3a}.connection.ssl.enabled": "true",
        f"{s3a}.aws.credentials.provider": _CREDENTIALS[installed_spark().line],
    }


def java_option(option: str) -> str:
    """Quote a JVM option for Spark's ``extraJavaOptions``, which Spark splits like a shell."""
    escaped = option.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def properties(settings: Mapping[str, str]) -> str:
    """Return settings as a Java properties file, which Spark reads as UTF-8.

    Backslashes, line ends and leading blanks of a value are escaped.
    """
    lines = []
    for name, value in settings.items():
        escaped = value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        if escaped.startswith((" ", "\t")):
            escaped = f"\\{escaped}"
        lines.append(f"{name}={escaped}\n")
    return "".join(lines)


def _class_path(jars: Sequence[Path]) -> str:
    for jar in jars:
        if os.pathsep in str(jar):
            raise UsageError(
                "the path of Spark's JARs cannot be used in a class path",
                found=f"a colon in {jar}",
                required="paths without a colon of the cache folder and of the installed glue-secure",
                fix="set XDG_CACHE_HOME to a path without a colon, or install glue-secure in another folder",
            )
    return os.pathsep.join(str(jar) for jar in jars)


def _logging() -> str:
    lines = [_LOGGING]
    for number, name in enumerate(_QUIET_LOGGERS):
        lines.append(f"logger.quiet{number}.name = {name}\nlogger.quiet{number}.level = error\n")
    return "".join(lines)


def _link_home(home: Path) -> None:
    """Make a ``SPARK_HOME`` of links to pyspark's folders, with pyspark as a folder and not as an archive.

    Python workers find pyspark at ``python/lib/pyspark.zip``. A task reads an archive's directory again, and
    an import from an archive compiles the module each time.
    """
    # With a local-cluster master, Spark's worker creates a folder "work" in SPARK_HOME. In the installed
    # package, this would write to site-packages, or fail if those belong to root.
    spark = installed_spark().folder
    for entry in spark.iterdir():
        link = home / entry.name
        if entry.is_dir() and entry.name not in _NOT_LINKED and not link.is_symlink():
            link.symlink_to(entry)
    library = home / "python" / "lib"
    if library.parent.is_symlink():  # made by an earlier version
        library.parent.unlink()
    modules = library / "pyspark.zip"
    modules.mkdir(parents=True, exist_ok=True)
    links = {
        modules / "pyspark": spark,
        modules / f"{_DAEMON}.py": Path(__file__).with_name("python_daemon.py"),
        **{library / archive.name: archive for archive in (spark / "python" / "lib").glob("py4j-*.zip")},
    }
    for link, target in links.items():
        if not link.is_symlink():
            link.symlink_to(target)
