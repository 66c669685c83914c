"""The engine of a Glue job: plain Spark's, with the S3 connector that Glue has."""

from __future__ import annotations

from typing import Any

from glue_secure.core.ports import Metastore
from glue_secure.engines.spark.engine import SparkEngine
from glue_secure.engines.spark.hadoop import HadoopSettings

_EMRFS_CLIENT = "com.amazon.ws.emr.hadoop.fs.EmrFileSystem"


class GlueHadoopSettings(HadoopSettings):
    """Hadoop settings where ``s3://`` is EMRFS (Glue up to 5.0) or S3A (from 5.1).

    Glue writes to ``s3://``, so the client of that scheme is checked.
    https://docs.aws.amazon.com/glue/latest/dg/migrating-version-51.html
    """

    scheme = "s3"

    def _encryption_of(self, client: Any) -> tuple[str, str]:
        if str(client.getClass().getName()) != _EMRFS_CLIENT:
            return super()._encryption_of(client)
        # https://docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-emrfs-encryption.html
        conf = client.getConf()
        name, bucket = "serverSideEncryption.kms.keyId", str(client.getUri().getHost())
        of_bucket = conf.get(f"fs.s3.bucket.{bucket}.{name}")
        key = str((conf.get(f"fs.s3.{name}") if of_bucket is None else of_bucket) or "")
        if str(conf.get("fs.s3.cse.enabled") or "false").lower() != "false":
            return "CSE", key
        if str(conf.get("fs.s3.enableServerSideEncryption") or "false").lower() != "true":
            return "", key
        algorithm = str(conf.get("fs.s3.serverSideEncryptionAlgorithm") or "")
        if algorithm and algorithm.upper() not in ("SSE-KMS", "AWS:KMS"):
            return algorithm, key
        return ("SSE-KMS", key) if key else ("AES256", "")


class GlueEngine(SparkEngine):
    """The engine port in Glue.

    Args:
        spark: the job's session.
    """

    name = "awsglue"
    hadoop_settings = GlueHadoopSettings

    def serve_catalog(self, _metastore: Metastore) -> bool:
        """Return False: Glue's own client of the Data Catalog serves Spark SQL."""
        return False
