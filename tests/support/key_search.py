"""Everything that Spark reports about the queries of a block, and a search for a key in it.

The reports are the event log, the plans, the driver's log, and the pages and REST API of Spark's UI. The
embedded account disables the UI, so one is started on the session's live store, on loopback.
"""

from __future__ import annotations

import base64
import contextlib
import html
import json
import urllib.request

EXPLAINED = ("simple", "extended", "codegen", "cost", "formatted")
_PAGES = ("environment/", "SQL/", "jobs/", "stages/", "executors/")


def forms(key):
    """Return the key's bytes as they would appear in a text: raw, halves, hexadecimal, base64, lists."""
    signed = [byte - 256 if byte > 127 else byte for byte in key]
    texts = [
        key.hex(),
        key.hex().upper(),
        key.hex(" ").upper(),
        repr(key)[2:-1],
        json.dumps(key.decode("latin-1"))[1:-1],
        key.decode("latin-1"),
        *(between.join(map(str, listed)) for listed in (signed, key) for between in (",", ", ")),
    ]
    for before in range(3):
        encoded = base64.b64encode(b"x" * before + key).decode()
        inner = encoded[-(-8 * before // 6) : 8 * (before + len(key)) // 6]
        texts += [inner, inner.replace("+", "-").replace("/", "_")]
    return {key, key[:16], key[16:], *(text.encode() for text in texts)}


def reports_with_key(reports, key):
    """Return the names of the reports of :func:`spark_reports` that contain the key in any form."""
    return {name for name, text in reports.items() if any(form in text for form in forms(key))}


@contextlib.contextmanager
def spark_reports(spark, folder):
    """Collect reports while the block runs. After the block, the result maps a report's name to its bytes.

    ``reports.explain(frame)`` adds a frame's plans.
    """
    reports = _Reports(spark)
    with event_log(spark, folder / "events") as events, _driver_log(spark, folder / "driver.log"):
        before = reports.last_execution()
        yield reports
        spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty()
    reports["event log"], reports["driver log"] = events(), (folder / "driver.log").read_bytes()
    with _ui(spark, reports.sql_store) as address:
        api = f"{address}/api/v1/applications/{spark.sparkContext.applicationId}"
        # The store drops the oldest executions, so an earlier count is not an offset later.
        new = reports.last_execution() - before
        first = max(0, reports.sql_store.executionsCount() - new)
        query = f"details=true&planDescription=true&offset={first}&length={new}"
        reports["REST sql"] = _get(f"{api}/sql?{query}")
        reports["REST environment"] = _get(f"{api}/environment")
        ids = [execution["id"] for execution in json.loads(reports["REST sql"])]
        reports["SQL pages"] = b"".join(
            _get(f"{address}/SQL/execution/?id={execution_id}") for execution_id in ids
        )
        for page in _PAGES:
            reports[f"page {page}"] = _get(f"{address}/{page}")


class _Reports(dict):
    def __init__(self, spark):
        super().__init__()
        self.spark, self.sql_store = spark, spark._jsparkSession.sharedState().statusStore()

    def last_execution(self):
        """Return the id of the newest execution in the store; -1 without one."""
        count = self.sql_store.executionsCount()
        return self.sql_store.executionsList(count - 1, 1).head().executionId() if count else -1

    def explain(self, frame):
        explain = self.spark._jvm.org.apache.spark.sql.api.python.PythonSQLUtils.explainString
        plans = [explain(frame._jdf.queryExecution(), mode) for mode in EXPLAINED]
        plans.append(frame._jdf.queryExecution().toString())
        self["explain"] = self.get("explain", b"") + "\n".join(plans).encode()


def _get(address):
    with urllib.request.urlopen(address) as answer:
        body = answer.read()
    return body if "/api/" in address else html.unescape(body.decode()).encode()


@contextlib.contextmanager
def event_log(spark, folder):
    """Write an event log while the block runs. The result reads the log afterwards."""
    folder.mkdir(parents=True)
    context = spark.sparkContext
    jvm, scala = context._jvm, context._jsc.sc()
    # Spark 4 compresses by default, and nothing would be found.
    conf = scala.conf().clone().set("spark.eventLog.compress", "false")
    logger = jvm.org.apache.spark.scheduler.EventLoggingListener(
        "key-search", jvm.scala.Option.empty(), jvm.java.net.URI(folder.as_uri()), conf,
        context._jsc.hadoopConfiguration(),
    )  # fmt: skip
    logger.start()
    scala.listenerBus().addToEventLogQueue(logger)
    try:
        yield lambda: b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    finally:
        scala.listenerBus().waitUntilEmpty()
        scala.listenerBus().removeListener(logger)
        logger.stop()


@contextlib.contextmanager
def _driver_log(spark, path):
    """Write Spark's log at INFO, and each plan that the optimiser changes, to a file."""
    log4j = spark._jvm.org.apache.logging.log4j
    configuration = log4j.LogManager.getContext(False).getConfiguration()
    layout = log4j.core.layout.PatternLayout.createDefaultLayout()
    builder = log4j.core.appender.FileAppender.newBuilder().withFileName(str(path))
    appender = builder.setName("key-search").setLayout(layout).build()
    appender.start()
    configuration.getRootLogger().addAppender(appender, None, None)
    before = log4j.LogManager.getLogger("org.apache.spark").getLevel()
    log4j.core.config.Configurator.setLevel("org.apache.spark", log4j.Level.INFO)
    spark.conf.set("spark.sql.planChangeLog.level", "INFO")
    try:
        yield
    finally:
        spark.conf.unset("spark.sql.planChangeLog.level")
        log4j.core.config.Configurator.setLevel("org.apache.spark", before)
        configuration.getRootLogger().removeAppender("key-search")
        appender.stop()


@contextlib.contextmanager
def _ui(spark, sql_store):
    jvm, scala = spark._jvm, spark.sparkContext._jsc.sc()
    conf = scala.conf().clone().set("spark.ui.port", "0")
    ui = jvm.org.apache.spark.ui.SparkUI.create(
        jvm.scala.Option.apply(scala), scala.statusStore(), conf, scala.env().securityManager(),
        "key search", "", scala.startTime(), scala.version(),
    )  # fmt: skip
    ui.setAppId(scala.applicationId())
    jvm.org.apache.spark.sql.execution.ui.SQLTab(sql_store, ui)
    ui.bind()
    ui.attachAllHandlers()
    try:
        yield f"http://127.0.0.1:{ui.boundPort()}"
    finally:
        ui.stop()
