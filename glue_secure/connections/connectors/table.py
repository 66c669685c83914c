"""The table of connectors: what makes each one TLS, verified and encrypted, and what is rejected.

:mod:`glue_secure.connections.connectors.options` applies it, and ``docs/connectors.md`` shows it.
"""

from __future__ import annotations

from dataclasses import dataclass

_GLUE = "https://docs.aws.amazon.com/glue/latest/dg/"
_DYNAMODB = "https://docs.aws.amazon.com/amazondynamodb/latest/"
_KINESIS = "https://docs.aws.amazon.com/kinesis/latest/"

NO_TLS = "the option controls TLS"
NOT_VERIFIED = "the option controls how the server is verified"
OTHER_SERVER = "the option names another server or a proxy"
CREDENTIAL = "the option is a credential"
PARSING_OPTIONS = (
    "classification", "delimiter", "inferSchema", "schema", "avroSchema", "addRecordTimestamp",
    "emitConsumerLagMetrics", "typeOfData",
)  # fmt: skip
"""Options that decide how the payload of a stream's record becomes columns."""


@dataclass(frozen=True, slots=True)
class OptionRefusal:
    """Options that are rejected.

    Attributes:
        names: option names, separated by spaces; ``*`` stands for any text.
        control: the control that the error cites.
        reason: effect of the option, as a clause.
        accepted: values that are accepted all the same, in any letter case; ``*`` stands for any text.
    """

    names: str
    control: str
    reason: str
    accepted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Connector:
    """One connector.

    Attributes:
        name: for messages and the evidence.
        types: values of Glue's ``connection_type``.
        tls: what makes its connections TLS.
        verified: what verifies the server.
        encrypted: what encrypts the stored data, and how that is checked.
        plain: how local Spark serves it.
        glue: how the adapter serves it in AWS Glue.
        sources: pages that document the above.
        options: names of the options that are accepted; ``*`` stands for any text. A full name counts
            before ``refusals``, and a name with ``*`` after it.
        forced: options that are added to every call, over the caller's.
        refusals: options that are rejected; any option in no list is rejected as unknown (GS-TLS-005).
        connection_types: types of Glue connections that a call may name; empty if there is none.
        blocked: why every call is rejected (GS-CON-002); ``""`` if calls are served.
        needs_entry: whether its code decides about TLS, so that ``--glue-secure-allowed-connectors`` must
            allow its class (GS-CON-002).
    """

    name: str
    types: tuple[str, ...]
    tls: str
    verified: str
    encrypted: str
    plain: str
    glue: str
    sources: tuple[str, ...]
    options: tuple[str, ...] = ()
    forced: tuple[tuple[str, str], ...] = ()
    refusals: tuple[OptionRefusal, ...] = ()
    connection_types: tuple[str, ...] = ()
    blocked: str = ""
    needs_entry: bool = False


_IN_GLUE_ONLY = "rejected: run it in AWS Glue"
_SECRETS = OptionRefusal(
    "user username password secret* *accesskey* *secretkey* *token*",
    "GS-TLS-008",
    CREDENTIAL,
)

CONNECTORS: tuple[Connector, ...] = (
    Connector(
        name="dynamodb",
        types=("dynamodb",),
        tls="DynamoDB's endpoints; a client endpoint without TLS is rejected (GS-S3-002)",
        verified="the AWS SDK verifies chain and name; no option changes the endpoint",
        encrypted="DescribeTable: a customer managed key, required of tables that a run writes (GS-CON-001) "
        "and recorded for tables that it reads",
        plain="Scan in parallel segments and BatchWriteItem through boto3. `dynamodb.export` reads with Scan "
        "and writes nothing to S3",
        glue="awsglue's connector, after the same check; objects of an export are verified at commit",
        sources=(
            _GLUE + "aws-glue-programming-etl-connect-dynamodb-home.html",
            _DYNAMODB + "developerguide/EncryptionAtRest.html",
            _DYNAMODB + "APIReference/API_SSEDescription.html",
        ),
        options=(
            "dynamodb.input.tableName", "dynamodb.output.tableName", "dynamodb.throughput.read.percent",
            "dynamodb.throughput.write.percent", "dynamodb.throughput.read.ratio",
            "dynamodb.throughput.write.ratio", "dynamodb.splits", "dynamodb.consistentRead",
            "dynamodb.output.numParallelTasks", "dynamodb.output.retry", "dynamodb.sts.roleArn",
            "dynamodb.sts.roleSessionName", "dynamodb.sts.region", "dynamodb.region", "dynamodb.export",
            "dynamodb.tableArn", "dynamodb.unnestDDBJson", "dynamodb.simplifyDDBJson", "dynamodb.s3.bucket",
            "dynamodb.s3.prefix", "dynamodb.s3.bucketOwner", "dynamodb.exportTime", "dynamodb.filter",
        ),
        refusals=(
            OptionRefusal("dynamodb.*endpoint* dynamodb.*proxy*", "GS-TLS-005", OTHER_SERVER),
            OptionRefusal("dynamodb.aws*key* dynamodb.*credential*", "GS-TLS-008", CREDENTIAL),
        ),
    ),
    Connector(
        name="datacatalog",
        types=("com.amazonaws.services.glue.connections.DataCatalogConnection",),
        tls="Glue's endpoints; a client endpoint without TLS is rejected (GS-S3-002)",
        verified="the AWS SDK verifies chain and name; no option changes the endpoint",
        encrypted="GetDataCatalogEncryptionSettings (GS-CAT-001, -003)",
        plain="the database, its tables and partitions as rows, read through the Glue API; as a source only",
        glue="awsglue's reader",
        sources=(
            "https://github.com/aws-samples/aws-glue-samples/tree/master/utilities/Hive_metastore_migration",
        ),
        options=("catalog.name", "catalog.database", "catalog.region"),
    ),
    Connector(
        name="kafka",
        types=("kafka",),
        tls="the Glue connection's KAFKA_SSL_ENABLED is not false (GS-TLS-006); `security.protocol` is SSL "
        "or SASL_SSL. [Options of Kafka's client](jdbc.md#kafka-and-msk) are checked one by one",
        verified="each bootstrap server of the connection is probed before the read (GS-TLS-002, -003); "
        "`bootstrap.servers` may repeat some of them, and names no other (GS-TLS-005); "
        "Kafka's client compares names by default",
        encrypted="by the cluster; Kafka has no interface that shows it",
        plain="Spark's Kafka source and sink with the options of the verified connection, as stream and "
        "batch; the JAR spark-sql-kafka-0-10 must be on the class path",
        glue="awsglue's reader, after the connection and its brokers are verified",
        sources=(
            _GLUE + "aws-glue-programming-etl-connect-kafka-home.html",
            _GLUE + "connection-properties.html#connection-properties-kafka",
            "https://spark.apache.org/docs/3.5.6/structured-streaming-kafka-integration.html",
        ),
        options=(
            "connectionName", "bootstrap.servers", "topicName", "topic", "assign", "subscribePattern",
            "subscribe", "startingOffsets", "startingTimestamp", "endingOffsets", "endingTimestamp",
            "pollTimeoutMs", "numRetries", "retryIntervalMs", "maxOffsetsPerTrigger", "minOffsetsPerTrigger",
            "maxTriggerDelay", "minPartitions", "includeHeaders", "failOnDataLoss", "groupIdPrefix",
            "kafka.*", *PARSING_OPTIONS,
        ),
        refusals=(
            OptionRefusal("security.protocol", "GS-TLS-001", NO_TLS, ("SSL", "SASL_SSL", "true")),
            OptionRefusal(
                "ssl.* kafka.ssl.* kafka.security.* sasl.* kafka.sasl.*", "GS-TLS-001", NOT_VERIFIED
            ),
        ),
        connection_types=("KAFKA",),
    ),
    Connector(
        name="kinesis",
        types=("kinesis",),
        tls="Kinesis' endpoints; `endpointUrl` must be https (GS-TLS-001) and AWS's (GS-TLS-005)",
        verified="the AWS SDK verifies chain and name",
        encrypted="DescribeStreamSummary: EncryptionType KMS, required of streams that a run reads or writes "
        "(GS-CON-001)",
        plain="rejected: Apache Spark has no Kinesis source; run it in AWS Glue",
        glue="awsglue's connector, after the same check",
        sources=(
            _GLUE + "aws-glue-programming-etl-connect-kinesis-home.html",
            _KINESIS + "APIReference/API_StreamDescriptionSummary.html",
            "https://docs.aws.amazon.com/streams/latest/dev/server-side-encryption.html",
        ),
        options=(
            "streamARN", "streamName", "startingPosition", "startingTimestamp", "maxFetchTimeInMs",
            "maxFetchRecordsPerShard", "maxRecordPerRead", "addIdleTimeBetweenReads",
            "idleTimeBetweenReadsInMs", "describeShardInterval", "numRetries", "retryIntervalMs",
            "maxRetryIntervalMs", "avoidEmptyBatches", "awsSTSRoleARN", "awsSTSSessionName", "roleArn",
            "roleSessionName", "partitionKey", "numberOfPartitions", "useFifo", "region", "fanoutConsumerARN",
            *PARSING_OPTIONS,
        ),
        refusals=(
            OptionRefusal("endpointUrl", "GS-TLS-001", NO_TLS, ("https://*",)),
            OptionRefusal("aws* *credential*", "GS-TLS-008", CREDENTIAL),
            OptionRefusal("*endpoint* *proxy*", "GS-TLS-005", OTHER_SERVER),
        ),
    ),
    Connector(
        name="mongodb",
        types=("mongodb", "documentdb"),
        tls="`ssl` is set to true; a URI with tls=false, ssl=false or an insecure flag is rejected",
        verified="`ssl.domain_match` is set to true. AWS's page asks for false with DocumentDB; false is "
        "rejected, because any certificate of a trusted authority would then be accepted",
        encrypted="by the cluster; the connector has no interface that shows it",
        plain=_IN_GLUE_ONLY,
        glue="awsglue's connector, with these options set",
        sources=(
            _GLUE + "aws-glue-programming-etl-connect-mongodb-home.html",
            _GLUE + "aws-glue-programming-etl-connect-documentdb-home.html",
        ),
        options=(
            "connectionName", "connection.uri", "uri", "database", "collection", "batchSize", "partitioner",
            "partitionerOptions*", "extendedBsonTypes", "replaceDocument",
            "maxBatchSize", "retryWrites", "disableUpdateUri", "samplePoolSize", "sampleSize",
            "aggregation.pipeline", "pipeline", "secretId", "ordered",
        ),
        forced=(("ssl", "true"), ("ssl.domain_match", "true")),
        refusals=(
            OptionRefusal("ssl", "GS-TLS-001", NO_TLS, ("true",)),
            OptionRefusal("ssl.domain_match", "GS-TLS-001", NOT_VERIFIED, ("true",)),
            OptionRefusal("ssl* tls*", "GS-TLS-001", NOT_VERIFIED),
            _SECRETS,
        ),
        connection_types=("MONGODB",),
    ),
    Connector(
        name="snowflake",
        types=("snowflake",),
        tls="Snowflake's driver uses TLS; `sfSSL=off` is rejected",
        verified="the driver verifies chain and name; options that turn off revocation checks are rejected",
        encrypted="Snowflake encrypts tables and stages; an external `tempDir` is rejected",
        plain=_IN_GLUE_ONLY,
        glue="awsglue's connector, with `sfSSL=on`",
        sources=(
            _GLUE + "aws-glue-programming-etl-connect-snowflake-home.html",
            "https://docs.snowflake.com/en/user-guide/spark-connector-use",
            "https://docs.snowflake.com/en/developer-guide/jdbc/jdbc-parameters",
        ),
        options=(
            "connectionName", "sfUrl", "sfDatabase", "sfSchema", "sfWarehouse", "sfRole", "sfTimezone",
            "sfCompress", "dbtable", "query", "autopushdown", "preactions", "postactions", "keep_column_case",
            "column_mapping", "column_mismatch_behavior", "columnmap", "truncate_table", "usestagingtable",
            "continue_on_error", "parallelism", "partition_size_in_mb", "purge", "streaming_stage",
            "support_share_connection", "use_copy_unload", "use_exponential_backoff", "treat_decimal_as_long",
            "time_output_format", "timestamp_ntz_output_format", "timestamp_ltz_output_format",
            "timestamp_tz_output_format", "internal_execute_query_in_sync_mode", "APPLICATION", "tracing",
            "sfSchemaName", "action", "merge_*", "secretId", "staging_table",
            "table_schema", "expected_partition_count",
        ),
        forced=(("sfSSL", "on"),),
        refusals=(
            OptionRefusal("sfSSL", "GS-TLS-001", NO_TLS, ("on", "true")),
            OptionRefusal("*insecure* *ocsp*", "GS-TLS-001", NOT_VERIFIED),
            OptionRefusal("proxy* use_proxy* sfFullUrl", "GS-TLS-005", OTHER_SERVER),
            OptionRefusal(
                "tempdir awsaccesskey awssecretkey temporary_* stage*",
                "GS-S3-005",
                "the data is staged where the connector, not the run's key, decides the encryption",
            ),
            OptionRefusal("sfUser sfPassword sfToken *private_key*", "GS-TLS-008", CREDENTIAL),
            _SECRETS,
        ),
        connection_types=("SNOWFLAKE",),
    ),
    Connector(
        name="bigquery",
        types=("bigquery",),
        tls="Google's endpoints use TLS; options that name other endpoints are rejected",
        verified="Google's client verifies chain and name",
        encrypted="BigQuery encrypts tables; a temporary bucket outside of S3 is rejected",
        plain=_IN_GLUE_ONLY,
        glue="awsglue's connector; a write needs `writeMethod=direct`",
        sources=(
            _GLUE + "aws-glue-programming-etl-connect-bigquery-home.html",
            "https://github.com/GoogleCloudDataproc/spark-bigquery-connector",
            "https://cloud.google.com/bigquery/docs/encryption-at-rest",
        ),
        options=(
            "connectionName", "parentProject", "project", "dataset", "table", "sourceType", "query", "filter",
            "viewsEnabled", "materializationProject", "materializationDataset",
            "materializationExpirationTimeInMinutes", "maxParallelism", "preferredMinParallelism",
            "readDataFormat", "optimizedEmptyProjection", "createDisposition",
            "partitionField", "partitionType", "partitionExpirationMs", "partitionRequireFilter",
            "clusteredFields", "allowFieldAddition", "allowFieldRelaxation", "cacheExpirationTimeInMinutes",
            "pushAllFilters", "arrowCompressionCodec", "responseCompressionCodec", "writeAtLeastOnce",
            "enableModeCheckForSchemaFields", "destinationTableKmsKeyName", "traceApplicationName",
            "traceJobId",
        ),
        refusals=(
            OptionRefusal("*endpoint* proxy* *universedomain*", "GS-TLS-005", OTHER_SERVER),
            OptionRefusal(
                "writeMethod",
                "GS-S3-006",
                "rows are stored in Google Cloud Storage first",
                ("direct",),
            ),
            OptionRefusal(
                "temporaryGcsBucket persistentGcs* intermediateFormat",
                "GS-S3-006",
                "rows are stored in Google Cloud Storage, whose encryption glue-secure cannot read",
            ),
            OptionRefusal("credentials* gcp* *accesstoken*", "GS-TLS-008", CREDENTIAL),
            _SECRETS,
        ),
        connection_types=("BIGQUERY",),
    ),
    Connector(
        name="opensearch",
        types=("opensearch", "elasticsearch"),
        tls="`opensearch.net.ssl`, off by default",
        verified="the connector verifies the chain only: its SSLSocketFactory does not compare the server's "
        "name, and no option makes it do so",
        encrypted="by the domain",
        plain="rejected",
        glue="rejected",
        sources=(
            _GLUE + "aws-glue-programming-etl-connect-opensearch-home.html",
            "https://github.com/opensearch-project/opensearch-hadoop/blob/main/mr/src/main/java/org/opensearch/"
            "hadoop/rest/commonshttp/SSLSocketFactory.java",
        ),
        blocked="the connector does not compare the server's name with its certificate, and no option makes "
        "it do so",
    ),
    Connector(
        name="custom and marketplace connectors",
        types=(
            "custom.spark", "custom.jdbc", "custom.athena", "marketplace.spark", "marketplace.jdbc",
            "marketplace.athena", "athena",
        ),
        tls="the connector's own code decides",
        verified="the connector's own code decides",
        encrypted="the connector's own code decides",
        plain="`custom.spark` and `marketplace.spark` by Spark's `format(className)`, `custom.jdbc` and "
        "`marketplace.jdbc` by Spark's JDBC source, with "
        "[an entry](#connectors-that-cannot-be-checked); Athena connectors are rejected",
        glue="awsglue's connector, with an entry",
        sources=(_GLUE + "aws-glue-programming-etl-connect.html#aws-glue-programming-etl-connect-market",),
        options=("secretId", "*"),
        refusals=(
            OptionRefusal(
                "user username *password* *accesskey* *secretkey* *accesstoken* *apikey* token",
                "GS-TLS-008",
                CREDENTIAL,
            ),
        ),
        connection_types=("CUSTOM", "MARKETPLACE"),
        needs_entry=True,
    ),
    Connector(
        name="other managed connectors",
        types=("azurecosmos", "azuresql", "saphana", "teradata", "vertica"),
        tls="options of the connector, which glue-secure does not know yet",
        verified="as above",
        encrypted="by the server",
        plain="rejected",
        glue="rejected",
        sources=(_GLUE + "aws-glue-programming-etl-connect.html",),
        blocked="glue-secure has no rules for its options",
    ),
)  # fmt: skip

_BY_TYPE = {name.lower(): connector for connector in CONNECTORS for name in connector.types}


def connector_of(connection_type: object) -> Connector | None:
    """Return the connector of a ``connection_type``, in any letter case; None if there is none."""
    return _BY_TYPE.get(str(connection_type).lower())


def connector(name: str) -> Connector:
    """Return the connector with this name."""
    return next(each for each in CONNECTORS if each.name == name)
