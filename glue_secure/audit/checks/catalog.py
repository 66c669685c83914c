"""The Data Catalog's settings, resource policies and connections: GS-CAT and GS-TLS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from glue_secure.audit import calls, identities
from glue_secure.audit.calls import Request
from glue_secure.audit.estate import Absent, Estate, Shape, Unread
from glue_secure.audit.model import AuditFinding, Resource, ResourceKind
from glue_secure.audit.references import catalog_settings
from glue_secure.audit.resource_policies import UnreadablePolicyError, public_statements
from glue_secure.connections import kafka, properties
from glue_secure.connections.connectors.options import check_mongodb_uri
from glue_secure.connections.url import read_url
from glue_secure.core.catalog_encryption import CatalogEncryptionMode, check_metadata, check_passwords
from glue_secure.core.connection import GlueConnection
from glue_secure.core.errors import ControlError, UsageError, VerificationError
from glue_secure.core.findings import Finding, Verdict, failed, passed, unknown
from glue_secure.core.redaction import is_secret_name, redact_text

CATALOG = ("GS-CAT-001", "GS-CAT-002", "GS-CAT-003", "GS-CAT-005")
CONNECTIONS = ("GS-TLS-001", "GS-TLS-005", "GS-TLS-006", "GS-TLS-007", "GS-TLS-008", "GS-TLS-011")
_WITHOUT_SERVER = ("NETWORK",)
_OF_ENGINES = ("SparkProperties", "AthenaProperties", "PythonProperties")
_JDBC = (*properties.CONNECTION_TYPES, "MONGODB")
# Types that AWS Glue reaches over HTTPS by its own clients, and that have no setting for TLS.
_HTTPS = frozenset(
    {"ADOBEANALYTICS", "ASANA", "BIGQUERY", "DYNAMODB", "FACEBOOKADS", "GOOGLEADS", "GOOGLEANALYTICS4",
     "GOOGLESHEETS", "HUBSPOT", "INSTAGRAMADS", "INTERCOM", "JIRACLOUD", "MARKETO", "NETSUITEERP",
     "SALESFORCE",
     "SALESFORCEMARKETINGCLOUD", "SALESFORCEPARDOT", "SAPODATA", "SERVICENOW", "SLACK", "SNAPCHATADS",
     "STRIPE", "ZENDESK", "ZOHOCRM", "SNOWFLAKE", "AMAZON_ADS"}
)  # fmt: skip


def catalog_requests(estate: Estate) -> Iterator[Request]:
    """Yield the calls about the Data Catalog."""
    yield Request(calls.CATALOG_SETTINGS)
    yield Request(calls.RESOURCE_POLICIES)
    yield Request(calls.RESOURCE_POLICY)
    key = _key_that_may_hide_policies(estate)
    if key:
        yield Request(calls.CALLER)
        yield from identities.requests()
        yield Request(calls.KEY, key, key.split(":")[3] if key.startswith("arn:") else "")
        answer = estate.known_answer(calls.KEY, key)
        if answer is not None:
            arn = str(answer["KeyMetadata"]["Arn"])
            yield Request(calls.KEY_POLICY, arn, arn.split(":")[3])


def evaluate_catalog(estate: Estate) -> Iterator[AuditFinding]:
    """Yield the findings about the Data Catalog."""
    resource = Resource(ResourceKind.CATALOG, estate.account)
    answer = estate.answer(calls.CATALOG_SETTINGS)
    settings = catalog_settings(estate)
    if settings is None:
        unread = answer if isinstance(answer, Unread) else Unread(calls.CATALOG_SETTINGS, "", "no settings")
        for control in ("GS-CAT-001", "GS-CAT-002", "GS-CAT-003"):
            yield estate.unknown(control, resource, unread)
    else:
        for finding in (
            passed("GS-CAT-003", f"Data Catalog {estate.account}", settings.mode),
            check_metadata(settings, estate.account),
            check_passwords(settings, estate.account),
        ):
            yield estate.finding(finding, resource)
    yield _resource_policies(estate, resource)


def _resource_policies(estate: Estate, resource: Resource) -> AuditFinding:
    """GS-CAT-005 by the policies of single resources and by the policy of the catalog.

    If metadata is encrypted and the caller may not use the key, GetResourcePolicies leaves out the policy of
    the catalog without an error, so that it is read by GetResourcePolicy as well. AWS does not document that
    GetResourcePolicy fails then: if it finds no policy, the caller must certainly be allowed to use the key.
    https://docs.aws.amazon.com/glue/latest/webapi/API_GetResourcePolicies.html
    """
    listing, own = estate.listing(calls.RESOURCE_POLICIES), estate.answer(calls.RESOURCE_POLICY)
    required = "no statement that allows every principal"
    policies = {str(policy.get("PolicyInJson")): None for policy in listing.items}
    if not isinstance(own, Absent | Unread):
        policies[str(own.get("PolicyInJson"))] = None
    public: list[str] = []
    for policy in policies:
        try:
            public += public_statements(policy)
        except UnreadablePolicyError as error:
            finding = unknown(
                "GS-CAT-005", str(resource), found=str(error), required=required, fix="correct the policy"
            )
            return estate.finding(finding, resource)
    if public:
        finding = failed(
            "GS-CAT-005",
            str(resource),
            found=f"every principal, in {', '.join(public)}",
            required=required,
            fix="name the principals, or limit the statement with aws:PrincipalOrgID "
            "(aws glue put-resource-policy --policy-in-json file://policy.json)",
        )
        return estate.finding(finding, resource)
    for unread in (listing.unread, own):
        if isinstance(unread, Unread):
            return estate.unknown("GS-CAT-005", resource, unread)
    hidden = _hidden(estate)
    if isinstance(hidden, Unread):
        return estate.unknown("GS-CAT-005", resource, hidden)
    if hidden:
        finding = unknown(
            "GS-CAT-005",
            str(resource),
            found=hidden,
            required="a caller that the policies certainly allow to decrypt metadata, so that no policy is "
            "left out",
            fix="grant kms:Decrypt on the key to the auditor (glue-secure policy iam audit prints the "
            "policy), or review the policy: aws glue get-resource-policy",
        )
        return estate.finding(finding, resource)
    found = f"{len(policies)} resource policies"
    return estate.finding(passed("GS-CAT-005", str(resource), found), resource)


def _key_that_may_hide_policies(estate: Estate) -> str:
    """Return the key of metadata if a missing policy can mean that the caller may not use it, else ``""``.

    In the mode with a service role, AWS Glue uses the key with that role.
    """
    settings = catalog_settings(estate)
    is_absent = isinstance(estate.answers.get((calls.RESOURCE_POLICY.name, "")), Absent)
    if settings is None or not is_absent or settings.mode != CatalogEncryptionMode.SSE_KMS:
        return ""
    return settings.key or "alias/aws/glue"


def _hidden(estate: Estate) -> str | Unread:
    """Return why a resource policy may have been left out, ``""`` if none can have been."""
    settings = estate.answer(calls.CATALOG_SETTINGS)
    if isinstance(settings, Unread):
        return settings
    key = _key_that_may_hide_policies(estate)
    if not key:
        return ""
    described = estate.answer(calls.KEY, key)
    for answer in (described, estate.answer(calls.CALLER), identities.unread(estate)):
        if isinstance(answer, Unread):
            return answer
    if isinstance(described, Absent):
        return f"metadata is encrypted under {key}, which does not exist"
    arn = str(described["KeyMetadata"]["Arn"])  # type: ignore[index]
    policy = estate.answer(calls.KEY_POLICY, arn)
    if isinstance(policy, Unread):
        return policy
    account = estate.account
    # AWS does not document which of the two is the value in China.
    suffixes = ("amazonaws.com", "amazonaws.com.cn") if estate.partition == "aws-cn" else ("amazonaws.com",)
    context = {
        "kms:CallerAccount": (account,),
        "kms:EncryptionContext:glue_catalog_id": (account,),
        "kms:EncryptionContextKeys": ("glue_catalog_id",),
        "aws:SecureTransport": ("true",),
        "aws:PrincipalAccount": (account,),
        "aws:ResourceAccount": (arn.split(":")[4],),
    }
    if (
        arn.split(":")[4] == account
        and not isinstance(policy, Absent)
        and all(
            identities.certainly_allowed_by_key(
                estate,
                str(policy["Policy"]),
                arn,
                "kms:Decrypt",
                {**context, "kms:ViaService": (f"glue.{estate.region}.{suffix}",)},
            )
            for suffix in suffixes
        )
    ):
        return ""
    name, _ = identities.caller(estate)
    return (
        f"no policy, and metadata is encrypted under {arn}: AWS Glue may leave out the policy of the catalog "
        f"for a caller without kms:Decrypt, and the policies of {name or 'the caller'} and of the key do not "
        "certainly allow it"
    )


def connection_requests(_: Estate) -> Iterator[Request]:
    """Yield the calls about connections. Passwords are never requested."""
    yield Request(calls.CONNECTIONS)
    yield Request(calls.JOBS)
    yield Request(calls.CATALOG_SETTINGS)


def evaluate_connections(estate: Estate) -> Iterator[AuditFinding]:
    """Yield the findings about connections, without a connection to a server."""
    users: dict[str, set[str]] = {}
    for job in estate.known(calls.JOBS):
        for name in (job.get("Connections") or {}).get("Connections") or ():
            users.setdefault(str(name), set()).add(str(job["Name"]))
    listing = estate.listing(calls.CONNECTIONS)
    for shape in listing.items:
        connection = GlueConnection.from_api(shape)
        resource = Resource(ResourceKind.CONNECTION, connection.name)
        jobs = tuple(users.pop(connection.name, ()))
        for finding in _connection(connection, _all_properties(shape)):
            yield estate.finding(finding, resource, jobs)
        password = _stored_password(estate, connection)
        if isinstance(password, Unread):
            yield estate.unknown("GS-TLS-008", resource, password, jobs)
        elif password is not None:
            yield estate.finding(password, resource, jobs, part="password")
    if listing.unread:
        for control in CONNECTIONS:
            yield estate.unknown(control, Resource(ResourceKind.CONNECTION, "(all)"), listing.unread)
        return
    for name, jobs_of in users.items():
        finding = failed(
            "GS-TLS-011",
            f"connection {name}",
            found="no such connection, and a job names it",
            required="an existing connection",
            fix="create the connection, or remove it from the job",
        )
        yield estate.finding(finding, Resource(ResourceKind.CONNECTION, name), tuple(jobs_of))


def _all_properties(shape: Shape) -> dict[str, str]:
    """Return the properties of a connection, those for one engine as ``SparkProperties.NAME``."""
    found = {str(name): str(value) for name, value in (shape.get("ConnectionProperties") or {}).items()}
    for member in _OF_ENGINES:
        found |= {f"{member}.{name}": str(value) for name, value in (shape.get(member) or {}).items()}
    return found


def _connection(connection: GlueConnection, values_of_all: Mapping[str, str]) -> Iterator[Finding]:
    kind, resource = connection.connection_type.upper(), f"connection {connection.name}"
    yield _properties_without_secrets(values_of_all, resource)
    if kind in _WITHOUT_SERVER or kind in _HTTPS or kind.startswith("VIEW_VALIDATION_"):
        return
    if kind == "KAFKA":
        values = {name: value for name, value in connection.properties.items() if value}
        yield from kafka.check_tls_enforced(values, resource)
        yield from _checked(kafka.check_property_names(connection))
        yield from _raised(
            resource, lambda: [kafka.read_brokers(values.get("KAFKA_BOOTSTRAP_SERVERS", ""), resource)[1]]
        )
    elif kind in _JDBC:
        yield from properties.check_tls_enforced(connection)
        if kind == "MONGODB":
            for name, value in values_of_all.items():
                if name.rpartition(".")[2].upper() == "CONNECTION_URL" or value.startswith("mongodb"):
                    yield check_mongodb_uri(name, value, resource) or passed(
                        "GS-TLS-001", resource, f"{name} without an option that weakens TLS"
                    )
            return
        yield from _checked(properties.check_property_names(connection))
        yield from properties.check_driver(connection)
        text = connection.properties.get("JDBC_CONNECTION_URL", "")
        if text:
            yield from _raised(resource, lambda: read_url(text, resource=resource).findings)
    else:
        yield unknown(
            "GS-TLS-006",
            resource,
            found=f"a connection of type {redact_text(connection.connection_type)}, whose TLS is not "
            "known to glue-secure",
            required="a type whose TLS can be verified",
            fix="verify its TLS, and accept the finding in the baseline file",
        )


def _checked(findings: tuple[Finding, ...]) -> Iterator[Finding]:
    """Leave out GS-TLS-008 that a check passes by the names of properties alone: their values count, too."""
    return (one for one in findings if one.control != "GS-TLS-008" or one.verdict is not Verdict.PASS)


def _raised(resource: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Yield the findings of a check, and of the error that it raises."""
    try:
        for finding in check():
            if finding.control != "GS-TLS-008":
                yield finding
    except ControlError as error:
        verdict = Verdict.UNKNOWN if isinstance(error, VerificationError) else Verdict.FAIL
        yield Finding(
            error.control, verdict, error.resource, error.found, error.required, error.fix, error.aws_code
        )
    except UsageError as error:
        yield unknown("GS-TLS-007", resource, found=str(error), required="a JDBC URL", fix="correct the URL")


def _properties_without_secrets(properties_of_all: Mapping[str, str], resource: str) -> Finding:
    """GS-TLS-008 by names and values of properties. A password is not among them: it is never requested."""
    secret = sorted(
        name
        for name, value in properties_of_all.items()
        if value
        and not value.startswith("arn:")
        and (
            redact_text(value) != value
            or _is_secret(name.rpartition(".")[2] if name.startswith(_OF_ENGINES) else name)
        )
    )
    if secret:
        return failed(
            "GS-TLS-008",
            resource,
            found=f"a secret in {', '.join(secret)} (value not shown)",
            required=f"{_secret_property(properties_of_all)}: a secret in AWS Secrets Manager",
            fix="move the secret into AWS Secrets Manager, name it in "
            f"{_secret_property(properties_of_all)}, remove {', '.join(secret)}, and change the secret",
        )
    return passed("GS-TLS-008", resource, f"{len(properties_of_all)} properties without a secret")


def _secret_property(properties: Mapping[str, str]) -> str:
    """Return the property of a connection that names its secret."""
    kafka = any(name.startswith("KAFKA_") for name in properties)
    return "KAFKA_SASL_SCRAM_SECRETS_ARN" if kafka else "SECRET_ID"


def _is_secret(name: str) -> bool:
    return is_secret_name(name) and not name.startswith("ENCRYPTED_") and name != "SECRET_ID"


def _stored_password(estate: Estate, connection: GlueConnection) -> Finding | Unread | None:
    """GS-TLS-008 for a password that the Data Catalog stores: it must encrypt passwords.

    A connection with a user and without a secret has one. GetConnections returns it to every caller that does
    not hide it, in plain text unless the catalog encrypts passwords.
    """
    values = connection.properties
    user = (
        values.get("USERNAME")
        or values.get("KAFKA_SASL_SCRAM_USERNAME")
        or values.get("KAFKA_SASL_PLAIN_USERNAME")
    )
    has_secret = values.get("SECRET_ID") or connection.secret or values.get("KAFKA_SASL_SCRAM_SECRETS_ARN")
    if not user or has_secret or connection.authentication.upper() == "IAM":
        return None
    resource = f"connection {connection.name} password"
    settings = catalog_settings(estate)
    if settings is None:
        answer = estate.answer(calls.CATALOG_SETTINGS)
        return answer if isinstance(answer, Unread) else Unread(calls.CATALOG_SETTINGS, "", "no settings")
    if settings.passwords:
        return passed("GS-TLS-008", resource, "encrypted by the Data Catalog")
    return failed(
        "GS-TLS-008",
        resource,
        found="a password that the Data Catalog stores without encryption",
        required="SECRET_ID: a secret in AWS Secrets Manager",
        fix="move the password into AWS Secrets Manager and name it in SECRET_ID, or encrypt passwords: "
        "glue-secure catalog apply --password-key KEY-ARN",
    )
