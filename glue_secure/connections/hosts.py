"""Host names and addresses, in the one spelling that every reader takes alike."""

from __future__ import annotations

import ipaddress
import re

_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*")


def normal_host(text: str) -> str | None:
    """The host as ``JdbcUrl`` keeps it; None where resolvers could read it in different ways."""
    if text.startswith("[") and text.endswith("]"):
        try:
            address = ipaddress.IPv6Address(text[1:-1])
        except ValueError:
            return None
        # Java turns mapped addresses into IPv4 ones, and a zone is local to one machine.
        if address.ipv4_mapped is not None or address.scope_id is not None:
            return None
        return ":".join(format(int(group, 16), "x") for group in address.exploded.split(":"))
    host = text.lower()
    if len(host) > 253 or not _HOST.fullmatch(host):
        return None
    if re.fullmatch(r"(?:0x[0-9a-f]*|[0-9]+)", host.rpartition(".")[2]):
        # 127.1, 0x7f.1 and 010.0.0.1 are addresses to some resolvers, with different values.
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            return None
    return host
