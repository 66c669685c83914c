"""Database names and Oracle's descriptors, for any text: rejected, or read as the same server."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from glue_secure.connections.engines.registry import ENGINES
from glue_secure.connections.url import read_url, url_of_parts, with_database
from glue_secure.core.errors import RefusedError

_special = st.text(alphabet="ab{}[]()/\\?&=;:@#%+,.$ '\"\n\x00ä", max_size=12)
_pieces = st.sampled_from(
    [
        *(
            "(",
            ")",
            "=",
            " ",
            '"',
            ",",
            "{",
            "}",
            "x",
            "tcp",
            "tcps",
            "a.example",
            "2484",
            "ops",
            "yes",
            "no",
        ),
        *(
            "(DESCRIPTION=",
            "(ADDRESS=",
            "(ADDRESS_LIST=",
            "(CONNECT_DATA=",
            "(SECURITY=",
            "(SOURCE_ROUTE=yes)",
        ),
        *("(PROTOCOL=tcps)", "(PROTOCOL=tcp)", "(HOST=a.example)", "(HOST=evil)", "(PORT=2484)", "(PORT=0)"),
        *("(SERVICE_NAME=ops)", "(SID=x)", "(SSL_SERVER_DN_MATCH=no)", '(SSL_SERVER_CERT_DN="CN=a")'),
        *("(RETRY_COUNT=3)", "(LOAD_BALANCE=on)", "(MY_WALLET_DIRECTORY=w)", "(HTTPS_PROXY=evil)"),
        "(ADDRESS=(PROTOCOL=tcps)(HOST=a.example)(PORT=2484))",
        "(CONNECT_DATA=(SERVICE_NAME=ops))",
    ]
)
_good = (
    "(DESCRIPTION=",
    "(ADDRESS=(PROTOCOL=tcps)(HOST=a.example)(PORT=2484))",
    "(CONNECT_DATA=(SID=x))",
    ")",
)
_changed = st.tuples(st.integers(0, 4), st.lists(_pieces, max_size=3)).map(
    lambda change: "".join((*_good[: change[0]], *change[1], *_good[change[0] :]))
)


@given(st.integers(0, len(ENGINES) - 1), st.one_of(_special, st.text(max_size=30)))
@example(3, "a}b;encrypt=false")
@example(3, "{a}")
@example(3, "@")
@example(2, "ops?sslMode=trust")
@example(4, "ops:dedicated")
def test_a_database_name_is_rejected_or_read_back(position: int, name: str) -> None:
    engine = ENGINES[position]  # Hypothesis would print the engine, which is long
    good = read_url(engine.bare_form.format(host="db.example.com", port=2000, database="ops"))
    try:
        url = url_of_parts(engine, "db.example.com", "2000", name, resource="c")
    except RefusedError as error:
        assert error.control == "GS-TLS-007"
    else:
        assert (url.host, url.port, url.database, url.options) == ("db.example.com", 2000, name, ())
    try:
        changed = with_database(good, name, resource="c")
    except RefusedError as error:
        assert error.control == "GS-TLS-007"
    else:
        assert read_url(changed.bare).database == name
        assert (changed.host, changed.port) == ("db.example.com", 2000)


@given(st.one_of(_changed, st.lists(_pieces, max_size=14).map("".join)))
def test_a_descriptor_is_rejected_or_has_one_verified_address(text: str) -> None:
    try:
        url = read_url("jdbc:oracle:thin:@" + text)
    except RefusedError:
        return
    assert re.fullmatch(
        r"jdbc:oracle:thin:@\(DESCRIPTION=(?:\([A-Z_]+=\w+\))*"
        r"\(ADDRESS=\(PROTOCOL=TCPS\)\(HOST=(?:a\.example|evil|x)\)\(PORT=2484\)\)"
        r"\(CONNECT_DATA=\((?:SERVICE_NAME|SID)=\w+\)\)\(SECURITY=\(SSL_SERVER_DN_MATCH=TRUE\)\)\)",
        url.bare,
    ), url.bare
    assert "SOURCE_ROUTE=yes" not in url.bare
    assert read_url(url.bare).bare == url.bare
