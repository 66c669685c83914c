"""The embedded account as a value: its addresses, credentials and files."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError
from glue_secure.core.json_documents import parse_json
from glue_secure.embedded.folders import write_private
from glue_secure.embedded.pki import KeyPair
from glue_secure.embedded.postgres import PostgresServer
from glue_secure.embedded.processes import ProcessIdentity

if TYPE_CHECKING:
    from glue_secure.embedded.databases import Database

REGION = "us-east-1"
ACCOUNT_ID = "123456789012"
FILE_NAME = "account.json"


@dataclass(frozen=True, slots=True)
class EmbeddedAccount:
    """A running embedded account. The repr contains no secrets.

    Attributes:
        state: the account's folder. Everything it writes is below it, and ``down`` removes it.
        endpoint_url: endpoint of S3, KMS, Glue and the other services, ``https://localhost:PORT``.
        access_key_id: a random access key; moto accepts any.
        ca_pem: certificate of the temporary certificate authority, for ``AWS_CA_BUNDLE``. With the system's
            root certificates, each client of boto3 would need 40 milliseconds more.
        trust_store: this certificate and the system's root certificates as PKCS#12, for the JVM.
        postgres: the database server and its superuser.
        spark_jars: JARs that Spark needs on its class path.
        java_home: the Java installation that Spark uses.
        supervisor: the process that runs moto and PostgreSQL.
        region: always ``us-east-1``.
        account_id: always ``123456789012``, moto's default.
    """

    state: Path
    endpoint_url: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    ca_pem: Path
    trust_store: Path
    trust_store_password: str = field(repr=False)
    postgres: PostgresServer
    spark_jars: tuple[Path, ...]
    java_home: Path
    supervisor: ProcessIdentity
    region: str = REGION
    account_id: str = ACCOUNT_ID

    @property
    def authority(self) -> KeyPair:
        """The temporary certificate authority, for ``pki.issue``."""
        return KeyPair(self.ca_pem, self.state / "ca.key")

    @property
    def server_pair(self) -> KeyPair:
        """The valid certificate for ``localhost`` that the endpoint and the database start with."""
        return KeyPair(self.state / "server.pem", self.state / "server.key")

    @property
    def aws_folder(self) -> Path:
        """Folder with an empty ``config`` and ``credentials``, which replace the user's own files."""
        return self.state / "aws"

    @property
    def spark_conf(self) -> Path:
        """Value of ``SPARK_CONF_DIR`` for Spark without the request guard."""
        return self.state / "spark-conf"

    @property
    def guarded_spark_conf(self) -> Path:
        """Value of ``SPARK_CONF_DIR`` for Spark with the request guard, if its JAR is installed."""
        return self.state / "spark-conf-guarded"

    @property
    def spark_home(self) -> Path:
        """Folder of links to pyspark's folders, in which Spark can create its ``work`` folder."""
        return self.state / "spark-home"

    @property
    def scratch(self) -> Path:
        """Folder for temporary files of Spark and Hadoop."""
        return self.state / "scratch"

    def connection(self, name: str, *, engine: str = "postgresql") -> Database:
        """Return a writable database with a Glue connection; see :func:`databases.add_database`."""
        from glue_secure.embedded import databases

        return databases.add_database(self, name, engine=engine)

    def table(
        self, name: str, location: str, columns: str, *, format: str = "parquet", partition_keys: str = ""
    ) -> None:
        """Define a table of the Data Catalog, with its database and bucket. An existing one is replaced.

        Args:
            name: ``DATABASE.TABLE``.
            location: ``s3://BUCKET/PREFIX/``.
            columns: names and types: ``id bigint, amount double``.
            format: avro, csv (with a header), json or parquet.
            partition_keys: names and types, as for ``columns``.

        Raises:
            UsageError: the name, a column, the location or the format is invalid.
        """
        # Imported here, because the module imports the account.
        from glue_secure.embedded import definitions

        definitions.define_table(
            self, name, location, columns, format=format, partition_keys=partition_keys, replace=True
        )

    def dump(self) -> Path:
        """Write ``account.json`` into the state folder, readable by its owner only."""
        path = self.state / FILE_NAME
        server = self.postgres
        content: dict[str, Any] = {
            "state": str(self.state),
            "endpoint_url": self.endpoint_url,
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
            "ca_pem": str(self.ca_pem),
            "trust_store": str(self.trust_store),
            "trust_store_password": self.trust_store_password,
            "postgres": {
                "host": server.host,
                "port": server.port,
                "database": server.database,
                "user": server.user,
                "password": server.password,
                "home": str(server.home),
                "process": _as_json(server.process),
            },
            "spark_jars": [str(jar) for jar in self.spark_jars],
            "java_home": str(self.java_home),
            "supervisor": _as_json(self.supervisor),
            "region": self.region,
            "account_id": self.account_id,
        }
        write_private(path, json.dumps(content, indent=2) + "\n")
        return path

    @classmethod
    def load(cls, state: Path) -> EmbeddedAccount:
        """Read ``account.json``, without checking that the account still runs.

        Raises:
            UsageError: ``account.json`` is missing or cannot be read.
        """
        try:
            content = parse_json((state / FILE_NAME).read_text(encoding="utf-8"))
            server = content["postgres"]
            return cls(
                state=Path(content["state"]),
                endpoint_url=content["endpoint_url"],
                access_key_id=content["access_key_id"],
                secret_access_key=content["secret_access_key"],
                ca_pem=Path(content["ca_pem"]),
                trust_store=Path(content["trust_store"]),
                trust_store_password=content["trust_store_password"],
                postgres=PostgresServer(
                    host=server["host"],
                    port=server["port"],
                    database=server["database"],
                    user=server["user"],
                    password=server["password"],
                    home=Path(server["home"]),
                    process=ProcessIdentity(**server["process"]),
                ),
                spark_jars=tuple(Path(jar) for jar in content["spark_jars"]),
                java_home=Path(content["java_home"]),
                supervisor=ProcessIdentity(**content["supervisor"]),
                region=content["region"],
                account_id=content["account_id"],
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"no embedded account in {state}",
                found=f"{FILE_NAME} cannot be read ({type(error).__name__})",
                required="an account started by glue-secure local up",
                fix=f"glue-secure local up --state {shlex.quote(str(state))}",
            ) from error


def _as_json(process: ProcessIdentity) -> dict[str, int]:
    return {"pid": process.pid, "started": process.started}
