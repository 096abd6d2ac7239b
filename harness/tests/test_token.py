"""Tokens: printed and read back, short where they must be, and refused with a reason."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from killpoint.case import Case, Phase, Step
from killpoint.errors import TokenError
from killpoint.token import TOKEN_CHARACTERS_MAX, Token, fingerprint, parse

WORDS = st.from_regex(r"\A[a-z][a-z0-9_]{0,11}\Z")
POINTS = st.lists(WORDS, min_size=2, max_size=3).map(".".join)


@st.composite
def tokens(draw: st.DrawFn) -> Token:
    """Draw a token with one to four steps."""
    count = draw(st.integers(1, 4))
    steps = tuple(
        Step(
            phase=Phase.RECOVER if index else Phase.RUN,
            point=draw(POINTS),
            occurrence=draw(st.integers(1, 10_000)),
            ordinal=draw(st.integers(1, 100_000)),
        )
        for index in range(count)
    )
    scenario = draw(st.lists(WORDS, min_size=1, max_size=2).map(".".join))
    only = tuple(sorted(draw(st.sets(st.integers(1, 9), max_size=3))))
    return Token(case=Case(scenario=scenario, steps=steps, only=only), fingerprint="0a9f")


@given(token=tokens())
def test_a_token_is_one_safe_line_that_reads_back_as_the_same_case(token: Token) -> None:
    """At most 100 characters, nothing a shell would change, and every step is still meant."""
    line = str(token)

    read = parse(line)

    assert len(line) <= TOKEN_CHARACTERS_MAX
    assert shlex.quote(line) in {line, f"'{line}'"}
    assert not set(line) & set(" '\"$`\\!*?;&|<>()[]{}\n")
    assert (token.case.scenario, token.case.only) == (read.case.scenario, read.case.only)
    for written, step in zip(token.case.steps, read.case.steps, strict=True):
        named = (written.point, written.occurrence) == (step.point, step.occurrence)
        assert named or written.ordinal == step.ordinal


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("k1/log.put/kill:a.b@1", "no ~"),
        ("k1/log.put/kill:a.b@1~12", "four hexadecimal digits"),
        ("k9/log.put/kill:a.b@1~1234", "format is 'k9'"),
        ("k1/~1234", "names no scenario"),
        ("k1/log.put/kill:a.b@0~1234", "neither FAULT:POINT@N"),
        ("k1/log.put/recover:a.b@1~1234", "wrong place"),
        ("k1/log.put/kill:a.b@1/kill:a.b@1~1234", "wrong place"),
        ("k1/log.put/only:3,1/kill:a.b@1~1234", "growing numbers"),
        ("k1/log.put/kill:a.b@1/only:1~1234", "neither FAULT:POINT@N"),
        ("k1/log.put/melt:a.b@1~1234", "fault 'melt' is not one this version can replay"),
        ("k1/log.put/__import__('os')~1234", "neither FAULT:POINT@N"),
        ("", "no ~"),
    ],
)
def test_a_damaged_token_is_refused_with_the_part_that_is_wrong(text: str, why: str) -> None:
    """Reading never guesses and never runs anything."""
    with pytest.raises(TokenError, match=why):
        parse(text)


def test_the_fingerprint_covers_names_and_order() -> None:
    """Another point or another order gives other digits."""
    assert fingerprint(["a.b", "c.d"]) != fingerprint(["c.d", "a.b"])
    assert fingerprint(["a.b"]) == fingerprint(("a.b",))
