"""Each rule of the static check finds a violation, also in other spellings, and not the corrected script."""

# ruff: noqa: E501 - each case is one line

from __future__ import annotations

import csv
from pathlib import Path, PurePosixPath

import pytest

from glue_secure.check.checker import check_files, check_script
from glue_secure.check.model import RULES
from glue_secure.core.controls import CONTROLS
from glue_secure.core.findings import Verdict

ROOT = Path(__file__).resolve().parents[3]
GUARD = "import glue_secure.as_awsglue\n"
URL = "jdbc:postgresql://db.example.com:5432/ops"

# Rule, control, violating script, corrected script ("" if the correction is to remove the code).
CASES = [
    ("unreadable", "GS-S3-012", "print 'x'", "print('x')"),
    ("dynamic-code", "GS-S3-012", "exec(base64.b64decode(text))", "ast.literal_eval(text)"),
    ("dynamic-code", "GS-S3-012", "import builtins\nrun = builtins.eval\nrun(text)", "json.loads(text)"),
    ("guard-disabled", "GS-SEC-007", "import os\nos.environ['GLUE_SECURE_LOCAL_REQUEST_GUARD'] = 'off'", ""),
    ("guard-disabled", "GS-SEC-007", "conf.set('spark.glueSecure.outsideRuns', 'allow')", ""),
    ("guard-disabled", "GS-SEC-007", "from glue_secure.aws.botocore_guard import exempt", "import glue_secure"),
    ("spark-session", "GS-S3-010", "other = spark.newSession()", "other = glueContext.spark_session"),
    ("spark-session", "GS-S3-010", "getattr(spark, 'new' + 'Session')()", ""),
    (
        "spark-session",
        "GS-S3-010",
        "from pyspark.sql import SparkSession as S\nS.builder.remote('sc://h').getOrCreate()",
        "from pyspark.sql import SparkSession as S\nS.builder.getOrCreate()",
    ),
    # S3 and AWS
    ("s3-native-client", "GS-S3-004", "import pyarrow.fs as f\nf.S3FileSystem()", "import s3fs\ns3fs.S3FileSystem()"),
    (
        "s3-native-client",
        "GS-S3-004",
        "import pandas as pd\nTARGET = 's3://b'\npath = f'{TARGET}/a'\npd.DataFrame().to_parquet(path)",
        "import pandas as pd\npd.DataFrame().to_csv('s3://b/a')",
    ),
    (
        "s3-native-client",
        "GS-S3-004",
        "pq = __import__('pyarrow.parquet')\npq.write_table(t, '{}/a'.format('s3://b'))",
        "pq.write_table(t, '/tmp/a')",
    ),
    ("s3-program", "GS-S3-004", "import subprocess\nsubprocess.run(['aws', 's3', 'cp', a, b])", "import subprocess\nsubprocess.run(['aws', '--version'])"),
    ("s3-program", "GS-S3-004", "from subprocess import run as r\nargs = ['aws', 's3', 'mv', a, b]\nr(args)", ""),
    ("s3-program", "GS-S3-004", "import os\nos.system('cd /tmp && sudo aws s3 sync . s3://b')", "import os\nos.system('which aws')"),
    ("s3-program", "GS-S3-004", "import subprocess\nsubprocess.Popen(args=['sh', '-c', 'aws s3 rm x'])", ""),
    ("s3-program", "GS-S3-004", "import subprocess\ngetattr(subprocess, 'check_call')(f'aws s3 cp {a} {b}', shell=True)", ""),
    ("unguarded-process", "GS-S3-012", "import subprocess, sys\nsubprocess.run([sys.executable, '-I', 'a.py'])", "import subprocess, sys\nsubprocess.run([sys.executable, 'a.py'])"),
    (
        "unguarded-process",
        "GS-S3-012",
        "import subprocess\nsubprocess.run(['python3', 'a.py'], env={'A': 'b'})",
        "import os, subprocess\nsubprocess.run(['python3', 'a.py'], env={**os.environ, 'A': 'b'})",
    ),
    ("s3-encryption", "GS-S3-005", "s3.put_object(Bucket='b', Key='k', ServerSideEncryption='AES256')", "s3.put_object(Bucket='b', Key='k', ServerSideEncryption='aws:kms')"),
    ("s3-encryption", "GS-S3-005", "extra = dict(ServerSideEncryption='AES256')\ns3.upload_file(f, 'b', 'k', ExtraArgs=extra)", "s3.upload_file(f, 'b', 'k')"),
    ("s3-encryption", "GS-S3-005", "extra = {}\nextra['SSECustomerKey'] = key\ns3.put_object(**extra)", "s3.put_object()"),
    ("s3-encryption", "GS-S3-001", "spark.conf.set('fs.s3a.encryption.algorithm', 'SSE-S3')", "spark.conf.set('fs.s3a.encryption.algorithm', 'SSE-KMS')"),
    ("s3-encryption", "GS-S3-003", "B = 'logs'\nconf.set(f'spark.hadoop.fs.s3a.bucket.{B}.encryption.algorithm', 'AES256')", ""),
    ("s3-encryption", "GS-S3-001", "sc._jsc.hadoopConfiguration().set('fs.s3.enableServerSideEncryption', 'false')", "sc._jsc.hadoopConfiguration().set('fs.s3.enableServerSideEncryption', 'true')"),
    ("s3-encryption", "GS-S3-001", "spark.sql('SET fs.s3a.encryption.algorithm=AES256')", "spark.sql('SET spark.sql.shuffle.partitions=8')"),
    ("s3-encryption", "GS-S3-001", "SparkConf().setAll([('fs.s3a.server-side-encryption-algorithm', 'AES256')])", ""),
    ("s3-encryption", "GS-S3-013", "builder.config(map={'spark.sql.catalog.c.s3.sse.type': 'none'})", "builder.config(map={'spark.sql.catalog.c.s3.sse.type': 'kms'})"),
    ("s3-encryption", "GS-SEC-009", "glue.create_job(DefaultArguments={'--encryption-type': 'sse-s3'})", ""),
    ("aws-client-tls", "GS-S3-002", "import boto3\nboto3.client('s3', verify=False)", "import boto3\nboto3.client('s3', verify='/etc/ca.pem')"),
    ("aws-client-tls", "GS-S3-002", "import boto3 as b\nmake = b.session.Session().resource\nkw = {'verify': False}\nmake('s3', **kw)", "import boto3 as b\nb.session.Session().resource('s3')"),
    ("aws-client-tls", "GS-S3-002", "from boto3 import client\nkw = {}\nkw.update(use_ssl=False)\nclient('sqs', **kw)", "from boto3 import client\nclient('sqs')"),
    ("aws-client-tls", "GS-S3-002", "import boto3\ndef make(name, verify):\n    return boto3.client(name, verify=verify)\nmake('s3', False)", "import boto3\ndef make(name, verify):\n    return boto3.client(name, verify=verify)\nmake('s3', True)"),
    ("aws-client-tls", "GS-S3-002", "import boto3, functools\nfunctools.partial(boto3.client, 's3', verify=0)", ""),
    ("aws-client-tls", "GS-S3-002", "import boto3\nhost = 'minio:9000'\nboto3.client('s3', endpoint_url='http://' + host)", "import boto3\nhost = 'minio:9000'\nboto3.client('s3', endpoint_url='https://' + host)"),
    ("aws-client-tls", "GS-S3-002", "import s3fs\ns3fs.S3FileSystem(client_kwargs={'verify': False})", "import s3fs\ns3fs.S3FileSystem()"),
    ("aws-client-tls", "GS-S3-002", "import awswrangler as wr\nwr.config.s3_endpoint_url = 'http://h'", ""),
    ("aws-client-tls", "GS-S3-002", "import os\nos.environ.update({'AWS_ENDPOINT_URL_S3': 'http://h'})", ""),
    ("aws-client-tls", "GS-S3-002", "conf.set('spark.hadoop.fs.s3a.connection.ssl.enabled', False)", "conf.set('spark.hadoop.fs.s3a.connection.ssl.enabled', True)"),
    ("aws-client-tls", "GS-S3-002", "conf.set('spark.driver.extraJavaOptions', '-Dcom.amazonaws.sdk.disableCertChecking=true')", "conf.set('spark.driver.extraJavaOptions', '-Xss4m')"),
    ("protection-change", "GS-S3-004", "s3.delete_bucket_encryption(Bucket='b')", "s3.get_bucket_encryption(Bucket='b')"),
    ("protection-change", "GS-KMS-002", "import boto3\nf = boto3.client('kms').schedule_key_deletion\nf(KeyId='k')", ""),
    ("s3-program", "GS-S3-004", "import subprocess\nsubprocess.run('aws s3 cp /tmp/a s3://b/a'.split(), check=True)", "import subprocess\nsubprocess.run('aws sts get-caller-identity'.split())"),
    ("s3-program", "GS-S3-004", "import shlex, subprocess\nsubprocess.run(shlex.split(\"sh -c 'aws s3 cp a b'\"))", "import shlex, subprocess\nsubprocess.run(shlex.split('sh -c ls'))"),
    ("s3-program", "GS-S3-004", "import subprocess\nARGS = ['aws', 's3'] + ['cp', a, b]\nsubprocess.run(ARGS)", "import subprocess\nsubprocess.run(['aws', 'sts'] + ['get-caller-identity'])"),
    ("s3-program", "GS-S3-004", "import subprocess\nbase = ['aws', '--profile', 'p']\nsubprocess.run([*base, 's3', 'cp', a, b])", "import subprocess\nbase = ['aws', '--profile', 'p']\nsubprocess.run([*base, 'sts', 'get-caller-identity'])"),
    ("s3-program", "GS-S3-004", "import subprocess\ncmd = ['aws', '--profile', 'p']\ncmd.append('s3')\ncmd.extend(['cp', a, b])\nsubprocess.run(cmd)", "import subprocess\ncmd = ['aws', '--profile', 'p']\ncmd.append('sts')\nsubprocess.run(cmd)"),
    ("s3-program", "GS-S3-004", "import subprocess\nsubprocess.run(['ls'] if dry else ['s5cmd', 'cp', a, b])", "import subprocess\nsubprocess.run(['ls'] if dry else ['df'])"),
    ("unguarded-process", "GS-S3-012", "import os\nos.system('python3 -I a.py')", "import os\nos.system('python3 a.py -I')"),
    ("unguarded-process", "GS-S3-012", "import subprocess, sys\nsubprocess.run([sys.executable] + ['-W', 'ignore', '-Im', 'jobs.a'])", "import subprocess, sys\nsubprocess.check_call([sys.executable, '-m', 'pip', 'install', '-I', 'requests'])"),
    # Spark
    ("spark-write", "GS-S3-011", "df.write.mode('append').parquet('/data/a')", "df.write.mode('append').parquet('s3://b/a')"),
    ("spark-write", "GS-S3-011", "w = df.write\nout = 'hdfs://' + host\nw.save(path=out)", "w = df.write\nout = 's3://' + host\nw.save(path=out)"),
    ("spark-write", "GS-S3-011", "df.rdd.saveAsTextFile('file:///tmp/a')", "df.rdd.saveAsTextFile('s3://b/a')"),
    ("spark-write", "GS-S3-006", "glueContext.write_dynamic_frame.from_options(frame=f, connection_type='s3', connection_options={'path': '/tmp/a'}, format='csv')", "glueContext.write_dynamic_frame.from_options(frame=f, connection_type='s3', connection_options={'path': 's3://b/a'}, format='csv')"),
    ("worker-encryption", "GS-SPK-002", "SparkConf().set('spark.io.encryption.enabled', 'false')", "SparkConf().set('spark.io.encryption.enabled', 'true')"),
    ("worker-encryption", "GS-SPK-001", "conf = {'spark.ssl.rpc.enabled': False, 'spark.ui.enabled': False}", "conf = {'spark.ui.enabled': False}"),
    ("worker-encryption", "GS-SPK-003", "name = 'spark.shuffle.storage.path'\nbuilder.config(name, 's3://b/shuffle')", ""),
    ("worker-encryption", "GS-SPK-004", "builder.config('spark.eventLog.dir', '/tmp/log')", "builder.config('spark.eventLog.dir', 's3://b/log')"),
    ("jvm-access", "GS-S3-012", "fs = sc._jvm.org.apache.hadoop.fs.FileSystem.get(conf)\nfs.create(path)", "fs = sc._jvm.org.apache.hadoop.fs.FileSystem.get(conf)\nfs.exists(path)"),
    ("jvm-access", "GS-S3-012", "Util = spark.sparkContext._gateway.jvm.org.apache.hadoop.fs.FileUtil\nUtil.copy(a, b)", ""),
    ("jvm-access", "GS-TLS-001", "sc._jvm.java.sql.DriverManager.getConnection(url)", "sc._jvm.java.util.UUID.randomUUID()"),
    ("jvm-access", "GS-SEC-010", "sc._jvm.com.amazonaws.services.glue.GlueContext(sc._jsc)", "sc._jvm.com.amazonaws.services.glue.log.GlueLogger()"),
    ("jvm-access", "GS-TLS-001", "from py4j.java_gateway import java_import\njava_import(sc._jvm, 'java.sql.DriverManager')\nsc._jvm.DriverManager.getConnection(url)", "from py4j.java_gateway import java_import\njava_import(sc._jvm, 'java.util.UUID')\nsc._jvm.UUID.randomUUID()"),
    ("jvm-access", "GS-S3-012", "from py4j.java_gateway import java_import\njvm = sc._jvm\njava_import(jvm, 'com.amazonaws.services.s3.*')\njvm.AmazonS3ClientBuilder.defaultClient()", "from py4j.java_gateway import java_import\njvm = sc._jvm\njava_import(jvm, 'java.util.*')\njvm.java.util.UUID.randomUUID()"),
    ("jvm-access", "GS-S3-012", "from py4j.java_gateway import java_import\njava_import(spark._jvm, 'org.apache.hadoop.fs.*')\nspark._jvm.FileSystem.get(conf).create(path)", ""),
    # Connections
    ("spark-jdbc", "GS-TLS-001", "spark.read.format('jdbc').options(url=url, dbtable='t').load()", "spark.read.format('parquet').load('s3://b/a')"),
    ("spark-jdbc", "GS-TLS-001", "reader = spark.read\nkind = 'JD' + 'BC'\nreader.format(kind.lower())", "job.read.jdbc(connection='c', table='t')"),
    ("spark-jdbc", "GS-S3-011", "df.write.jdbc(url, 't')", "job.write.jdbc(df, connection='c', table='t')"),
    ("spark-jdbc", "GS-TLS-001", "spark.read.load(format='jdbc')", "spark.read.format('jdbc').options(**job.jdbc_options('c')).load()"),
    ("jdbc-url", "GS-TLS-001", f"url = '{URL}?sslmode=require'", f"url = '{URL}?sslmode=verify-full'"),
    ("jdbc-url", "GS-TLS-001", "host, port = args\nurl = f'jdbc:mysql://{host}:{port}/ops?useSSL=false'", "host, port = args\nurl = f'jdbc:mysql://{host}:{port}/ops'"),
    ("jdbc-url", "GS-TLS-001", "url = 'jdbc:sqlserver://%s;databaseName=ops' % host\nurl += ';encrypt=false'", "url = 'jdbc:sqlserver://%s;databaseName=ops' % host"),
    ("jdbc-url", "GS-TLS-001", "url = 'jdbc:oracle:thin:@//{}:{}/ops'.format(host, 1521)", "url = 'jdbc:oracle:thin:@tcps://{}:{}/ops'.format(host, 2484)"),
    ("jdbc-url", "GS-TLS-008", "url = f'jdbc:mysql://h:3306/ops?user={user}&password={secret}'", "url = 'jdbc:mysql://h:3306/ops'"),
    ("jdbc-url", "GS-TLS-001", "url = f'jdbc:postgresql://{h}/ops?sslmode=require&{more}'", "url = f'jdbc:postgresql://{h}/ops?sslmode=verify-full&{more}'"),
    ("tls-option", "GS-TLS-005", "options = {'connectionName': 'c', 'enforceSSL': 'false'}", "options = {'connectionName': 'c', 'enforceSSL': 'true'}"),
    ("tls-option", "GS-TLS-001", "frame.option('encrypt', 'false')", "frame.option('encrypt', 'true')"),
    ("tls-option", "GS-TLS-001", "K = 'kafka.' + 'security.protocol'\nstream.option(K, 'PLAINTEXT')", "stream.option('kafka.security.protocol', 'SSL')"),
    ("tls-option", "GS-TLS-001", "o = {'uri': u}\no['ssl.domain_match'] = 'false'", "o = {'uri': u}\no['ssl.domain_match'] = 'true'"),
    ("tls-option", "GS-TLS-001", "import ssl\nredis.Redis(host=h, ssl=True, ssl_cert_reqs=ssl.CERT_NONE)", "import ssl\nredis.Redis(host=h, ssl=True, ssl_cert_reqs=ssl.CERT_REQUIRED)"),
    ("tls-option", "GS-TLS-006", "glue.create_connection(ConnectionInput={'ConnectionProperties': {'JDBC_ENFORCE_SSL': 'false'}})", ""),
    ("plain-text", "GS-TLS-001", "import pymongo\npymongo.MongoClient('mongodb://h:27017/ops')", "import pymongo\npymongo.MongoClient('mongodb://h:27017/ops?tls=true')"),
    ("plain-text", "GS-TLS-001", "from pymongo import MongoClient\nMongoClient(f'mongodb://{u}:{p}@{h}/?retryWrites=false')", "from pymongo import MongoClient\nMongoClient(f'mongodb://{u}:{p}@{h}/?retryWrites=false', tlsCAFile=ca)"),
    ("plain-text", "GS-TLS-001", "import redis\nredis.Redis(host=h, port=6379)", "import redis\nredis.Redis(host=h, port=6379, ssl=True)"),
    ("plain-text", "GS-TLS-001", "import redis\nredis.from_url(f'redis://{h}:6379')", "import redis\nredis.from_url(f'rediss://{h}:6379')"),
    ("plain-text", "GS-TLS-001", "from kafka import KafkaProducer\nKafkaProducer(bootstrap_servers=[h])", "from kafka import KafkaProducer\nKafkaProducer(bootstrap_servers=[h], security_protocol='SASL_SSL')"),
    ("plain-text", "GS-TLS-001", "from confluent_kafka import Producer\nconf = {'bootstrap.servers': h}\nProducer(conf)", "from confluent_kafka import Producer\nconf = {'bootstrap.servers': h}\nconf['security.protocol'] = 'SSL'\nProducer(conf)"),
    ("plain-text", "GS-TLS-001", "from cassandra.cluster import Cluster\nCluster([h], port=9042)", "from cassandra.cluster import Cluster\nCluster([h], ssl_context=ssl.create_default_context())"),
    ("plain-text", "GS-TLS-001", "import clickhouse_connect\nclickhouse_connect.get_client(host=h)", "import clickhouse_connect\nclickhouse_connect.get_client(host=h, secure=True)"),
    ("plain-text", "GS-TLS-001", "import pika\npika.ConnectionParameters(h)", "import pika\npika.ConnectionParameters(h, ssl_options=options)"),
    ("database-driver", "GS-TLS-001", "import pandas\nframe.to_sql('t', 'postgresql://h/ops')", "import pandas\nframe.to_sql('t', 'postgresql://h/ops?sslmode=verify-full')"),
    ("database-driver", "GS-TLS-001", "import pandas as pd\npd.read_sql('SELECT 1', con='mysql+pymysql://h/ops')", "import pandas as pd\npd.read_sql('SELECT 1', con=engine)"),
    ("database-driver", "GS-TLS-001", "import polars\nframe.write_database('t', connection='postgresql://h/ops?sslmode=require')", "import polars\nframe.write_database('t', connection=f'postgresql://h/ops?sslmode={mode}')"),
    ("database-driver", "GS-TLS-001", "import ibis\nibis.postgres.connect(host='h', sslmode='require')", "import ibis\nibis.postgres.connect(host='h', sslmode='verify-full')"),
    ("database-driver", "GS-TLS-001", "from adbc_driver_postgresql import dbapi\ndbapi.connect('postgresql://h/ops')", "from adbc_driver_postgresql import dbapi\ndbapi.connect(uri='postgresql://h/ops?sslmode=verify-full')"),
    ("database-driver", "GS-TLS-001", "import psycopg2\npsycopg2.connect(host=h, user=u)", "import psycopg2\npsycopg2.connect(host=h, user=u, sslmode='verify-full', sslrootcert=p)"),
    ("database-driver", "GS-TLS-001", "import psycopg2\npsycopg2.connect('host=h dbname=d')", "import psycopg2\npsycopg2.connect('host=h dbname=d sslmode=verify-full')"),
    ("database-driver", "GS-TLS-001", "from pymysql import connect as c\nc(host=h)", "from pymysql import connect as c\nc(host=h, ssl_ca=p, ssl_verify_identity=True)"),
    ("database-driver", "GS-TLS-001", "import pyodbc\npyodbc.connect('DRIVER=x;SERVER=h')", "import pyodbc\npyodbc.connect('DRIVER=x;SERVER=h;Encrypt=yes')"),
    ("http-client", "GS-TLS-001", "import requests\nrequests.get('https://h', verify=False)", "import requests\nrequests.get('https://h')"),
    ("http-client", "GS-TLS-001", "import requests\ns = requests.Session()\ns.verify = False", "import requests\ns = requests.Session()\ns.verify = '/etc/ca.pem'"),
    ("http-client", "GS-TLS-001", "import requests\nkw = {'verify': bool(0) and False}\nrequests.post(u, **kw)", "import requests\nrequests.post(u, **{'verify': True})"),
    ("http-client", "GS-TLS-001", "import requests\nstrict = False\nrequests.request('GET', u, verify=strict)", ""),
    ("http-client", "GS-TLS-001", "import requests\nsetattr(session, 'verify', False)\nsession.get(u)", ""),
    ("http-client", "GS-TLS-001", "import ssl\nssl._create_default_https_context = ssl._create_unverified_context", ""),
    ("http-client", "GS-TLS-001", "import urllib3\nurllib3.PoolManager(cert_reqs='CERT_NONE')", "import urllib3\nurllib3.PoolManager()"),
    ("http-client", "GS-TLS-001", "import ssl\nc = ssl.create_default_context()\nc.verify_mode = ssl.CERT_NONE", "import ssl\nssl.create_default_context()"),
    ("http-client", "GS-TLS-001", "import os\nos.environ['PYTHONHTTPSVERIFY'] = '0'", ""),
    ("http-client", "GS-TLS-001", "import subprocess\nsubprocess.run(['curl', '-k', u])", "import subprocess\nsubprocess.run(['curl', u])"),
    ("plain-text", "GS-TLS-001", "import requests\nrequests.get(f'http://{host}/a')", "import requests\nrequests.get(f'https://{host}/a')"),
    ("plain-text", "GS-TLS-001", "import socket\ns = socket.socket()\ns.connect((h, 80))", "import socket\nsocket.gethostname()"),
    ("plain-text", "GS-TLS-001", "import socket\nsocket.create_connection((h, 443))", "import socket, ssl\nssl.create_default_context().wrap_socket(socket.create_connection((h, 443)))"),
    ("plain-text", "GS-TLS-001", "from ftplib import FTP\nFTP('h')", "from ftplib import FTP_TLS\nFTP_TLS('h')"),
    ("plain-text", "GS-TLS-001", "spark.readStream.format('socket').load()", "spark.readStream.format('rate').load()"),
    ("spark-jdbc", "GS-TLS-001", "a = spark.read.format('jdbc').options(**job.jdbc_options('c')).load()\nb = spark.read.jdbc(URL, 't', properties=P)", "o = job.jdbc_options('c')\na = spark.read.format('jdbc').options(**o).load()\nb = spark.read.jdbc(o['url'], 't', properties=o)"),
    ("spark-jdbc", "GS-S3-011", "a = spark.read.format('jdbc').options(**job.jdbc_options('c')).load()\na.write.format('jdbc').option('url', URL).save()", "a = spark.read.options(**job.jdbc_options('c')).format('jdbc').load()\na.write.format('jdbc').options(**{**job.jdbc_options('c'), 'dbtable': 't'}).save()"),
    ("spark-jdbc", "GS-TLS-001", "spark.read.format('jdbc').options(**job.jdbc_options('c')).option('url', URL).load()", "reader = spark.read.format('jdbc')\nfor name, value in job.jdbc_options('c').items():\n    reader = reader.option(name, value)\nreader.option('dbtable', 't').load()"),
    ("jdbc-url", "GS-TLS-001", "url = 'jdbc:mysql://%s:%d/%s?useSSL=false' % (host, 3306, name)", "url = 'jdbc:mysql://%s:%d/%s' % (host, 3306, name)"),
    ("jdbc-url", "GS-TLS-001", "parts = {'host': host, 'ssl': 'false'}\nurl = 'jdbc:mysql://%(host)s/ops?useSSL=%(ssl)s' % parts", "parts = {'host': host, 'port': 3306}\nurl = 'jdbc:mysql://%(host)s:%(port)04d/ops' % parts"),
    ("jdbc-url", "GS-TLS-001", "parts = (host, 'require')\nurl = 'jdbc:postgresql://%-s/ops?sslmode=%s' % parts", "parts = (host, 'verify-full')\nurl = 'jdbc:postgresql://%-s/ops?sslmode=%s' % parts"),
    ("tls-option", "GS-TLS-001", "import pymongo\npymongo.MongoClient(f'mongodb://{host}/?tls=false')", "import pymongo\npymongo.MongoClient(f'mongodb://{host}/?tls=true')"),
    ("tls-option", "GS-TLS-001", "import sqlalchemy\nsqlalchemy.create_engine('postgresql://h/ops?application_name=a&sslmode=disable')", "import sqlalchemy\nsqlalchemy.create_engine('postgresql://h/ops?application_name=a&sslmode=verify-full')"),
    ("tls-option", "GS-TLS-001", "url = 'mssql+pyodbc://h/ops?Encrypt=no&driver=x'", "url = 'https://h/search?encrypt=no&ssl=false'"),
    # Secrets
    ("hard-coded-secret", "GS-TLS-008", "token = 'Zm9v/YmFy/MTIzNDU2Nzg5.key1'", "token = './keys/token.txt'"),
    (
        "login-option",
        "GS-TLS-008",
        "o = {'url': u, 'user': s['user'], 'password': s['password']}\nc.create_dynamic_frame.from_options('mysql', o)",
        "o = {'useConnectionProperties': 'true', 'connectionName': 'c'}\nc.create_dynamic_frame.from_options('mysql', o)",
    ),
    (
        "login-option",
        "GS-TLS-008",
        "c.write_dynamic_frame.from_options(f, connection_type='mysql', connection_options=dict(password=s['p']))",
        "connect(password=s['p'])",
    ),
    ("login-option", "GS-TLS-008", "c.getSource('mysql', password=fetch())", "c.getSource('mysql', connectionName='c')"),
    ("hard-coded-secret", "GS-TLS-008", "password = 'hunter2x'", "password = args['password']"),
    ("hard-coded-secret", "GS-TLS-008", "o = {'url': url, 'user': 'u', 'password': 'password'}", "o = {'useConnectionProperties': 'true'}"),
    ("hard-coded-secret", "GS-TLS-008", "frame.option('password', 'hunter2x')", "frame.option('password', secret['password'])"),
    ("hard-coded-secret", "GS-TLS-008", "def connect(user, password='hunter2x'):\n    pass", "def connect(user, password):\n    pass"),
    ("hard-coded-secret", "GS-TLS-008", "boto3.client('s3', aws_secret_access_key='abcd/1234/efgh')", "boto3.client('s3')"),
    ("hard-coded-secret", "GS-TLS-008", "PW = 'hunter' + '2x'\nconnect(password=PW)", "connect(password=fetch())"),
    ("hard-coded-secret", "GS-TLS-008", "os.environ.get('DB_PASSWORD', 'hunter2x')", "os.environ['DB_PASSWORD']"),
    ("hard-coded-secret", "GS-TLS-008", "x = 'AKIA" + "ABCDEFGHIJKLMNOP'", "x = 'AKIA'"),
    ("hard-coded-secret", "GS-TLS-008", "x = 'postgresql://ops:hunter2x@db/x'", "x = f'postgresql://{user}:{secret}@db/x'"),
    ("hard-coded-secret", "GS-TLS-008", "x = 'Driver=a;UID=b;PWD=hunter2x'", "x = f'Driver=a;UID=b;PWD={secret}'"),
    ("database-driver", "GS-TLS-001", "import psycopg2\npsycopg2.connect(**{'host': h, 'user': u})", "import psycopg2\npsycopg2.connect(**{'host': h, 'sslmode': 'verify-full'})"),
    ("database-driver", "GS-TLS-001", "import psycopg2.pool\npsycopg2.pool.SimpleConnectionPool(1, 5, host=h)", "import psycopg2.pool\npsycopg2.pool.SimpleConnectionPool(1, 5, host=h, sslmode='verify-full')"),
    ("database-driver", "GS-TLS-001", "import psycopg2.pool\npsycopg2.pool.ThreadedConnectionPool(1, 5, 'host=h dbname=d')", "import psycopg2.pool\npsycopg2.pool.ThreadedConnectionPool(1, 5, dsn)"),
    ("database-driver", "GS-TLS-001", "import psycopg2\npsycopg2.connect(dsn='postgresql://h/ops')", "import psycopg2\npsycopg2.connect(dsn=f'postgresql://h/ops?{options}')"),
    ("database-driver", "GS-TLS-001", "import sqlalchemy\nsqlalchemy.create_engine(f'postgresql+psycopg2://{u}:{p}@{h}/ops')", "import sqlalchemy\nsqlalchemy.create_engine(f'postgresql+psycopg2://{u}:{p}@{h}/ops?sslmode=verify-full')"),
    ("database-driver", "GS-TLS-001", "from sqlalchemy import create_engine as c\nc('redshift+redshift_connector://h/ops?sslmode=require')", "from sqlalchemy import create_engine as c\nc('postgresql://h/ops', connect_args={'sslmode': 'verify-full', 'sslrootcert': p})"),
    ("database-driver", "GS-TLS-001", "import sqlalchemy\nsqlalchemy.create_engine('mysql+pymysql://h/ops', connect_args={'ssl_ca': 'p'})", "import sqlalchemy\nsqlalchemy.create_engine('mysql+pymysql://h/ops', connect_args={'ssl_ca': 'p', 'ssl_verify_identity': True})"),
    ("database-driver", "GS-TLS-001", "import sqlalchemy\nsqlalchemy.create_engine('mssql+pyodbc://h/ops?driver=x')", "import sqlalchemy\nsqlalchemy.create_engine('mssql+pyodbc://h/ops?driver=x&Encrypt=yes')"),
    ("database-driver", "GS-TLS-001", "import sqlalchemy\nsqlalchemy.create_engine(url='mssql+pymssql://h/ops')", "import sqlalchemy\nsqlalchemy.create_engine(url=url)"),
    ("database-driver", "GS-TLS-001", "import sqlalchemy\nsqlalchemy.create_engine('postgresql://h/db', connect_args={'user': 'u', 'password': secret['SecretString']})", "import sqlalchemy\nsqlalchemy.create_engine('postgresql://h/db', connect_args={'user': 'u', 'sslmode': settings['mode']})"),
    ("database-driver", "GS-TLS-001", "import sqlalchemy\nsqlalchemy.create_engine('postgresql://h/db', connect_args={'options': read()})", "import sqlalchemy\nsqlalchemy.create_engine('postgresql://h/db', connect_args={'options': read(), 'sslmode': 'verify-full'})"),
    ("database-driver", "GS-TLS-001", "import sqlalchemy\nsqlalchemy.create_engine('mysql+pymysql://h/db', connect_args={'password': secret})", "import sqlalchemy\nsqlalchemy.create_engine('mysql+pymysql://h/db', connect_args={'password': secret, 'ssl': context})"),
    ("database-driver", "GS-TLS-001", "import sqlalchemy\nsqlalchemy.create_engine('mssql+pyodbc://h/db', connect_args={'password': secret})", "import sqlalchemy\nsqlalchemy.create_engine('mssql+pyodbc://h/db', connect_args={'password': secret, 'Encrypt': mode})"),
    ("database-driver", "GS-TLS-001", "import sqlalchemy\nsqlalchemy.create_engine('postgresql+pg8000://h/db', connect_args={'ssl_context': None})", "import sqlalchemy\nsqlalchemy.create_engine('postgresql+pg8000://h/db', connect_args={'ssl_context': context})"),
    ("database-driver", "GS-TLS-001", "import sqlalchemy\nsqlalchemy.create_engine('mysql+pymysql://h/db', connect_args={'ssl': {'fake_flag_to_enable_tls': True}})", "import sqlalchemy\nsqlalchemy.create_engine('mysql+pymysql://h/db', connect_args={'ssl': {'ca': path}})"),
    ("database-driver", "GS-TLS-001", "import sqlalchemy\nsqlalchemy.create_engine('postgresql://h/db', connect_args={'sslmode': 'verify-full'} if prod else {})", "import sqlalchemy\nsqlalchemy.create_engine('postgresql://h/db', connect_args={'sslmode': 'verify-full'} if prod else {'sslmode': mode})"),
    ("database-driver", "GS-TLS-001", "import sqlalchemy\nsqlalchemy.create_engine('postgresql://h/db?sslmode=verify-full' if prod else 'postgresql://h/db')", "import sqlalchemy\nsqlalchemy.create_engine('postgresql://h/db?sslmode=verify-full' if prod else 'postgresql://g/db?sslmode=verify-full')"),
    ("database-driver", "GS-TLS-001", "import sqlalchemy\nsqlalchemy.create_engine('mysql+pymysql://h/db?ssl_verify_identity=true')", "import sqlalchemy\nsqlalchemy.create_engine('mysql+pymysql://h/db?ssl_ca=/etc/ca.pem')"),
    ("database-driver", "GS-TLS-001", "import sqlalchemy\nsqlalchemy.create_engine('mysql+pymysql://h/db?ssl_ca=/etc/ca.pem&ssl_verify_identity=true')", "import sqlalchemy\nsqlalchemy.create_engine('mysql+pymysql://h/db?ssl_ca=/etc/ca.pem&ssl_check_hostname=true')"),
    ("database-driver", "GS-TLS-001", "import sqlalchemy\nsqlalchemy.create_engine('mysql+pymysql://h/db', connect_args={'ssl_verify_identity': True})", "import sqlalchemy\nsqlalchemy.create_engine('mysql+mysqlconnector://h/db', connect_args={'ssl_verify_identity': True})"),
    ("database-driver", "GS-TLS-001", "import sqlalchemy\nsqlalchemy.create_engine('mysql://h/db?ssl_verify_identity=true')", "import sqlalchemy\nsqlalchemy.create_engine('mysql://h/db?ssl_mode=VERIFY_IDENTITY')"),
    ("database-driver", "GS-TLS-001", "import sqlalchemy\nsqlalchemy.create_engine('mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BSERVER%3Dh%3BEncrypt%3Dno%3B')", "import sqlalchemy\nsqlalchemy.create_engine('mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BSERVER%3Dh%3BEncrypt%3Dyes%3B')"),
    ("database-driver", "GS-TLS-001", "import sqlalchemy\nsqlalchemy.create_engine(f'mssql+pyodbc:///?odbc_connect=DRIVER=x;SERVER={h}')", "import sqlalchemy\nsqlalchemy.create_engine(f'mssql+pyodbc:///?odbc_connect=DRIVER=x;SERVER={h};Encrypt=strict')"),
    ("database-driver", "GS-TLS-001", "import sqlalchemy\nsqlalchemy.create_engine('mssql:///?odbc_connect=SERVER%3Dh%3BEncrypt%3Dyes%3BTrustServerCertificate%3Dyes')", "import sqlalchemy\nsqlalchemy.create_engine('mssql:///?odbc_connect=SERVER%3Dh%3BEncrypt%3Dyes%3BTrustServerCertificate%3Dno')"),
    ("database-driver", "GS-TLS-001", "import sqlalchemy\nsqlalchemy.create_engine('postgresql://', creator=None)", "import sqlalchemy\nsqlalchemy.create_engine('postgresql://', creator=connect)"),
    ("database-driver", "GS-TLS-001", 'import pymysql\npymysql.connect(host=h, ssl_verify_identity=True)', 'import pymysql\npymysql.connect(host=h, ssl_verify_identity=True, ssl_ca=p)'),
    ("database-driver", "GS-TLS-001", "import pymysql\npymysql.connect(host=h, ssl={'check_hostname': True})", "import pymysql\npymysql.connect(host=h, ssl={'check_hostname': True, 'ca': p})"),
    ("database-driver", "GS-TLS-001", "import pymysql\npymysql.connect(host=h, ssl={})", "import pymysql\npymysql.connect(host=h, ssl=context)"),
    ("database-driver", "GS-TLS-001", "import mysql.connector\nmysql.connector.connect(host=h, ssl_ca=p)", "import mysql.connector\nmysql.connector.connect(host=h, ssl_ca=p, ssl_verify_identity=True)"),
    ("database-driver", "GS-TLS-001", "import MySQLdb\nMySQLdb.connect(host=h, ssl={'ca': p})", "import MySQLdb\nMySQLdb.connect(host=h, ssl={'ca': p}, ssl_mode='VERIFY_IDENTITY')"),
    ("database-driver", "GS-TLS-001", "import pg8000\npg8000.connect(host=h, ssl_context=None)", "import pg8000\npg8000.connect(host=h, ssl_context=context)"),
    ("database-driver", "GS-TLS-001", "import asyncpg\nasyncpg.create_pool(host=h, ssl='require')", "import asyncpg\nasyncpg.create_pool(host=h, ssl='verify-full')"),
    ("database-driver", "GS-TLS-001", "import oracledb\noracledb.connect('ops/x@h:1521/ops')", "import oracledb\noracledb.connect(dsn)"),
    ("plain-text", "GS-TLS-001", "def f(session):\n    return session.get('http://h/a', timeout=3)", "def f(session):\n    return session.get('https://h/a', timeout=3)"),
    ("hard-coded-secret", "GS-TLS-008", "authorization_header = 'Basic aHVudGVyMng6aHVudGVyMng='", "authorization_header = 'X-Authorization'"),
    ("hard-coded-secret", "GS-TLS-008", "o = {'user': u, 'url': url, 'password': 'sha256'}", "o = {'password': 'sha256'}"),
    ("s3-native-client", "GS-S3-004", "import pandas as pd\nimport awswrangler as wr\nwr.s3.read_parquet(p).to_parquet('s3://b/a')", "import pandas as pd\nimport awswrangler as wr\nwr.s3.to_parquet(df, 's3://b/a')"),
    ("s3-native-client", "GS-S3-004", "import pandas\nimport pyspark.pandas as ps\nps.read_csv(p).to_pandas().to_parquet('s3://b/a')", "import pandas\nimport pyspark.pandas as ps\nps.read_csv(p).to_parquet('s3://b/a')"),
    ("jvm-access", "GS-TLS-001", "spark._jvm.java.net.URL(u)", "spark._jvm.java.net.URI(u)"),
    ("jvm-access", "GS-TLS-001", "sc._jvm.java.net.URI('https://e/x').toURL().openStream()", "sc._jvm.java.net.URI('https://e/x').getHost()"),
    ("jvm-access", "GS-TLS-001", "sc._jvm.java.net.URI.create(u).resolve('x').toURL().openConnection()", "sc._jvm.java.net.URI.create(u).resolve('x').toString()"),
    ("jvm-access", "GS-TLS-001", "u = spark._jvm.java.net.URI('https://e/x')\nu.toURL().openStream().read()", ""),
    ("jvm-access", "GS-TLS-001", "from py4j.java_gateway import java_import\njava_import(sc._jvm, 'java.net.URI')\nsc._jvm.URI(u).toURL().openStream()", ""),
    ("jvm-access", "GS-TLS-001", "from py4j.java_gateway import java_import\njava_import(sc._jvm, 'java.net.*')\nsc._jvm.URI(u).toURL().openStream()", ""),
    ("jvm-access", "GS-TLS-001", "spark._jvm.java.net.Socket(h, 80)", "spark._jvm.java.net.URLDecoder.decode(a, 'UTF-8')"),
    ("hard-coded-secret", "GS-TLS-008", "o = {'aws_secret_access_key': 'wJalrXUtnFEMIK7MDENGbPxRfiCYzzzzzzzzzzzz'}", "o = {'aws_secret_access_key': 'test'}"),
    ("s3-native-client", "GS-S3-004", "from deltalake import write_deltalake\nwrite_deltalake('s3://b/a', rows)", "import deltalake\ndeltalake.DeltaTable('s3://b/a').to_pandas()"),
    ("s3-native-client", "GS-S3-004", "import awswrangler as wr\nwr.s3.to_deltalake(rows, 's3://b/a')", "import awswrangler as wr\nwr.s3.to_parquet(rows, 's3://b/a')"),
    ("protection-change", "GS-S3-004", "import boto3\nboto3.resource('s3').BucketPolicy('b').delete()", "import boto3\nboto3.resource('s3').BucketPolicy('b').load()"),
    ("unguarded-process", "GS-S3-012", "import subprocess\nsubprocess.run(['python3', 'a.py'], env=dict(A='1'))", "import os, subprocess\nsubprocess.run(['python3', 'a.py'], env=dict(os.environ, A='1'))"),
    ("spark-jdbc", "GS-TLS-001", "spark.read.format(source='jdbc')", "spark.read.format(source='csv')"),
    ("spark-jdbc", "GS-TLS-001", "spark.read.load(None, 'jdbc', url=url)", "spark.read.load('s3://b/jdbc', 'csv')"),
    ("spark-jdbc", "GS-S3-011", "df.write.format('org.apache.spark.sql.jdbc').save()", "df.write.format('org.apache.spark.sql.jdbc').options(**job.jdbc_options('c')).save()"),
    ("spark-jdbc", "GS-TLS-001", "spark.sql(f'CREATE TABLE a\\n USING JDBC OPTIONS (url \"{url}\")')", "spark.sql('SELECT * FROM a JOIN b USING (jdbc)')"),
    ("spark-jdbc", "GS-TLS-001", "spark.catalog.createTable('t', source='jdbc', url=url)", "spark.catalog.createTable('t', source='parquet')"),
    ("plain-text", "GS-TLS-001", "import socket\na = context.wrap_socket(socket.create_connection((h, 443)))\nb = socket.create_connection((h, 80))", "import socket\nwith socket.create_connection((h, 443)) as raw, context.wrap_socket(raw, server_hostname=h) as b:\n    pass"),
    ("plain-text", "GS-TLS-001", "import smtplib\na = smtplib.SMTP('a')\na.starttls()\nb = smtplib.SMTP('b')", "import smtplib\nclass Mail:\n    def __init__(self):\n        self.client = smtplib.SMTP('a')\n        self.client.starttls()"),
    ("spark-write", "GS-S3-011", "df.write.option('path', '/data/a').saveAsTable('t')", "df.write.option('path', 's3://b/a').saveAsTable('t')"),
    ("spark-write", "GS-S3-011", "df.writeStream.options(path='hdfs:///a').start()", "df.writeStream.options(path='s3://b/a').start()"),
    ("spark-write", "GS-S3-006", "glueContext.getSink(connection_type='s3', path='/tmp/a')", "glueContext.getSink(connection_type='s3', path='s3://b/a')"),
    ("hard-coded-secret", "GS-TLS-008", "def connect(*, password='hunter2x'):\n    pass", "def connect(*, password):\n    pass"),
    ("hard-coded-secret", "GS-TLS-008", "user, password = 'ops', 'hunter2x'", "user, password = secret"),
    ("hard-coded-secret", "GS-TLS-008", "if (token := 'hunter2x'):\n    pass", "if (token := fetch()):\n    pass"),
    ("jdbc-url", "GS-TLS-001", "parts = {'host': h, 'mode': 'require'}\nurl = 'jdbc:postgresql://{host}/ops?sslmode={mode}'.format(**parts)", "parts = {'host': h}\nurl = 'jdbc:postgresql://{host}/ops'.format(**parts)"),
    ("database-driver", "GS-TLS-001", "from mysql.connector.pooling import MySQLConnectionPool as Pool\nPool(host=h)", "from mysql.connector.pooling import MySQLConnectionPool as Pool\nPool(host=h, ssl_verify_identity=True)"),
]  # fmt: skip


def rules(text, name="job.py", **words):
    return [(one.rule, one.control) for one in check_script(GUARD + text, name, **words) if one.counts]


@pytest.mark.parametrize(("rule", "control", "violating", "corrected"), CASES)
def test_a_violation_is_found_and_its_correction_is_not(rule, control, violating, corrected):
    assert (rule, control) in rules(violating)
    assert [found for found, _ in rules(corrected)] == []


def test_every_rule_is_tested_and_every_finding_names_a_control():
    assert set(RULES) - {rule for rule, *_ in CASES} == {
        "guard-missing",
        "job-init",
        "job-commit",
        "suppression",
    }
    for _, _, violating, _ in CASES:
        for finding in check_script(GUARD + violating, "job.py"):
            assert finding.control in CONTROLS
            assert finding.found and finding.required and finding.fix
            assert "hunter" not in repr(finding)


def test_line_and_column_are_those_of_the_code():
    (found,) = check_script(GUARD + "import boto3\nü = 'ü'; c = boto3.client('s3', verify=False)\n", "a.py")
    assert (found.line, found.column) == (3, 14)


def downgrades():
    with (ROOT / "tests/vectors/jdbc_downgrades.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["where"] == "url"]
    return [row for row in rows if row["control"] in ("GS-TLS-001", "GS-TLS-005", "GS-TLS-008")]


def test_every_url_that_the_guard_rejects_for_its_tls_or_login_is_found():
    missed = [
        row["text"]
        for row in downgrades()
        if ("jdbc-url", row["control"]) not in rules(f"url = {row['text']!r}")
    ]
    assert missed == []
    assert len(downgrades()) > 150


def test_no_url_that_the_guard_accepts_is_found():
    with (ROOT / "tests/vectors/jdbc_accepted.csv").open(newline="", encoding="utf-8") as stream:
        texts = [row["url"] for row in csv.DictReader(stream)]
    assert len(texts) > 20
    assert [text for text in texts if rules(f"url = {text!r}")] == []


AWSGLUE = "from awsglue.context import GlueContext\nfrom awsglue.job import Job\ncontext = GlueContext(sc)\n"
JOB = f"{AWSGLUE}job = Job(context)\njob.init('a', {{}})\njob.commit()\n"


def found_in(text, name="job.py", **words):
    return [(one.rule, one.control, one.line) for one in check_script(text, name, **words)]


def test_a_script_without_the_guard_is_found():
    assert found_in(JOB) == [("guard-missing", "GS-SEC-010", 1)]
    assert found_in(f"{GUARD}{JOB}") == []
    assert found_in(f"import glue_secure\n{JOB}") == [("guard-missing", "GS-SEC-010", 2)]
    assert found_in("from pyspark.sql import SparkSession\nSparkSession.builder.getOrCreate()") == [
        ("guard-missing", "GS-SEC-007", 2)
    ]
    assert found_in("import boto3\nboto3.client('s3').put_object()") == [("guard-missing", "GS-SEC-007", 2)]
    assert found_in("import boto3\nboto3.client('s3').get_object()") == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("from pyspark.sql.session import SparkSession\nSparkSession.builder.getOrCreate()", 1),
        ("from pyspark.sql import SQLContext\nSQLContext(sc)", 1),
        ("from pyspark.sql.context import HiveContext\nHiveContext(sc)", 1),
        ("import pyspark.pandas as ps\nps.read_csv('s3://b/a')", 1),
        ("from pyspark.streaming import StreamingContext\nStreamingContext(sc, 1)", 1),
        ("from pyspark.sql import functions as F\nx = F.col('a')", 0),
        ("import boto3\nboto3.resource('s3').Object('b', 'k').put(Body=b'')", 1),
        ("import boto3\nboto3.resource('s3').Object('b', 'k').copy_from(CopySource='a/k')", 1),
        ("import boto3\nboto3.client('s3').copy({'Bucket': 'a', 'Key': 'k'}, 'b', 'k')", 1),
        ("def f(item):\n    item.put(Body=b'')\nf(0)", 1),
        ("import boto3\nconfig = {}\nconfig.copy()\nqueue.put(1)", 0),
        ("import requests\nrequests.put('https://h', data=b'')", 0),
    ],
)
def test_spark_and_stores_are_found_by_all_their_names(text, count):
    assert [(rule, control) for rule, control, _ in found_in(text)] == [
        ("guard-missing", "GS-SEC-007")
    ] * count
    assert found_in(GUARD + text) == []


def test_modules_and_tests_need_no_import_of_their_own():
    assert found_in("from awsglue.dynamicframe import DynamicFrame\ndef f(x):\n    return x\n") == []
    assert found_in(JOB, is_module=True) == []
    assert found_in(JOB, name="tests/test_job.py") == []
    assert found_in(JOB, is_guarded=True) == []


START = "import glue_secure.as_awsglue\ndef start():\n    pass\n"
PLAIN = "def start():\n    pass\n"


@pytest.mark.parametrize(
    ("files", "unguarded"),
    [
        (
            {"jobs/utils.py": START, "jobs/orders.py": f"from awsglue.utils import x\n{JOB}"},
            ["jobs/orders.py"],
        ),
        ({"jobs/job.py": JOB, "jobs/orders.py": f"{GUARD}{JOB}"}, ["jobs/job.py"]),
        ({"jobs/logging.py": START, "jobs/orders.py": f"import logging\n{JOB}"}, ["jobs/orders.py"]),
        ({"jobs/session.py": START, "jobs/orders.py": f"import boto3.session\n{JOB}"}, ["jobs/orders.py"]),
        ({"jobs/session.py": START, "jobs/orders.py": f"from .session import start\n{JOB}"}, []),
        (
            {"jobs/session.py": START, "jobs/a/orders.py": f"from .session import start\n{JOB}"},
            ["jobs/a/orders.py"],
        ),
        ({"jobs/session.py": START, "jobs/a/orders.py": f"from ..session import start\n{JOB}"}, []),
        ({"jobs/session.py": START, "jobs/a/orders.py": f"from .. import session\n{JOB}"}, []),
        ({"src/lib/start.py": START, "jobs/orders.py": f"from lib.start import start\n{JOB}"}, []),
        ({"src/lib/start.py": START, "jobs/orders.py": f"import lib.start as s\n{JOB}"}, []),
        ({"lib/__init__.py": START, "lib/a.py": PLAIN, "orders.py": f"import lib.a\n{JOB}"}, []),
        ({"lib/__init__.py": START, "lib/a.py": PLAIN, "orders.py": f"import a\n{JOB}"}, ["orders.py"]),
        (
            {"x/start.py": START, "y/start.py": PLAIN, "jobs/orders.py": f"import start\n{JOB}"},
            ["jobs/orders.py"],
        ),
        (
            {"x/start.py": START, "jobs/start.py": PLAIN, "jobs/orders.py": f"import start\n{JOB}"},
            ["jobs/orders.py"],
        ),
        ({"x/start.py": START, "y/start.py": START, "jobs/orders.py": f"import start\n{JOB}"}, []),
        ({"jobs/orders.py": JOB, "jobs/test_orders.py": "import orders\n"}, ["jobs/orders.py"]),
        ({"jobs/orders.py": JOB, "tests/test_orders.py": "import orders\n"}, ["jobs/orders.py"]),
        ({"tests/helper.py": JOB, "tests/test_orders.py": "import helper\n"}, []),
        ({"jobs/orders.py": JOB, "jobs/all.py": "import glue_secure\nimport orders\n"}, []),
    ],
)
def test_imports_between_files_are_followed_by_the_path_of_the_module(files, unguarded):
    findings = check_files({PurePosixPath(path): text.encode() for path, text in files.items()})
    found = [str(path) for path, ones in findings.items() if any(one.rule == "guard-missing" for one in ones)]
    assert found == unguarded


def test_a_missing_init_is_a_violation_in_glue_and_a_note_with_the_guard():
    text = JOB.replace("job.init('a', {})\n", "")
    (first, second) = check_script(text, "job.py")
    assert (first.rule, second.rule, second.counts) == ("guard-missing", "job-init", True)
    (only,) = check_script(GUARD + text, "job.py")
    assert (only.rule, only.counts) == ("job-init", False)


def test_a_missing_commit_is_a_note():
    (only,) = check_script(GUARD + JOB.replace("job.commit()", ""), "job.py")
    assert (only.rule, only.is_note, only.line) == ("job-commit", True, 6)
    assert "not committed" in only.found and "reads the same data" not in only.found
    read = "context.create_dynamic_frame.from_catalog('d', 't', transformation_ctx='t')"
    (only,) = check_script(GUARD + JOB.replace("job.commit()", read), "job.py")
    assert (only.rule, only.severity.value) == ("job-commit", "LOW")
    assert "the next run reads the same data again" in only.found


def test_text_that_is_executed_is_checked_where_it_is_known():
    (found,) = check_script(f"{GUARD}exec(\"import boto3\\nboto3.client('s3', verify=False)\")", "job.py")
    assert (found.rule, found.verdict, found.line) == ("aws-client-tls", Verdict.FAIL, 2)


@pytest.mark.parametrize(
    "text",
    [
        "df.write.partitionBy('a').parquet('s3://b/a')",
        "df.withColumnRenamed('token', 'renamed')",
        "ApplyMapping.apply(frame=f, mappings=[('password', 'string', 'password', 'string')])",
        "kms.describe_key(KeyId=k)",
        "client.get_paginator('x').paginate(NextToken='abcdef')",
        "secret_name = 'prod/redshift/etl'",
        "secrets.get_secret_value(SecretId='prod/redshift/etl')",
        "os.environ['DB_PASSWORD']",
        "args = getResolvedOptions(sys.argv, ['DB_PASSWORD', 'API_TOKEN'])",
        "requests.get('http://169.254.169.254/latest/meta-data/')",
        "xmlns = 'http://www.w3.org/2001/XMLSchema'",
        "frame.encrypt = False",
        "log.info('password: %s', '***')",
        "sc._jsc.hadoopConfiguration().set('mapreduce.input.fileinputformat.input.dir.recursive', 'true')",
        "'{}'.format('jdbc')",
        "options = {'url': f'jdbc:postgresql://{host}:{port}/{database}'}",
        "boto3.client('s3').put_object(Bucket='b', Key='k', Body=b'')",
        "sql = \"SELECT 'password' FROM t\"",
        "url = f'jdbc:postgresql://{host}/ops?sslmode={mode}'",
        "url = f'jdbc:postgresql://{host}/ops?{options}'",
        "url = f'jdbc:sqlserver://{host};databaseName=ops;encrypt={encrypt};{more}'",
        "import pg8000\ndef f(context=None):\n    return pg8000.connect(host=h, ssl_context=context)",
        "PASSWORD_PARAM = '/prod/db/password'",
        "api_key_header = 'X-Api-Key'",
        "TOKEN_TYPE = 'Bearer'",
        "PASSWORD_KEY = 'db_password'",
        "pwd = '/tmp/work'",
        "transformations = {'password': 'sha256', 'token': 'mask'}",
        "columns = {'api_key': 'varchar(64)', 'token': 'decimal(10,2)'}",
        "import requests\nlink = attrs.get('http://www.w3.org/1999/xlink')",
        "link = links.get('http://example.com/a')",
        "import awswrangler as wr, pandas as pd\nwr.s3.to_parquet(df=df, path='s3://b/a', dataset=True)",
        "import pandas as pd\nimport pyspark.pandas as ps\nps.from_pandas(x).to_parquet('s3://b/a')",
        "import psycopg2\npsycopg2.connect(dsn='postgresql://h/ops?sslmode=verify-full&sslrootcert=x')",
        "import psycopg\npsycopg.connect(conninfo='host=h sslmode=verify-full')",
        "import psycopg2\npsycopg2.connect(dsn=dsn, connect_timeout=3)",
        "import psycopg2\npsycopg2.connect(f'{base} connect_timeout=3')",
        "import psycopg2\npsycopg2.connect(**config)",
        "import sqlalchemy\nsqlalchemy.create_engine(url)",
        "import sqlalchemy\nsqlalchemy.create_engine(f'{base}/ops')",
        "import sqlalchemy\nsqlalchemy.create_engine('sqlite:///x.db')",
        "import sqlalchemy\nsqlalchemy.create_engine('postgresql://h/ops', connect_args=arguments)",
        "import sqlalchemy\nsqlalchemy.create_engine('postgresql://h/ops', connect_args={'ssl': context})",
        "import sqlalchemy\nsqlalchemy.create_engine(f'postgresql://h/ops?{options}')",
        "import sqlalchemy\nsqlalchemy.create_engine(f'mssql+pyodbc:///?odbc_connect={quoted}')",
        "import sqlalchemy\nsqlalchemy.create_engine(sqlalchemy.engine.URL.create('postgresql', host=h))",
        "import psycopg2\nconfig = {'host': h}\nconfig.update(read())\npsycopg2.connect(**config)",
        "import pymysql\npymysql.connect(host=h, **{**options, 'user': u})",
        "import pymysql\npymysql.connect(host=h, ssl={'ca': p})",
        "import asyncpg, ssl\nasyncpg.connect(host=h, ssl=ssl.create_default_context())",
        "import pyodbc\npyodbc.connect(f'DRIVER=x;SERVER={h};{options}')",
        "import oracledb\noracledb.connect(user=u, dsn='tcps://h:2484/ops')",
        "spark._jvm.java.net.URI('s3://b/a')",
        "spark._jvm.java.net.URI.create('s3://b/a').getPath()",
        "spark.sparkContext._jvm.java.net.URLEncoder.encode(a, 'UTF-8')",
        "import boto3\nboto3.client('sts', aws_access_key_id='test', aws_secret_access_key='test')",
        "token = context.token\nheaders = {'Authorization': f'Bearer {token}'}",
        "import gcsfs\nCREDENTIALS = '/etc/keys/account.json'\ngcsfs.GCSFileSystem(token=CREDENTIALS)",
        "import pymongo\npymongo.MongoClient()\npymongo.MongoClient(uri)\npymongo.MongoClient('mongodb+srv://h/ops')",
        "import pymongo\npymongo.MongoClient(f'mongodb://{h}/?{options}')\npymongo.MongoClient('localhost', 27017)",
        "import pymongo\npymongo.MongoClient('mongodb://h', **config)\npymongo.MongoClient(f'{scheme}://h')",
        "import redis\nredis.Redis()\nredis.Redis(host='127.0.0.1')\nredis.from_url(url)\nredis.Redis('h', ssl=flag)",
        "from kafka import KafkaConsumer\nKafkaConsumer('topic')\nKafkaConsumer(bootstrap_servers='localhost:9092')",
        "from confluent_kafka import Consumer\nConsumer(read())\nConsumer({**base, 'bootstrap.servers': h})",
        "import clickhouse_driver\nclickhouse_driver.Client('localhost')\nfrom cassandra.cluster import Cluster\nCluster()",
        "schema = {'password': 'bytes', 'token': 'char(36)', 'secret': 'decimal'}",
        "import pandas\nframe.to_sql('t', engine)\npandas.read_sql('SELECT 1', sqlite)\nframe.to_sql('t', 'sqlite:///a.db')",
        "import pandas\nfrom awsglue.utils import getResolvedOptions\nframe.to_sql('t', con=f'{args[\"URL\"]}')",
    ],
)
def test_ordinary_code_is_not_found(text):
    assert rules(text) == []


@pytest.mark.parametrize(
    ("scheme", "fix"),
    [
        ("postgresql", 'add connect_args={"sslmode": "verify-full", "sslrootcert": PATH}'),
        ("postgresql+psycopg2", 'add connect_args={"sslmode": "verify-full", "sslrootcert": PATH}'),
        ("postgresql+asyncpg", 'add connect_args={"ssl": ssl.create_default_context()}'),
        ("postgresql+pg8000", 'add connect_args={"ssl_context": ssl.create_default_context()}'),
        ("redshift+redshift_connector", 'add connect_args={"sslmode": "verify-full"}'),
        ("mysql+pymysql", 'add connect_args={"ssl_verify_identity": True, "ssl_ca": PATH}'),
        ("mysql+mysqlconnector", 'add connect_args={"ssl_verify_identity": True, "ssl_ca": PATH}'),
        ("mysql", 'add connect_args={"ssl_mode": "VERIFY_IDENTITY", "ssl": {"ca": PATH}}'),
        ("mariadb+mysqldb", 'add connect_args={"ssl_mode": "VERIFY_IDENTITY", "ssl": {"ca": PATH}}'),
        ("mssql+pymssql", "use mssql+pyodbc://...?Encrypt=yes"),
        ("mssql+pyodbc", "use mssql+pyodbc://...?Encrypt=yes"),
    ],
)
def test_the_fix_of_an_engine_fits_its_driver_and_ends_the_finding(scheme, fix):
    text = "import ssl, sqlalchemy\nsqlalchemy.create_engine('{}'{})"
    (finding,) = check_script(text.format(f"{scheme}://h/ops", ""), "job.py")
    assert (finding.rule, finding.fix) == ("database-driver", fix)
    kind, _, change = fix.partition(" ")
    url, more = (f"{scheme}://h/ops", f", {change}") if kind == "add" else (change[4:], "")
    url = url.replace("...", "h/ops")
    assert not check_script(text.format(url, more), "job.py")


@pytest.mark.parametrize("folder", ["jobs", "tests/jobs"])
def test_the_scripts_of_the_project_have_no_findings(folder):
    paths = [path for path in (ROOT / folder).rglob("*.py") if not path.name.startswith("test_")]
    assert paths
    found = [one for path in paths for one in check_script(path.read_text("utf-8"), path.as_posix())]
    assert [one for one in found if not one.accepted] == []


# What the static check does not find, as docs/check.md says.
NOT_SEEN = [
    "import requests\nfor flag in flags():\n    requests.get(u, verify=flag)",
    "import json\nkw = json.load(open('options.json'))\nboto3.client('s3', **kw)",
    "url = codecs.decode('wqop:zlfdy', 'rot13')",
    "getattr(spark, name)()",
    "from helpers import connect\nconnect(verify=False)",
    "spark.sparkContext.addPyFile('s3://b/a.py')",
    "names = {n: 'AES256' for n in ['ServerSideEncryption']}\ns3.put_object(**names)",
]


@pytest.mark.parametrize("text", NOT_SEEN)
def test_what_the_documentation_says_is_not_seen_is_not_seen(text):
    assert rules(text) == []
