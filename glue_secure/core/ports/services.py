"""The services of one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from glue_secure.core.dynamodb import DynamoDbAccess
from glue_secure.core.evidence import EndpointRecord
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.ports.catalog import ControlPlane
from glue_secure.core.ports.clock import Clock
from glue_secure.core.ports.columns import ColumnSource
from glue_secure.core.ports.driver_s3 import DriverS3
from glue_secure.core.ports.environment import Environment
from glue_secure.core.ports.high_water import HighWaterMarkStore
from glue_secure.core.ports.images import Images
from glue_secure.core.ports.keys import KeyService
from glue_secure.core.ports.metastore import Metastore
from glue_secure.core.ports.objects import ObjectStore
from glue_secure.core.ports.secrets import SecretStore
from glue_secure.core.ports.stores import DynamoDb, Kinesis
from glue_secure.core.ports.table_buckets import TableBuckets


@dataclass(frozen=True, slots=True)
class Services:
    """Every service that a run calls, created by ``run.composition``.

    Attributes:
        environment: account, region and endpoints.
        control_plane: AWS Glue and its Data Catalog.
        keys: AWS KMS.
        objects: Amazon S3, called from the driver.
        secrets: AWS Secrets Manager and tokens of database users.
        clock: current time.
        master_key_provider: creates the AWS Encryption SDK's provider for one key.
        columns: data keys and tags of a column policy.
        versions: package → version, for the evidence.
        endpoints: returns the TLS facts of the open connections to AWS.
        streams_end_when_drained: whether a stream ends when it has processed the available data.
        high_water: creates the high-water mark store from a DynamoDB table's name and a bookmark's name.
        driver_s3: creates guarded boto3 sessions; None if the run has no AWS session.
        metastore: the Data Catalog for Spark SQL; None if Spark SQL cannot use it.
        remote_objects: creates the S3 client on an executor; None if the driver sends every request.
        dynamodb: returns a function that creates the client of Amazon DynamoDB, on the driver or on an
            executor; None if the run has no AWS session.
        images: Amazon ECR; None as above.
        table_buckets: creates the client of Amazon S3 Tables in an AWS Region; None as above.
        kinesis: creates the client of Amazon Kinesis in an AWS Region (``""``: the run's); None as above.
    """

    environment: Environment
    control_plane: ControlPlane
    keys: KeyService
    objects: ObjectStore
    secrets: SecretStore
    clock: Clock
    master_key_provider: Callable[[KmsKeyArn], Any]
    columns: ColumnSource
    versions: Mapping[str, str]
    high_water: Callable[[str, str], HighWaterMarkStore]
    endpoints: Callable[[], tuple[EndpointRecord, ...]] = tuple
    streams_end_when_drained: bool = False
    driver_s3: DriverS3 | None = None
    metastore: Metastore | None = None
    remote_objects: Callable[[], ObjectStore] | None = None
    dynamodb: Callable[[DynamoDbAccess], Callable[[], DynamoDb]] | None = None
    kinesis: Callable[[str], Kinesis] | None = None
    images: Images | None = None
    table_buckets: Callable[[str], TableBuckets] | None = None
