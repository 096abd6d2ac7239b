"""Every form of line that strace writes, from samples of strace 6.1."""

from __future__ import annotations

import pytest

from killpoint.sources.strace_lines import LineError, OpenFile, open_file, read_lines, string


def read(*lines: str) -> list[tuple[int, str, tuple[str, ...], str]]:
    """Return the calls as plain tuples."""
    return [(call.pid, call.name, call.args, call.result) for call in read_lines(lines)]


@pytest.mark.parametrize(
    ("line", "args", "result"),
    [
        ('7  rename("a", "b")              = 0', ('"a"', '"b"'), "0"),
        ('7  write(3</x/f>, ""..., 3) = 3', ("3</x/f>", '""...', "3"), "3"),
        ('7  unlink("a, \\"b)") = -1 ENOENT (No such)', ('"a, \\"b)"',), "-1 ENOENT (No such)"),
        ("7  fork()                   = 8", (), "8"),
        (
            '7  openat(AT_FDCWD</x>, "f", O_RDONLY) = 3</x/a=b, (c)\\76>',
            ("AT_FDCWD</x>", '"f"', "O_RDONLY"),
            "3</x/a=b, (c)\\76>",
        ),
        (
            '7  openat2(5</x>, "f", {flags=O_RDWR, mode=0}, 24) = 3',
            ("5</x>", '"f"', "{flags=O_RDWR, mode=0}", "24"),
            "3",
        ),
        ("7  write(3</x/f>(deleted), ..., 1) = ?", ("3</x/f>(deleted)", "...", "1"), "?"),
    ],
)
def test_a_line_is_split_into_arguments_and_result(
    line: str, args: tuple[str, ...], result: str
) -> None:
    """Commas and brackets inside strings, paths and structures do not split."""
    ((_, _, read_args, read_result),) = read(line)
    assert (args, result) == (read_args, read_result)


def test_a_call_in_two_lines_is_put_together_where_it_began() -> None:
    """An interrupted call keeps its place before the calls that came between."""
    calls = read(
        '1  write(3</x/f>, "", 2 <unfinished ...>',
        '2  unlink("g" <unfinished ...>',
        "1  <... write resumed>)              = 2",
        "2  <... unlink resumed>) = 0",
        "1  fork( <unfinished ...>",
        '3  chdir("/y") = 0',
        "1  <... fork resumed>)   = 3",
    )
    expected = [(1, "write", "2"), (2, "unlink", "0"), (1, "fork", "3"), (3, "chdir", "0")]
    assert expected == [(pid, name, result) for pid, name, _, result in calls]


def test_a_call_whose_process_was_killed_has_no_result() -> None:
    """Both forms: the question mark, and an end that never came."""
    calls = read(
        '1  write(3</x/f>, "", 2 <unfinished ...>',
        '2  rename("a", "b") = ?',
        "2  +++ killed by SIGKILL +++",
        "1  <... write resumed> <unfinished ...>) = ?",
        "3  fsync(4</x> <unfinished ...>",
        "3  +++ killed by SIGKILL +++",
    )
    assert ["?", "?", ""] == [result for _, _, _, result in calls]


def test_notices_are_no_calls() -> None:
    """Signals, exits and the harness's own line are passed over; anything else is refused."""
    notices = ["1  --- SIGCHLD {si_signo=SIGCHLD} ---", "1  +++ exited with 0 +++", "# x", ""]
    assert [] == read(*notices)
    with pytest.raises(LineError, match="what is this"):
        read("what is this")


def test_escapes_in_paths_are_undone() -> None:
    """Octal of one to three digits, letters, and bytes that are no UTF-8."""
    assert string('"a\\"b\\n\\303\\251\\0\\\\"') == 'a"b\né\0\\'
    assert string('"\\377"') == "\udcff"
    assert string("NULL") is None
    assert open_file("3</x/a\\76>") == OpenFile(path="/x/a>", deleted=False)


def test_an_open_file_without_a_name_says_so() -> None:
    """New and old spellings of `deleted`; pipes and bare numbers are no files."""
    assert open_file("3</x/f>(deleted)") == OpenFile(path="/x/f", deleted=True)
    assert open_file("3</x/f (deleted)>") == OpenFile(path="/x/f", deleted=True)
    assert open_file("AT_FDCWD</x>") == OpenFile(path="/x", deleted=False)
    assert open_file("1<pipe:[77]>") is None
    assert open_file("5") is None
