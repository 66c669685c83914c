"""S3 clients in a script that the guard does not reach are found by line."""

from __future__ import annotations

import pytest

from glue_secure.preflight.unguarded_clients import find_unguarded_clients

FOUND = [
    ("from pyarrow import fs", "pyarrow"),
    ("from pyarrow.fs import S3FileSystem", "pyarrow"),
    ("import pyarrow.fs as f", "pyarrow"),
    ("import pyarrow\npyarrow.fs.S3FileSystem()", "pyarrow"),
    ("import pyarrow.parquet as pq\npq.write_table(t, 's3://b/a')", "pyarrow"),
    ("import pyarrow.parquet as pq\npq.write_table(t, where=f's3://{b}/a')", "pyarrow"),
    ("from pyarrow.dataset import write_dataset\nwrite_dataset(t, 's3://' + b)", "pyarrow"),
    ("import pandas as pd\nframe.to_parquet('s3://b/a')", "pyarrow"),
    ("import polars as pl\npl.DataFrame(x).write_parquet('s3://b/a')", "Polars"),
    ("import polars\nframe.sink_csv('s3://b/a')", "Polars"),
    ("import duckdb\nduckdb.sql('INSTALL httpfs')", "DuckDB"),
    ("import duckdb\nc.execute(\"COPY t TO 's3://b/a' (FORMAT parquet)\")", "DuckDB"),
    ("import subprocess\nsubprocess.run(['aws', 's3', 'cp', 'a', target])", "aws"),
    ("from subprocess import check_call\ncheck_call('/usr/bin/s5cmd cp a b', shell=True)", "s5cmd"),
    ("import os\nos.system('aws s3 sync . s3://b')", "aws"),
    ("import deltalake", "delta-rs"),
    ("from obstore.store import S3Store", "obstore"),
]


@pytest.mark.parametrize(("source", "client"), FOUND)
def test_a_native_client_is_found_on_its_line(source, client):
    (use,) = find_unguarded_clients(source)
    assert client in use.client
    assert use.line == len(source.splitlines())


@pytest.mark.parametrize(
    "source",
    [
        "import s3fs\ns3fs.S3FileSystem()",
        "import pyarrow.parquet as pq\npq.write_table(t, '/tmp/a')",
        "import pandas as pd\nframe.to_csv('s3://b/a')",
        "import pandas as pd\nframe.to_parquet('s3://b/a', storage_options={'anon': False})",
        "import pandas as pd\nframe.to_parquet('/tmp/a')",
        "frame.write_parquet('s3://b/a')",
        "import awswrangler as wr\nwr.s3.to_parquet(df, 's3://b/a')",
        "import subprocess\nsubprocess.run(['ls'])",
        "import subprocess\nsubprocess.run([])",
        "import boto3\nboto3.client('s3').put_object(Bucket='b', Key='a')",
        "this is no Python",
        "",
    ],
)
def test_other_code_is_not_reported(source):
    assert find_unguarded_clients(source) == []


def test_the_text_names_call_and_client():
    (use,) = find_unguarded_clients("import subprocess\nsubprocess.run(['aws', 's3'])")
    assert str(use).startswith("subprocess.run(): the program aws is not guarded")
