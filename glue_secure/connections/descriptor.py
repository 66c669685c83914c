"""Oracle's connect descriptors: ``(DESCRIPTION=(ADDRESS=...)(CONNECT_DATA=...))``.

A descriptor is accepted if it names exactly one TCPS address and one service or SID. Other parameters are
accepted if their effect on the connection is known; they are passed on unchanged.
https://docs.oracle.com/en/database/oracle/oracle-database/19/netrf/local-naming-parameters-in-tns-ora-file.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"\s*(?:(?P<open>\()\s*(?P<name>[A-Za-z_]+)\s*=|(?P<close>\))|(?P<text>\"[^\"]*\"|[^()=\"]+))"
)
_NUMBER = r"[0-9]{1,9}(?:ms|sec|min)?"
_SWITCH = "(?i:on|off|yes|no|true|false)"
_OFF = "(?i:off|no|false)"
# Parameters besides ADDRESS, SERVICE_NAME and SID, with the pattern of their values.
_TUNING = {
    **dict.fromkeys(
        ("CONNECT_TIMEOUT", "TRANSPORT_CONNECT_TIMEOUT", "RETRY_COUNT", "RETRY_DELAY", "EXPIRE_TIME", "SDU",
            "RECV_BUF_SIZE", "SEND_BUF_SIZE"), _NUMBER),
    # Without effect, because there is one address.
    "LOAD_BALANCE": _SWITCH,
    "FAILOVER": _SWITCH,
    "SOURCE_ROUTE": _OFF,
    "ENABLE": "(?i:BROKEN)",
}  # fmt: skip
_CONNECT_DATA = {"SERVER": "(?i:DEDICATED|SHARED|POOLED)", "INSTANCE_NAME": r"[A-Za-z][A-Za-z0-9_]{0,29}"}
_SECURITY = {"SSL_SERVER_DN_MATCH": "(?i:on|yes|true)"}
# Parameters that weaken or replace the verification of the server.
_WEAKER = (
    *("SSL_SERVER_DN_MATCH", "SSL_ALLOW_WEAK_DN_MATCH", "SSL_VERSION", "SSL_CIPHER_SUITES"),
    *("SSL_CERTIFICATE_ALIAS", "SSL_CERTIFICATE_THUMBPRINT", "WALLET_LOCATION", "MY_WALLET_DIRECTORY"),
    *("HTTPS_PROXY", "HTTPS_PROXY_PORT", "SOURCE_ROUTE"),
)


class DescriptorError(Exception):
    """A descriptor that is not accepted.

    Args:
        problem: a clause for the message, without values.
        weaker: whether the descriptor would weaken the verification of the server.
    """

    def __init__(self, problem: str, *, weaker: bool = False) -> None:
        super().__init__(problem)
        self.weaker = weaker


@dataclass(frozen=True, slots=True)
class Descriptor:
    """An accepted descriptor.

    Attributes:
        host: as written.
        port: digits.
        database: the service name or SID.
        subject: the distinguished name of SSL_SERVER_CERT_DN, ``""`` without.
        template: the descriptor for the driver, with ``{host}``, ``{port}`` and ``{database}``.
    """

    host: str
    port: str
    database: str
    subject: str
    template: str


_Node = tuple[str, "str | list[_Node]"]


def read_descriptor(text: str) -> Descriptor:
    """Return the descriptor, parsed in full.

    Raises:
        DescriptorError: it has another form, more than one address, an address that is not TCPS, or a
            parameter that is not accepted.
    """
    root = _parse(text)
    name, description = root
    if name != "DESCRIPTION" or isinstance(description, str):
        raise DescriptorError("a descriptor that is not one DESCRIPTION")
    address = data = None
    tuning, subject = "", ""
    for name, value in description:
        if name == "ADDRESS_LIST" and not isinstance(value, str):
            for inner, inner_value in value:
                if inner == "ADDRESS" and address is None:
                    address = inner_value
                else:
                    tuning += _tuning(inner, inner_value)
        elif name == "ADDRESS" and address is None:
            address = value
        elif name == "CONNECT_DATA" and data is None:
            data = value
        elif name == "SECURITY" and not subject:
            subject = _security(value)
        else:
            tuning += _tuning(name, value)
    host, port = _address(address)
    key, database, more = _connect_data(data)
    template = (
        f"(DESCRIPTION={tuning}(ADDRESS=(PROTOCOL=TCPS)(HOST={{host}})(PORT={{port}}))"
        f"(CONNECT_DATA=({key}={{database}}){more})(SECURITY=(SSL_SERVER_DN_MATCH=TRUE)))"
    )
    return Descriptor(host, port, database, subject, template)


def same_subject(left: str, right: str) -> bool:
    """Return whether two distinguished names are equal, in either order of their parts.

    Oracle writes them from the country to the common name, RFC 4514 from the common name to the country.
    """
    parts, others = _parts(left), _parts(right)
    return bool(parts) and parts in (others, others[::-1])


def is_subject(text: str) -> bool:
    """Return whether the text is a distinguished name with a common name."""
    return any(name == "CN" for name, _ in _parts(text))


def _parts(text: str) -> list[tuple[str, str]]:
    """Return attribute and value of each part; empty if the text is not a distinguished name."""
    pairs = [part.partition("=") for part in re.split(r"(?<!\\),", text)]
    aliases = {"S": "ST", "E": "EMAILADDRESS", "1.2.840.113549.1.9.1": "EMAILADDRESS"}
    parts = []
    for name, equals, value in pairs:
        if not equals or not re.fullmatch(r"\s*[A-Za-z0-9.]+\s*", name) or not value.strip():
            return []
        upper = name.strip().upper()
        parts.append((aliases.get(upper, upper), value.strip()))
    return parts


def _parse(text: str) -> _Node:
    """Return the tree of a descriptor; parameters in upper case."""
    position = 0
    stack: list[tuple[str, list[_Node], list[str]]] = []
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise DescriptorError("a descriptor that cannot be parsed")
        position = match.end()
        if match["open"]:
            stack.append((match["name"].upper(), [], []))
        elif match["text"] is not None:
            if not stack:
                raise DescriptorError("text outside a descriptor's parentheses")
            if match["text"].strip():
                stack[-1][2].append(match["text"].strip())
        else:
            if not stack:
                raise DescriptorError("a descriptor with a parenthesis too many")
            name, children, texts = stack.pop()
            if bool(children) == bool(texts) or len(texts) > 1:
                raise DescriptorError(f"a descriptor whose {name} is empty or mixed")
            node: _Node = (name, children or texts[0])
            if stack:
                stack[-1][1].append(node)
            elif text[position:].strip():
                raise DescriptorError("text after a descriptor")
            else:
                return node
    raise DescriptorError("a descriptor without its last parenthesis")


def _tuning(name: str, value: str | list[_Node]) -> str:
    if name == "ADDRESS":
        raise DescriptorError(
            "a descriptor with several addresses: the driver may connect to an unverified one"
        )
    if isinstance(value, str) and name in _TUNING and re.fullmatch(_TUNING[name], value):
        return f"({name}={value})"
    raise DescriptorError(f"the parameter {name} of a descriptor", weaker=name in _WEAKER)


def _security(value: str | list[_Node]) -> str:
    if isinstance(value, str):
        raise DescriptorError("a descriptor whose SECURITY has no parameters")
    subject = ""
    for name, text in value:
        if isinstance(text, str) and name == "SSL_SERVER_CERT_DN" and not subject:
            subject = text.strip('"')
            if not is_subject(subject):
                raise DescriptorError("an SSL_SERVER_CERT_DN without a common name", weaker=True)
        elif not isinstance(text, str) or not re.fullmatch(_SECURITY.get(name, "(?!)"), text):
            raise DescriptorError(f"the parameter {name} of a descriptor's SECURITY", weaker=name in _WEAKER)
    return subject


def _address(value: str | list[_Node] | None) -> tuple[str, str]:
    parts = _texts("ADDRESS", value)
    if parts.keys() != {"PROTOCOL", "HOST", "PORT"}:
        weaker = bool(parts.keys() & set(_WEAKER))
        raise DescriptorError("an ADDRESS that is not PROTOCOL, HOST and PORT", weaker=weaker)
    if parts["PROTOCOL"].upper() != "TCPS":
        raise DescriptorError("an ADDRESS without TLS", weaker=True)
    return parts["HOST"], parts["PORT"]


def _connect_data(value: str | list[_Node] | None) -> tuple[str, str, str]:
    parts = _texts("CONNECT_DATA", value)
    names = [name for name in ("SERVICE_NAME", "SID") if name in parts]
    others = {name: text for name, text in parts.items() if name not in names}
    if len(names) != 1:
        raise DescriptorError("a CONNECT_DATA without exactly one of SERVICE_NAME and SID")
    for name, text in others.items():
        if not re.fullmatch(_CONNECT_DATA.get(name, "(?!)"), text):
            raise DescriptorError(f"the parameter {name} of a descriptor's CONNECT_DATA")
    return names[0], parts[names[0]], "".join(f"({name}={text})" for name, text in others.items())


def _texts(name: str, value: str | list[_Node] | None) -> dict[str, str]:
    """Return the parameters of a part that has only text parameters, each once."""
    if value is None or isinstance(value, str):
        raise DescriptorError(f"a descriptor without {name}")
    texts = {inner: text for inner, text in value if isinstance(text, str)}
    if len(texts) != len(value):
        raise DescriptorError(
            f"a descriptor whose {name} has a parameter twice, or with parameters of its own"
        )
    return texts
