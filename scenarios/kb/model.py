"""What a short add, an edit and a removal must lead to, worked out from the state before.

It is written from the rules in `engine/kb/README.md`, without the engine, so that both must be
wrong in the same way to go unnoticed. It never reads a file.
"""

from __future__ import annotations

import copy
from hashlib import sha256
from typing import Any

State = dict[str, Any]


def with_short(state: State, origin: str, text: str, concepts: tuple[str, ...] = ()) -> State:
    """Return the state after a short Markdown document was added under a name nobody had."""
    after = copy.deepcopy(state)
    name = origin.rpartition("/")[2].removesuffix(".md")
    own = [f"raw/{name}.md", f"wiki/sources/{name}.md", f"wiki/summaries/{name}.md"]
    after["files"][own[0]] = after["files"][own[1]] = text
    after["files"][own[2]] = f"# {name}\n\n{text}\n"
    titles = {f"wiki/concepts/{concept.lower()}.md": concept for concept in concepts}
    pages = {"wiki/index.md": "Index", **titles}
    for path, title in pages.items():
        listed = {*_listed(after["files"].get(path, "")), f"- [[{name}]]"}
        after["files"][path] = "\n".join((f"# {title}", "", *sorted(listed), ""))
    content = sha256(text.encode()).hexdigest()
    after["documents"][name] = [origin, content, "short", own, list(pages)]
    after["hashes"][f"{content}.json"] = name
    after["audit"] = [*after["audit"], ["add", name]]
    return _sorted(after)


def without(state: State, name: str) -> State:
    """Return the state after a short document was removed."""
    after = copy.deepcopy(state)
    _, content, _, own, pages = after["documents"].pop(name)
    del after["hashes"][f"{content}.json"]
    for path in pages:
        left = _listed(after["files"][path]) - {f"- [[{name}]]"}
        heading = after["files"][path].split("\n")[0]
        if left:
            after["files"][path] = "\n".join((heading, "", *sorted(left), ""))
        else:
            del after["files"][path]
    for path in own:
        after["files"].pop(path, None)
    after["audit"] = [*after["audit"], ["remove", name]]
    return after


def _listed(page: str) -> set[str]:
    return {line for line in page.split("\n") if line.startswith("- ")}


def _sorted(state: State) -> State:
    return {
        key: dict(sorted(value.items())) if isinstance(value, dict) else value
        for key, value in state.items()
    }
