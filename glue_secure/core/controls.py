"""The table of controls. The checks, the audit and ``docs/controls.md`` use it.

Every finding and every error cites the id of a control. ``tests/contract/test_checks_produce_evidence.py`` names the
check of each control, and proves that a pass in the evidence comes from that check. Ids are never reused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Severity(str, Enum):
    """Severity of a violation, in the terms of the AWS Security Finding Format."""

    CRITICAL = "CRITICAL"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


@dataclass(frozen=True, slots=True)
class Control:
    """A requirement.

    Attributes:
        id: ``GS-FAMILY-NNN``.
        title: the requirement, as a statement that is true of a compliant run.
        severity: severity of a violation.
        why: consequence of a violation, in one or two sentences.
        source: AWS page, RFC or other source of the requirement.
    """

    id: str
    title: str
    severity: Severity
    why: str
    source: str

    @property
    def family(self) -> str:
        """The id without its number: ``GS-S3`` of ``GS-S3-004``."""
        return self.id.rpartition("-")[0]


FAMILIES = {
    "GS-POL": "Policy file",
    "GS-SEC": "Security configuration",
    "GS-KMS": "Keys",
    "GS-S3": "Amazon S3",
    "GS-SPK": "Spark workers",
    "GS-TLS": "Connections",
    "GS-CON": "Connectors",
    "GS-BKM": "Job bookmarks",
    "GS-CAT": "Data Catalog",
    "GS-LF": "Lake Formation",
    "GS-COL": "Columns",
    "GS-DQ": "Data quality",
    "GS-EVD": "Evidence",
    "GS-DEP": "Deployed jobs",
    "GS-BKT": "Buckets",
    "GS-JOB": "Jobs",
    "GS-IAM": "Roles and principals",
    "GS-NET": "Network",
}

REPORTED_ONLY = frozenset({"GS-POL-002"})
"""Controls whose violation is reported: it stops no run, and gives no command the exit code 3 or 4."""


def is_reported_only(control: str, verdict: str) -> bool:
    """Return whether a finding of the control that did not pass is reported, and is no violation.

    It stops no run, and gives no command the exit code 3 or 4. UNKNOWN of GS-SPK is such a finding, unless the
    job requires worker encryption: then it is the control of the error that ended the run (docs/adr/0014).
    """
    is_undecided_worker = verdict == "UNKNOWN" and control.startswith("GS-SPK-")
    return verdict != "PASS" and (control in REPORTED_ONLY or is_undecided_worker)


AUDITED_ONLY = frozenset(
    {
        "GS-SEC-012",
        "GS-KMS-007",
        "GS-KMS-008",
        "GS-KMS-009",
        "GS-CAT-005",
        "GS-JOB-001",
        "GS-JOB-002",
        "GS-JOB-003",
    }
    | {f"GS-NET-00{number}" for number in range(1, 5)}
    | {f"GS-LF-01{number}" for number in range(3)}
    | {f"GS-IAM-00{number}" for number in range(1, 7)}
    | {f"GS-BKT-00{number}" for number in range(1, 7)}
)
"""Controls that ``glue-secure audit`` decides alone: they are about an account, not about a run."""

_GLUE = "https://docs.aws.amazon.com/glue/latest/dg/"
_CONFIGURATION = _GLUE + "encryption-security-configuration.html"
_JDBC = _GLUE + "connection-properties.html"
_BOOKMARKS = _GLUE + "monitor-continuations.html"
_SSE_KMS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html"
_KMS_STATE = "https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html"
_KMS_CONCEPTS = "https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html"
_KMS_SIGN = "https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html"
_S3A = "https://hadoop.apache.org/docs/r3.3.4/hadoop-aws/tools/hadoop-aws/encryption.html"
_SPARK_SECURITY = "https://spark.apache.org/docs/3.5.6/security.html"
_PGJDBC = "https://jdbc.postgresql.org/documentation/ssl/"
_CATALOG_COLUMN = _GLUE + "aws-glue-api-catalog-tables.html"
_LF_TAGS = "https://docs.aws.amazon.com/lake-formation/latest/dg/tag-based-access-control.html"
_KMS_CONTEXT = "https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html"
_GX = "https://docs.greatexpectations.io/docs/core/introduction/"
_ESDK = "https://docs.aws.amazon.com/encryption-sdk/latest/developer-guide/concepts.html"

_CATALOG = _GLUE + "encrypt-glue-data-catalog.html"
_PASSWORDS = _GLUE + "encrypt-connection-passwords.html"
_LAKE = "https://docs.aws.amazon.com/lake-formation/latest/dg/"
_LAKE_API = "https://docs.aws.amazon.com/lake-formation/latest/APIReference/"

C, H, M, L = Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW

_TABLE = (
    Control("GS-POL-001", "Each policy file is the reviewed one, and can be read", C,
            "Anyone who can replace the policy file decides which keys and exceptions a run accepts.", _GLUE + "aws-glue-programming-etl-glue-arguments.html"),
    Control("GS-POL-002", "Each exception of the policy file is in force and needed", L,
            "An expired exception counts for nothing. A run reports it, and the exceptions that it did not need, and continues.", _GLUE + "aws-glue-programming-etl-glue-arguments.html"),
    Control("GS-SEC-001", "A security configuration is attached to the run, and to each Glue resource that takes one", C,
            "Without one, the bucket's default encryption applies to data, and logs and bookmarks are encrypted as the services choose.", _CONFIGURATION),
    Control("GS-SEC-002", "The configuration named in the arguments is the one attached to the run", H,
            "Any caller can set the argument SECURITY_CONFIGURATION. Only the Glue API knows which configuration is attached.", _CONFIGURATION),
    Control("GS-SEC-003", "Every S3 entry of the configuration is SSE-KMS with a key", C,
            "SSE-S3 has no key policy, no audit of decryption, and access cannot be revoked. DISABLED does not encrypt.", _CONFIGURATION),
    Control("GS-SEC-004", "CloudWatch Logs encryption is SSE-KMS with a key", H,
            "Driver and executor logs contain data and paths.", _CONFIGURATION),
    Control("GS-SEC-005", "Job bookmark encryption is CSE-KMS with a key", H,
            "Bookmarks contain object names and key values of the source. A changed bookmark changes which data is skipped.", _CONFIGURATION),
    Control("GS-SEC-006", "Data quality encryption, if the configuration has it, is SSE-KMS with a key", M,
            "Data quality results contain values of the data.", _CONFIGURATION),
    Control("GS-SEC-007", "A run has started before any read or write", C,
            "Nothing is checked without a run. It starts from --JOB_NAME, or with job.init.", _CONFIGURATION),
    Control("GS-SEC-008", "The Glue API returns the run's security configuration", C,
            "A configuration that cannot be read may be insecure. 'Access denied' does not mean that none is required.", _CONFIGURATION),
    Control("GS-SEC-009", "No argument asks for weaker encryption", H,
            "--encryption-type is the legacy parameter for SSE-S3. An attached configuration overrides it, so it can only mislead.", _GLUE + "aws-glue-programming-etl-glue-arguments.html"),
    Control("GS-SEC-010", "awsglue's reads and writes are called through glue-secure's GlueContext", C,
            "A direct call of the Scala GlueContext reads and writes without checks, and every script can access the Python object that wraps it.", _GLUE + "aws-glue-api-crawler-pyspark-extensions-glue-context.html"),
    Control("GS-SEC-011", "No argument of the job contains a secret", C,
            "Arguments are visible in GetJob, GetJobRun, the console, process lists and logs.", _GLUE + "aws-glue-programming-etl-glue-arguments.html"),
    Control("GS-SEC-012", "User data of machine learning transforms is SSE-KMS with a key", M,
            "A transform stores labels and samples of the data that it was trained with.", _GLUE + "encrypt-glue-resources.html"),
    Control("GS-KMS-001", "Each key of the configuration can be described", C,
            "A key that cannot be described may be disabled, in another account or of the wrong kind.", _KMS_CONCEPTS),
    Control("GS-KMS-002", "Each key is Enabled", C,
            "A key that is disabled or pending deletion cannot be used, and data under a deleted key is lost.", _KMS_STATE),
    Control("GS-KMS-003", "Each key is customer managed", H,
            "The policy of an AWS managed key cannot be changed.", _KMS_CONCEPTS),
    Control("GS-KMS-004", "Each key is symmetric and for ENCRYPT_DECRYPT", C,
            "Glue supports symmetric customer managed keys only.", _CONFIGURATION),
    Control("GS-KMS-005", "Each key is in the run's account, and in the region of the run or of its bucket", H,
            "S3 needs a key in the Region of the bucket, and Glue one in that of the job. Another account can withdraw its key at any time.", _KMS_CONCEPTS),
    Control("GS-KMS-006", "Each key that the run encrypts with generates and decrypts a data key", C,
            "A key that can be described may still be unusable: the key policy, grants and the key's state decide when it is used.", _KMS_CONCEPTS),
    Control("GS-KMS-007", "Key material rotates automatically", M,
            "Rotation limits the data that one version of the key material protects.", "https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html"),
    Control("GS-KMS-008", "No key policy allows every principal", C,
            "Anyone with an AWS account could use or change the key.", "https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html"),
    Control("GS-KMS-009", "Each grant of a key is to a principal of the account or to an AWS service", M,
            "A grant gives the use of a key without any change of its policy.", "https://docs.aws.amazon.com/kms/latest/developerguide/grants.html"),
    Control("GS-S3-001", "The Hadoop encryption settings in force are the planned ones", C,
            "A setting that was set and is not in force encrypts nothing.", _S3A),
    Control("GS-S3-002", "Every S3 endpoint is reached over TLS", C,
            "Without TLS, objects and credentials cross the network unencrypted.", _S3A),
    Control("GS-S3-003", "No per-bucket setting contradicts the plan", C,
            "fs.s3a.bucket.BUCKET.* overrides fs.s3a.*, so it can disable encryption for one bucket.", _S3A),
    Control("GS-S3-004", "Every object written is SSE-KMS under the expected key", C,
            "Settings prove nothing about an object. Each new object is verified by S3's response to the request that stored it (receipts), by HeadObject, or by a proof from the bucket policy with a sample.", _SSE_KMS),
    Control("GS-S3-005", "No read or write option changes encryption or the endpoint", C,
            "Such options override the planned settings.", _S3A),
    Control("GS-S3-006", "Files are written to S3 only", H,
            "A local disk or HDFS has no SSE-KMS.", _SSE_KMS),
    Control("GS-S3-007", "Every object written can be read back for verification", C,
            "The encryption of an object that cannot be read back is not known.", _SSE_KMS),
    Control("GS-S3-008", "The file system client in use was created with the planned settings", C,
            "Hadoop caches one client per bucket. A client created before job.init keeps the earlier settings.", _S3A),
    Control("GS-S3-009", "No write, purge or transition touches the locations of bookmarks and evidence", C,
            "An overwrite or a purge deletes everything below its target, including bookmarks and evidence.", _BOOKMARKS),
    Control("GS-S3-010", "A frame that is written belongs to the run's Spark session", C,
            "Another session has its own fs.s3a settings, which were not checked.", _S3A),
    Control("GS-S3-011", "Spark writes outside glue-secure go to S3 only", H,
            "df.write, SQL, a stream or a checkpoint to a local disk, HDFS or a database has no SSE-KMS and cannot be verified.", _SSE_KMS),
    Control("GS-S3-012", "Every write of the session outside glue-secure is known", C,
            "A write that was not observed cannot be verified.", "https://spark.apache.org/docs/3.5.6/api/java/org/apache/spark/sql/util/QueryExecutionListener.html"),
    Control("GS-S3-013", "Each Iceberg catalog writes under the run's key", C,
            "Iceberg's S3FileIO has its own S3 client, which ignores Hadoop's settings.", "https://iceberg.apache.org/docs/1.10.0/aws/#s3-server-side-encryption"),
    Control("GS-S3-014", "Objects that a run reads are encrypted as the policy file requires of their source", H,
            "A job that reads unprotected data makes its results from it, and its owner believes that the source is protected.", _SSE_KMS),
    Control("GS-SPK-001", "Driver and executors authenticate one another and encrypt their traffic", M,
            "Shuffled rows, broadcasts and results cross the network between workers. UNKNOWN is reported; it stops a run only with --glue-secure-worker-encryption required.", _SPARK_SECURITY),
    Control("GS-SPK-002", "Data that Spark spills and shuffles to local disks is encrypted", M,
            "Rows stay on the workers' disks until the job ends. UNKNOWN is reported; it stops a run only with --glue-secure-worker-encryption required.", _SPARK_SECURITY),
    Control("GS-SPK-003", "Spark shuffles to local disks only", H,
            "Shuffle files in S3 are created and deleted while the job runs, so they cannot be read back. A shuffle manager other than Spark's own is UNKNOWN, reported as for GS-SPK-001.", "https://docs.aws.amazon.com/glue/latest/dg/cloud-shuffle-storage-plugin.html"),
    Control("GS-SPK-004", "Spark's event log is off, or is in S3 under the run's key", M,
            "The event log contains query plans with literals of the script, and is opened before the run starts. UNKNOWN is reported as for GS-SPK-001.", "https://spark.apache.org/docs/3.5.6/monitoring.html"),
    Control("GS-TLS-001", "The connection requires full verification of the server", C,
            "sslmode=require accepts any certificate; prefer and allow fall back to an unencrypted connection.", _PGJDBC),
    Control("GS-TLS-002", "The server's certificate contains the host name of the connection", C,
            "An attacker in the middle can have a valid certificate for another name.", "RFC 9525"),
    Control("GS-TLS-003", "The server's certificate chains to the given authority and is valid now", C,
            "A certificate of an unknown authority, or an expired one, does not prove the server's identity.", "RFC 5280"),
    Control("GS-TLS-004", "Certificates use SHA-256 or better and RSA keys of 2048 bits or more, or P-256 or better", H,
            "Weaker signatures can be forged. Glue itself accepts only SHA256/384/512withRSA for custom certificates.", _JDBC),
    Control("GS-TLS-005", "No option overrides the connection's TLS", C,
            "Options such as enforceSSL=false disable the verification of the connection.", _JDBC),
    Control("GS-TLS-006", "The Glue connection has JDBC_ENFORCE_SSL (or ENFORCE_SSL) true and does not skip certificate validation", C,
            "Otherwise Glue ignores TLS errors.", _JDBC),
    Control("GS-TLS-007", "The driver and glue-secure read the JDBC URL alike", C,
            "An ambiguous URL can contain a second host or a weaker mode that only the driver sees.", _PGJDBC),
    Control("GS-TLS-008", "Credentials are not part of a JDBC URL, option or property in plain text", H,
            "Spark before 4.2 prints JDBC URLs unredacted in logs and its UI.", "https://issues.apache.org/jira/browse/SPARK-57580"),
    Control("GS-TLS-009", "The server offers TLS 1.2 or 1.3", C,
            "Without TLS, for example behind a proxy that strips it, the password would be sent unencrypted.", _PGJDBC),
    Control("GS-TLS-010", "The run's own session is encrypted: the database confirms it, or exposes no view of it and the driver passes GS-TLS-013", H,
            "The client's view of the session is compared with the server's.", "https://www.postgresql.org/docs/17/monitoring-stats.html"),
    Control("GS-TLS-011", "The connection exists and its engine is supported", H,
            "Options of an unknown driver cannot be checked.", _JDBC),
    Control("GS-TLS-012", "The certificate authority named by the connection can be read", H,
            "The server cannot be verified without it.", _JDBC),
    Control("GS-TLS-013", "The JDBC driver is a tested JAR, or its version enforces the TLS options of the run", C,
            "Connector/J 8.0.12 and MariaDB's driver 2.7 ignore the options and send the password to any server. The check comes before the password is fetched.", "https://dev.mysql.com/doc/relnotes/connector-j/en/news-8-0-13.html"),
    Control("GS-CON-001", "A DynamoDB table that a run writes is encrypted under an enabled customer managed key, and a Kinesis stream that it uses under a KMS key", H,
            "A key that DynamoDB owns has no key policy and no audit of decryption, and access cannot be revoked. A stream without encryption stores records in plain text.", "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/EncryptionAtRest.html"),
    Control("GS-CON-002", "The connector's TLS and the verification of its server can be forced by options, or the job's arguments allow its class", C,
            "The code of a custom or marketplace connector, and of a connector that does not compare the server's name, sends data and credentials to any server.", _GLUE + "aws-glue-programming-etl-connect.html"),
    Control("GS-BKM-001", "The bookmark decrypts and is authentic", C,
            "A changed bookmark changes which data is read twice or never. It is not treated as a first run.", _ESDK),
    Control("GS-BKM-002", "The bookmark belongs to this job, account and region", C,
            "If another job's state is copied over this one, the job skips data.", _ESDK),
    Control("GS-BKM-003", "A bookmark exists if a run is recorded", C,
            "If the bookmark is deleted, the job reads and writes everything again.", _BOOKMARKS),
    Control("GS-BKM-004", "The bookmark is not older than the recorded one", C,
            "If an older state is restored, the job reads and writes data again.", _BOOKMARKS),
    Control("GS-BKM-005", "No other run committed this job's bookmark during the run", H,
            "If two runs advance the bookmark, the progress of one is lost. One run commits, the other one reports the conflict.", _BOOKMARKS),
    Control("GS-BKM-006", "The bookmark can be read and written", H,
            "A missing permission, key or answer does not mean that there is no bookmark.", _BOOKMARKS),
    Control("GS-CAT-001", "The Data Catalog that a run reads or writes is encrypted under a named key", H,
            "Table and partition definitions contain column names, locations and statistics of the data.", _CATALOG),
    Control("GS-CAT-002", "Passwords of the connections that a run opens are encrypted under a named key", H,
            "Otherwise GetConnection returns a connection's password unencrypted to every caller that may read the connection.", _PASSWORDS),
    Control("GS-CAT-003", "The encryption settings of the Data Catalog can be read", H,
            "Settings that cannot be read may be off. 'Access denied' does not mean 'encrypted'.", _CATALOG),
    Control("GS-CAT-004", "Encryption settings that were applied are the ones in force", H,
            "A setting that was sent and is not in force encrypts nothing.", _CATALOG),
    Control("GS-CAT-005", "No resource policy of the Data Catalog allows every principal", C,
            "Every AWS account could read or change the definitions of databases and tables.", _GLUE + "cross-account-access.html"),
    Control("GS-LF-001", "IAMAllowedPrincipals has no Super permission on resources that the permissions file grants", H,
            "While that group has Super, IAM alone decides, and grants have no effect.", _LAKE + "upgrade-glue-lake-formation-background.html"),
    Control("GS-LF-002", "New databases and tables are created without permissions for IAMAllowedPrincipals", H,
            "Otherwise every principal that IAM allows can read a new table.", _LAKE + "change-settings.html"),
    Control("GS-LF-003", "The account's permissions can be read and equal the permissions file", H,
            "A grant outside the file was not reviewed. 'Access denied' does not mean 'no grants'.", _LAKE + "lf-permissions-reference.html"),
    Control("GS-LF-004", "A reviewed plan is applied to the state that it was computed from", H,
            "The same steps on another state result in other permissions than the reviewer saw.", _LAKE + "granting-catalog-permissions.html"),
    Control("GS-LF-005", "Every step of a plan took effect", H,
            "A batch request can succeed although some of its entries failed. Reading the permissions back shows it.", _LAKE_API + "API_BatchGrantPermissions.html"),
    Control("GS-LF-006", "A job's role has the Lake Formation permissions that its reads and writes need", M,
            "A job that is denied while it runs has already written a part of its data.", _LAKE + "lf-permissions-reference.html"),
    Control("GS-LF-007", "Under fine-grained access control no call uses RDDs", M,
            "Fine-grained access control filters rows and columns of DataFrames only. RDDs are disabled, and a job would fail late.", _GLUE + "security-lf-enable.html"),
    Control("GS-LF-008", "A job's role has no S3 permissions of its own beyond its grants, at locations that Lake Formation governs", H,
            "With s3:GetObject of its own, a role reads all rows and columns of a table, and revoking its grants changes nothing.", _LAKE + "access-control-underlying-data.html"),
    Control("GS-LF-009", "A job that uses Lake Formation has one mode, and the version and settings that the mode needs", M,
            "If the version of Glue ignores the settings, the job uses its role's own S3 permissions instead of its grants, or fails.", _GLUE + "lake-formation-access-control-models.html"),
    Control("GS-LF-010", "Registered locations are not in hybrid access mode", M,
            "In hybrid access mode, every principal without an opt-in uses its own IAM and S3 permissions, and grants do not limit it.", _LAKE + "hybrid-access-mode.html"),
    Control("GS-LF-011", "Data lake administrators are existing roles and users of the account, and no roles of jobs", M,
            "An administrator can give every principal every permission. The name of a deleted role can be used again.", _LAKE + "initial-lf-config.html"),
    Control("GS-LF-012", "No other account may filter data itself", M,
            "Engines of these accounts get credentials for the whole data of a table, and are trusted to remove rows and columns.", _LAKE + "full-table-credential-vending.html"),
    Control("GS-COL-001", "Every tagged column of a sink has an action", C,
            "A column that is tagged as personal data must not be written unprotected because the policy does not mention it.", _CATALOG_COLUMN),
    Control("GS-COL-002", "The column policy's data key can be decrypted before the first read", C,
            "Values encrypted under a key that cannot be decrypted are lost, and the error would appear after hours of work.", _KMS_CONTEXT),
    Control("GS-COL-003", "Each action of the policy can be applied to its column", C,
            "If an action were skipped because of a column's type, the column would stay unprotected.", _CATALOG_COLUMN),
    Control("GS-COL-004", "The column policy, and the tags of the tables that it names, can be read", C,
            "Tags that cannot be read do not mean that there are no tags.", _LF_TAGS),
    Control("GS-COL-005", "Under a column policy, every sink is one that the policy can be applied to", C,
            "awsglue's own sinks write the frame without the column policy.", _GLUE + "aws-glue-api-crawler-pyspark-extensions-glue-context.html"),
    Control("GS-DQ-001", "Rows that are written meet every critical rule of the suite, or the call allows a warning", H,
            "Consumers can read the data as soon as it is written.", _GX),
    Control("GS-DQ-002", "Every critical rule of a suite can be evaluated", H,
            "A rule that raises an error, for example because a column is missing, has not been met.", _GX),
    Control("GS-DQ-003", "Great Expectations, and every suite that the run names, can be loaded before the first read", M,
            "Otherwise the job would fail at its first write, after it has read and maybe written elsewhere.", _GLUE + "aws-glue-programming-python-libraries.html"),
    Control("GS-DQ-004", "A frame that is checked gives the same rows each time it is computed", H,
            "The frame is computed once for the check and once for the write. Rows that differ were not checked.", "https://spark.apache.org/docs/3.5.6/sql-performance-tuning.html"),
    Control("GS-DQ-005", "The quarantine is outside of the sink's location", H,
            "Rows below the sink's location would be read as data.", _GX),
    Control("GS-COL-006", "Under a column policy, Spark writes nothing outside glue-secure", C,
            "df.write, SQL, a stream or a saved RDD would write tagged columns unprotected.", _CATALOG_COLUMN),
    Control("GS-EVD-001", "The run's evidence is written, encrypted", H,
            "A run without evidence cannot be audited.", _SSE_KMS),
    Control("GS-EVD-002", "The keys that the job names for its evidence encrypt and sign it", H,
            "Without a signature, evidence that was changed afterwards cannot be detected.", _KMS_SIGN),
    Control("GS-EVD-003", "Stored evidence is complete and as the runs wrote it", C,
            "Evidence that was changed, removed or inserted afterwards proves nothing.", _KMS_SIGN),
    Control("GS-DEP-001", "A reviewed deployment is applied to the state that it was computed from", H,
            "Another change in between would be reverted or completed without review.", _GLUE + "aws-glue-api-jobs-job.html"),
    Control("GS-DEP-002", "Deployed resources, read back, are as planned", H,
            "A job that differs from the plan runs something that was not reviewed.", _GLUE + "aws-glue-api-jobs-job.html"),
    Control("GS-DEP-003", "A deployed job pins its script, the glue-secure wheel and the locations of bookmarks and evidence", H,
            "Otherwise a principal that may start a run can replace glue-secure, or redirect the evidence.", _GLUE + "aws-glue-programming-etl-glue-arguments.html"),
    Control("GS-DEP-004", "A deployed job's script and wheels are SSE-KMS under a key of the account, with a SHA-256", H,
            "A principal that can replace the code controls the job. The checksum shows that the code is the deployed one.", _SSE_KMS),
    Control("GS-DEP-005", "The log groups of a job or crawler are encrypted under the configuration's key", M,
            "A log group that existed before the configuration keeps its earlier encryption.", _GLUE + "monitor-continuous-logging-enable.html"),
    Control("GS-DEP-006", "A deployed job's S3 client has a region", M,
            "Without one, S3A of Glue 5.1 and later sends requests to us-east-2, past the endpoints of the VPC.", _GLUE + "migrating-version-51.html"),
    Control("GS-DEP-007", "A run that was started with a session policy has it", H,
            "A run without it has all permissions of the job's role.", _GLUE + "aws-glue-api-jobs-runs.html"),
    Control("GS-BKT-001", "The default encryption of a job's bucket is SSE-KMS under a key of the jobs that use it", H,
            "Objects that are written without encryption headers, for example by crawlers or other tools, get the default.", "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-encryption.html"),
    Control("GS-BKT-002", "The policy of a job's bucket denies requests without TLS to every principal", H,
            "Another client can read or write the same objects over an unencrypted connection.", "https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html"),
    Control("GS-BKT-003", "The policy of a job's bucket denies uploads under another key or algorithm", M,
            "Without it, every principal that may write chooses the encryption of its objects.", _SSE_KMS),
    Control("GS-BKT-004", "Public access to a job's bucket is blocked", H,
            "A later policy or ACL could make the objects public.", "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html"),
    Control("GS-BKT-005", "Buckets of a job's code, temporary files, evidence and bookmarks belong to the account", H,
            "The owner of the bucket can replace the code and read the temporary files. The name aws-glue-assets-ACCOUNT-REGION can be guessed and created by anyone.", "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html"),
    Control("GS-BKT-006", "The bucket of evidence has Object Lock with a default retention", M,
            "Without it, a principal that may delete objects can remove evidence.", "https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html"),
    Control("GS-JOB-001", "A job's version of Glue, or of Python in a Python shell job, is supported", M,
            "Versions without support get no security patches.", _GLUE + "glue-version-support-policy.html"),
    Control("GS-JOB-002", "A Spark job writes its logs to CloudWatch Logs while it runs", L,
            "Without continuous logging, the logs of a run that is stopped or lost are incomplete.", _GLUE + "monitor-continuous-logging-enable.html"),
    Control("GS-JOB-003", "A job's script imports glue-secure, and has no code that bypasses it", H,
            "Clients, connections and settings of the script's own are not guarded. The finding names the rule of glue-secure check, and the control that the code violates.", _GLUE + "aws-glue-programming-python.html"),
    Control("GS-IAM-001", "Only the Glue service can assume a job's role", H,
            "Other principals and services that can assume the role use its permissions without a job, and so without the job's checks and evidence.", _GLUE + "create-an-iam-role.html"),
    Control("GS-IAM-002", "Principals that create jobs can pass named roles only", H,
            "With iam:PassRole on every role, a principal runs code with any role of the account that Glue can assume.", _GLUE + "configure-iam-for-glue.html"),
    Control("GS-IAM-003", "Principals that start runs can start named jobs only", M,
            "StartJobRun takes arguments, and some of them load code, which runs as the job's role. IAM has no condition for arguments.", _GLUE + "aws-glue-programming-etl-glue-arguments.html"),
    Control("GS-IAM-004", "A role that may access a table may access its database and the catalog", M,
            "Glue checks the resource and all its ancestors, and for a deletion its children. A call without them is denied, or returns an empty list.", _GLUE + "glue-specifying-resource-arns.html"),
    Control("GS-IAM-005", "Roles of jobs, and principals that create jobs, cannot extend permissions without a permissions boundary", H,
            "A principal that may change roles or policies can give itself every permission.", "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html"),
    Control("GS-IAM-006", "A job's role may associate the configuration's key with the job's log groups", M,
            "Without logs:AssociateKmsKey, AWS Glue does not write the continuous logs of a job with a security configuration.", _GLUE + "monitor-continuous-logging-enable.html"),
    Control("GS-NET-001", "Principals that create jobs and sessions are denied those outside of the permitted VPCs", M,
            "A job without a connection runs in a network of AWS, past the VPC's endpoints and flow logs. Conditions on glue:VpcIds need a Deny with Null, because a request without a connection has no such key.", _GLUE + "security_iam_id-based-policy-examples.html"),
    Control("GS-NET-002", "A job has a connection with a subnet, the subnet's Availability Zone and a security group", M,
            "A job without a subnet runs in a network of AWS with access to the internet. A wrong Availability Zone fails the job.", _GLUE + "start-connecting.html"),
    Control("GS-NET-003", "Security groups of jobs allow ingress from themselves, and none from every address", H,
            "Glue's workers reach one another within the group. Other ingress reaches the workers of every job.", _GLUE + "setup-vpc-for-glue-access.html"),
    Control("GS-NET-004", "Subnets of jobs have endpoints for S3, Glue, KMS, CloudWatch Logs, and Secrets Manager if a connection has a secret", M,
            "Without an endpoint, a request leaves the VPC, where its endpoint policy and flow logs do not apply, or fails.", _GLUE + "vpc-endpoints-s3.html"),
)  # fmt: skip

CONTROLS: dict[str, Control] = {control.id: control for control in _TABLE}


def by_family() -> Iterator[tuple[str, str, list[Control]]]:
    """Yield the id, title and controls of each family."""
    for family, title in FAMILIES.items():
        yield family, title, [control for control in _TABLE if control.family == family]


def as_markdown() -> str:
    """Return the text of ``docs/controls.md``."""
    lines = [
        "# Controls",
        "",
        "Generated from `glue_secure/core/controls.py` by `make docs`; do not edit.",
        "",
        "A run that violates a control (FAIL) stops with exit code 3. If a check cannot be completed (UNKNOWN),",
        "the run stops with exit code 4. Controls that are marked *audit* are about an account: a run does not",
        "check them, [`glue-secure audit`](audit.md) does.",
        "",
        "## What does not stop a run",
        "",
        "These findings are recorded in the evidence, and the run continues. There are no others.",
        "",
        "| finding | condition |",
        "|---|---|",
        "| UNKNOWN of GS-SPK-001 to -004 | the job has no `--glue-secure-worker-encryption required`"
        " ([ADR 14](adr/0014-worker-encryption-is-reported.md)) |",
        "| UNKNOWN of GS-S3-014 for reads by `spark.read` and Spark SQL | the policy file requires something of a"
        " [source](policy.md#sources), and the job has no request guard |",
        "| FAIL and UNKNOWN of GS-POL-002 | always: it reports exceptions that are not in force, or not needed |",
        "| FAIL of GS-CAT-001, GS-CAT-002, GS-CON-001, GS-S3-014 or GS-TLS-013 | an"
        " [exception](policy.md#exceptions) of the policy file tolerates it, until its last day |",
        "| FAIL of GS-DQ-001 | the write has `on_failure` `warn` ([quality](quality.md)). With `quarantine`, the rows"
        " that break a rule are not written to the target, and `gates` has their number in place of the finding |",
    ]
    for family, title, controls in by_family():
        lines += ["", f"## {title} ({family})"]
        for control in controls:
            lines += [
                "",
                f'### <a id="{control.id.lower()}"></a>{control.id} · {control.title}',
                "",
                f"Severity: {control.severity.value}.{' *Audit*.' if control.id in AUDITED_ONLY else ''} {control.why}",
                "",
                f"Source: {control.source}",
            ]
    return "\n".join(lines) + "\n"
