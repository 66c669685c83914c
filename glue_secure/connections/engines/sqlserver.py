"""The SQL Server engine (mssql-jdbc).

The driver accepts option names in any letter case and uses the last of two equal options (measured). Version
9.4 does not encrypt by default, 10.2 does (documented).
https://learn.microsoft.com/en-us/sql/connect/jdbc/setting-the-connection-properties
"""

from __future__ import annotations

from glue_secure.connections.engines.engine import (
    ApprovedDriver,
    BundledDriver,
    DatabaseEngine,
    DriverRelease,
    TlsNegotiation,
    engine_options,
)

_NUMBER = r"-?[0-9]{1,9}"
_BOOLEAN = "true|false"
_TEXT = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}"
_STORE = "the option names a certificate authority other than CUSTOM_JDBC_CERT"
_CLIENT = "client certificates are not supported"
_OPENS = "another class, or a proxy, opens the connection"
_KERBEROS = "Kerberos and directory logins are not supported"
_SEVERAL = "the option is for several hosts"

SQLSERVER = DatabaseEngine(
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
    trust_store_options=(
        ("trustStore", "{path}"),
        ("trustStoreType", "PKCS12"),
        ("trustStorePassword", "{password}"),
    ),
    options=engine_options(
        {
            "applicationName": _TEXT,
            "applicationIntent": "ReadOnly|ReadWrite",
            "loginTimeout": _NUMBER,
            "lockTimeout": _NUMBER,
            "socketTimeout": _NUMBER,
            "cancelQueryTimeout": _NUMBER,
            "packetSize": _NUMBER,
            "responseBuffering": "full|adaptive",
            "selectMethod": "direct|cursor",
            "sendStringParametersAsUnicode": _BOOLEAN,
            "sendTimeAsDatetime": _BOOLEAN,
            "useBulkCopyForBatchInsert": _BOOLEAN,
            "disableStatementPooling": _BOOLEAN,
            "statementPoolingCacheSize": _NUMBER,
            "delayLoadingLobs": _BOOLEAN,
        },
        (
            ("encrypt", "true", "only the login, or nothing, is encrypted"),
            ("trustServerCertificate", "false", "any certificate is accepted"),
            ("hostNameInCertificate", "", "a name other than the host name is compared with the certificate"),
            ("serverCertificate", "", _STORE),
            ("sslProtocol", "TLSv1.2", "a protocol that is unsafe or untested"),
            *((name, "", "the option names a class that decides which certificates are trusted") for name in (
                "trustManagerClass", "trustManagerConstructorArg")),
            *((name, "", _STORE) for name in ("trustStore", "trustStoreType", "trustStorePassword")),
            *((name, "", _CLIENT) for name in ("clientCertificate", "clientKey")),
            *((name, "", _OPENS) for name in (
                "socketFactoryClass", "socketFactoryConstructorArg", "fips", "fipsProvider")),
        ),
        "user userName password clientKeyPassword accessToken keyStoreSecret keyVaultProviderClientKey"
        " AADSecurePrincipalSecret gsscredential accessTokenCallback accessTokenCallbackClass",
        "serverName server portNumber port instanceName databaseName database serverNameAsACE"
        " iPAddressPreference",
        {
            _SEVERAL: "failoverPartner multiSubnetFailover TransparentNetworkIPResolution connectRetryCount"
            " connectRetryInterval",
            _KERBEROS: "integratedSecurity authenticationScheme authentication jaasConfigurationName"
                " serverSpn realm"
            " domain msiClientId AADSecurePrincipalId useDefaultJaasConfig useDefaultGSSCredential",
            "the option uses key stores or enclaves": "columnEncryptionSetting enclaveAttestationUrl"
            " enclaveAttestationProtocol keyStoreAuthentication keyStoreLocation keyStorePrincipalId"
            " keyVaultProviderClientId",
            "the option changes how statements are sent": "xopenStates replication useFmtOnly prepareMethod",
        },
    ),
    # The form //HOST\INSTANCE is rejected: the driver would ask the SQL Server Browser for the port in plain
    # text.
    url_form=r"jdbc:sqlserver://(?P<address>[^/;?#\\]*)(?P<database>)(?:;(?P<options>.*))?",
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
