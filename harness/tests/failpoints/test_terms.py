"""Plans as text: what is read, how it is printed back, and what is refused and where."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from killpoint.failpoints import FaultKind, FaultPlan, PlanSyntaxError, Term, parse_plan

NAMES = st.sampled_from(["a.b", "phase_a.before", "phase_a.*", "*", "x?.y_1.z"])
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
LITERALS = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=8) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
DURATIONS = st.integers(0, 86_400_000).map(lambda n: f"({n})") | st.sampled_from(
    ["(2s)", "( 1.5 s )"]
)
TASKS = st.one_of(
    st.sampled_from(["off", "kill", "abort", "hang", "pause", "print", "panic", "return(bare)"]),
    st.integers(0, 255).map(lambda code: f"exit({code})"),
    LITERALS.map(lambda value: f"return({value!r})"),
    st.lists(LITERALS, max_size=2).map(lambda v: f"raise({', '.join(['OSError', *map(repr, v)])})"),
    st.tuples(st.sampled_from(["sleep", "pause"]), DURATIONS).map("".join),
    st.tuples(st.sampled_from(["print", "panic"]), st.text(max_size=9)).map(
        lambda said: f"{said[0]}({said[1]!r})"
    ),
)
PERCENTS = st.just("") | st.integers(0, 100_000_000).map(lambda n: f"{n / 1_000_000:f} %")
COUNTS = st.just("") | st.integers(1, 999_999_999).map("{}* ".format)


@st.composite
def term_texts(draw: st.DrawFn) -> str:
    """Write a term as people do: modifiers in either order, spaces where they may stand."""
    modifiers = [draw(PERCENTS), draw(COUNTS)]
    return " ".join([*draw(st.permutations(modifiers)), draw(TASKS)])


PLANS = st.dictionaries(NAMES, st.lists(term_texts(), min_size=1, max_size=3), min_size=1).map(
    lambda plan: " ; ".join(f"{name} = {' -> '.join(terms)}" for name, terms in plan.items())
)


@given(text=PLANS)
def test_a_printed_plan_reads_back_as_the_same_plan(text: str) -> None:
    """Printing loses nothing, and what is printed prints the same again."""
    plan = parse_plan(text)
    printed = str(plan)
    assert plan == parse_plan(printed)
    assert printed == str(parse_plan(printed))


def refused_at(text: str) -> int:
    """Return the column at which a text is refused, or 0 when it is a plan."""
    try:
        parse_plan(text)
    except PlanSyntaxError as error:
        return error.column
    return 0


@given(text=st.text(alphabet="ab.*=;->%@()'\"[]{}\\ 13kilopausert,", max_size=40))
def test_any_text_is_a_plan_or_a_syntax_error(text: str) -> None:
    """Nothing else comes out of the parser, and a refusal points into the text or at its end."""
    assert 0 <= refused_at(text) <= len(text) + 1


CANONICAL = {
    "a.b=kill": "a.b=kill",
    "a.b=kill@1": "a.b=1*kill",
    "a.b=kill@3": "a.b=2*off->1*kill",
    "a.b = raise(OSError,ENOSPC)@2 ;": "a.b=1*off->1*raise(OSError, ENOSPC)",
    "a.b=1%kill": "a.b=1.0%kill",
    "a.b=3*20.50%kill": "a.b=20.5%3*kill",
    "a.b=sleep(10ms)->sleep(1.5s)": "a.b=sleep(10)->sleep(1500)",
    "a.b=print(7)": "a.b=print(7)",
    "a.b=print(so it goes)": "a.b=print('so it goes')",
    "a.b=print('->;')": "a.b=print('->;')",
    "a.b=return(bare)": "a.b=return('bare')",
    "a.b=return(None)": "a.b=return",
    "a.b=return([1,(2,)])": "a.b=return([1, (2,)])",
    "a.b=return(b'\\x00)')": "a.b=return(b'\\x00)')",
    "a.b=raise(pkg.mod.Error, u'x')": "a.b=raise(pkg.mod.Error, 'x')",
    "phase_a.*=kill;*=off": "phase_a.*=kill;*=off",
}


@pytest.mark.parametrize(("written", "printed"), CANONICAL.items())
def test_every_way_to_write_it_is_printed_in_one(written: str, printed: str) -> None:
    """Sugar, order and spaces vanish in print."""
    assert printed == str(parse_plan(written))


def test_a_plan_is_a_value() -> None:
    """Chance, count, fault and arguments are there to be looked at."""
    once = Term(fault=FaultKind.RAISE, arguments=("OSError", "ENOSPC"), percent=25.0, count=2)
    expected = FaultPlan(chains=(("a.b", (once, Term(fault=FaultKind.KILL))),))
    assert expected == parse_plan("a.b=25%2*raise(OSError, ENOSPC)->kill")


@given(
    chance=st.none() | st.integers(1, 10_000).map(lambda n: n / 100),
    count=st.none() | st.integers(1, 999_999_999),
    task=st.sampled_from(["off", "return(1)", "sleep(10)", "panic", "panic(3)", "print(12)"]),
)
def test_the_portable_core_prints_in_the_common_form(
    chance: float | None, count: int | None, task: str
) -> None:
    """What fail-rs and gofail both know is printed so that both accept it: their own grammar."""
    percent = "" if chance is None else f"{chance}%"
    times = "" if count is None else f"{count}*"
    printed = str(parse_plan(f"a.b={times}{percent}{task}"))
    common = r"a\.b=([0-9]+\.[0-9]+%)?([0-9]+\*)?[a-z]+(\([0-9]+\))?"
    assert re.fullmatch(common, printed)


REFUSED = {
    "": (1, "the plan is empty", "Write name=fault"),
    "a.b": (4, "'=' is missing", "a.b=kill"),
    "a=kill": (1, "'a' is not the name of a point", "words joined by dots"),
    "a.b=": (5, "a fault is missing", "Known: off, kill"),
    "a.b=kil": (5, "no fault is called 'kil'", "Did you mean kill?"),
    "a.b=off->": (10, "a fault is missing", "Known: off, kill"),
    "a.b=kill;a.b=off": (10, "a.b stands here twice", "Join its terms with '->'"),
    "a.b=kill x": (10, "the term has ended here", "'->' or ';'"),
    "a.b=5kill": (5, "neither '%' nor '*'", "25.0%"),
    "a.b=5%6%kill": (7, "two percentages", "Keep one"),
    "a.b=5*6*kill": (7, "two counts", "Keep one"),
    "a.b=101%kill": (5, "from 0 to 100", "25.0%"),
    "a.b=0*kill": (5, "from 1", "999999999"),
    "a.b=kill@0": (10, "'@' wants the number of a hit", "999999999"),
    "a.b=2*kill@3": (11, "'@' does not go with", "kill@3 alone"),
    "a.b=off->kill@3": (14, "'@' stands in a chain", "2*off->1*kill"),
    "a.b=kill(9)": (9, "kill takes no argument", "Write kill alone"),
    "a.b=exit": (9, "exit needs a code", "exit(1)"),
    "a.b=exit(256)": (9, "from 0 to 255", "exit(1)"),
    "a.b=sleep": (10, "a duration is missing", "sleep(10ms)"),
    "a.b=sleep(0.5ms)": (10, "whole number of milliseconds", "sleep(10ms)"),
    "a.b=sleep(25h)": (10, "'25h' is no duration", "sleep(1.5s)"),
    "a.b=sleep(86401s)": (10, "longer than a day", "hang"),
    "a.b=raise": (10, "raise wants an exception type", "raise(OSError, ENOSPC)"),
    "a.b=raise(OSError, ENOPE)": (10, "ENOPE is neither", "put text into quotes"),
    "a.b=print('x)": (11, "this quote is never closed", "Write it again"),
    "a.b=print((x)": (10, "this bracket is never closed", "Write ')'"),
    "a.b=print([)])": (12, "')' closes what is not open", "Write ']' here"),
}


@pytest.mark.parametrize(("text", "told"), REFUSED.items())
def test_a_refusal_says_what_and_where_and_what_to_write(
    text: str, told: tuple[int, str, str]
) -> None:
    """The caret stands under the column, and the last line is the way out."""
    column, problem, remedy = told
    with pytest.raises(PlanSyntaxError) as caught:
        parse_plan(text)
    first, shown, caret, last = str(caught.value).split("\n")
    assert column == caught.value.column
    assert f"plan, column {column}: {caught.value.problem}" == first
    assert problem in first
    assert (f"  {text}", " " * (column + 1) + "^") == (shown, caret)
    assert remedy.lower() in last.lower()


def test_the_caret_stays_under_its_sign_in_a_long_plan() -> None:
    """A long plan is shown in part, and control characters do not move the caret."""
    text = ";".join(f"a.b{number}=kill\t" for number in range(300)) + ";a.c=kil;" + "a.d=off;" * 9
    with pytest.raises(PlanSyntaxError) as caught:
        parse_plan(text)
    _, shown, caret, _ = str(caught.value).split("\n")
    assert text.index("kil;") + 1 == caught.value.column
    assert shown[caret.index("^") :].startswith("kil;")


@pytest.mark.parametrize(
    "text",
    [
        "a.b=return(__import__('os').getpid())",
        "a.b=return([print(1)])",
        "a.b=return(f'{1}')",
        "a.b=raise(__import__('os'))",
        "a.b=raise(OSError, exit())",
        "a.b=raise(OSError, x=1)",
        "a.b=raise(lambda: 1)",
        "a.b=return((" + "(" * 4000 + ")" * 4000 + "))",
        "a.b=return('\\d')",
    ],
)
def test_what_is_no_literal_is_refused_and_not_run(text: str) -> None:
    """A plan from a stranger can be parsed safely: calls, names and deep nests are no literals."""
    with pytest.raises(PlanSyntaxError):
        parse_plan(text)


def test_parsing_imports_nothing_that_a_plan_names() -> None:
    """A type is a name until the plan is armed, even one that cannot exist."""
    assert "a.b=raise(no.such.Type)" == str(parse_plan("a.b=raise(no.such.Type)"))


def test_a_plan_has_a_longest_length() -> None:
    """Nobody can keep the parser busy for long."""
    with pytest.raises(PlanSyntaxError, match="more than 20000"):
        parse_plan("a.b=kill;" * 4000)
