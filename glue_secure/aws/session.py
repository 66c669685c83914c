"""boto3 sessions and clients: made once by the composition root, never at import.

Every client talks TLS. An endpoint that does not is refused here, whoever configured it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from glue_secure.core.endpoints import endpoint_kind
from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.core.redaction import redact_text


class AwsSession:
    """One boto3 session with the clients that a run needs.

    Args:
        session: a ``boto3.session.Session``; its region must be set.
        path_style: address buckets by path, as endpoints without wildcard DNS need it.
        requests_ca_bundle: what ``REQUESTS_CA_BUNDLE`` says, None where it is not set.

    Whom to trust is settled here, once: the session's own ``ca_bundle`` is pinned to it, so that
    clients which libraries make from :attr:`botocore` verify the same way.

    Raises:
        UsageError: no region.
        RefusedError: the configuration switches the verification of certificates off (GS-S3-002).
    """

    def __init__(
        self, *, session: Any, path_style: bool = False, requests_ca_bundle: str | None = None
    ) -> None:
        if not session.region_name:
            raise UsageError(
                "no AWS region",
                found="neither AWS_REGION nor a profile names one",
                required="the region that the job runs in",
                fix="export AWS_REGION=...",
            )
        self._session = session
        self._verify = resolve_verify(
            session._session.get_config_variable("ca_bundle"), requests_ca_bundle=requests_ca_bundle
        )
        session._session.set_config_variable("ca_bundle", self._verify)
        self.path_style = path_style
        self._clients: dict[tuple[str, str | None], Any] = {}
        self._identity: tuple[str, str] | None = None

    @classmethod
    def from_chain(
        cls, *, path_style: bool = False, requests_ca_bundle: str | None = None, region: str | None = None
    ) -> AwsSession:
        """The session that boto3's own chain finds: environment, profile, role; in ``region`` if named."""
        import boto3

        session = boto3.session.Session(region_name=region)
        return cls(session=session, path_style=path_style, requests_ca_bundle=requests_ca_bundle)

    @property
    def botocore(self) -> Any:
        """The botocore session underneath, for libraries that make their own clients."""
        return self._session._session

    def guarded(self, on_call: Callable[[str, Mapping[str, Any]], Mapping[str, str]]) -> Any:
        """A boto3 session for a script, with the same chain, region and trust: see ``aws.guarded``."""
        from botocore.session import Session

        from glue_secure.aws.guarded_s3 import GuardedSession

        core = Session(profile=self.botocore.profile)
        core.set_config_variable("region", self.region)
        core.set_config_variable("ca_bundle", self._verify)
        return GuardedSession(core=core, on_call=on_call, path_style=self.path_style)

    def cover_default(
        self,
        on_call: Callable[[str, Mapping[str, Any]], Mapping[str, str]],
        is_active: Callable[[], bool],
    ) -> Callable[[], None]:
        """See :func:`glue_secure.aws.guarded_s3.cover_default_session`."""
        from glue_secure.aws.guarded_s3 import cover_default_session

        return cover_default_session(on_call, is_active)

    def client(self, service: str, endpoint: str | None = None) -> Any:
        """The client of a service; made on first use. Refuses an endpoint without TLS (GS-S3-002).

        ``endpoint`` is where its requests go, in place of what the chain says.
        """
        if (service, endpoint) not in self._clients:
            from botocore.config import Config

            config = Config(
                retries={"mode": "standard", "max_attempts": 5},
                max_pool_connections=32,
                connect_timeout=10,
                read_timeout=60,
                s3={"addressing_style": "path"} if self.path_style else {},
            )
            client = self._session.client(service, config=config, verify=self._verify, endpoint_url=endpoint)
            require_tls(service, client.meta.endpoint_url)
            self._clients[service, endpoint] = client
        return self._clients[service, endpoint]

    @property
    def region(self) -> str:
        """The region that the session works in."""
        return str(self._session.region_name)

    @property
    def account(self) -> str:
        """Twelve digits, from GetCallerIdentity. Raises ServiceError."""
        return self._who()[0]

    @property
    def caller(self) -> str:
        """ARN of who asks, from GetCallerIdentity. Raises ServiceError."""
        return self._who()[1]

    def _who(self) -> tuple[str, str]:
        if self._identity is None:
            from glue_secure.aws.errors import translate_errors

            with translate_errors("GetCallerIdentity"):
                answer = self.client("sts").get_caller_identity()
                self._identity = str(answer["Account"]), str(answer.get("Arn", ""))
        return self._identity

    @property
    def kind(self) -> str:
        """``aws`` when every endpoint is AWS's, ``embedded`` on loopback, else ``custom-endpoint``."""
        kinds = {
            endpoint_kind(self.client(s).meta.endpoint_url)
            for s in ("s3", "kms", "glue", "sts", "secretsmanager")
        }
        return kinds.pop() if len(kinds) == 1 else "custom-endpoint"

    @property
    def s3_endpoint(self) -> str:
        """Where the driver's own S3 requests go, a URL."""
        return str(self.client("s3").meta.endpoint_url)


def resolve_verify(ca_bundle: object, *, requests_ca_bundle: str | None) -> str | bool:
    """Whom clients trust: the path of a bundle, or True for botocore's own roots. Never nobody.

    The order is botocore's (``EndpointCreator._get_verify_value``): its setting, then the variable of
    requests. An empty value is no path: older botocore takes it for "do not verify".

    Args:
        ca_bundle: botocore's setting of that name, None where nothing sets it.
        requests_ca_bundle: ``REQUESTS_CA_BUNDLE``, None where it is not set.

    Raises:
        RefusedError: verification would be off (GS-S3-002).
    """
    if ca_bundle is not None:
        chosen, origin = ca_bundle, "AWS_CA_BUNDLE (or ca_bundle in the profile)"
    elif requests_ca_bundle is not None:
        chosen, origin = requests_ca_bundle, "REQUESTS_CA_BUNDLE"
    else:
        return True
    if chosen is True or (isinstance(chosen, str) and chosen.strip() and chosen.strip().lower() != "false"):
        return chosen
    raise RefusedError(
        "GS-S3-002",
        resource=origin,
        found="empty" if isinstance(chosen, str) and not chosen.strip() else repr(chosen),
        required="verified certificates: the path of a bundle of authorities, or nothing set",
        fix=f"give {origin} the path of a PEM file, or unset it",
    )


def require_tls(service: str, url: str) -> None:
    """Refuse an endpoint that is not https (GS-S3-002)."""
    if urlsplit(url).scheme != "https":
        raise RefusedError(
            "GS-S3-002",
            resource=f"endpoint of {service}",
            found=redact_text(url),
            required="https",
            fix=f"make AWS_ENDPOINT_URL (or AWS_ENDPOINT_URL_{service.upper()}) an https:// URL, or unset it",
        )
