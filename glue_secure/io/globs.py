"""Unix-style globs over object keys, matched in time that is linear in the key.

``*`` and ``?`` match inside a path component, ``**`` matches across components; ``[a-z]``, ``[!a]`` and
``{a,b}`` are as in a shell; a backslash quotes the next character. A glob matches the whole text.
https://docs.aws.amazon.com/glue/latest/dg/define-crawler-choose-data-sources.html

A regular expression with several ``.*`` needs seconds for one key of 400 characters. Here all positions of a
pattern are tracked at once, as the bits of a number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import product

from glue_secure.core.errors import UsageError

_SCHEME = re.compile(r"s3[an]?://", re.IGNORECASE)
_MOST_ALTERNATIVES = 1000
_Test = Callable[[str], bool]


class GlobMatcher:
    """Matches texts against several globs.

    Args:
        patterns: the globs.

    Raises:
        UsageError: a bracket or brace is not closed, a bracket is empty or has a range in the wrong order, or
            braces make more than 1000 alternatives.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._globs = [_Glob(tokens) for pattern in patterns for tokens in _alternatives(pattern)]

    def matches(self, text: str) -> bool:
        """Return whether one of the globs matches the whole text."""
        return any(glob.matches(text) for glob in self._globs)


class _Glob:
    """One glob without braces.

    Bit ``n`` of a position stands for the first ``n`` tokens. For each character there are two masks: the
    positions that it moves by one token, and the positions at a star that it leaves where they are.
    """

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._stars = sum(1 << at for at, token in enumerate(tokens) if token.is_star)
        self._end = 1 << len(tokens)
        self._masks: dict[str, tuple[int, int]] = {}
        literal = ""
        for token in reversed(tokens):
            if not token.literal:
                break
            literal = token.literal + literal
        self._suffix = literal

    def matches(self, text: str) -> bool:
        """Return whether the glob matches the whole text."""
        if not text.endswith(self._suffix):
            return False
        stars, masks = self._stars, self._masks
        positions = 1 | (stars & 1) << 1
        for character in text:
            moves, stays = masks.get(character) or self._masks_of(character)
            positions = (positions & moves) << 1 | (positions & stays)
            if not positions:
                return False
            positions |= (positions & stars) << 1
        return bool(positions & self._end)

    def _masks_of(self, character: str) -> tuple[int, int]:
        moves = stays = 0
        for at, token in enumerate(self._tokens):
            if token.test(character):
                if token.is_star:
                    stays |= 1 << at
                else:
                    moves |= 1 << at
        self._masks[character] = moves, stays
        return moves, stays


class _Token:
    """One element of a glob: a test of a character, and whether it repeats."""

    __slots__ = ("is_star", "literal", "test")

    def __init__(self, test: _Test, *, is_star: bool = False, literal: str = "") -> None:
        self.test, self.is_star, self.literal = test, is_star, literal


def _not_slash(character: str) -> bool:
    return character != "/"


def _any(_character: str) -> bool:
    return True


_STAR, _DOUBLE_STAR = _Token(_not_slash, is_star=True), _Token(_any, is_star=True)


def _alternatives(pattern: str) -> list[list[_Token]]:
    """Return the tokens of each alternative that the braces of a pattern make."""
    text = _SCHEME.sub("s3://", pattern, count=1) if _SCHEME.match(pattern) else pattern
    alternatives, rest = _sequence(pattern, text, 0, inside=False)
    assert rest == len(text)  # noqa: S101 - outside of braces, a sequence ends with the text
    return [_without_repeated_stars(tokens) for tokens in alternatives]


def _sequence(pattern: str, text: str, at: int, *, inside: bool) -> tuple[list[list[_Token]], int]:
    """Return the alternatives from a position on, up to the ``,`` or ``}`` of the surrounding braces."""
    found: list[list[_Token]] = [[]]
    while at < len(text) and not (inside and text[at] in ",}"):
        character = text[at]
        if character == "{":
            options: list[list[_Token]] = []
            while text[at : at + 1] in ("{", ","):
                more, at = _sequence(pattern, text, at + 1, inside=True)
                options += more
            if text[at : at + 1] != "}":
                raise _invalid(pattern, "every [ and { of a pattern closed")
            at += 1
        elif character == "[":
            token, at = _bracket(pattern, text, at)
            options = [[token]]
        elif character == "*":
            double = text[at + 1 : at + 2] == "*"
            options, at = [[_DOUBLE_STAR if double else _STAR]], at + 1 + double
        elif character == "?":
            options, at = [[_Token(_not_slash)]], at + 1
        else:
            if character == "\\" and at + 1 < len(text):
                at, character = at + 1, text[at + 1]
            options, at = [[_Token(character.__eq__, literal=character)]], at + 1
        if len(found) * len(options) > _MOST_ALTERNATIVES:
            raise _invalid(pattern, f"braces with at most {_MOST_ALTERNATIVES} alternatives in all")
        found = [[*first, *second] for first, second in product(found, options)]
    return found, at


def _bracket(pattern: str, text: str, at: int) -> tuple[_Token, int]:
    match = re.compile(r"\[(!?)(\]?[^\]]*)\]").match(text, at)
    if match is None:
        raise _invalid(pattern, "every [ and { of a pattern closed")
    body = match[2].replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
    try:
        characters = re.compile(f"(?!/)[{'^' if match[1] else ''}{body}]", re.DOTALL)
    except re.error as error:
        raise _invalid(pattern, "brackets with characters, and ranges in ascending order") from error
    return _Token(lambda character: characters.match(character) is not None), match.end()


def _without_repeated_stars(tokens: list[_Token]) -> list[_Token]:
    """Return the tokens with one star for adjacent stars, which match the same as the widest of them."""
    found: list[_Token] = []
    for token in tokens:
        if token.is_star and found and found[-1].is_star:
            found[-1] = _DOUBLE_STAR if _DOUBLE_STAR in (token, found[-1]) else _STAR
        else:
            found.append(token)
    return found


def _invalid(pattern: str, required: str) -> UsageError:
    return UsageError("exclusions", found=repr(pattern), required=required)
