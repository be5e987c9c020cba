"""Parse the Mermaid flowcharts of the documentation and compute a layered layout of their nodes and edges."""

import re
import textwrap
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import mean

SHAPES = {"{{": "hexagon", "([": "stadium", "[(": "cylinder", "[": "box", "{": "hexagon"}
NODE = re.compile(r"(?P<name>\w+)(?:(?P<open>\{\{|\(\[|\[\(|\[|\{)\"?(?P<text>.*?)\"?(?:\}\}|\]\)|\)\]|\]|\}))?\s*")
ARROW = re.compile(r"(?:-->|-- (?P<label>.+?) -->|-\. (?P<dashed>.+?) \.->)\s*")
LETTER, LINE = 7.4, 19  # width of a letter and height of a line, in pixels
NODE_LETTERS, LABEL_LETTERS = 24, 18
GAP, STEP, MARGIN = 18, 17, 8
SWEEPS = 24


@dataclass
class Node:
    """A node, the label of an edge, or a bend of an edge that passes a layer."""

    lines: list[str] = field(default_factory=list)
    shape: str = "bend"
    layer: int = 0
    x: float = 0
    y: float = 0
    reach: float = 0  # half the height of its layer
    before: list["Node"] = field(default_factory=list)
    after: list["Node"] = field(default_factory=list)

    @property
    def width(self) -> float:
        """The width of the text and its border, in pixels."""
        border = {"bend": 0, "label": 6, "hexagon": 40, "stadium": 30}.get(self.shape, 22)
        return max((len(line) for line in self.lines), default=0) * LETTER + border

    @property
    def height(self) -> float:
        """The height of the text and its border, in pixels."""
        border = {"bend": 0, "label": 0, "cylinder": 26}.get(self.shape, 14)
        return len(self.lines) * LINE + border


@dataclass
class Edge:
    """An arrow with its label; `path` has the nodes and bends on its way."""

    source: str
    target: str
    label: str
    dashed: bool
    path: list[Node] = field(default_factory=list)


def parse(text: str) -> tuple[dict[str, Node], list[Edge]]:
    """The nodes by name and the edges of a flowchart. Raises ValueError for a line that is not understood."""
    nodes: dict[str, Node] = {}
    edges: list[Edge] = []
    for line in filter(None, map(str.strip, text.splitlines()[1:])):
        rest, sources, arrow = line, [], None
        while rest:
            targets, rest = _group(rest, nodes)
            if arrow:
                label = arrow["label"] or arrow["dashed"] or ""
                edges += [Edge(s, t, label, bool(arrow["dashed"])) for s in sources for t in targets]
            sources, arrow = targets, ARROW.match(rest)
            if rest and not arrow:
                raise ValueError(f"flowchart: cannot read {rest!r} in {line!r}")
            rest = rest[arrow.end() :] if arrow else ""
    return nodes, edges


def _group(rest: str, nodes: dict[str, Node]) -> tuple[list[str], str]:
    """The names joined by `&` at the start of the text, and the remaining text."""
    names = []
    while True:
        found = NODE.match(rest)
        if not found:
            raise ValueError(f"flowchart: cannot read {rest!r}")
        name, rest = found["name"], rest[found.end() :]
        if name not in nodes or found["open"]:
            nodes[name] = Node(_wrapped(found["text"] or name, NODE_LETTERS), SHAPES[found["open"] or "["])
        names.append(name)
        if not rest.startswith("&"):
            return names, rest
        rest = rest[1:].lstrip()


def _wrapped(text: str, letters: int) -> list[str]:
    return [line for part in text.split("<br>") for line in textwrap.wrap(part, letters)]


def layout(nodes: dict[str, Node], edges: list[Edge]) -> tuple[list[list[Node]], list[Edge]]:
    """The layers with positions, and the edges that lead back to an earlier layer, which have no path."""
    back = _back(list(nodes), edges)
    forward = [e for e in edges if e not in back]
    for _ in nodes:
        for edge in forward:  # an edge spans two layers: its label is in the one between
            nodes[edge.target].layer = max(nodes[edge.target].layer, nodes[edge.source].layer + 2)
    layers: list[list[Node]] = [[] for _ in range(max(n.layer for n in nodes.values()) + 1)]
    for node in nodes.values():
        layers[node.layer].append(node)
    for edge in forward:
        _route(edge, nodes, layers)
    _order(layers)
    _place(layers)
    return layers, back


def _back(names: list[str], edges: list[Edge]) -> list[Edge]:
    """The edges that close a circle, in the order of the text."""
    found, state = [], dict.fromkeys(names, "new")

    def visit(name: str) -> None:
        state[name] = "open"
        for edge in (e for e in edges if e.source == name):
            if state[edge.target] == "open":
                found.append(edge)
            elif state[edge.target] == "new":
                visit(edge.target)
        state[name] = "done"

    for name in names:
        if state[name] == "new":
            visit(name)
    return found


def _route(edge: Edge, nodes: dict[str, Node], layers: list[list[Node]]) -> None:
    """Add a bend to each layer that the edge passes; the first one holds the label."""
    source, target = nodes[edge.source], nodes[edge.target]
    bends = [Node(layer=layer) for layer in range(source.layer + 1, target.layer)]
    if edge.label:
        bends[0].lines, bends[0].shape = _wrapped(edge.label, LABEL_LETTERS), "label"
    for bend in bends:
        layers[bend.layer].append(bend)
    edge.path = [source, *bends, target]
    for one, other in pairwise(edge.path):
        one.after.append(other)
        other.before.append(one)


def _order(layers: list[list[Node]]) -> None:
    """Sort each layer by the mean place of its neighbours, to avoid crossings."""
    for sweep in range(SWEEPS):
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            for place, node in enumerate(layer):
                node.x = place
            others = {id(n): (n.before if sweep % 2 == 0 else n.after) for n in layer}
            layer.sort(key=lambda n: mean(o.x for o in others[id(n)]) if others[id(n)] else n.x)
            for place, node in enumerate(layer):
                node.x = place


def _place(layers: list[list[Node]]) -> None:
    """Put each node near the middle of its neighbours, without overlaps; the smallest position is the margin."""
    for sweep in range(SWEEPS):
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            wanted = [mean(o.x for o in near) if (near := n.before + n.after) and sweep else 0 for n in layer]
            for node, x in zip(layer, wanted, strict=True):
                node.x = x
            for one, other in pairwise(layer):
                other.x = max(other.x, one.x + (one.width + other.width) / 2 + GAP)
            shift = mean(w - n.x for w, n in zip(wanted, layer, strict=True))
            for node in layer:
                node.x += shift
    left = min(n.x - n.width / 2 for layer in layers for n in layer) - MARGIN
    top = MARGIN
    for layer in layers:
        height = max(n.height for n in layer)
        for node in layer:
            node.x, node.y, node.reach = node.x - left, top + height / 2, height / 2
        top += height + STEP
