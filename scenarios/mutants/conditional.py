"""Negate one conditional of an engine: read the source, turn one test round, swap the code.

A conditional is the test of an `if`, a `while`, a conditional expression or a comprehension, or
the guard of a case. It is named by its module, its function and its number there, so that a name
stands for the same one as long as its function is the same. What is only for type checkers and
what runs at import is left alone.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from dataclasses import dataclass
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class NoConditionalError(LookupError):
    """A conditional was named that the module has not."""

    def __init__(self, name: str) -> None:
        """Say which."""
        super().__init__(f"no engine has the conditional {name!r}; its function may have changed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditional:
    """One conditional: its name, the function that it is in, and its source."""

    name: str
    function: str
    text: str


class _Negation(ast.NodeTransformer):
    """Turns one test round, the one that is named; none if that is nothing."""

    def __init__(self, target: str) -> None:
        self.found: list[Conditional] = []
        self._target = target
        self._scopes: list[str] = []
        self._counts: dict[str, int] = {}

    def _enter(self, node: Scope) -> ast.AST:
        self._scopes.append(node.name)
        self.generic_visit(node)
        self._scopes.pop()
        return node

    # `ast` calls methods of these names.
    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _enter  # noqa: N815 -- as above

    def _turned(self, test: ast.expr) -> ast.expr:
        if not self._scopes or ast.unparse(test) == "TYPE_CHECKING":
            return test
        function = ".".join(self._scopes)
        number = self._counts[function] = self._counts.get(function, 0) + 1
        name = f"{function}#{number}"
        self.found.append(Conditional(name=name, function=function, text=ast.unparse(test)))
        if name != self._target:
            return test
        return ast.copy_location(ast.UnaryOp(op=ast.Not(), operand=test), test)

    def _test(self, node: ast.If | ast.While | ast.IfExp) -> ast.AST:
        node.test = self._turned(node.test)
        self.generic_visit(node)
        return node

    visit_If = visit_While = visit_IfExp = _test  # noqa: N815 -- as above

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        """Turn the conditions of a comprehension."""
        node.ifs = [self._turned(each) for each in node.ifs]
        self.generic_visit(node)
        return node

    def visit_match_case(self, node: ast.match_case) -> ast.AST:
        """Turn the guard of a case."""
        if node.guard is not None:
            node.guard = self._turned(node.guard)
        self.generic_visit(node)
        return node


def every(module: str) -> tuple[Conditional, ...]:
    """Return the conditionals of an engine's module, as in `graph.recovery`."""
    negation = _Negation("")
    negation.visit(ast.parse(_source(module)))
    return tuple(
        Conditional(name=f"{module}:{each.name}", function=each.function, text=each.text)
        for each in negation.found
    )


def plant(module: str, name: str, *, negate: bool = True) -> None:
    """Swap the code of the function that the conditional is in, in this process.

    Raises `NoConditionalError`. Without `negate` the code is only compiled anew.
    """
    function, code = _mutated(module, name, negate=negate)
    live = _live(importlib.import_module(f"engine.{module}"), function)
    live.__code__ = code


@cache
def _mutated(module: str, name: str, *, negate: bool) -> tuple[str, CodeType]:
    """Return the outermost function around a conditional, and its code with that negated."""
    inside = name.partition(":")[2]
    negation = _Negation(inside if negate else "")
    tree = ast.fix_missing_locations(negation.visit(ast.parse(_source(module))))
    found = next((each for each in negation.found if each.name == inside), None)
    if found is None:
        raise NoConditionalError(name)
    loaded = importlib.import_module(f"engine.{module}")
    whole = compile(tree, str(loaded.__file__), "exec", dont_inherit=True)
    outermost = _outermost(loaded, found.function)
    for code in _codes(whole):
        if code.co_qualname == outermost:
            return outermost, code
    raise NoConditionalError(name)


def _outermost(module: ModuleType, function: str) -> str:
    """Return the part of a function's path that is no function inside of another."""
    parts = function.split(".")
    for count in range(1, len(parts) + 1):
        path = ".".join(parts[:count])
        if not isinstance(_raw(module, path), type):
            return path
    raise NoConditionalError(function)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _codes(each)


def _raw(module: ModuleType, path: str) -> object:
    found: object = module
    for part in path.split("."):
        found = vars(found)[part]
    return found


def _live(module: ModuleType, path: str) -> FunctionType:
    """Return the function itself, out of what wraps it."""
    found = _raw(module, path)
    if isinstance(found, property):
        found = found.fget
    if isinstance(found, staticmethod | classmethod):
        found = found.__func__
    function = getattr(found, "func", found)
    assert callable(function), path
    plain = inspect.unwrap(function)
    assert isinstance(plain, FunctionType), path
    return plain


@cache
def _source(module: str) -> str:
    return inspect.getsource(importlib.import_module(f"engine.{module}"))
