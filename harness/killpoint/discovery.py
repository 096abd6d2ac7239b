"""Find scenarios: module-level `Scenario` and `Program` values of Python files.

A file inside a package is imported under its dotted name, with the package's parent on the
search path, so that its own imports work; any other file is loaded by its path. Only workers
import scenario files. It never imports a scenario by a name that is built in here.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from killpoint.errors import NoScenarioError, ScenarioFileError, UnknownScenarioError, UsageError
from killpoint.scenario import Program, Scenario

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

Runnable = Scenario | Program


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a scenario is defined, and the line that imports it as `scenario` from `home`."""

    file: Path
    home: Path
    line: str


def configured(start: Path) -> tuple[Path, ...]:
    """Return the places that the nearest pyproject.toml at or above `start` names."""
    for directory in (start, *start.parents):
        file = directory / "pyproject.toml"
        if not file.is_file():
            continue
        try:
            table = tomllib.loads(file.read_text())
        except tomllib.TOMLDecodeError as error:
            raise ScenarioFileError(file, f"it is not TOML: {error}") from error
        places = table.get("tool", {}).get("killpoint", {}).get("scenarios")
        if places is not None:
            return tuple(directory / place for place in places)
    return ()


def files_of(places: Iterable[Path]) -> tuple[Path, ...]:
    """Return the Python files of these files and directories, sorted within each directory."""
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            found += sorted(
                path
                for path in place.rglob("*.py")
                if not path.name.startswith(("_", "test_", "conftest"))
                and "tests" not in path.parts
            )
        elif place.is_file():
            found.append(place)
        else:
            raise ScenarioFileError(place, "there is no such file or directory")
    return tuple(dict.fromkeys(path.resolve() for path in found))


def load(files: Iterable[Path]) -> dict[str, Runnable]:
    """Import the files and return their scenarios by name, in order; names must be unique."""
    found: dict[str, Runnable] = {}
    homes: dict[str, Path] = {}
    for file in files:
        module = _import(file)
        for each in _scenarios_of(module):
            if found.get(each.name, each) is not each:
                message = (
                    f"two scenarios are called {each.name!r}, in {homes[each.name]} and {file}: "
                    "rename one of them."
                )
                raise UsageError(message)
            found[each.name] = each
            homes.setdefault(each.name, file)
    return found


def origin_of(scenario: Runnable, files: Iterable[Path]) -> Origin | None:
    """Return where one of these files, which are imported, defines the scenario; None if none."""
    for file in files:
        module = next((m for m in list(sys.modules.values()) if _is_of(m, file)), None)
        dotted, home = _dotted(file)
        for name, value in vars(module).items() if module is not None else ():
            if value is scenario:
                line = f"from {dotted} import {name} as scenario"
            elif isinstance(value, tuple | list) and any(each is scenario for each in value):
                values = f"importlib.import_module({dotted!r}).{name}"
                line = f"scenario = next(s for s in {values} if s.name == {scenario.name!r})"
            else:
                continue
            return Origin(file=file, home=home, line=line)
    return None


def _is_of(module: object, file: Path) -> bool:
    return getattr(module, "__file__", None) == str(file)


def select(scenarios: dict[str, Runnable], names: Iterable[str]) -> dict[str, Runnable]:
    """Return those whose name is given, or begins with a given name and a dot; all if none."""
    return {name: scenarios[name] for name in fitting(scenarios, names)}


def fitting(known: Collection[str], names: Iterable[str]) -> tuple[str, ...]:
    """Return the known names that are given, or begin with a given name and a dot; all if none."""
    chosen: set[str] = set()
    for name in (wanted := list(names)):
        found = {each for each in known if each == name or each.startswith(name + ".")}
        if not found:
            raise UnknownScenarioError(name, known)
        chosen |= found
    return tuple(each for each in known if each in chosen or not wanted)


def split(arguments: Iterable[str], start: Path) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Tell files and directories from scenario names; without any file, use the configured ones."""
    places: list[Path] = []
    names: list[str] = []
    for argument in arguments:
        if argument.endswith(".py") or "/" in argument or Path(argument).is_dir():
            places.append(Path(argument))
        else:
            names.append(argument)
    chosen = tuple(places) or configured(start)
    if not chosen:
        raise NoScenarioError(["the arguments", f"{start}/pyproject.toml"])
    return chosen, tuple(names)


def _scenarios_of(module: object) -> list[Runnable]:
    found: list[Runnable] = []
    for value in vars(module).values():
        if isinstance(value, Scenario | Program):
            found.append(value)
        elif isinstance(value, tuple | list):
            found += [each for each in value if isinstance(each, Scenario | Program)]
    return list({id(each): each for each in found}.values())


def _import(file: Path) -> object:
    name, home = _dotted(file)
    if str(home) not in sys.path:
        sys.path.insert(0, str(home))
    try:
        if "." in name:
            return importlib.import_module(name)
        return _load_alone(name, file)
    except UsageError:
        raise
    except Exception as error:
        why = f"importing it raised {type(error).__name__}: {error}"
        raise ScenarioFileError(file, why) from error


def _load_alone(name: str, file: Path) -> object:
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(file):
        return known
    unique = name if known is None else f"{name}_{abs(hash(str(file))):x}"
    spec = importlib.util.spec_from_file_location(unique, file)
    if spec is None or spec.loader is None:
        raise ScenarioFileError(file, "it is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[unique] = module
    spec.loader.exec_module(module)
    return module


def _dotted(file: Path) -> tuple[str, Path]:
    parts = [file.stem]
    directory = file.parent
    while (directory / "__init__.py").is_file():
        parts.insert(0, directory.name)
        directory = directory.parent
    return ".".join(parts), directory
