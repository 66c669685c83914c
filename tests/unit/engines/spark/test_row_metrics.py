"""Which rows of a finished plan are counted, with fakes of the JVM's objects."""

import logging

import pytest
from java_fakes import Option, Seq, java

from glue_secure.engines.spark.row_metrics import SCAN_OPTION, RowMeter


class Queries:
    """The session's finished queries."""

    failure = None

    def add_callback(self, count):
        self.finish = count

    def wait_for_listeners(self):
        pass


class Map(dict):
    def get(self, name):
        return Option(super().get(name))


def file_scan(read, rows):
    relation = java(
        "HadoopFsRelation", options=Map({SCAN_OPTION: read}), fileFormat=java("ParquetFileFormat")
    )
    metrics = Map(numOutputRows=java("SQLMetric", value=rows))
    return java("FileSourceScanExec", relation=relation, metrics=metrics, children=Seq())


def table_scan(kind, package):
    return java("BatchScanExec", scan=java(kind, package), children=Seq())


def execution(*scans):
    plan = java("UnionExec", children=Seq(scans))
    return java(
        "QueryExecution",
        observedMetrics=java("Map", keysIterator=java("Keys", hasNext=False)),
        executedPlan=plan,
    )


@pytest.fixture
def meter():
    queries = Queries()
    found = RowMeter(spark=None, queries=queries)
    found.finish = queries.finish
    return found


@pytest.mark.parametrize("kind", ["SparkBatchQueryScan", "SparkStagedScan", "SparkCopyOnWriteScan"])
def test_rows_of_a_read_are_counted_beside_a_scan_of_an_iceberg_table(meter, kind, caplog):
    meter.finish(
        execution(file_scan("read-1", 7), table_scan(kind, "org.apache.iceberg.spark.source")), False
    )
    assert meter.rows("read-1") == 7
    assert caplog.records == []


def test_no_rows_are_reported_after_a_scan_of_files_whose_read_is_unknown(meter, caplog):
    scan = table_scan("ParquetScan", "org.apache.spark.sql.execution.datasources.v2.parquet")
    with caplog.at_level(logging.WARNING):
        meter.finish(execution(file_scan("read-1", 7), scan), False)
    assert meter.rows("read-1") is None
    assert "rows are no longer counted" in caplog.text
