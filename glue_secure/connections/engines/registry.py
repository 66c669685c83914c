"""The table of database engines: what each driver is called and how each of its options is judged.

An engine is data. PostgreSQL's option names are those of pgjdbc 42.7.3 (Glue 5) with the
security-relevant ones that later versions added.
https://jdbc.postgresql.org/documentation/use/#connection-parameters
"""

from __future__ import annotations

import re

from glue_secure.connections.engines.engine import BundledDriver, DriverOption, Engine, Opening, Rule
from glue_secure.connections.engines.more import ORACLE, REDSHIFT, SQLSERVER
from glue_secure.connections.engines.mysql import MARIADB, MYSQL

_INTEGER = r"-?[0-9]{1,9}"
_BOOLEAN = "true|false"
_TEXT = r"[A-Za-z0-9_](?:[A-Za-z0-9 _.,:()/-]{0,62}[A-Za-z0-9_.)-])?"
_SCHEMAS = r"[^\W\d][\w$]{0,62}(?:,[^\W\d][\w$]{0,62}){0,15}"
_TYPES = r"[A-Za-z0-9_]+(?:,[A-Za-z0-9_]+){0,63}"

_HARMLESS = {
    "ApplicationName": _TEXT,
    "adaptiveFetch": _BOOLEAN,
    "adaptiveFetchMaximum": _INTEGER,
    "adaptiveFetchMinimum": _INTEGER,
    "assumeMinServerVersion": r"[0-9]{1,2}(?:\.[0-9]{1,2}){0,2}",
    "autosave": "always|never|conservative",
    "binaryTransfer": _BOOLEAN,
    "binaryTransferDisable": _TYPES,
    "binaryTransferEnable": _TYPES,
    "cancelSignalTimeout": _INTEGER,
    "cleanupSavepoints": _BOOLEAN,
    "connectTimeout": _INTEGER,
    "currentSchema": _SCHEMAS,
    "databaseMetadataCacheFields": _INTEGER,
    "databaseMetadataCacheFieldsMiB": _INTEGER,
    "defaultRowFetchSize": _INTEGER,
    "disableColumnSanitiser": _BOOLEAN,
    "escapeSyntaxCallMode": "select|callIfNoReturn|call",
    "groupStartupParameters": _BOOLEAN,
    "hideUnprivilegedObjects": _BOOLEAN,
    "loginTimeout": _INTEGER,
    "logServerErrorDetail": _BOOLEAN,
    "logUnclosedConnections": _BOOLEAN,
    "maxResultBuffer": r"[0-9]{1,9}(?:[KMGT]|p|pct|percent)?",
    # "simple" builds statements from text in the client, which is where CVE-2024-1597 was.
    "preferQueryMode": "extended|extendedForPrepared|extendedCacheEverything",
    "preparedStatementCacheQueries": _INTEGER,
    "preparedStatementCacheSizeMiB": _INTEGER,
    "prepareThreshold": _INTEGER,
    "quoteReturningIdentifiers": _BOOLEAN,
    "readOnly": _BOOLEAN,
    "readOnlyMode": "ignore|transaction|always",
    "receiveBufferSize": _INTEGER,
    "reWriteBatchedInserts": _BOOLEAN,
    "sendBufferSize": _INTEGER,
    "socketTimeout": _INTEGER,
    "sslResponseTimeout": _INTEGER,
    "stringtype": "unspecified|varchar",
    "targetServerType": "any|primary|master|secondary|slave|preferSecondary|preferSlave|preferPrimary",
    "tcpKeepAlive": _BOOLEAN,
    "tcpNoDelay": _BOOLEAN,
    "unknownLength": _INTEGER,
}

_FACTORY = "org.postgresql.ssl.SingleCertValidatingFactory"
_VERIFIER = "org.postgresql.ssl.PGjdbcHostnameVerifier"

_TLS = (
    (
        "sslmode",
        "verify-full",
        "anything but verify-full encrypts to a server nobody has verified, or to nobody",
    ),
    ("ssl", "true", "any other value lets the driver fall back to plain text"),
    ("gssEncMode", "disable", "GSS encryption takes the place of TLS, and of the certificate"),
    ("sslfactory", re.escape(_FACTORY), "another factory decides by its own rules whom to trust"),
    ("sslhostnameverifier", re.escape(_VERIFIER), "another verifier may accept any name"),
    ("sslNegotiation", "postgres", "a handshake that the preflight has not seen"),
    ("sslfactoryarg", "", "it names another certificate to trust"),
    ("sslrootcert", "", "it names another authority than the connection's CUSTOM_JDBC_CERT"),
    ("sslcert", "", "client certificates are not supported yet"),
    ("sslkey", "", "client certificates are not supported yet"),
    ("sslpasswordcallback", "", "it names a class to run"),
    ("socketFactory", "", "it names a class that opens the connection in the driver's place"),
    ("socketFactoryArg", "", "it is read by a socket factory of the caller's"),
    ("channelBinding", "", "it changes how the login is tied to TLS"),
)
_CREDENTIALS = ("user", "password", "sslpassword", "username", "passwd", "pwd", "pass", "accessToken")
_ADDRESSES = ("PGHOST", "PGPORT", "PGDBNAME", "host", "hostaddr", "port", "dbname", "service")
_REFUSED = (
    ("options", "it sets any server parameter, for instance password_encryption or session_replication_role"),
    ("authenticationPluginClassName", "it names a class that is handed the password"),
    ("requireAuth", "it changes which logins the driver accepts"),
    ("loggerFile", "it writes a file, with queries and parameters in it"),
    ("loggerLevel", "the driver's trace shows the messages it exchanges"),
    ("xmlFactoryFactory", "it names a class to run"),
    ("replication", "it turns the session into a replication stream of the whole database"),
    ("localSocketAddress", "it chooses the network interface"),
    ("hostRecheckSeconds", "it is for several hosts"),
    ("loadBalanceHosts", "it is for several hosts"),
    ("allowEncodingChanges", "it lets the session change how text is decoded"),
    ("protocolVersion", "only the driver's own choice has been tried"),
    ("gsslib", "Kerberos logins are not supported yet"),
    ("gssResponseTimeout", "Kerberos logins are not supported yet"),
    ("gssUseDefaultCreds", "Kerberos logins are not supported yet"),
    ("jaasApplicationName", "Kerberos logins are not supported yet"),
    ("jaasLogin", "Kerberos logins are not supported yet"),
    ("kerberosServerName", "Kerberos logins are not supported yet"),
    ("sspiServiceClass", "Windows logins are not supported"),
    ("useSpnego", "Windows logins are not supported"),
)  # fmt: skip

POSTGRESQL = Engine(
    name="postgresql",
    url_prefix="jdbc:postgresql:",
    opening=Opening.POSTGRESQL,
    driver="org.postgresql.Driver",
    default_port=5432,
    # The verifier and gssEncMode are the driver's behaviour wanted anyway, and written out because
    # an org/postgresql/driverconfig.properties on the class path would otherwise supply its own.
    forced=(
        ("ssl", "true"),
        ("sslmode", "verify-full"),
        ("sslfactory", _FACTORY),
        ("sslhostnameverifier", _VERIFIER),
        ("gssEncMode", "disable"),
    ),
    anchor_option="sslfactoryarg",
    session_query="select ssl, version, cipher, bits "
    "from pg_catalog.pg_stat_ssl where pid = pg_catalog.pg_backend_pid()",
    session_source="pg_stat_ssl",
    defaults=(("reWriteBatchedInserts", "true"),),
    options=(
        *(DriverOption(name, Rule.HARMLESS, values) for name, values in _HARMLESS.items()),
        *(DriverOption(name, Rule.TLS, values, why) for name, values, why in _TLS),
        *(DriverOption(name, Rule.CREDENTIAL) for name in _CREDENTIALS),
        *(DriverOption(name, Rule.ADDRESS) for name in _ADDRESSES),
        *(DriverOption(name, Rule.REFUSED, why=why) for name, why in _REFUSED),
    ),
    bare_form="jdbc:postgresql://{host}:{port}/{database}",
    drivers=(
        BundledDriver("4.0", "42.3.6", "prefer: plain text where the server has no TLS"),
        BundledDriver("5.x", "42.7.3", "prefer: plain text where the server has no TLS"),
        BundledDriver("6.0", "42.7.3", "prefer: plain text where the server has no TLS"),
    ),
)

ENGINES = (POSTGRESQL, MYSQL, MARIADB, SQLSERVER, ORACLE, REDSHIFT)

__all__ = ["ENGINES", "POSTGRESQL", "DriverOption", "Engine", "Rule"]
