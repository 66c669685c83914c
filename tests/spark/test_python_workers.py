"""The Python workers of the embedded account's Spark."""

from pathlib import Path


def test_a_worker_imports_pyspark_from_a_folder_and_has_no_archive_of_spark_in_its_path(glue_spark):
    def describe(_number):
        import sys

        import pyspark

        return pyspark.__file__, [entry for entry in sys.path if entry.endswith(".jar")]

    ((module, archives),) = glue_spark.sparkContext.parallelize([0], 1).map(describe).collect()
    assert Path(module).is_file()
    assert archives == []
