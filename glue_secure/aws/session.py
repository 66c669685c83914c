"""The boto3 session of a run, and its clients. Nothing is created on import.

Every client uses TLS; an endpoint without TLS is rejected, whatever configured it.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any, Literal
from urllib.parse import urlsplit

from glue_secure.aws import botocore_guard
from glue_secure.aws.endpoint_tls import endpoint_records
from glue_secure.aws.errors import translate_errors
from glue_secure.aws.tls import malformed_client, require_tls, resolve_verify
from glue_secure.core.endpoints import endpoint_kind
from glue_secure.core.errors import UsageError
from glue_secure.core.evidence import EndpointRecord
from glue_secure.core.ports.driver_s3 import CallGuard

Retries = Literal["standard", "adaptive"]
RUN_SERVICES = ("s3", "kms", "glue", "sts", "secretsmanager")
"""The services that every run calls."""


class AwsSession:
    """One boto3 session with the clients of a run.

    The trusted authorities are resolved once and written to the session's ``ca_bundle``, so that clients
    which libraries create from :attr:`botocore` verify certificates in the same way.

    Args:
        session: a ``boto3.session.Session`` with a region.
        path_style: whether buckets are addressed by path, for endpoints without wildcard DNS.
        requests_ca_bundle: value of ``REQUESTS_CA_BUNDLE``; None if it is not set.
        retries: botocore's mode of retries; ``adaptive`` also slows down while a service throttles.

    Raises:
        UsageError: the session has no region.
        RefusedError: the configuration disables the verification of certificates (GS-S3-002).
    """

    def __init__(
        self,
        *,
        session: Any,
        path_style: bool = False,
        requests_ca_bundle: str | None = None,
        retries: Retries = "standard",
    ) -> None:
        if not session.region_name:
            raise UsageError(
                "no AWS region",
                found="AWS_REGION is not set, and the profile has no region",
                required="the region that the job runs in",
                fix="export AWS_REGION=eu-west-1, or the region of the job",
            )
        self._session = session
        self._verify = resolve_verify(
            session._session.get_config_variable("ca_bundle"), requests_ca_bundle=requests_ca_bundle
        )
        session._session.set_config_variable("ca_bundle", self._verify)
        self.path_style = path_style
        self._retries: Retries = retries
        self._clients: dict[tuple[str, str | None], Any] = {}
        self._identity: tuple[str, str] | None = None

    @classmethod
    def from_chain(
        cls,
        *,
        path_style: bool = False,
        requests_ca_bundle: str | None = None,
        region: str | None = None,
        profile: str | None = None,
        retries: Retries = "standard",
    ) -> AwsSession:
        """Return the session of boto3's chain (environment, profile, role), in ``region`` if it is given.

        ``profile`` takes the place of ``AWS_PROFILE``.

        The region is that of ``AWS_DEFAULT_REGION``, which boto3 reads, otherwise ``AWS_REGION``, otherwise
        the profile's.

        Raises:
            UsageError: the profile does not exist, the configuration cannot be read, or there is no region.
            RefusedError: as for the class.
        """
        import boto3
        from botocore.exceptions import BotoCoreError

        try:
            core = new_core(profile)
            if region is None:
                # boto3 itself does not read AWS_REGION, which AWS's other SDKs read.
                core.get_component("config_store").set_config_provider("region", _region_provider(core))
            session = boto3.session.Session(botocore_session=core, region_name=region)
        except BotoCoreError as error:
            raise UsageError(
                "the AWS configuration",
                found=str(error),
                required="an existing profile, in a configuration file that can be read",
                fix="correct AWS_PROFILE, AWS_CONFIG_FILE or the file; `aws configure list-profiles` lists "
                "the profiles",
            ) from error
        return cls(
            session=session, path_style=path_style, requests_ca_bundle=requests_ca_bundle, retries=retries
        )

    def assuming(self, role: str, name: str, region: str = "") -> AwsSession:
        """Return a session with the credentials of an IAM role, which are refreshed before they expire.

        Args:
            role: the role's ARN.
            name: name of the STS session.
            region: the AWS Region; ``""`` for this session's.
        """
        import boto3
        from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

        def create_client(service: str, **_: Any) -> Any:
            return self.client(service)

        fetcher = AssumeRoleCredentialFetcher(
            create_client, self.botocore.get_credentials(), role, extra_args={"RoleSessionName": name}
        )
        core = new_core()
        core.set_config_variable("ca_bundle", self._verify)
        core._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
        session = boto3.session.Session(botocore_session=core, region_name=region or self.region)
        bundle = self._verify if isinstance(self._verify, str) else None
        return AwsSession(
            session=session,
            path_style=self.path_style,
            requests_ca_bundle=bundle,
            retries=self._retries,
        )

    def in_region(self, region: str) -> AwsSession:
        """Return a session with the same credentials in another AWS Region; this one for its own Region."""
        if region == self.region:
            return self
        import boto3

        core = new_core(profile=self.botocore.profile)
        core.set_config_variable("ca_bundle", self._verify)
        core._credentials = self.botocore.get_credentials()
        session = boto3.session.Session(botocore_session=core, region_name=region)
        bundle = self._verify if isinstance(self._verify, str) else None
        return AwsSession(
            session=session, path_style=self.path_style, requests_ca_bundle=bundle, retries=self._retries
        )

    @property
    def botocore(self) -> Any:
        """The botocore session, for libraries that create their own clients."""
        return self._session._session

    def guarded(self, guard: CallGuard) -> Any:
        """Return a boto3 session for a script, with the same credentials, region and authorities.

        Its clients belong to ``guard``'s run, also if another run starts later.
        """
        from glue_secure.aws.job_session import JobSession

        core = new_core(profile=self.botocore.profile)
        core.set_config_variable("region", self.region)
        core.set_config_variable("ca_bundle", self._verify)
        return JobSession(core=core, guard=guard, path_style=self.path_style)

    def guard_process(self, guard: CallGuard) -> None:
        """See :func:`glue_secure.aws.botocore_guard.guard_process`."""
        botocore_guard.guard_process(guard)

    def client(self, service: str, endpoint: str | None = None) -> Any:
        """Return the client of a service, created on first use.

        Args:
            service: boto3's name of the service.
            endpoint: URL of the endpoint; None for the configured one.

        Raises:
            UsageError: the endpoint or the region is malformed.
            RefusedError: the endpoint does not use TLS (GS-S3-002).
        """
        if (service, endpoint) not in self._clients:
            from botocore.config import Config

            config = Config(
                retries={"mode": self._retries, "max_attempts": 5 if self._retries == "standard" else 10},
                max_pool_connections=32,
                connect_timeout=10,
                read_timeout=60,
                s3={"addressing_style": "path"} if self.path_style else {},
            )
            client = self._created(service, config, endpoint)
            require_tls(service, client.meta.endpoint_url)
            botocore_guard.exempt(client)
            self._clients[service, endpoint] = client
        return self._clients[service, endpoint]

    def _created(self, service: str, config: Any, endpoint: str | None) -> Any:
        from botocore.exceptions import BotoCoreError

        try:
            client = self._session.client(service, config=config, verify=self._verify, endpoint_url=endpoint)
            _ = urlsplit(client.meta.endpoint_url).port  # ValueError: not a port
        except (ValueError, BotoCoreError) as error:
            raise malformed_client(service, error) from error
        return client

    @property
    def region(self) -> str:
        """The region of the session."""
        return str(self._session.region_name)

    @property
    def account(self) -> str:
        """The account's twelve digits (GetCallerIdentity). Raises ServiceError."""
        return self._caller_identity()[0]

    @property
    def caller(self) -> str:
        """The caller's ARN (GetCallerIdentity). Raises ServiceError."""
        return self._caller_identity()[1]

    def _caller_identity(self) -> tuple[str, str]:
        if self._identity is None:
            with translate_errors("GetCallerIdentity"):
                answer = self.client("sts").get_caller_identity()
                self._identity = str(answer["Account"]), str(answer.get("Arn", ""))
        return self._identity

    def endpoints(self) -> tuple[EndpointRecord, ...]:
        """Return the TLS facts of the clients' open connections; see :mod:`.endpoint_tls`."""
        return endpoint_records((service, client) for (service, _), client in list(self._clients.items()))

    @property
    def kind(self) -> str:
        """``aws`` if every endpoint is AWS's, ``embedded`` on loopback, else ``custom-endpoint``."""
        kinds = {endpoint_kind(self.client(service).meta.endpoint_url) for service in RUN_SERVICES}
        return kinds.pop() if len(kinds) == 1 else "custom-endpoint"

    @property
    def s3_endpoint(self) -> str:
        """URL that the driver's own S3 requests go to."""
        return str(self.client("s3").meta.endpoint_url)


def new_core(profile: str | None = None) -> Any:
    """Return a botocore session that shares the parsed models of the services with the others of the process.

    Parsing them takes most of the time that the clients of a session need.

    Raises:
        botocore.exceptions.ProfileNotFound: the profile does not exist.
    """
    from botocore.session import Session

    core = Session(profile=profile)
    models = _models(core.get_config_variable("data_path"))
    # Each boto3 session adds its folder of models to the list.
    models.search_paths[:] = dict.fromkeys(models.search_paths)
    core.register_component("data_loader", models)
    return core


@cache
def _models(data_path: str | None) -> Any:
    from botocore.loaders import create_loader

    return create_loader(data_path)


def _region_provider(core: Any) -> Any:
    """Return botocore's provider of the region, with AWS_REGION before the profile's region."""
    from botocore.configprovider import ChainProvider, EnvironmentProvider, ScopedConfigProvider

    return ChainProvider(
        providers=[
            EnvironmentProvider(name=name, env=os.environ) for name in ("AWS_DEFAULT_REGION", "AWS_REGION")
        ]
        + [ScopedConfigProvider(config_var_name="region", session=core)]
    )
