"""S3 clients in a script that the guard does not reach are found by line."""

from __future__ import annotations

import pytest

from glue_secure.preflight.unguarded_clients import find_unguarded_clients

DELTA = "from deltalake import DeltaTable\n"
ICEBERG = "from pyiceberg.catalog import load_catalog\n"
FSSPEC = "**{'py-io-impl': 'pyiceberg.io.fsspec.FsspecFileIO'}"

FOUND = [
    ("from pyarrow import fs\nfs.S3FileSystem()", "pyarrow"),
    ("from pyarrow.fs import S3FileSystem\nS3FileSystem(region='eu-west-1')", "pyarrow"),
    ("import pyarrow.fs as f\nf.FileSystem.from_uri('s3://b')", "pyarrow"),
    ("from pyarrow.fs import copy_files\ncopy_files('/tmp/a', 's3://b/a')", "pyarrow"),
    ("import pyarrow.parquet as pq\npq.ParquetWriter('s3://b/a', schema)", "pyarrow"),
    ("import pyarrow.parquet as pq\npq.write_table(t, 's3://b/a', filesystem=None)", "pyarrow"),
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
    ("import pandas\nframe.to_parquet('s3://b/a', storage_options=None)", "pyarrow"),
    ("import pandas\nframe.to_parquet('s3://b/a', engine='pyarrow')", "pyarrow"),
    ("frame.toPandas().to_parquet('s3://b/a')", "pyarrow"),
    ("import geopandas as gpd\ngpd.read_file(p).to_parquet('s3://b/a')", "pyarrow"),
    ("import duckdb\nduckdb.sql('FROM t').write_parquet('s3://b/a')", "DuckDB"),
    ("import duckdb\nc = duckdb.connect()\nc.execute(\"EXPORT DATABASE 's3://b/a'\")", "DuckDB"),
    ("from deltalake import write_deltalake\nwrite_deltalake('s3://b/a', rows)", "delta-rs"),
    ("import deltalake as d\ntable = d.DeltaTable(location)\ntable.merge(rows, 'a = b')", "delta-rs"),
    ("import awswrangler as wr\nwr.s3.to_deltalake(rows, 's3://b/a')", "delta-rs"),
    (
        "from pyiceberg.catalog import load_catalog\nload_catalog('glue').load_table('a.b').append(rows)",
        "pyiceberg",
    ),
    (
        "import pyiceberg.catalog as c\nt = c.load_catalog('g', warehouse='s3://b').load_table('a')\nt.upsert(r)",
        "pyiceberg",
    ),
    ("from awswrangler import s3\ns3.to_deltalake_streaming(dfs=rows, path='s3://b/a')", "delta-rs"),
    (DELTA + "DeltaTable('s3://b/a').optimize.z_order(['a'])", "delta-rs"),
    (DELTA + "DeltaTable('s3://b/a').alter.add_columns([])", "delta-rs"),
    (DELTA + "DeltaTable('s3://b/a').vacuum(0, dry_run=False)", "delta-rs"),
    (DELTA + "DeltaTable('s3://b/a').vacuum(0, False)", "delta-rs"),
    (DELTA + "DeltaTable('s3://b/a').create_checkpoint()", "delta-rs"),
    (DELTA + "DeltaTable('s3://b/a').create_write_transaction([], 'append', schema, [])", "delta-rs"),
    (DELTA + "DeltaTable.create('s3://b/a', schema=schema)", "delta-rs"),
    (DELTA + "local = DeltaTable('/tmp/a')\nDeltaTable('s3://b/a').delete()", "delta-rs"),
    (DELTA + "t = DeltaTable('/tmp/a') if x else DeltaTable('s3://b/a')\nt.delete()", "delta-rs"),
    (
        DELTA + "class X:\n    def __init__(self):\n        self.table = DeltaTable('s3://b/a')\n"
        "    def go(self):\n        self.table.update(updates={})",
        "delta-rs",
    ),
    (
        ICEBERG + "load_catalog('r', warehouse='arn:aws:s3tables:r:1:bucket/x').load_table('a').append(r)",
        "pyiceberg",
    ),
    (ICEBERG + "load_catalog('r', **{'warehouse': '111122223333'}).load_table('a').append(r)", "pyiceberg"),
    (
        ICEBERG + "import snowflake.connector\nsnowflake.connector.connect(warehouse='/COMPUTE')\n"
        "load_catalog('g').load_table('a').append(r)",
        "pyiceberg",
    ),
    (ICEBERG + "c = {'warehouse': '/tmp'}\nload_catalog('g').load_table('a').append(r)", "pyiceberg"),
    (
        ICEBERG + f"a = load_catalog('a', {FSSPEC})\nb = load_catalog('b')\nb.load_table('a').append(r)",
        "pyiceberg",
    ),
    (
        ICEBERG + "l = load_catalog('l', warehouse='/tmp')\nload_catalog('g').load_table('a').append(r)",
        "pyiceberg",
    ),
    (
        ICEBERG + f"c = load_catalog('l', {FSSPEC}) if x else load_catalog('g')\nc.load_table('a').append(r)",
        "pyiceberg",
    ),
    (ICEBERG + "with load_catalog('g').load_table('a').update_schema() as u:\n    pass", "pyiceberg"),
    (ICEBERG + "load_catalog('g').load_table('a').update_spec().add_identity('x').commit()", "pyiceberg"),
    (
        ICEBERG + "load_catalog('g').load_table('a').manage_snapshots().create_tag(1, 'x').commit()",
        "pyiceberg",
    ),
    (
        ICEBERG + "load_catalog('g').load_table('a').maintenance.expire_snapshots().by_id(1).commit()",
        "pyiceberg",
    ),
    (ICEBERG + "load_catalog('g').commit_table(table, (), ())", "pyiceberg"),
    ("import polars as pl\npl.DataFrame(x).write_iceberg(table, mode='append')", "pyiceberg"),
    ("import pandas as pd\nclass F(pd.DataFrame):\n    pass\nF().to_parquet('s3://b/a')", "pyarrow"),
    ("import pandas as pd\nspark.table('x').pandas_api().to_pandas().to_parquet('s3://b/a')", "pyarrow"),
    (
        "import pandas\nso = {'anon': False} if x else None\nf.to_parquet('s3://b/a', storage_options=so)",
        "pyarrow",
    ),
    ("import pandas\ndef w(so=None):\n    f.to_parquet('s3://b/a', storage_options=so)", "pyarrow"),
    ("import pyarrow.dataset as ds\nds.write_dataset(t, 'x', filesystem='s3://b')", "pyarrow"),
    ("import pyarrow.fs as f, s3fs\nf.copy_files('s3://b/a', 's3://b/c', s3fs.S3FileSystem())", "pyarrow"),
    ("import duckdb\nc.execute('COPY t TO ?', ['s3://b/a'])", "DuckDB"),
    ("import duckdb\nc.execute('COPY t TO $p', {'p': 's3://b/a'})", "DuckDB"),
    ("import duckdb\nc.sql('INSTALL aws; LOAD aws;')", "DuckDB"),
    ("import duckdb\nc.load_extension('httpfs')", "DuckDB"),
    ("import duckdb\nduckdb.sql(\"ATTACH 'arn:aws:s3tables:r:1:bucket/x' AS t (TYPE iceberg)\")", "DuckDB"),
    ("import duckdb, sys\nduckdb.sql(f\"COPY t TO '{sys.argv[1]}'\")", "DuckDB"),
    (
        "import duckdb, sys\nfrom awsglue.utils import getResolvedOptions\n"
        "args = getResolvedOptions(sys.argv, ['OUT'])\nout = args['OUT']\n"
        "duckdb.sql(f\"COPY (SELECT * FROM {t}) TO '{out}/a.parquet'\")",
        "DuckDB",
    ),
    ("import os\nos.system('aws --region eu-west-1 s3 cp /tmp/a s3://b/a')", "aws"),
    ("import os\nos.system('aws s3 cp s3://b/a s3://b/c')", "aws"),
    ("import os\nos.system(f'aws s3 cp s3://b/a {target}')", "aws"),
    ("import os\nos.system('aws s3 cp /tmp/a s3://b/a > /tmp/log')", "aws"),
    ("import os\nos.system('aws s3api put-object --bucket b --key a')", "aws"),
    ("import os\nos.system(f'aws {service} cp a b')", "aws"),
    ("import os\nos.system(\"s5cmd --endpoint-url https://h cp a 's3://b/a'\")", "s5cmd"),
    ("import os\nos.system('s5cmd cp s3://b/a s3://b/c')", "s5cmd"),
    ("import os\nos.system('s5cmd run commands.txt')", "s5cmd"),
    ("import os\nos.system('rclone copy a remote:b')", "rclone"),
    ("import os\nos.system('mc find b --exec rm')", "mc"),
    ("import os\nos.system(f's3cmd {command} a')", "s3cmd"),
    ("import minio", "MinIO"),
    ("import polars as pl\nf.lazy().sink_parquet(pl.PartitionBy('s3://b/a', key='x'))", "Polars"),
    ("import modin.pandas as pd\npd.read_csv(p).to_parquet('s3://b/a')", "pyarrow"),
    ("import pandas as pd\npd.DataFrame(x).to_iceberg('a.b', catalog_name='g')", "pyiceberg"),
    ("import ray\nray.data.read_csv(p).write_parquet('s3://b/a')", "Ray"),
    ("import polars, ray\nray.data.from_items(x).write_parquet('s3://b/a')", "Ray"),
    ("import ray\ndef write(rows):\n    return rows.write_json('s3://b/a', filesystem=None)", "Ray"),
    ("import ray\nray.data.range(9).write_images('s3://b/a', column='x')", "Ray"),
    ("import ray\nray.data.range(9).write_lance('s3://b/a')", "Lance"),
    ("import ray\nray.data.range(9).write_delta('s3://b/a')", "delta-rs"),
    ("import ray\nray.data.range(9).write_iceberg('a.b', {'type': 'glue'})", "pyiceberg"),
    ("import ibis\nibis.read_csv(p).to_parquet('s3://b/a')", "Ibis"),
    ("import ibis\nibis.duckdb.connect().table('x').to_csv('s3://b/a')", "Ibis"),
    ("import ibis, pandas\nibis.read_csv(p).to_delta('s3://b/a')", "Ibis"),
    ("import ibis, pandas\nibis.read_csv(p).to_parquet('s3://b/a')", "Ibis"),
    ("import ibis, pandas\nibis.read_csv(p).execute().to_parquet('s3://b/a')", "pandas"),
    ("import ibis\ndef write(table):\n    return table.to_parquet_dir('s3://b/a')", "Ibis"),
    ("import opendal\nopendal.Operator('s3', bucket='b')", "OpenDAL"),
    ("from opendal import AsyncOperator\nAsyncOperator(scheme='s3', bucket='b')", "OpenDAL"),
    ("import opendal\nopendal.Operator(opendal.Scheme.S3, bucket='b')", "OpenDAL"),
    ("import opendal\nopendal.Operator.from_uri('s3://b/a')", "OpenDAL"),
    ("from opendal import Operator, config\nOperator.from_config(config.S3Config(bucket='b'))", "OpenDAL"),
    ("import tiledb\ntiledb.from_numpy('s3://b/a', rows)", "TileDB"),
    ("import tiledb\ntiledb.open('s3://b/a', 'w')", "TileDB"),
    ("import tiledb\ntiledb.VFS().open('s3://b/a', mode='wb')", "TileDB"),
    ("import tiledb\ntiledb.DenseArray.create('s3://b/a', schema)", "TileDB"),
    ("from datafusion.object_store import AmazonS3\nAmazonS3(bucket_name='b')", "DataFusion"),
    ("from obstore.store import S3Store\nS3Store('b')", "obstore"),
    ("import obstore as o\no.store.from_url('s3://b')", "obstore"),
    ("import daft\ndaft.read_csv(p).write_parquet('s3://b/a')", "Daft"),
    ("import daft\ndef write(frame):\n    return frame.write_csv('s3://b/a')", "Daft"),
    ("import daft\ndaft.read_csv(p).write_iceberg(table)", "Daft"),
    ("import daft, polars, ray\ndaft.read_csv(p).write_parquet('s3://b/a')", "Daft"),
    ("import daft\ndaft.Catalog.from_glue('g').get_table('a.b').append(frame)", "Daft"),
    ("import daft\ndaft.Session().write_table('a.b', frame)", "Daft"),
    ("import daft\nframe.with_column('u', daft.col('x').upload('s3://b/a'))", "Daft"),
    ("import lance\nlance.write_dataset(rows, 's3://b/a')", "Lance"),
    ("import lance\nlance.dataset('s3://b/a').delete('x = 1')", "Lance"),
    ("import lance\nlance.dataset(location).optimize.compact_files()", "Lance"),
    ("import lancedb\nlancedb.connect('s3://b').create_table('t', rows)", "Lance"),
    ("import lancedb\ntable = lancedb.connect(uri).open_table('t')\ntable.add(rows)", "Lance"),
    ("import awscrt.s3", "awscrt"),
    ("from s3transfer.crt import CRTTransferManager", "awscrt"),
]


@pytest.mark.parametrize(("source", "client"), FOUND)
def test_a_native_client_is_found_on_its_line(source, client):
    (use,) = find_unguarded_clients(source)
    assert client in use.client
    assert use.line == len(source.splitlines()) - source.endswith("    pass")


@pytest.mark.parametrize(
    "source",
    [
        "import s3fs\ns3fs.S3FileSystem()",
        "import pyarrow.parquet as pq\npq.write_table(t, '/tmp/a')",
        "import pandas as pd\nframe.to_csv('s3://b/a')",
        "import pandas as pd\nframe.to_parquet('s3://b/a', storage_options={'anon': False})",
        "import pandas as pd\nframe.to_parquet('/tmp/a')",
        "import pandas as pd\nframe.to_parquet('s3://b/a', engine='fastparquet')",
        "import pandas, s3fs\nframe.to_parquet('s3://b/a', filesystem=s3fs.S3FileSystem())",
        "import pandas\nframe.to_json('s3://b/a')\nframe.to_feather('s3://b/b')\nframe.to_excel('s3://b/c.xlsx')",
        "import pandas\nimport dask.dataframe as dd\ndd.read_csv(p).to_parquet('s3://b/a')",
        "import pyarrow.parquet as pq, s3fs\npq.write_table(t, 's3://b/a', filesystem=s3fs.S3FileSystem())",
        "from pyarrow import fs\nfs.LocalFileSystem()",
        "import s3fs\nwith s3fs.S3FileSystem().open('s3://b/a', 'w') as f:\n    f.write('x')",
        "import fsspec\nwith fsspec.open('s3://b/a', 'w') as f:\n    f.write('x')",
        "from smart_open import open\nwith open('s3://b/a', 'w') as f:\n    f.write('x')",
        "import boto3\nfrom boto3.s3.transfer import S3Transfer\n"
        "S3Transfer(boto3.client('s3')).upload_file('a', 'b', 'c')",
        "import boto3\nfrom boto3.s3.transfer import TransferConfig\n"
        "config = TransferConfig(preferred_transfer_client='crt')\n"
        "boto3.client('s3').upload_file('a', 'b', 'c', Config=config)",
        "import awswrangler as wr\nwr.s3.to_csv(df, 's3://b/a')\n"
        "wr.s3.to_json(df, 's3://b/a')\nwr.s3.upload('a', 's3://b/a')",
        "import polars, s3fs\nwith s3fs.S3FileSystem().open('b/a', 'wb') as f:\n    frame.write_parquet(f)",
        "import deltalake\ndeltalake.DeltaTable('s3://b/a').to_pandas()",
        "from deltalake import write_deltalake\nwrite_deltalake('/tmp/a', rows)",
        "from pyiceberg.catalog import load_catalog\n"
        "load_catalog('glue').load_table('a.b').scan().to_arrow()",
        "from pyiceberg.catalog import load_catalog\n"
        "load_catalog('l', warehouse='/tmp/w').load_table('a.b').append(rows)",
        "from pyiceberg.catalog import load_catalog\n"
        "io = {'py-io-impl': 'pyiceberg.io.fsspec.FsspecFileIO'}\n"
        "load_catalog('glue', **io).load_table('a.b').append(rows)",
        "import awswrangler as wr\nrows = wr.s3.read_parquet(p)\nrows.merge(x, on='a')\nrows.update(x)",
        "import awswrangler as wr\nwr.s3.read_deltalake('s3://b/a').merge(x)",
        "import awswrangler as wr\nwr.s3.list_objects('s3://b').update({})",
        "import polars\ndef write_parquet(f, p):\n    f.write.parquet(p)\nwrite_parquet(f, 's3://b/a')",
        "import pandas\ndef to_parquet(f, p):\n    f.write.parquet(p)\nto_parquet(f, 's3://b/a')",
        "import polars\ndef write_csv(f, p):\n    f.write.csv(p)\nwrite_csv(f, p='s3://b/a')",
        "import pandas\nclass Sink:\n    def to_parquet(self, p):\n        self.f.write.parquet(p)\n"
        "Sink().to_parquet('s3://b/a')\nsink = Sink()\nsink.to_parquet('s3://b/a')",
        "import pandas\nclass Sink:\n    def to_parquet(self, p):\n        self.f.write.parquet(p)\n"
        "    def all(self):\n        self.to_parquet('s3://b/a')",
        "import pandas\nspark.table('x').pandas_api().to_parquet('s3://b/a')",
        "import pandas\nimport databricks.koalas as ks\nks.read_csv('x').to_parquet('s3://b/a')",
        "import pandas\nframe.to_parquet('s3://b/a', 'fastparquet')",
        f"import polars\n{ICEBERG}t = load_catalog('g', {FSSPEC}).load_table('a')\n"
        "polars.DataFrame(x).write_iceberg(t, mode='append')",
        "import duckdb\nredshift.cursor().execute(\"UNLOAD ('SELECT 1') TO 's3://b/a'\")",
        "import duckdb, logging\nlogging.info(\"copying TO 's3://b/a'\")\nprint('httpfs is not used')",
        "import duckdb, logging\nlog = logging.getLogger()\nlog.info(\"COPY t TO 's3://b/a'\")",
        "import duckdb\nduckdb.sql(\"COPY t TO '/tmp/a'\")\nduckdb.execute('COPY t TO ?', ['/tmp/a'])",
        "import duckdb, tempfile\nd = tempfile.mkdtemp()\nduckdb.sql(f\"COPY t TO '{d}/a.parquet'\")",
        "import duckdb, sys\nduckdb.sql(f\"COPY t FROM '{sys.argv[1]}'\")",
        "from pyarrow import csv, feather, orc\ncsv.write_csv(t, 's3://b/a')\n"
        "feather.write_feather(t, 's3://b/a')\norc.write_table(t, 's3://b/a')",
        "from pyarrow.fs import copy_files\ncopy_files('s3://b/a', '/tmp/a')",
        "import s3fs\nfrom pyarrow.fs import copy_files\n"
        "copy_files('/tmp/a', 's3://b/a', destination_filesystem=s3fs.S3FileSystem())",
        "import os\nos.system('aws s3 ls')\nos.system('aws s3 presign s3://b/a')",
        "import os\nos.system('aws s3 cp --recursive s3://b/a /tmp/a')\nos.system('aws s3 cp s3://b/a -')",
        "import subprocess\nsubprocess.run(['aws', '--profile', 's3', 's3', 'sync', 's3://b', '.'])",
        "import os\nos.system(\"/opt/s5cmd --no-sign-request --endpoint-url https://h du 's3://b/*'\")",
        "import os\nos.system('s5cmd cp s3://b/a /tmp/a')\nos.system('s3cmd -c /etc/s3 ls s3://b')",
        "import os\nos.system('rclone lsf remote:b')\nos.system('mc ls b')\nos.system('s4cmd get s3://b/a')",
        "import os\nos.system('aws glue get-tables --database s3')\nos.system('aws s3api head-object')",
        DELTA + "rows = DeltaTable('s3://b/a').to_pandas()\nrows.merge(x)\nrows.update(x)",
        DELTA + "DeltaTable('s3://b/a').to_pyarrow_table().to_pandas().merge(x)",
        DELTA + "DeltaTable('s3://b/a').metadata().configuration.update({'a': 1})",
        DELTA + "DeltaTable('s3://b/a').file_uris().delete('x')",
        DELTA + "DeltaTable('s3://b/a').vacuum()\nDeltaTable('s3://b/a').vacuum(dry_run=True)",
        DELTA + "DeltaTable('/tmp/a').delete()\nt = DeltaTable('/tmp/a')\nt.optimize.compact()",
        DELTA + "t = DeltaTable('s3://b/a')\nDeltaTable('/tmp/a').delete()",
        ICEBERG
        + "load_catalog('g').list_tables('a').append('x')\nload_catalog('g').list_namespaces().append('x')",
        ICEBERG + "load_catalog('g').load_table('a').scan().to_pandas().append(x)",
        ICEBERG
        + f"load_catalog('g', {FSSPEC}).load_table('a').append(x)\nload_catalog('h').load_table('b').scan()",
        ICEBERG + "load_catalog('h').load_table('b').scan()\n"
        "load_catalog('l', warehouse='file:/tmp').load_table('a').append(x)",
        ICEBERG + "def io():\n    found = {}\n    found['py-io-impl'] = 'pyiceberg.io.fsspec.FsspecFileIO'\n"
        "    return found\nload_catalog('g', **io()).load_table('a').append(x)",
        ICEBERG + "from pyiceberg.io import PY_IO_IMPL\n"
        "load_catalog('g', **{PY_IO_IMPL: 'pyiceberg.io.fsspec.FsspecFileIO'}).load_table('a').append(x)",
        "import duckdb\nduckdb.sql('FROM t').write_parquet('/tmp/a')",
        "frame.write_parquet('s3://b/a')",
        "import polars as pl\nf.write_avro('s3://b/a')\nf.lazy().sink_csv(pl.PartitionBy('/tmp/a', key='x'))",
        "import pandas\nf.to_orc('s3://b/a')\nf.to_pickle('s3://b/b')\nf.to_stata('s3://b/c')\nf.to_xml('s3://b/d')",
        "import pandas as pd\nprops = {'py-io-impl': 'pyiceberg.io.fsspec.FsspecFileIO'}\n"
        "pd.DataFrame(x).to_iceberg('a.b', catalog_properties=props)",
        "import modin.pandas as pd\nf.to_parquet('s3://b/a', storage_options={'anon': False})\nf.to_csv('s3://b/a')",
        "import ray, s3fs\nray.data.range(9).write_csv('s3://b/a', filesystem=s3fs.S3FileSystem())",
        "import ray\nray.data.range(9).write_parquet('local:///tmp/a')\nray.data.read_parquet('s3://b/a')",
        "import ray\nray.data.range(9).write_iceberg('a.b', catalog_kwargs={'warehouse': 'file:/tmp'})",
        "import ibis\nibis.pyspark.connect(spark).table('x').to_parquet('s3://b/a')",
        "import ibis\nibis.set_backend('pyspark')\nibis.table('x').to_parquet('s3://b/a')",
        "import ibis\nibis.read_parquet('s3://b/a').to_csv('/tmp/a')\nibis.read_csv('s3://b/a').execute()",
        "import ibis, pandas\nibis.read_csv(p).execute().to_csv('s3://b/a')\nframe.to_csv('s3://b/a')",
        "import opendal\nopendal.Operator('fs', root='/tmp').write('s3', b'x')",
        "import tiledb\ntiledb.open('s3://b/a')\ntiledb.VFS().ls('s3://b/a')\ntiledb.from_numpy('/tmp/a', x)",
        "import daft\ndaft.read_parquet('s3://b/a').write_csv('/tmp/a')\ndaft.read_csv(p).to_pydict()",
        "import daft\ndaft.read_csv(p).write_deltalake('/tmp/a')\ndaft.read_csv(p).to_pylist().append(1)",
        "import lance\nlance.dataset('s3://b/a').to_table().to_pandas().update(x)",
        "import lance, lancedb\nlance.write_dataset(rows, '/tmp/a')\nlancedb.connect('/a').create_table('t')",
        "import lancedb\nlancedb.connect('s3://b').open_table('t').search(v).to_list().append(1)",
        "from obstore.store import LocalStore, from_url\nLocalStore('/tmp')\nfrom_url('file:///tmp')",
        "import smart_open\nsmart_open.open('s3://b/a', 'wb').write(b'x')",
        "import cloudpathlib\ncloudpathlib.S3Path('s3://b/a').write_text('x')",
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


@pytest.mark.parametrize(
    ("text", "added"),
    [
        ("import pandas\nframe.to_parquet('s3://b/a'{})", ', storage_options={"anon": False}'),
        (
            "import s3fs, pyarrow.parquet as pq\npq.write_table(t, 's3://b/a'{})",
            ", filesystem=s3fs.S3FileSystem()",
        ),
        ("import ray, s3fs\nray.data.range(9).write_csv('s3://b/a'{})", ", filesystem=s3fs.S3FileSystem()"),
        (
            "from pyiceberg.catalog import load_catalog\nload_catalog('g'{}).load_table('a.b').append(rows)",
            ', **{"py-io-impl": "pyiceberg.io.fsspec.FsspecFileIO"}',
        ),
    ],
)
def test_the_fix_of_a_client_ends_the_finding(text, added):
    (use,) = find_unguarded_clients(text.format(""))
    assert added.removeprefix(", ").removeprefix("**{").removesuffix('IO"}') in use.fix
    assert find_unguarded_clients(text.format(added)) == []


@pytest.mark.parametrize(
    ("source", "fix"),
    [
        ("import pyarrow.fs as f\nf.FileSystem.from_uri('s3://b')", "create s3fs.S3FileSystem() instead"),
        ("import pyarrow.fs as f\nf.S3FileSystem()", "create s3fs.S3FileSystem() instead"),
        ("import pyarrow.fs as f\nf.copy_files('a', 's3://b/a')", "upload with s3fs.S3FileSystem().put()"),
    ],
)
def test_the_fix_of_a_function_that_creates_a_client_replaces_it(source, fix):
    (use,) = find_unguarded_clients(source)
    assert use.fix.startswith(fix)


def test_the_text_names_call_and_client():
    (use,) = find_unguarded_clients("import subprocess\nsubprocess.run(['aws', 's3'])")
    assert str(use).startswith("subprocess.run(): the program aws is not guarded")


def test_a_script_with_a_warning_of_python_is_searched():
    # pytest makes errors of warnings, as python -W error does; a parser that warns then rejects the script.
    (use,) = find_unguarded_clients("import re, minio\nre.compile('\\d')")
    assert use.client == "MinIO's client"
