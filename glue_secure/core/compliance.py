"""What the controls mean in other catalogues: AWS's pages, scanners, and standards.

A mapping says that the control supports a requirement, not that it satisfies it: a standard is about an
organisation, and a scanner about resources, while a control is about one run. ``tests/vectors/compliance``
has the ids of the scanners and of those frameworks that publish them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from glue_secure.core import controls


@dataclass(frozen=True, slots=True)
class Framework:
    """A catalogue of requirements.

    Attributes:
        title: its name and version.
        source: where its requirements are.
        pattern: the form of its ids, a regular expression.
    """

    title: str
    source: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """A requirement of a framework, and the controls that support it.

    Attributes:
        framework: key in ``FRAMEWORKS``.
        id: id in the framework, or the heading of a section without ids.
        title: what it requires.
        reason: why the controls support it.
        controls: ids of the controls.
    """

    framework: str
    id: str
    title: str
    reason: str
    controls: tuple[str, ...]

    @property
    def source(self) -> str:
        """The page or document and section of the requirement."""
        return FRAMEWORKS[self.framework].source.format(id=self.id)


_WHITEPAPER = (
    "https://docs.aws.amazon.com/whitepapers/latest/aws-glue-best-practices-build-secure-data-pipeline/"
)
FRAMEWORKS = {
    "whitepaper": Framework(
        "AWS Glue Best Practices: Building a Secure and Reliable Data Pipeline, chapter "
        "'Building a secure data pipeline'",
        _WHITEPAPER + "building-a-secure-data-pipeline.html, section '{id}'",
        r"[A-Z][A-Za-z ]+",
    ),
    "security-hub": Framework(
        "AWS Security Hub, Foundational Security Best Practices",
        "https://docs.aws.amazon.com/securityhub/latest/userguide/fsbp-standard.html, [{id}]",
        r"[A-Z][A-Za-z0-9]+\.\d+",
    ),
    "config": Framework(
        "AWS Config managed rules",
        "https://docs.aws.amazon.com/config/latest/developerguide/{id}.html",
        r"[a-z0-9]+(-[a-z0-9]+)+",
    ),
    "prowler": Framework("Prowler 5.46.0", "https://hub.prowler.com/check/{id}", r"[a-z0-9]+(_[a-z0-9]+)+"),
    "checkov": Framework(
        "Checkov 3.3.30",
        "https://www.checkov.io/5.Policy%20Index/terraform.html, {id}",
        r"CKV2?_AWS_\d+",
    ),
    "nist-800-53": Framework(
        "NIST SP 800-53 Revision 5",
        "https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final, chapter 3, {id}",
        r"[A-Z]{2}-\d{1,2}(\(\d{1,2}\))?",
    ),
    "cis-aws": Framework(
        "CIS Amazon Web Services Foundations Benchmark 6.0.0",
        "https://www.cisecurity.org/benchmark/amazon_web_services, recommendation {id}",
        r"\d(\.\d{1,2}){1,2}",
    ),
    "pci-dss": Framework(
        "PCI DSS 4.0.1",
        "https://www.pcisecuritystandards.org/document_library/, PCI DSS v4.0.1, requirement {id}",
        r"\d{1,2}(\.\d{1,2}){1,3}",
    ),
    "iso-27001": Framework(
        "ISO/IEC 27001:2022, Annex A",
        "https://www.iso.org/standard/27001, Annex A, {id}",
        r"A\.[5-8]\.\d{1,2}",
    ),
    "soc-2": Framework(
        "SOC 2, Trust Services Criteria 2017 (revised points of focus 2022)",
        "https://www.aicpa-cima.com/resources/download/2017-trust-services-criteria-with-revised-points-of-focus-2022,"
        " {id}",
        r"(CC|A|C|PI|P)\d\.\d{1,2}",
    ),
}

_CONFIGURATION = "SEC-001 SEC-002 SEC-003 SEC-004 SEC-005 SEC-006 SEC-007 SEC-008 SEC-009 SEC-010"
_KEYS = "KMS-001 KMS-002 KMS-003 KMS-004 KMS-005 KMS-006 KMS-007 KMS-008 KMS-009"
_WRITES = "S3-001 S3-003 S3-004 S3-005 S3-007 S3-008 S3-010 S3-012 S3-013"
_AT_REST = (
    "SEC-003 SEC-004 SEC-005 SEC-006 SEC-012 "
    f"BKT-001 BKT-003 {_WRITES} S3-014 SPK-002 SPK-004 CON-001 BKM-001 CAT-001 CAT-002"
)
_TLS = "TLS-001 TLS-002 TLS-003 TLS-005 TLS-006 TLS-007 TLS-009 TLS-010 TLS-012 TLS-013"
_IN_TRANSIT = f"{_TLS} TLS-004 S3-002 SPK-001 CON-002 BKT-002"
_SECRETS = "SEC-011 TLS-008 JOB-003"
_COLUMNS = "COL-001 COL-002 COL-003 COL-004 COL-005 COL-006"
_QUALITY = "DQ-001 DQ-002 DQ-003 DQ-004 DQ-005"
_BOOKMARKS = "BKM-001 BKM-002 BKM-003 BKM-004 BKM-005 BKM-006"
_GRANTS = "LF-001 LF-002 LF-003 LF-006 LF-007 LF-008 LF-009 LF-010 LF-011 LF-012"
_CHANGES = "POL-001 POL-002 LF-004 LF-005 CAT-004 DEP-001 DEP-002 DEP-003"

_ROWS = (
    # framework, id, title, why, controls
    ("whitepaper", "Encryption of data at rest",
     "Encryption configurations can be provided by attaching a security configuration",
     "the configuration of the run is attached, complete, and in force for every object",
     f"{_CONFIGURATION} {_WRITES} SPK-002 SPK-004"),
    ("whitepaper", "Encryption of data at rest", "AWS Glue supports only symmetric CMKs",
     "the key is symmetric, customer managed and usable", _KEYS),
    ("whitepaper", "Encryption of data at rest",
     "You can use AWS KMS keys to encrypt job bookmarks, and the logs",
     "bookmarks are encrypted on the client, log groups under the configuration's key",
     f"SEC-004 SEC-005 {_BOOKMARKS} DEP-005"),
    ("whitepaper", "Encrypting your Data Catalog",
     "You can turn on encryption of your AWS Glue Data Catalog objects",
     "metadata and connection passwords are encrypted under a named key",
     "CAT-001 CAT-002 CAT-003 CAT-004"),
    ("whitepaper", "Encryption of data in transit",
     "TLS for data in motion between AWS Glue and S3, and for database connections",
     "S3 and every server are reached over verified TLS", f"{_IN_TRANSIT} TLS-011"),
    ("security-hub", "Glue.3", "AWS Glue machine learning transforms should be encrypted at rest",
     "the same setting, with a named key", "SEC-012"),
    ("security-hub", "Glue.4", "AWS Glue Spark jobs should run on supported versions of AWS Glue",
     "the same version, and that of Python in Python shell jobs", "JOB-001"),
    ("security-hub", "KMS.4", "AWS KMS key rotation should be enabled",
     "every key that jobs and the Data Catalog name rotates", "KMS-007"),
    ("security-hub", "KMS.5", "KMS keys should not be publicly accessible",
     "the policy of every key that jobs and the Data Catalog name", "KMS-008"),
    ("security-hub", "S3.8", "S3 general purpose buckets should block public access",
     "the same settings, of the bucket or the account", "BKT-004"),
    ("security-hub", "S3.15", "S3 general purpose buckets should have Object Lock enabled",
     "the bucket of evidence, with a default retention", "BKT-006"),
    ("security-hub", "KMS.3", "AWS KMS keys should not be deleted unintentionally",
     "a key that is pending deletion is refused", "KMS-002"),
    ("security-hub", "S3.5", "S3 buckets should require requests to use SSL",
     "the same statement, for every principal; tls_only requires it of a source", "S3-014 BKT-002"),
    ("security-hub", "S3.17", "S3 buckets should be encrypted at rest with AWS KMS keys",
     "each object, and the bucket's default, is under the expected KMS key", "S3-004 BKT-001"),
    ("security-hub", "Kinesis.1", "Kinesis streams should be encrypted at rest",
     "streams that a run uses are encrypted under a KMS key", "CON-001"),
    ("config", "glue-ml-transform-encrypted-at-rest", "ML transforms are encrypted at rest",
     "the same setting, with a named key", "SEC-012"),
    ("config", "glue-spark-job-supported-version", "Spark jobs run on a supported version of AWS Glue",
     "the same version, and that of Python in Python shell jobs", "JOB-001"),
    ("config", "glue-job-logging-enabled", "AWS Glue jobs have logging enabled",
     "continuous logging, in either kind of arguments", "JOB-002"),
    ("config", "cmk-backing-key-rotation-enabled", "KMS keys rotate automatically",
     "every key that jobs and the Data Catalog name rotates", "KMS-007"),
    ("config", "kms-key-policy-no-public-access", "Key policies do not allow public access",
     "the policy of every key that jobs and the Data Catalog name", "KMS-008"),
    ("config", "s3-bucket-level-public-access-prohibited", "Buckets block public access",
     "the same settings, of the bucket or the account", "BKT-004"),
    ("config", "s3-bucket-default-lock-enabled", "Buckets have Object Lock enabled",
     "the bucket of evidence, with a default retention", "BKT-006"),
    ("config", "kms-cmk-not-scheduled-for-deletion", "KMS keys are not scheduled for deletion",
     "a key that is pending deletion is refused", "KMS-002"),
    ("config", "s3-bucket-ssl-requests-only", "Bucket policies require requests over SSL",
     "the same statement, for every principal; tls_only requires it of a source", "S3-014 BKT-002"),
    ("config", "s3-default-encryption-kms", "Buckets are encrypted with AWS KMS",
     "each object, and the bucket's default, is under the expected KMS key", "S3-004 BKT-001"),
    ("config", "cloudwatch-log-group-encrypted", "Log groups are encrypted with AWS KMS",
     "the job's log groups are under the configuration's key", "SEC-004 DEP-005"),
    ("config", "dynamodb-table-encrypted-kms", "DynamoDB tables are encrypted with AWS KMS",
     "tables that a run writes are under a customer managed key", "CON-001"),
    ("config", "kinesis-stream-encrypted", "Kinesis streams are encrypted at rest",
     "streams that a run uses are encrypted under a KMS key", "CON-001"),
    ("prowler", "glue_etl_jobs_amazon_s3_encryption_enabled", "Glue job has S3 encryption enabled",
     "the same setting, but SSE-KMS only", "SEC-001 SEC-003 SEC-009"),
    ("prowler", "glue_etl_jobs_cloudwatch_logs_encryption_enabled",
     "Glue job has CloudWatch Logs encryption enabled", "the same setting", "SEC-001 SEC-004"),
    ("prowler", "glue_etl_jobs_job_bookmark_encryption_enabled",
     "Glue job has job bookmark encryption enabled", "the same setting", "SEC-001 SEC-005"),
    ("prowler", "glue_etl_jobs_no_secrets_in_arguments", "Glue job has no secrets in default arguments",
     "the same arguments, and those of the run", "SEC-011"),
    ("prowler", "glue_catalog_connection_no_secrets", "Connection has no secrets in its properties",
     "the same properties, and the options of calls", "TLS-008"),
    ("prowler", "glue_database_connections_ssl_enabled", "Glue connection has SSL enabled",
     "the same property, and that verification is not skipped", "TLS-006"),
    ("prowler", "glue_data_catalogs_metadata_encryption_enabled", "Data Catalog metadata is encrypted",
     "the same setting, with a named key", "CAT-001"),
    ("prowler", "glue_data_catalogs_connection_passwords_encryption_enabled",
     "Connection passwords are encrypted", "the same setting, with a named key", "CAT-002"),
    ("prowler", "glue_data_catalogs_not_publicly_accessible", "Data Catalog is not publicly accessible",
     "all resource policies, also those of single resources", "CAT-005"),
    ("prowler", "glue_development_endpoints_s3_encryption_enabled",
     "Development endpoint has S3 encryption enabled", "the same setting, but SSE-KMS only",
     "SEC-001 SEC-003"),
    ("prowler", "glue_development_endpoints_cloudwatch_logs_encryption_enabled",
     "Development endpoint has CloudWatch Logs encryption enabled", "the same setting", "SEC-001 SEC-004"),
    ("prowler", "glue_development_endpoints_job_bookmark_encryption_enabled",
     "Development endpoint has job bookmark encryption enabled", "the same setting", "SEC-001 SEC-005"),
    ("prowler", "glue_etl_jobs_logging_enabled", "Glue job has continuous logging enabled",
     "the same argument, in either kind of arguments", "JOB-002"),
    ("prowler", "glue_ml_transform_encrypted_at_rest", "ML transform is encrypted at rest",
     "the same setting, with a named key", "SEC-012"),
    ("prowler", "kms_cmk_rotation_enabled", "Key rotates automatically",
     "every key that jobs and the Data Catalog name", "KMS-007"),
    ("prowler", "kms_key_not_publicly_accessible", "Key is not publicly accessible",
     "every key that jobs and the Data Catalog name", "KMS-008"),
    ("prowler", "s3_bucket_level_public_access_block", "Bucket blocks public access",
     "the same settings, of the bucket or the account", "BKT-004"),
    ("prowler", "s3_bucket_object_lock", "Bucket has Object Lock enabled",
     "the bucket of evidence, with a default retention", "BKT-006"),
    ("prowler", "s3_bucket_shadow_resource_vulnerability", "Bucket with a predictable name is of the account",
     "every bucket of a job's code and state, and aws-glue-assets-ACCOUNT-REGION", "BKT-005"),
    ("prowler", "kms_cmk_not_deleted_unintentionally", "Key is not scheduled for deletion",
     "a key that is pending deletion is refused", "KMS-002"),
    ("prowler", "s3_bucket_kms_encryption", "Bucket has encryption with AWS KMS",
     "each object, and the bucket's default, is under the expected KMS key", "S3-004 BKT-001"),
    ("prowler", "s3_bucket_secure_transport_policy", "Bucket policy denies insecure transport",
     "the statement for every principal and every object", "S3-014 BKT-002"),
    ("prowler", "cloudwatch_log_group_kms_encryption_enabled", "Log group is encrypted with AWS KMS",
     "the job's log groups are under the configuration's key", "DEP-005"),
    ("prowler", "dynamodb_tables_kms_cmk_encryption_enabled", "DynamoDB table is encrypted with AWS KMS",
     "tables that a run writes are under a customer managed key", "CON-001"),
    ("prowler", "kinesis_stream_encrypted_at_rest", "Kinesis stream is encrypted at rest",
     "streams that a run uses are encrypted under a KMS key", "CON-001"),
    ("checkov", "CKV_AWS_94", "Glue Data Catalog encryption is enabled",
     "the same settings, with named keys", "CAT-001 CAT-002"),
    ("checkov", "CKV_AWS_99", "Glue security configuration encryption is enabled",
     "the same modes, and SSE-KMS for S3", "SEC-003 SEC-004 SEC-005"),
    ("checkov", "CKV_AWS_195", "Glue component has a security configuration",
     "the configuration is attached to the job, crawler or endpoint, and to the run", "SEC-001"),
    ("checkov", "CKV_AWS_7", "Rotation of customer created keys is enabled",
     "every key that jobs and the Data Catalog name", "KMS-007"),
    ("checkov", "CKV_AWS_33", "Key policy has no wildcard principal",
     "every key that jobs and the Data Catalog name", "KMS-008"),
    ("checkov", "CKV_AWS_53", "Bucket blocks public ACLs", "the same setting", "BKT-004"),
    ("checkov", "CKV_AWS_54", "Bucket blocks public policies", "the same setting", "BKT-004"),
    ("checkov", "CKV_AWS_55", "Bucket ignores public ACLs", "the same setting", "BKT-004"),
    ("checkov", "CKV_AWS_56", "Bucket restricts public access", "the same setting", "BKT-004"),
    ("checkov", "CKV_AWS_227", "KMS key is enabled", "every key of the run is Enabled", "KMS-002"),
    ("checkov", "CKV_AWS_379", "Bucket has a secure data transport policy",
     "the same statement, for every principal", "S3-014 BKT-002"),
    ("checkov", "CKV_AWS_158", "Log group is encrypted by KMS",
     "the job's log groups are under the configuration's key", "DEP-005"),
    ("checkov", "CKV_AWS_119", "DynamoDB tables are encrypted under a customer managed key",
     "tables that a run writes must be", "CON-001"),
    ("checkov", "CKV_AWS_43", "Kinesis stream is encrypted",
     "streams that a run uses are encrypted under a KMS key", "CON-001"),
    ("nist-800-53", "SC-8", "Transmission confidentiality and integrity",
     "connections are TLS to a verified server", _IN_TRANSIT),
    ("nist-800-53", "SC-8(1)", "Cryptographic protection in transmission",
     "connections are TLS to a verified server", _IN_TRANSIT),
    ("nist-800-53", "SC-12", "Cryptographic key establishment and management",
     "keys are customer managed, enabled and of the expected account", f"{_KEYS} EVD-002"),
    ("nist-800-53", "SC-13", "Cryptographic protection",
     "algorithms and key sizes have a minimum", "KMS-004 TLS-004 TLS-009"),
    ("nist-800-53", "SC-23", "Session authenticity",
     "the server's certificate and name are verified", "TLS-001 TLS-002 TLS-003"),
    ("nist-800-53", "SC-28", "Protection of information at rest",
     "stored objects, bookmarks and metadata are encrypted; that of spilled data is reported", _AT_REST),
    ("nist-800-53", "SC-28(1)", "Cryptographic protection at rest",
     "stored objects, bookmarks and metadata are encrypted; that of spilled data is reported", _AT_REST),
    ("nist-800-53", "AU-9(3)", "Cryptographic protection of audit information",
     "evidence is encrypted and chained, and signed if the job names a key",
     "EVD-001 EVD-002 EVD-003 BKT-006"),
    ("nist-800-53", "AU-12", "Audit record generation",
     "a run writes evidence; only the record of its start if its process is killed", "EVD-001"),
    ("nist-800-53", "AC-3", "Access enforcement", "Lake Formation's grants decide", _GRANTS),
    ("nist-800-53", "AC-4", "Information flow enforcement",
     "data leaves to known places, and tagged columns as the policy says",
     f"S3-006 S3-009 S3-011 S3-012 SPK-003 DEP-006 NET-001 NET-002 NET-003 NET-004 {_COLUMNS}"),
    ("nist-800-53", "AC-3(7)", "Role-based access control",
     "no resource is open to every principal", "KMS-008 CAT-005 BKT-004 BKT-005"),
    ("nist-800-53", "AU-12(1)", "System-wide and time-correlated audit trail",
     "jobs write their logs while they run", "JOB-002"),
    ("nist-800-53", "SI-2", "Flaw remediation", "versions that get security patches", "JOB-001"),
    ("nist-800-53", "AC-6", "Least privilege", "a role has no permissions beyond its grants",
     "LF-001 LF-002 LF-008 IAM-001 IAM-002 IAM-003 IAM-004 IAM-005 DEP-007"),
    ("nist-800-53", "CM-3", "Configuration change control",
     "reviewed files and plans are what is applied", _CHANGES),
    ("nist-800-53", "CM-6", "Configuration settings",
     "settings in force are the required ones", f"{_CONFIGURATION} S3-001 S3-003 S3-008 CAT-003"),
    ("nist-800-53", "IA-5(7)", "No embedded unencrypted static authenticators",
     "arguments, URLs and options have no secrets", _SECRETS),
    ("nist-800-53", "SI-7", "Software, firmware, and information integrity",
     "bookmarks, code and connectors are the expected ones", f"{_BOOKMARKS} DEP-003 DEP-004 CON-002 TLS-013"),
    ("nist-800-53", "SI-10", "Information input validation", "rows are checked against rules", _QUALITY),
    ("cis-aws", "3.1.1", "S3 bucket policy is set to deny HTTP requests",
     "the same statement, for every principal", "S3-014 BKT-002"),
    ("pci-dss", "3.5.1", "PAN is unreadable anywhere it is stored",
     "strong cryptography for stored objects, and masked or encrypted columns",
     f"S3-004 S3-013 S3-014 SPK-002 CON-001 {_COLUMNS}"),
    ("pci-dss", "3.6.1", "Keys that protect stored account data are protected against disclosure and misuse",
     "keys are in AWS KMS, customer managed, of the run's account", _KEYS),
    ("pci-dss", "4.2.1", "Strong cryptography protects PAN in transmission",
     "certificates are trusted, valid and strong, and no option weakens that", f"{_IN_TRANSIT}"),
    ("pci-dss", "8.6.2", "Passwords are not hard coded in scripts and configuration",
     "arguments, URLs and options have no secrets", _SECRETS),
    ("pci-dss", "10.3.2", "Audit log files are protected from modification",
     "a run never overwrites evidence; changed, added and removed documents are found if it is signed",
     "S3-009 EVD-003"),
    ("pci-dss", "10.3.4", "Change detection is used on audit logs",
     "the chain and its signatures; the removal of its end only with versioning or a noted entry",
     "EVD-002 EVD-003"),
    ("iso-27001", "A.5.14", "Information transfer", "connections are TLS to a verified server", _IN_TRANSIT),
    ("iso-27001", "A.5.17", "Authentication information",
     "arguments, URLs and options have no secrets", f"{_SECRETS} CAT-002"),
    ("iso-27001", "A.8.3", "Information access restriction", "Lake Formation's grants decide", _GRANTS),
    ("iso-27001", "A.8.9", "Configuration management",
     "settings in force are the required ones",
     f"{_CONFIGURATION} S3-001 S3-003 S3-008 CAT-003 DEP-002 DEP-006"),
    ("iso-27001", "A.8.11", "Data masking", "tagged columns are masked, encrypted or dropped", _COLUMNS),
    ("iso-27001", "A.8.12", "Data leakage prevention",
     "data leaves to known places only", f"S3-006 S3-011 S3-012 SPK-003 {_COLUMNS}"),
    ("iso-27001", "A.8.15", "Logging", "a run writes evidence, which is encrypted and chained",
     "SEC-004 EVD-001 EVD-002 EVD-003 DEP-005 IAM-006"),
    ("iso-27001", "A.8.24", "Use of cryptography",
     "algorithms, keys and their use are fixed and verified", f"{_AT_REST} {_KEYS} TLS-004 EVD-002"),
    ("iso-27001", "A.8.32", "Change management", "reviewed files and plans are what is applied", _CHANGES),
    ("soc-2", "CC6.1", "Logical access security over protected information assets",
     "encryption and its keys protect data at rest", f"{_AT_REST} {_KEYS}"),
    ("soc-2", "CC6.3", "Access based on roles and least privilege",
     "a role has no permissions beyond its grants", _GRANTS),
    ("soc-2", "CC6.7", "Information is protected during transmission",
     "connections are TLS to a verified server", _IN_TRANSIT),
    ("soc-2", "CC8.1", "Changes are authorised, tested and approved",
     "reviewed files and plans are what is applied", _CHANGES),
    ("soc-2", "PI1.4", "System outputs are complete and accurate",
     "rows are checked before they are written", _QUALITY),
)  # fmt: skip

NOT_MAPPED = {
    "Glue.1": "tags of jobs do not change how data is protected",
}
"""Requirements of Security Hub that readers expect here, and why no control supports them."""

REQUIREMENTS = tuple(
    Requirement(framework, id, title, reason, tuple(f"GS-{name}" for name in dict.fromkeys(names.split())))
    for framework, id, title, reason, names in _ROWS
)


def of_control(control: str) -> tuple[Requirement, ...]:
    """Return the requirements that a control supports."""
    return tuple(one for one in REQUIREMENTS if control in one.controls)


def names_of_control(control: str) -> list[str]:
    """Return the requirements that a control supports, each once, as ``FRAMEWORK ID``."""
    return list(dict.fromkeys(f"{one.framework} {one.id}" for one in of_control(control)))


def framework_and_id(text: str) -> tuple[str, str]:
    """Return the key of the framework that a text begins with, and the rest; ``""`` for what it lacks.

    Args:
        text: as ``controls show`` prints a requirement (``pci-dss 3.5.1``), or one of its two parts. A space
            may stand for a hyphen of the key, in any letter case.
    """
    text = " ".join(text.split())
    for key in FRAMEWORKS:
        match = re.match(rf"{key.replace('-', '[ -]')}(?: |$)", text, re.IGNORECASE)
        if match:
            return key, text[match.end() :]
    return "", text


def mapped_to(text: str) -> tuple[str, ...]:
    """Return the ids of the controls that support a requirement, in the order of the table of controls.

    Args:
        text: id of a requirement (``CKV_AWS_195``, in any letter case), key of a framework, or both. If no
            requirement has the id, those below it: ``3.5`` stands for ``3.5.1``.
    """
    framework, named = framework_and_id(text)
    rows = [one for one in REQUIREMENTS if framework in ("", one.framework)]
    if named:
        below = tuple(f"{named.casefold()}{separator}" for separator in ".(")
        rows = [one for one in rows if one.id.casefold() == named.casefold()] or [
            one for one in rows if one.id.casefold().startswith(below)
        ]
    elif not framework:
        return ()
    found = {control for one in rows for control in one.controls}
    return tuple(control for control in controls.CONTROLS if control in found)


def near(text: str) -> list[str]:
    """Return at most three requirements whose ids are similar to a text, as ``FRAMEWORK ID``."""
    framework, named = framework_and_id(text)
    ids = {one.id: one.framework for one in REQUIREMENTS if framework in ("", one.framework)}
    folded = {id.casefold(): f"{key} {id}" for id, key in ids.items()}
    return [folded[id] for id in difflib.get_close_matches(named.casefold(), folded)]


def as_markdown() -> str:
    """Return the text of ``docs/compliance.md``."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield "# Compliance mapping\n"
    yield "Generated from `glue_secure/core/compliance.py` by `make docs`; do not edit.\n"
    yield "Which requirements of AWS, of scanners and of standards the [controls](controls.md) support. A"
    yield "mapping helps an auditor to find evidence; it does not prove compliance. A standard is about an"
    yield "organisation, a scanner about resources, and a control about one run or, if a run does not check"
    yield "it, about an account (*audit* in [controls](controls.md)).\n"
    yield "`glue-secure controls show ID` prints the requirements of a control, and"
    yield "`glue-secure controls list --maps-to CKV_AWS_195` the controls of a requirement or framework."
    for key, framework in FRAMEWORKS.items():
        yield f"\n## {framework.title}\n"
        yield f"Key `{key}`. Source: {framework.source.format(id='ID')}\n"
        yield "| id | requirement | why | controls |"
        yield "|---|---|---|---|"
        for one in REQUIREMENTS:
            if one.framework == key:
                links = ", ".join(f"[{name}](controls.md#{name.lower()})" for name in one.controls)
                yield f"| {one.id} | {one.title} | {one.reason} | {links} |"
    yield "\n## Not mapped\n"
    yield "| id | why |"
    yield "|---|---|"
    for id, reason in NOT_MAPPED.items():
        yield f"| {id} | {reason} |"
