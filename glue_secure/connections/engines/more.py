"""SQL Server, Oracle and Redshift in the table of engines.

mssql-jdbc takes names in any letter case and the last of two (measured); 9.4 does not encrypt by itself,
10.2 does (documented). Redshift's driver takes names in any letter case and the last of two. Oracle's
driver encrypts only where the URL says ``tcps``, and compares no name unless told to.
https://learn.microsoft.com/en-us/sql/connect/jdbc/setting-the-connection-properties
https://docs.aws.amazon.com/redshift/latest/mgmt/jdbc20-configuration-options.html
https://docs.oracle.com/en/database/oracle/oracle-database/21/jajdb/oracle/jdbc/OracleConnection.html
"""

from __future__ import annotations

import re

from glue_secure.connections.engines.engine import BundledDriver, Engine, Opening, options_of

_NUMBER = r"-?[0-9]{1,9}"
_BOOLEAN = "true|false"
_TEXT = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}"
_STORE = "it names another authority than the connection's CUSTOM_JDBC_CERT"
_CLIENT = "client certificates are not supported yet"
_OPENS = "another class, or a proxy, opens the connection"
_KERBEROS = "Kerberos and directory logins are not supported yet"
_SEVERAL = "it is for several hosts"
_TRACE = "it writes a file, with queries and parameters in it"

SQLSERVER = Engine(
    name="sqlserver",
    url_prefix="jdbc:sqlserver:",
    opening=Opening.TDS,
    driver="com.microsoft.sqlserver.jdbc.SQLServerDriver",
    default_port=1433,
    forced=(("encrypt", "true"), ("trustServerCertificate", "false"), ("sslProtocol", "TLSv1.2")),
    anchor_store=(
        ("trustStore", "{path}"),
        ("trustStoreType", "PKCS12"),
        ("trustStorePassword", "{password}"),
    ),
    options=options_of(
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
            ("hostNameInCertificate", "", "another name than the server's is compared"),
            ("serverCertificate", "", _STORE),
            ("sslProtocol", "TLSv1.2", "a protocol that is no longer safe, or that nobody has tried"),
            *((name, "", "it names a class that decides whom to trust") for name in (
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
            "it reaches into key stores or enclaves": "columnEncryptionSetting enclaveAttestationUrl"
            " enclaveAttestationProtocol keyStoreAuthentication keyStoreLocation keyStorePrincipalId"
            " keyVaultProviderClientId",
            "it changes how statements are sent": "xopenStates replication useFmtOnly prepareMethod",
        },
    ),
    # The driver's "//HOST\\INSTANCE" asks the server's browser service for a port, in plain text.
    url_form=r"jdbc:sqlserver://(?P<address>[^/;?#\\]*)(?P<database>)(?:;(?P<options>.*))?",
    bare_form="jdbc:sqlserver://{host}:{port};databaseName={database}",
    separator=";",
    database_options=("databaseName", "database"),
    wanted="encrypt=true",
    tried=(
        ("9.4.0.jre8", "897674096ae0008f5407ae110560fb5726e885c5b22ca3c8b01486cda80e995e"),
        ("10.2.0.jre8", "161d2d1989ac27934d4b1612b87b9ce4243d3d5b621e925545c9288deef2168c"),
    ),
    drivers=(
        BundledDriver("4.0", "9.4.0", "encrypt=false: only the login is encrypted"),
        BundledDriver("5.x", "10.2.0", "encrypt=true, the certificate verified"),
        BundledDriver("6.0", "10.2.0", "encrypt=true, the certificate verified"),
    ),
)  # fmt: skip

ORACLE = Engine(
    name="oracle",
    url_prefix="jdbc:oracle:",
    opening=Opening.TLS,
    driver="oracle.jdbc.OracleDriver",
    default_port=2484,
    forced=(("oracle.net.ssl_server_dn_match", "true"), ("oracle.net.ssl_version", "1.2")),
    anchor_store=(
        ("javax.net.ssl.trustStore", "{path}"),
        ("javax.net.ssl.trustStoreType", "PKCS12"),
        ("javax.net.ssl.trustStorePassword", "{password}"),
    ),
    options=options_of(
        {
            "defaultRowPrefetch": _NUMBER,
            "oracle.net.CONNECT_TIMEOUT": _NUMBER,
            "oracle.net.OUTBOUND_CONNECT_TIMEOUT": _NUMBER,
            "oracle.jdbc.ReadTimeout": _NUMBER,
            "oracle.jdbc.TcpNoDelay": _BOOLEAN,
            "oracle.jdbc.implicitStatementCacheSize": _NUMBER,
            "oracle.jdbc.defaultLobPrefetchSize": _NUMBER,
            "oracle.jdbc.timezoneAsRegion": _BOOLEAN,
            "oracle.jdbc.mapDateToTimestamp": _BOOLEAN,
            "includeSynonyms": _BOOLEAN,
            "remarksReporting": _BOOLEAN,
            "oracle.net.keepAlive": _BOOLEAN,
        },
        (
            ("oracle.net.ssl_server_dn_match", "true", "any name is accepted"),
            ("ssl_server_dn_match", "true", "any name is accepted"),
            *((name, "", "another name than the server's is compared") for name in (
                "oracle.net.ssl_server_cert_dn", "ssl_server_cert_dn", "oracle.net.ssl_allow_weak_dn_match",
                "ssl_allow_weak_dn_match")),
            *((name, "", "protocols or ciphers that the preflight has not seen") for name in (
                "oracle.net.ssl_version", "oracle.net.ssl_cipher_suites", "oracle.net.ssl_context_protocol",
                "oracle.net.allow_weak_crypto", "ssl_version")),
            *((name, "", "it takes the place of TLS, and of the certificate") for name in (
                "oracle.net.encryption_client", "oracle.net.encryption_types_client",
                "oracle.net.crypto_checksum_client", "oracle.net.crypto_checksum_types_client")),
            *((name, "", _STORE) for name in ("javax.net.ssl.trustStore", "javax.net.ssl.trustStoreType",
                "javax.net.ssl.trustStorePassword", "ssl.trustManagerFactory.algorithm",
                "oracle.net.wallet_location", "wallet_location", "my_wallet_directory")),
            *((name, "", _CLIENT) for name in ("javax.net.ssl.keyStore", "javax.net.ssl.keyStoreType",
                "ssl.keyManagerFactory.algorithm", "oracle.net.ssl_certificate_alias")),
            *((name, "", _OPENS) for name in ("oracle.net.httpsProxyHost", "oracle.net.httpsProxyPort",
                "oracle.net.socksProxyHost", "oracle.net.socksProxyPort", "https_proxy", "https_proxy_port")),
        ),
        "user password oracle.jdbc.newPassword OCINewPassword javax.net.ssl.keyStorePassword"
        " oracle.net.wallet_password oracle.net.websocketUser oracle.net.websocketPassword"
        " oracle.jdbc.accessToken"
        " oracle.jdbc.ons.walletpassword",
        "database server oracle.net.tns_admin TNS_ADMIN oracle.jdbc.config.file protocol",
        {
            "it logs in as the database's administrator": "internal_logon prelim_auth"
            " oracle.jdbc.proxyClientName",
            _KERBEROS: "oracle.net.authentication_services oracle.net.kerberos5_cc_name"
                " oracle.net.KerberosRealm"
            " oracle.net.KerberosJaasLoginModule oracle.net.profile oracle.jdbc.tokenAuthentication",
            _SEVERAL: "load_balance failover source_route retry_count retry_delay oracle.jdbc.fanEnabled"
            " oracle.jdbc.useShardingDriverConnection",
            "it names a file": "oracle.jdbc.sqlTranslationProfile oracle.jdbc.sqlErrorTranslationFile"
            " oracle.jdbc.ons.walletfile",
        },
    ),
    # tcps only: no DESCRIPTION, no SID, no list, no ldap, and the port is said.
    # The driver reads no name of one letter, and no "$" in a service, as such.
    url_form=r"jdbc:oracle:thin:@tcps://(?P<address>[A-Za-z0-9][A-Za-z0-9._-]+:[0-9]+)"
    r"/(?P<database>[A-Za-z][A-Za-z0-9_.-]+)(?:\?(?P<options>.*))?",
    bare_form="jdbc:oracle:thin:@tcps://{host}:{port}/{database}",

        plain_form=r"(?i:jdbc:oracle:(?:thin|oci8?):(?://)?@(?:tcp://|//|(?!ldaps?:|wss?:|https?:|tcps:)[\w.-]+[:/]).*)",
    wanted="ssl_server_dn_match=true, with tcps",
    # 21.7 tells the service's name before it compares the server's.
    tried=(
        ("23.3.0.23.09", "5ffffe668e713f0fa3ea37096d40704181b005b79c24fe34f20364c918c411b0"),
    ),
    drivers=(
        BundledDriver("4.0", "21.7", "plain TCP unless the URL says tcps; no name compared"),
        BundledDriver("5.x", "23.3.0.23.09", "plain TCP unless the URL says tcps"),
        BundledDriver("6.0", "not published", "not known"),
    ),
)  # fmt: skip

_FACTORY = "com.amazon.redshift.ssl.SingleCertValidatingFactory"
_VERIFIER = "com.amazon.redshift.ssl.RedshiftjdbcHostnameVerifier"
REDSHIFT = Engine(
    name="redshift",
    url_prefix="jdbc:redshift:",
    opening=Opening.POSTGRESQL,  # Redshift's driver is a child of pgjdbc
    driver="com.amazon.redshift.Driver",
    default_port=5439,
    forced=(
        ("ssl", "true"),
        ("sslmode", "verify-full"),
        ("sslfactory", _FACTORY),
        ("sslhostnameverifier", _VERIFIER),
        ("iamauth", "false"),
    ),
    anchor_option="sslfactoryarg",
    options=options_of(
        {
            "ApplicationName": _TEXT,
            "connectTimeout": _NUMBER,
            "loginTimeout": _NUMBER,
            "socketTimeout": _NUMBER,
            "tcpKeepAlive": _BOOLEAN,
            "readOnly": _BOOLEAN,
            "defaultRowFetchSize": _NUMBER,
            "blockingRowsMode": _NUMBER,
            "enableFetchRingBuffer": _BOOLEAN,
            "reWriteBatchedInserts": _BOOLEAN,
            "reWriteBatchedInsertsSize": _NUMBER,
            "databaseMetadataCurrentDbOnly": _BOOLEAN,
            "queryGroup": _TEXT,
            "currentSchema": _TEXT,
            "stringtype": "unspecified|varchar",
        },
        (
            ("sslmode", "verify-full", "anything else does not verify the server's name, or nothing"),
            ("ssl", "true", "any other value turns TLS off"),
            ("sslfactory", re.escape(_FACTORY), "another factory decides by its own rules whom to trust"),
            ("sslhostnameverifier", re.escape(_VERIFIER), "another verifier may accept any name"),
            ("authMech", "", "an old name that turns verification off"),
            *((name, "", _STORE) for name in (
                "sslrootcert", "sslfactoryarg", "sslTrustStorePath", "sslTrustStorePwd", "sslTrustStore")),
            *((name, "", _CLIENT) for name in ("sslcert", "sslkey")),
            ("sslpasswordcallback", "", "it names a class to run"),
            *((name, "", _OPENS) for name in ("socketFactory", "socketFactoryArg")),
        ),
        "user UID password PWD sslpassword AccessKeyID SecretAccessKey SessionToken webIdentityToken"
        " client_secret token idp_response",
        "host port dbname PGHOST PGPORT PGDBNAME service ClusterID Region serverlessWorkGroup"
        " serverlessAcctID"
        " isServerless",
        {
            _TRACE: "LogPath LogLevel DSILogLevel MaxLogFileSize MaxLogFileCount loggerFile loggerLevel",
            "it fetches other credentials, from other servers": "IAMAuth IAMDisableCache IAMDuration"
            " EndpointUrl"
            " StsEndpointUrl Profile AuthProfile plugin_name CredentialsProvider AutoCreate DbUser DbGroups"
            " DbGroupsFilter ForceLowercase groupFederation providerName",
            "it reads a file of options": "IniFile IniSection",
            "it sets any server parameter": "options",
            "it changes the session in a way that cannot be judged": "replication allowEncodingChanges"
            " protocolVersion"
            " preferQueryMode enableMultiSqlSupport",
            _SEVERAL: "loadBalanceHosts hostRecheckSeconds targetServerType",
            _KERBEROS: "gsslib jaasApplicationName jaasLogin kerberosServerName sspiServiceClass useSpnego",
        },
    ),
    url_form=r"jdbc:redshift://(?P<address>[^/?#;]*)/(?P<database>[^/?#;]*)(?:\?(?P<options>.*))?",
    bare_form="jdbc:redshift://{host}:{port}/{database}",
    tried=(
        ("2.1.0.16", "6b2031f69ae36b07624d401fba00b0d4be53fdb277f78366da100bedf8e8ed27"),
        ("2.1.0.29", "b30825a09c05293a79c8839bfef172901a9dcb7a46ec19559409d0e6eb7b5299"),
    ),
    drivers=(
        BundledDriver("4.0", "2.1.0.16", "verify-ca: no name compared"),
        BundledDriver("5.x", "2.1.0.29", "verify-ca: no name compared"),
        BundledDriver("6.0", "not published", "not known"),
    ),
)  # fmt: skip
