"""The Amazon Redshift engine (Redshift JDBC driver, a fork of pgjdbc).

The driver accepts option names in any letter case and uses the last of two equal options.
https://docs.aws.amazon.com/redshift/latest/mgmt/jdbc20-configuration-options.html
"""

from __future__ import annotations

import re

from glue_secure.connections.engines.engine import (
    ANOTHER_AUTHORITY,
    ANOTHER_SOCKET,
    BOOLEAN,
    CLASS,
    CLIENT_CERTIFICATE,
    DIRECTORY_LOGIN,
    NUMBER,
    TEXT,
    TRACE,
    ApprovedDriver,
    BundledDriver,
    DatabaseEngine,
    DriverRelease,
    NameEncoding,
    TlsNegotiation,
    engine_options,
    timeouts,
)

_TYPES = r"[A-Za-z0-9_]+(?:,[A-Za-z0-9_]+){0,63}"
_SIZE = r"[0-9]{1,9}(?:[KMGT]|p|pct|percent)?"
_FACTORY = "com.amazon.redshift.ssl.SingleCertValidatingFactory"
_VERIFIER = "com.amazon.redshift.ssl.RedshiftjdbcHostnameVerifier"

_OPTIONS = engine_options(
    {
        TEXT: "ApplicationName queryGroup currentSchema",
        NUMBER: "blockingRowsMode cancelSignalTimeout connectTimeout databaseMetadataCacheFields"
        " databaseMetadataCacheFieldsMiB defaultRowFetchSize hostRecheckSeconds loginTimeout"
        " overrideSchemaPatternType preparedStatementCacheQueries preparedStatementCacheSizeMiB"
        " prepareThreshold receiveBufferSize reWriteBatchedInsertsSize sendBufferSize socketTimeout"
        " unknownLength",
        BOOLEAN: "binaryTransfer cleanupSavepoints databaseMetadataCurrentDbOnly disableColumnSanitiser"
        " disableIsValidQuery enableFetchRingBuffer enableGeneratedName enableStatementCache"
        " hideUnprivilegedObjects loadBalanceHosts logServerErrorDetail logUnclosedConnections"
        " raiseExceptionOnSilentRollback readOnly reWriteBatchedInserts tcpKeepAlive",
        _TYPES: "binaryTransferDisable binaryTransferEnable",
        _SIZE: "fetchRingBufferSize maxResultBuffer",
        r"[0-9]{1,2}(?:\.[0-9]{1,2}){0,2}": "assumeMinServerVersion",
        "(?i:always|never|conservative)": "autosave",
        "(?i:off|lz4|lz4:[0-9])": "compression",
        "(?i:LOCAL|SERVER)": "connectionTimezone",
        "select|callIfNoReturn|call": "escapeSyntaxCallMode",
        "ignore|transaction|always": "readOnlyMode",
        "unspecified|varchar": "stringtype",
        "any|primary|master|secondary|slave|preferSecondary|preferSlave|preferPrimary": "targetServerType",
    },
    (
        ("sslmode", "(?i:verify-full)", "any other mode does not verify the server's name"),
        ("ssl", "(?i:true)", "any other value turns TLS off"),
        ("sslfactory", re.escape(_FACTORY), "another factory may trust any certificate"),
        ("sslhostnameverifier", re.escape(_VERIFIER), "another verifier may accept any name"),
        ("authMech", "", "a deprecated option that turns verification off"),
        ("sslrootcert sslfactoryarg sslTrustStorePath sslTrustStorePwd sslTrustStore", "", ANOTHER_AUTHORITY),
        ("sslcert sslkey", "", CLIENT_CERTIFICATE),
        ("sslpasswordcallback", "", CLASS),
        ("socketFactory socketFactoryArg", "", ANOTHER_SOCKET),
    ),
    "user UID password PWD sslpassword AccessKeyID SecretAccessKey SessionToken webIdentityToken"
    " client_secret token token_type idp_response identity_namespace",
    "host port dbname PGHOST PGPORT PGDBNAME service ClusterID Region serverlessWorkGroup"
    " serverlessAcctID isServerless",
    {
        TRACE: "LogPath LogLevel=0|OFF DSILogLevel=0 MaxLogFileSize MaxLogFileCount loggerFile loggerLevel",
        "the option fetches credentials from other servers": "IAMAuth=(?i:false) IAMDisableCache IAMDuration"
        " EndpointUrl StsEndpointUrl Profile AuthProfile plugin_name CredentialsProvider AutoCreate DbUser"
        " DbGroups DbGroupsFilter ForceLowercase groupFederation providerName",
        "the option reads options from a file": "IniFile IniSection",
        "the option can set any server parameter": "options",
        "the option turns the session into a replication stream of the whole database": "replication",
        "the option lets the session change how text is decoded": "allowEncodingChanges=(?i:false)",
        "only the driver's default has been tested": "protocolVersion",
        "the option builds statements as text in the client": "preferQueryMode=extended|extendedForPrepared"
        "|extendedCacheEverything",
        "the option allows several statements in one": "enableMultiSqlSupport=(?i:false)",
        DIRECTORY_LOGIN: "gsslib jaasApplicationName jaasLogin kerberosServerName sspiServiceClass"
        " useSpnego=(?i:false)",
    },
)

REDSHIFT = DatabaseEngine(
    name="redshift",
    driver_release=DriverRelease(
        artifacts=("com.amazon.redshift:redshift-jdbc42",),
        versions=(("2.1.0.8", ""),),
        recommended="2.1.0.29",
        reason="earlier versions run classes that options name (CVE-2022-41828)",
        source="https://nvd.nist.gov/vuln/detail/CVE-2022-41828",
        properties_file="redshift_jdbc_driver.properties",
    ),
    url_prefix="jdbc:redshift:",
    negotiation=TlsNegotiation.POSTGRESQL,
    driver="com.amazon.redshift.Driver",
    driver_aliases=tuple(
        f"com.amazon.redshift.{package}.Driver" for package in ("jdbc", "jdbc4", "jdbc41", "jdbc42")
    ),
    default_port=5439,
    forced_options=(
        ("ssl", "true"),
        ("sslmode", "verify-full"),
        ("sslfactory", _FACTORY),
        ("sslhostnameverifier", _VERIFIER),
        ("iamauth", "false"),
        # Otherwise the driver reads more options from rsjdbc.ini beside its JAR, in the home directory or in
        # /tmp. https://docs.aws.amazon.com/redshift/latest/mgmt/jdbc20-ini-file.html
        ("IniFile", "/dev/null"),
    ),
    timeouts=timeouts("connectTimeout", "socketTimeout", login="loginTimeout"),
    cancels_in_plain_text=True,  # as pgjdbc
    anchor_option="sslfactoryarg",
    options=_OPTIONS,
    options_source="https://docs.aws.amazon.com/redshift/latest/mgmt/jdbc20-configuration-options.html",
    url_form=r"jdbc:redshift://(?P<address>[^/?#;]*)/(?P<database>[^/?#;]*)"
    r"(?:\?(?P<options>[^;]*)|;(?P<semicolons>[^?&]*))?",
    encoding=NameEncoding.PERCENT,
    needs_database=True,
    bare_form="jdbc:redshift://{host}:{port}/{database}",
    approved_drivers=(
        ApprovedDriver("2.1.0.16", "6b2031f69ae36b07624d401fba00b0d4be53fdb277f78366da100bedf8e8ed27"),
        ApprovedDriver("2.1.0.29", "b30825a09c05293a79c8839bfef172901a9dcb7a46ec19559409d0e6eb7b5299"),
    ),
    bundled_drivers=(
        BundledDriver("4.0", "2.1.0.16", "verify-ca: server name not compared"),
        BundledDriver("5.x", "2.1.0.29", "verify-ca: server name not compared"),
        BundledDriver("6.0", "not published", "unknown"),
    ),
)  # fmt: skip
