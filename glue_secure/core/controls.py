"""The table of controls: the one source for the guard, the audit and ``docs/controls.md``.

A control's id is cited where the code keeps it and in the test of its refusal; a test checks that
the three agree. Ids are never reused: a retired one stays here, marked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Severity(str, Enum):
    """How bad a finding is; the words are those of the AWS Security Finding Format."""

    CRITICAL = "CRITICAL"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"


@dataclass(frozen=True, slots=True)
class Control:
    """One rule that a run is held to.

    Attributes:
        id: ``GS-FAMILY-NNN``.
        title: what must hold, as a statement that is true of a good run.
        severity: of breaking it.
        why: what goes wrong when it does not hold, in a sentence or two.
        source: where the rule comes from.
    """

    id: str
    title: str
    severity: Severity
    why: str
    source: str

    @property
    def family(self) -> str:
        """``GS-S3`` of ``GS-S3-004``."""
        return self.id.rpartition("-")[0]


FAMILIES = {
    "GS-SEC": "Security configuration",
    "GS-KMS": "Keys",
    "GS-S3": "Amazon S3",
    "GS-SPK": "Spark's workers",
    "GS-TLS": "JDBC connections",
    "GS-BKM": "Job bookmarks",
    "GS-CAT": "Data Catalog",
    "GS-LF": "Lake Formation",
    "GS-COL": "Columns",
    "GS-DQ": "Data quality",
    "GS-EVD": "Evidence",
    "GS-DEP": "Deployed jobs",
}

_GLUE = "https://docs.aws.amazon.com/glue/latest/dg/"
_CONFIGURATION = _GLUE + "encryption-security-configuration.html"
_JDBC = _GLUE + "connection-properties.html"
_BOOKMARKS = _GLUE + "monitor-continuations.html"
_SSE_KMS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html"
_KMS_STATE = "https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html"
_KMS_CONCEPTS = "https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html"
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

C, H, M = Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM

_TABLE = (
    Control("GS-SEC-001", "A security configuration is attached to this run", C,
            "Without one, Glue writes with the bucket's default, logs and bookmarks in whatever way the service chooses.", _CONFIGURATION),
    Control("GS-SEC-002", "The configuration named in the arguments is the one attached to the run", H,
            "SECURITY_CONFIGURATION in the arguments is a claim that a caller can write; the control plane is the authority.", _CONFIGURATION),
    Control("GS-SEC-003", "Every S3 entry of the configuration is SSE-KMS with a key", C,
            "SSE-S3 gives no key policy, no audit of decryption and no way to revoke; DISABLED gives nothing.", _CONFIGURATION),
    Control("GS-SEC-004", "CloudWatch Logs encryption is SSE-KMS with a key", H,
            "Driver and executor logs quote data and paths.", _CONFIGURATION),
    Control("GS-SEC-005", "Job bookmark encryption is CSE-KMS with a key", H,
            "Bookmarks hold object names and key values of the source; whoever edits them decides what is skipped.", _CONFIGURATION),
    Control("GS-SEC-006", "Data quality encryption, where the configuration has it, is SSE-KMS with a key", M,
            "Data quality results quote values of the data.", _CONFIGURATION),
    Control("GS-SEC-007", "job.init has run before any read or write", C,
            "The security configuration takes effect at job.init; what happens before it is unguarded.", _CONFIGURATION),
    Control("GS-SEC-008", "The control plane answers what the run's security configuration is", C,
            "What cannot be read cannot be relied on; 'access denied' is not 'none needed'.", _CONFIGURATION),
    Control("GS-SEC-009", "No argument asks for weaker encryption", H,
            "--encryption-type is the legacy parameter for SSE-S3; an attached configuration overrides it, so it can only mislead.", _GLUE + "aws-glue-programming-etl-glue-arguments.html"),
    Control("GS-SEC-010", "Glue's own reads and writes are reached through the guard only", C,
            "The Scala GlueContext reads and writes whatever it is told; the Python object that leads to it is in every script's reach.", _GLUE + "aws-glue-api-crawler-pyspark-extensions-glue-context.html"),
    Control("GS-SEC-011", "No argument of the job carries a secret", C,
            "Arguments are shown by GetJob, GetJobRun and the console to whoever may look, and lie in process lists and logs.", _GLUE + "aws-glue-programming-etl-glue-arguments.html"),
    Control("GS-KMS-001", "Each key of the configuration can be described", C,
            "A key that cannot be looked at may be disabled, foreign or of the wrong kind.", _KMS_CONCEPTS),
    Control("GS-KMS-002", "Each key is Enabled", C,
            "Data written under a key that is pending deletion is lost when it goes.", _KMS_STATE),
    Control("GS-KMS-003", "Each key is customer managed", H,
            "An AWS managed key's policy cannot be changed, shared or audited by its user.", _KMS_CONCEPTS),
    Control("GS-KMS-004", "Each key is symmetric and for ENCRYPT_DECRYPT", C,
            "Glue supports symmetric customer managed keys only.", _CONFIGURATION),
    Control("GS-KMS-005", "Each key is in the run's region and account", H,
            "S3 and Glue need the key in the bucket's and job's region; a foreign account's key can be withdrawn by somebody else.", _KMS_CONCEPTS),
    Control("GS-KMS-006", "Each key the run encrypts with gives and opens a data key", C,
            "A describable key may still be unusable: key policy, grants and key state decide at the call.", _KMS_CONCEPTS),
    Control("GS-S3-001", "The Hadoop encryption settings in force are the planned ones", C,
            "A setting that was applied but is not in force encrypts nothing.", _S3A),
    Control("GS-S3-002", "Every S3 endpoint is reached over TLS", C,
            "Objects and credentials would cross the network in the clear.", _S3A),
    Control("GS-S3-003", "No per-bucket setting contradicts the plan", C,
            "fs.s3a.bucket.BUCKET.* beats fs.s3a.*, so it can switch encryption off for one bucket.", _S3A),
    Control("GS-S3-004", "Every object written is SSE-KMS under the expected key", C,
            "The object is what leaks, not the setting: each one is read back.", _SSE_KMS),
    Control("GS-S3-005", "No read or write option changes encryption or the endpoint", C,
            "Options reach the connector past the plan.", _S3A),
    Control("GS-S3-006", "Files are written to S3 only", H,
            "SSE-KMS is a property of S3; a local disk or HDFS has none.", _SSE_KMS),
    Control("GS-S3-007", "Every object written can be read back for verification", C,
            "An object that cannot be looked at is not known to be encrypted.", _SSE_KMS),
    Control("GS-S3-008", "The file system client in use was made with the planned settings", C,
            "Hadoop caches clients per bucket; one made before job.init keeps the settings of then.", _S3A),
    Control("GS-S3-009", "No write, purge or transition touches where bookmarks and evidence lie", C,
            "A write in overwrite mode and a purge delete what lies below their target: bookmarks with their history, and evidence.", _BOOKMARKS),
    Control("GS-S3-010", "A frame that is written belongs to the run's own Spark session", C,
            "Another session carries its own fs.s3a settings, which nobody has looked at.", _S3A),
    Control("GS-S3-011", "Spark itself writes to S3 only", H,
            "df.write, SQL, a stream or a checkpoint on a local disk, HDFS or in a database has no SSE-KMS, and is in nobody's sight.", _SSE_KMS),
    Control("GS-S3-012", "Every write of the session past the guard is known", C,
            "A write that nobody saw was read back by nobody.", "https://spark.apache.org/docs/3.5.6/api/java/org/apache/spark/sql/util/QueryExecutionListener.html"),
    Control("GS-S3-013", "Each Iceberg catalog writes under the run's key", C,
            "Iceberg's S3FileIO has an S3 client of its own, which reads none of Hadoop's settings.", "https://iceberg.apache.org/docs/1.10.0/aws/#s3-server-side-encryption"),
    Control("GS-SPK-001", "Driver and executors authenticate one another and encrypt what passes between them", M,
            "Shuffled rows, broadcasts and results cross the network between workers. UNKNOWN is reported; it stops a run with --glue-secure-worker-encryption required.", _SPARK_SECURITY),
    Control("GS-SPK-002", "What Spark spills and shuffles to local disks is encrypted", M,
            "Rows lie on the workers' disks until the job ends. UNKNOWN is reported; it stops a run with --glue-secure-worker-encryption required.", _SPARK_SECURITY),
    Control("GS-SPK-003", "Spark shuffles to local disks only", H,
            "Shuffled rows in S3 come and go while the job runs: nothing of them can be read back. A shuffle manager that is not Spark's is UNKNOWN, as above.", "https://docs.aws.amazon.com/glue/latest/dg/cloud-shuffle-storage-plugin.html"),
    Control("GS-SPK-004", "Spark's event log is off, or lies in S3 under the run's key", M,
            "Plans with the literals of the script stand in it. It is opened before the run begins. UNKNOWN is reported, as above.", "https://spark.apache.org/docs/3.5.6/monitoring.html"),
    Control("GS-TLS-001", "The connection demands full verification", C,
            "sslmode=require encrypts to anybody who answers; prefer and allow fall back to plain text.", _PGJDBC),
    Control("GS-TLS-002", "The server's certificate carries the host name that the connection names", C,
            "A valid certificate for another name is what a man in the middle has.", "RFC 9525"),
    Control("GS-TLS-003", "The server's certificate chains to the given authority and is in date", C,
            "An unknown or expired certificate proves nothing about the server.", "RFC 5280"),
    Control("GS-TLS-004", "Certificates use SHA-256 or better and RSA keys of 2048 bits or more, or P-256 or better", H,
            "Weaker signatures can be forged. Glue itself accepts only SHA256/384/512withRSA for custom certificates.", _JDBC),
    Control("GS-TLS-005", "No option overrides the connection's TLS", C,
            "enforceSSL=false and its like defeat the connection they are passed to.", _JDBC),
    Control("GS-TLS-006", "The Glue connection has JDBC_ENFORCE_SSL (or ENFORCE_SSL) true and does not skip certificate validation", C,
            "Off means that Glue ignores failures of TLS.", _JDBC),
    Control("GS-TLS-007", "The JDBC URL is one that the driver and this project read alike", C,
            "A URL read in two ways can hide a second host or a weaker mode.", _PGJDBC),
    Control("GS-TLS-008", "Credentials are not part of a JDBC URL, option or property in plain text", H,
            "Spark before 4.2 prints JDBC URLs unredacted in logs and its UI.", "https://issues.apache.org/jira/browse/SPARK-57580"),
    Control("GS-TLS-009", "The server offers TLS 1.2 or 1.3", C,
            "A server without TLS, or a proxy that strips it, would be sent the password in the clear.", _PGJDBC),
    Control("GS-TLS-010", "The run's own session is encrypted: the database confirms it, or the driver is one that was tried", H,
            "What the client believes is checked against what the server saw.", "https://www.postgresql.org/docs/17/monitoring-stats.html"),
    Control("GS-TLS-011", "The connection's engine is one whose driver this project knows", H,
            "An unknown driver's options cannot be judged.", _JDBC),
    Control("GS-TLS-012", "The certificate authority named by the connection can be read", H,
            "Without it the server cannot be verified.", _JDBC),
    Control("GS-BKM-001", "The bookmark decrypts and is authentic", C,
            "A bookmark that was changed decides what is read twice or never; it is not a first run.", _ESDK),
    Control("GS-BKM-002", "The bookmark belongs to this job, account and region", C,
            "Another job's state, copied over this one's, makes this job skip data.", _ESDK),
    Control("GS-BKM-003", "A bookmark exists where a run is recorded", C,
            "Deleting it would make the job read everything again and write it twice.", _BOOKMARKS),
    Control("GS-BKM-004", "The bookmark is not older than the recorded one", C,
            "An older state, put back, makes the job read again what it has written.", _BOOKMARKS),
    Control("GS-BKM-005", "Nobody else committed this job's bookmark during the run", H,
            "Two runs that both advance it lose one's progress; one wins and the other says so.", _BOOKMARKS),
    Control("GS-BKM-006", "The bookmark can be read and written", H,
            "No permission, no key or no answer is not 'no bookmark'.", _BOOKMARKS),
    Control("GS-CAT-001", "The Data Catalog that a run reads or writes is encrypted under a named key", H,
            "Table and partition definitions quote columns, locations and statistics of the data.", _CATALOG),
    Control("GS-CAT-002", "Passwords of the connections that a run opens are encrypted under a named key", H,
            "A password that a connection holds is otherwise returned in the clear to whoever may read the connection.", _PASSWORDS),
    Control("GS-CAT-003", "The encryption settings of the Data Catalog can be read", H,
            "What cannot be read cannot be relied on; 'access denied' is not 'encrypted'.", _CATALOG),
    Control("GS-CAT-004", "Encryption settings that were applied are the ones in force", H,
            "A setting that was put but does not come back encrypts nothing.", _CATALOG),
    Control("GS-LF-001", "IAMAllowedPrincipals holds no Super on what grants are given for", H,
            "While that group holds it, IAM alone decides and no grant counts.", _LAKE + "upgrade-glue-lake-formation-background.html"),
    Control("GS-LF-002", "New databases and tables come with no permissions for IAMAllowedPrincipals", H,
            "A table made tomorrow would be open to whomever IAM lets in.", _LAKE + "change-settings.html"),
    Control("GS-LF-003", "The account's permissions can be read and are what the permissions file says", H,
            "A grant by hand is access that nobody reviewed; 'access denied' is not 'no grants'.", _LAKE + "lf-permissions-reference.html"),
    Control("GS-LF-004", "A reviewed plan is applied to the state that it was planned from", H,
            "The same steps on another state give other permissions than the reviewer saw.", _LAKE + "granting-catalog-permissions.html"),
    Control("GS-LF-005", "Every step of a plan took effect", H,
            "Entries of a batch fail while the request succeeds; only a second look shows it.", _LAKE_API + "API_BatchGrantPermissions.html"),
    Control("GS-LF-006", "A job's role holds the Lake Formation permissions that its reads and writes need", M,
            "A job that is denied half way has written half of its data.", _LAKE + "lf-permissions-reference.html"),
    Control("GS-LF-007", "Under fine-grained access control no call works on RDDs", M,
            "Rows and columns are withheld from DataFrames only; RDDs are shut, and a job finds out late.", _GLUE + "security-lf-enable.html"),
    Control("GS-COL-001", "Every tagged column of a sink has an action", C,
            "A column that the catalog calls personal must not leave a run in the clear because nobody thought of it.", _CATALOG_COLUMN),
    Control("GS-COL-002", "The column policy's data key opens before the first read", C,
            "A key that opens for nobody makes a table that nobody can read, found after hours of work.", _KMS_CONTEXT),
    Control("GS-COL-003", "Each action of the policy can be carried out on its column", C,
            "An action that is skipped because of a column's type protects nothing.", _CATALOG_COLUMN),
    Control("GS-COL-004", "The column policy, and the tags of the tables it names, can be read", C,
            "Tags that cannot be read are not 'no tags'.", _LF_TAGS),
    Control("GS-COL-005", "Under a column policy, every sink is one whose columns the guard sees", C,
            "awsglue's own sinks take the frame past the guard of columns.", _GLUE + "aws-glue-api-crawler-pyspark-extensions-glue-context.html"),
    Control("GS-DQ-001", "Rows that reach a gated sink meet every critical rule of its suite, or the call said to warn", H,
            "What is written is read by others before anybody looks at it.", _GX),
    Control("GS-DQ-002", "Every critical rule of a suite can be decided", H,
            "A rule that raises, of a column that is not there for instance, has not been met.", _GX),
    Control("GS-DQ-003", "Great Expectations, and every suite that the run names, can be loaded before the first read", M,
            "A job that finds out at its first write has read, and perhaps written elsewhere, for nothing.", _GLUE + "aws-glue-programming-python-libraries.html"),
    Control("GS-DQ-004", "A gated frame gives the same rows each time it is computed", H,
            "It is computed once to be judged and once to be written; what changes in between was not judged.", "https://spark.apache.org/docs/3.5.6/sql-performance-tuning.html"),
    Control("GS-DQ-005", "Rows in quarantine lie apart from the sink", H,
            "Below the sink they would be read as data again.", _GX),
    Control("GS-COL-006", "Under a column policy, Spark itself writes nothing", C,
            "df.write, SQL, a stream or a saved RDD goes past the guard of columns: tagged columns leave as they are.", _CATALOG_COLUMN),
    Control("GS-EVD-001", "The run's evidence is written, encrypted", H,
            "A run that cannot show what it did cannot be relied on.", _SSE_KMS),
    Control("GS-DEP-001", "A reviewed deployment is applied to the account that it was planned from", H,
            "The same steps over somebody else's change undo it, or finish it, unseen.", _GLUE + "aws-glue-api-jobs-job.html"),
    Control("GS-DEP-002", "What was deployed is read back as it was planned", H,
            "A job that does not come back as it was put runs something else than was reviewed.", _GLUE + "aws-glue-api-jobs-job.html"),
    Control("GS-DEP-003", "A deployed job pins its script, the guard's code and the places of bookmarks and evidence", H,
            "Whoever may start a run may otherwise replace the guard, or send its evidence elsewhere.", _GLUE + "aws-glue-programming-etl-glue-arguments.html"),
    Control("GS-DEP-004", "A deployed job's script and wheels are SSE-KMS under a key of the account, with a SHA-256", H,
            "Who can replace the code decides what the job does; a checksum shows that it is the code that was deployed.", _SSE_KMS),
    Control("GS-DEP-005", "A deployed job's log groups are encrypted under the configuration's key", M,
            "A group that was there before the configuration keeps the encryption that it had.", _GLUE + "monitor-continuous-logging-enable.html"),
)  # fmt: skip

CONTROLS: dict[str, Control] = {control.id: control for control in _TABLE}


def by_family() -> Iterator[tuple[str, str, list[Control]]]:
    """Families in order: id, title, and their controls."""
    for family, title in FAMILIES.items():
        yield family, title, [control for control in _TABLE if control.family == family]


def as_markdown() -> str:
    """``docs/controls.md``, whole."""
    lines = [
        "# Controls",
        "",
        "Generated from `glue_secure/core/controls.py` by `make docs`; do not edit.",
        "",
        "A run that breaks a control ends with exit code 3; one that cannot decide a control ends with 4.",
    ]
    for family, title, controls in by_family():
        lines += ["", f"## {title} ({family})"]
        for control in controls:
            lines += [
                "",
                f'### <a id="{control.id.lower()}"></a>{control.id} · {control.title}',
                "",
                f"Severity: {control.severity.value}. {control.why}",
                "",
                f"Source: {control.source}",
            ]
    return "\n".join(lines) + "\n"
