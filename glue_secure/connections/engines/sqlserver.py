"""The SQL Server engine (mssql-jdbc).

The driver accepts option names in any letter case and uses the last of two equal options (measured). It trims
blanks around names and values, skips empty options, and reads a value in braces as written (measured).
Version 9.4 does not encrypt by default, 10.2 does (documented).
https://learn.microsoft.com/en-us/sql/connect/jdbc/setting-the-connection-properties
"""

from __future__ import annotations

from dataclasses import replace

from glue_secure.connections.engines.engine import (
    ANOTHER_AUTHORITY,
    ANOTHER_SOCKET,
    BOOLEAN,
    CLIENT_CERTIFICATE,
    DIRECTORY_LOGIN,
    NUMBER,
    TEXT,
    ApprovedDriver,
    BundledDriver,
    DatabaseEngine,
    DriverRelease,
    NameEncoding,
    TlsNegotiation,
    engine_options,
    timeouts,
)

_OFF = "(?i:false)"
_OPTIONS = engine_options(
    {
        TEXT: "applicationName workstationID",
        NUMBER: "lockTimeout loginTimeout socketTimeout cancelQueryTimeout queryTimeout packetSize"
        " statementPoolingCacheSize serverPreparedStatementDiscardThreshold connectRetryCount"
        " connectRetryInterval bulkCopyForBatchInsertBatchSize",
        BOOLEAN: "sendStringParametersAsUnicode sendTimeAsDatetime useBulkCopyForBatchInsert"
        " disableStatementPooling delayLoadingLobs enablePrepareOnFirstPreparedStatementCall"
        " lastUpdateCount sendTemporalDataTypesAsStringForBulkCopy multiSubnetFailover"
        " TransparentNetworkIPResolution xopenStates useFmtOnly serverNameAsACE"
        " calcBigDecimalPrecision ignoreOffsetOnDateTimeOffsetConversion quotedIdentifier"
        " concatNullYieldsNull bulkCopyForBatchInsertCheckConstraints bulkCopyForBatchInsertFireTriggers"
        " bulkCopyForBatchInsertKeepIdentity bulkCopyForBatchInsertKeepNulls"
        " bulkCopyForBatchInsertTableLock bulkCopyForBatchInsertAllowEncryptedValueModifications"
        " cacheBulkCopyMetadata",
        r"-1|[0-9]{1,9}(?:[KMGT]|p|pct|percent)?": "maxResultBuffer",
        "(?i:ReadOnly|ReadWrite)": "applicationIntent",
        "(?i:full|adaptive)": "responseBuffering",
        "(?i:direct|cursor)": "selectMethod",
        "(?i:prepexec|prepare|none|scopeTempTablesToConnection)": "prepareMethod",
        "(?i:datetime|datetime2|datetimeoffset)": "datetimeParameterType",
        "(?i:IPv4First|IPv6First|UsePlatformDefault)": "iPAddressPreference",
    },
    (
        ("encrypt", "(?i:true|mandatory|strict)", "only the login, or nothing, is encrypted"),
        ("trustServerCertificate", _OFF, "any certificate is accepted"),
        ("hostNameInCertificate", "", "a name other than the host name is compared with the certificate"),
        ("serverCertificate trustStore trustStoreType trustStorePassword", "", ANOTHER_AUTHORITY),
        ("sslProtocol", r"(?i:TLS|TLSv1\.2)", "a protocol that is unsafe or untested"),
        (
            "trustManagerClass trustManagerConstructorArg",
            "",
            "the option names a class that decides which certificates are trusted",
        ),
        ("clientCertificate clientKey", "", CLIENT_CERTIFICATE),
        ("socketFactoryClass socketFactoryConstructorArg", "", ANOTHER_SOCKET),
        ("fips", _OFF, "the option needs another Java security provider"),
        ("fipsProvider", "", "the option needs another Java security provider"),
    ),
    "user userName password clientKeyPassword accessToken keyStoreSecret keyVaultProviderClientKey"
    " AADSecurePrincipalSecret gsscredential accessTokenCallback accessTokenCallbackClass",
    "serverName server portNumber port instanceName databaseName database",
    {
        "the option names a second server": "failoverPartner",
        DIRECTORY_LOGIN: f"integratedSecurity={_OFF} authenticationScheme=(?i:nativeAuthentication)"
        " authentication=(?i:NotSpecified|SqlPassword) jaasConfigurationName serverSpn realm domain"
        f" msiClientId AADSecurePrincipalId useDefaultJaasConfig={_OFF} useDefaultGSSCredential={_OFF}",
        "the option uses key stores or enclaves": "columnEncryptionSetting=(?i:Disabled)"
        " enclaveAttestationUrl enclaveAttestationProtocol keyStoreAuthentication keyStoreLocation"
        " keyStorePrincipalId keyVaultProviderClientId",
        "the option makes the session skip triggers and constraints": f"replication={_OFF}",
    },
)

_SQLSERVER = DatabaseEngine(
    name="sqlserver",
    driver_release=DriverRelease(
        artifacts=("com.microsoft.sqlserver:mssql-jdbc",),
        versions=(("6.4.0", ""),),
        recommended="10.2.0.jre8",
        reason="earlier versions ignore sslProtocol",
        source="https://github.com/microsoft/mssql-jdbc/blob/main/CHANGELOG.md",
        manifest=(("Bundle-SymbolicName", r"com\.microsoft\.sqlserver\.mssql-jdbc", "Bundle-Version"),),
    ),
    url_prefix="jdbc:sqlserver:",
    negotiation=TlsNegotiation.TDS,
    driver="com.microsoft.sqlserver.jdbc.SQLServerDriver",
    default_port=1433,
    forced_options=(("encrypt", "true"), ("trustServerCertificate", "false"), ("sslProtocol", "TLSv1.2")),
    timeouts=timeouts("", "socketTimeout", login="loginTimeout", milliseconds="socketTimeout"),
    trust_store_options=(
        ("trustStore", "{path}"),
        ("trustStoreType", "PKCS12"),
        ("trustStorePassword", "{password}"),
    ),
    options=_OPTIONS,
    options_source="https://learn.microsoft.com/en-us/sql/connect/jdbc/setting-the-connection-properties",
    encoding=NameEncoding.BRACES,
    name_option="hostNameInCertificate",
    # The form //HOST\INSTANCE is rejected: the driver would ask the SQL Server Browser for the port in plain
    # text. IPv6 addresses are rejected: the driver takes the text after the first colon for the port.
    url_form=r"jdbc:sqlserver://(?P<address>[^/;?#\\\[\]]*)(?P<database>)(?:;(?P<options>.*))?",
    bare_form="jdbc:sqlserver://{host}:{port};databaseName={database}",
    separator=";",
    database_options=("databaseName", "database"),
    verification_option="encrypt=true",
    approved_drivers=(
        ApprovedDriver("9.4.0.jre8", "897674096ae0008f5407ae110560fb5726e885c5b22ca3c8b01486cda80e995e"),
        ApprovedDriver("10.2.0.jre8", "161d2d1989ac27934d4b1612b87b9ce4243d3d5b621e925545c9288deef2168c"),
    ),
    bundled_drivers=(
        BundledDriver("4.0", "9.4.0", "encrypt=false: only the login is encrypted"),
        BundledDriver("5.x", "10.2.0", "encrypt=true, the certificate verified"),
        BundledDriver("6.0", "10.2.0", "encrypt=true, the certificate verified"),
    ),
)  # fmt: skip

# encrypt=strict: the driver starts TLS before it sends a packet (TDS 8). SQL Server has this mode since 2022.
# https://learn.microsoft.com/en-us/sql/relational-databases/security/networking/tds-8
_STRICT = replace(
    _SQLSERVER,
    negotiation=TlsNegotiation.TDS_STRICT,
    driver_release=replace(
        _SQLSERVER.driver_release,
        versions=(("11.2", ""),),
        recommended="12.8.1.jre8",
        reason="earlier versions reject encrypt=strict",
        source="https://learn.microsoft.com/en-us/sql/connect/jdbc/release-notes-for-the-jdbc-driver",
    ),
    forced_options=(("encrypt", "strict"), ("trustServerCertificate", "false"), ("sslProtocol", "TLSv1.2")),
    verification_option="encrypt=strict",
    approved_drivers=(),
)
SQLSERVER = replace(_SQLSERVER, strict=_STRICT)
