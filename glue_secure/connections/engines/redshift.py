"""The Amazon Redshift engine (Redshift JDBC driver, a fork of pgjdbc).

The driver accepts option names in any letter case and uses the last of two equal options.
https://docs.aws.amazon.com/redshift/latest/mgmt/jdbc20-configuration-options.html
"""

from __future__ import annotations

import re

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
_TRACE = "the option writes a file that contains queries and parameters"

_FACTORY = "com.amazon.redshift.ssl.SingleCertValidatingFactory"
_VERIFIER = "com.amazon.redshift.ssl.RedshiftjdbcHostnameVerifier"
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
    default_port=5439,
    forced_options=(
        ("ssl", "true"),
        ("sslmode", "verify-full"),
        ("sslfactory", _FACTORY),
        ("sslhostnameverifier", _VERIFIER),
        ("iamauth", "false"),
    ),
    anchor_option="sslfactoryarg",
    options=engine_options(
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
            ("sslmode", "verify-full", "any other mode does not verify the server's name"),
            ("ssl", "true", "any other value turns TLS off"),
            ("sslfactory", re.escape(_FACTORY), "another factory may trust any certificate"),
            ("sslhostnameverifier", re.escape(_VERIFIER), "another verifier may accept any name"),
            ("authMech", "", "a deprecated option that turns verification off"),
            *((name, "", _STORE) for name in (
                "sslrootcert", "sslfactoryarg", "sslTrustStorePath", "sslTrustStorePwd", "sslTrustStore")),
            *((name, "", _CLIENT) for name in ("sslcert", "sslkey")),
            ("sslpasswordcallback", "", "the option names a class to run"),
            *((name, "", _OPENS) for name in ("socketFactory", "socketFactoryArg")),
        ),
        "user UID password PWD sslpassword AccessKeyID SecretAccessKey SessionToken webIdentityToken"
        " client_secret token idp_response",
        "host port dbname PGHOST PGPORT PGDBNAME service ClusterID Region serverlessWorkGroup"
        " serverlessAcctID"
        " isServerless",
        {
            _TRACE: "LogPath LogLevel DSILogLevel MaxLogFileSize MaxLogFileCount loggerFile loggerLevel",
            "the option fetches credentials from other servers": "IAMAuth IAMDisableCache IAMDuration"
            " EndpointUrl"
            " StsEndpointUrl Profile AuthProfile plugin_name CredentialsProvider AutoCreate DbUser DbGroups"
            " DbGroupsFilter ForceLowercase groupFederation providerName",
            "the option reads options from a file": "IniFile IniSection",
            "the option can set any server parameter": "options",
            "the option has an unknown effect on the session": "replication allowEncodingChanges"
            " protocolVersion"
            " preferQueryMode enableMultiSqlSupport",
            _SEVERAL: "loadBalanceHosts hostRecheckSeconds targetServerType",
            _KERBEROS: "gsslib jaasApplicationName jaasLogin kerberosServerName sspiServiceClass useSpnego",
        },
    ),
    url_form=r"jdbc:redshift://(?P<address>[^/?#;]*)/(?P<database>[^/?#;]*)(?:\?(?P<options>.*))?",
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
