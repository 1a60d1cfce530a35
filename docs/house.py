"""Draw the house: docs/house.svg, from the imports of the package.

    python docs/house.py

A room is a folder, or a module that has a layer of its own. An arrow goes from a room to one that it
imports, in functions and for types too. Arrows that follow from others are left out: where a imports b
and b imports c, a may import c.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = Path(__file__).with_suffix(".svg")
LAYERS: tuple[dict[str, int], ...] = (
    {"experiments": 440},
    {"experiments/cli": 440},
    {"experiments/reproduce": 320, "experiments/benchmarks": 580},
    {"experiments/report": 320, "experiments/training": 480},
    {"experiments/entries": 200},
    {"experiments/suites": 320},
    {"experiments/runs": 400},
    {"studies": 320},
    {"testing": 620},
    {"agents": 400},
    {"agents/rules": 200, "agents/design": 340, "agents/planning": 480, "agents/learned": 640},
    {"agents/beliefs": 260},
    {"agents/agent": 590, "agents/weights": 700},
    {
        "envs/pools": 260,
        "envs/conditions": 330,
        "envs/design": 420,
        "envs/campaigns": 500,
        "envs": 700,
    },
    {"envs/datasets": 260},
    {"envs/core": 430},
    {"envs/rendering": 430},
)
"""The layers from top to bottom: rooms, and how far to the right they are drawn. A room imports rooms
below it only; a module is in the room whose name is the longest that its own begins with."""
ABOUT = {
    "envs": "what the world does",
    "agents": "who chooses",
    "experiments": "who compares",
    "studies": "who decides next",
    "testing": "who checks",
}
"""The storeys: a layer belongs to that of its name."""

Graph = Mapping[str, set[str]]


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Return the modules of the package, ``"envs/core/model"`` or ``"envs/core"``, and their files."""
    found = {}
    for storey in ABOUT:
        for path in sorted((root / storey).rglob("*.py")):
            name = path.relative_to(root).with_suffix("").as_posix()
            found[name.removesuffix("/__init__")] = path
    return found


def named(source: str, package: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield what a source imports from this package by relative imports: a module, and what in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            base += tuple(node.module.split(".")) if node.module else ()
            yield from (("/".join(base), "/".join([*base, alias.name])) for alias in node.names)


def resolved(sources: Mapping[str, tuple[str, tuple[str, ...]]], known: Collection[str]) -> Graph:
    """Return which of the known modules are imported by sources, each with the package it is in."""
    graph: dict[str, set[str]] = {}
    for module, (source, package) in sources.items():
        targets = {path if path in known else base for base, path in named(source, package)}
        graph[module] = (targets & set(known)) - {module}
    return graph


def imports(root: Path = ROOT) -> Graph:
    """Return which modules each module imports, wherever in it."""
    files = modules(root)
    sources = {
        module: (path.read_text(encoding="utf-8"), path.relative_to(root).parent.parts)
        for module, path in files.items()
    }
    return resolved(sources, files)


def room(module: str) -> str:
    """Return the room of a module."""
    rooms = (one for layer in LAYERS for one in layer if f"{module}/".startswith(f"{one}/"))
    return max(rooms, key=len)


def arrows(graph: Graph) -> dict[str, set[str]]:
    """Return which rooms each room imports."""
    found: dict[str, set[str]] = {one: set() for layer in LAYERS for one in layer}
    for module, targets in graph.items():
        found[room(module)] |= {room(target) for target in targets} - {room(module)}
    return found


def below(graph: Graph, start: str) -> set[str]:
    """Return what is reached from a node in one step or more."""
    seen: set[str] = set()
    todo = list(graph[start])
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo += graph[node]
    return seen


def circles(graph: Graph) -> set[frozenset[str]]:
    """Return the sets of nodes that all reach each other, of two or more."""
    reached = {node: below(graph, node) for node in graph}
    return {
        frozenset(other for other in reached[node] if node in reached[other])
        for node in graph
        if node in reached[node]
    }


def depth(one: str) -> int:
    """Return the layer of a room, from 0 at the top."""
    return next(i for i, layer in enumerate(LAYERS) if one in layer)


def upward(graph: Graph) -> set[tuple[str, str]]:
    """Return the imports of a module in a room that is not below, as pairs of modules."""
    return {
        (module, target)
        for module, targets in graph.items()
        for target in targets
        if room(module) != room(target) and depth(room(module)) >= depth(room(target))
    }


# ---- the picture

WIDTH, ROW, ROOM, MARGIN = 790, 64, 34, 16
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328; text-anchor: middle }
.about { font-size: 12px; fill: #59636e; text-anchor: start }
.storey { fill: #f6f8fa; stroke: #d1d9e0 }
.room { fill: #fff; stroke: #59636e }
.arrow { fill: none; stroke: #0969da; stroke-opacity: .65; stroke-width: 1.3 }
.head { fill: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .about { fill: #9198a1 }
  .storey { fill: #151b23; stroke: #3d444d } .room { fill: #0d1117; stroke: #9198a1 }
  .arrow { stroke: #4493f8 } .head { fill: #4493f8 }
}
"""
HEAD = (
    '<marker id="head" viewBox="0 0 8 8" refX="3" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path class="head" d="M0 0L8 4L0 8z"/></marker>'
)


def place(one: str) -> tuple[int, int]:
    """Return the middle of a room, and its upper edge."""
    i = depth(one)
    return LAYERS[i][one], MARGIN + (ROW - ROOM) // 2 + i * ROW


def label(one: str) -> str:
    """Return what stands in a room."""
    name, module = one.partition("/")[2], (ROOT / f"{one}.py").is_file()
    return f"{one}/*.py" if one in ABOUT else f"{name}.py" if module else name


def arrow(start: str, end: str) -> str:
    """Return an arrow from the lower edge of a room to the upper edge of another."""
    (x, y), (to_x, to_y) = place(start), place(end)
    y, to_y = y + ROOM, to_y - 5
    pull = (to_y - y) // 2
    curve = f"M{x} {y}C{x} {y + pull} {to_x} {to_y - pull} {to_x} {to_y}"
    return f'<path class="arrow" marker-end="url(#head)" d="{curve}"/>'


def box(kind: str, x: int, y: int, width: int, height: int) -> str:
    """Return a rectangle by its upper left corner."""
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="7"/>'


def draw(graph: Graph) -> str:
    """Return the picture of rooms and the imports among them."""
    size = f"0 0 {WIDTH} {ROW * len(LAYERS) + 2 * MARGIN}"
    start = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}">'
    title = "<title>The rooms of discovery_gym and what they import</title>"
    lines = [start, f"<style>{STYLE}</style>", title, HEAD]
    for storey, about in ABOUT.items():
        rows = [i for i, layer in enumerate(LAYERS) if next(iter(layer)).startswith(storey)]
        y = MARGIN + rows[0] * ROW + 3
        lines.append(box("storey", MARGIN, y, WIDTH - 2 * MARGIN, len(rows) * ROW - 6))
        lines.append(f'<text class="about" x="{MARGIN + 14}" y="{y + 24}">{storey}: {about}</text>')
    rooms = arrows(graph)
    for start in rooms:
        far = {other for near in rooms[start] for other in below(rooms, near)}
        lines += [arrow(start, end) for end in rooms if end in rooms[start] - far]
    for one in rooms:
        (x, y), width = place(one), 8 * len(label(one)) + 20
        lines.append(box("room", x - width // 2, y, width, ROOM))
        lines.append(f'<text x="{x}" y="{y + ROOM // 2 + 5}">{label(one)}</text>')
    return "\n".join([*lines, "</svg>", ""])


if __name__ == "__main__":
    PICTURE.write_text(draw(imports()), encoding="utf-8")
    print(PICTURE)
