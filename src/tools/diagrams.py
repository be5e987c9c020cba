"""Draw the Mermaid flowcharts of the documentation as SVG, so that the site needs no script and no network."""

import re
from html import escape

from tools.flowchart import LETTER, LINE, MARGIN, Edge, Node, layout, parse

FENCE = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STYLE = "font: 14px system-ui, sans-serif; color: var(--color-foreground-primary); max-width: none;"
FILL = "fill='var(--color-background-secondary)' stroke='currentColor'"
LINE_STYLE = "fill='none' stroke='currentColor'"
HEAD = "<path d='M0 0L8 4L0 8Z' fill='currentColor'/>"
SIZE = "markerWidth='8' markerHeight='8' refX='8' refY='4' orient='auto'"
MARKER = f"<defs><marker id='head' {SIZE}>{HEAD}</marker></defs>"
SIDE = 26  # space at the right for an edge that leads back


def drawn(text: str) -> str:
    """The page with each Mermaid block replaced by its drawing."""
    return FENCE.sub(lambda found: f"<div style='overflow-x: auto'>{svg(found[1])}</div>", text)


def svg(source: str) -> str:
    """One flowchart, from top to bottom, in the colours of the page."""
    nodes, edges = parse(source)
    layers, back = layout(nodes, edges)
    every = [node for layer in layers for node in layer]
    right = max(n.x + n.width / 2 for n in every)
    lines = [_edge(edge) for edge in edges if edge.path]
    lines += [_back(edge, nodes, right + SIDE * (place + 1)) for place, edge in enumerate(back)]
    words = max((len(edge.label) * LETTER + MARGIN for edge in back), default=0)
    width, height = right + SIDE * len(back) + words + MARGIN, max(n.y + n.height / 2 for n in every) + MARGIN
    body = "".join([MARKER, *lines, *map(_node, every)])
    size = f"width='{width:.0f}' height='{height:.0f}' viewBox='0 0 {width:.0f} {height:.0f}'"
    told = escape("; ".join(" ".join(n.lines) for n in nodes.values()), quote=True)
    return f"<svg {size} role='img' aria-label='{told}' style='{STYLE}'>{body}</svg>"


def _node(node: Node) -> str:
    """The outline and the lines of text of a node or a label."""
    x, y, w, h = node.x - node.width / 2, node.y - node.height / 2, node.width, node.height
    rect = f"<rect x='{x:.1f}' y='{y:.1f}' width='{w:.1f}' height='{h:.1f}'"
    half = f"a{w / 2:.1f} 6 0 0 0"  # half an ellipse, as wide as the node
    outline = {
        "box": f"{rect} rx='5' {FILL}/>",
        "stadium": f"{rect} rx='{min(h / 2, 16):.1f}' {FILL}/>",
        "hexagon": f"<path d='M{x:.1f} {node.y:.1f}l12 {-h / 2:.1f}h{w - 24:.1f}l12 {h / 2:.1f}l-12 {h / 2:.1f}"
        f"h{24 - w:.1f}Z' {FILL}/>",
        "cylinder": f"<path d='M{x:.1f} {y + 6:.1f}v{h - 12:.1f}{half} {w:.1f} 0v{12 - h:.1f}{half} {-w:.1f} 0"
        f"{half} {w:.1f} 0' {FILL}/>",
        "label": f"{rect} fill='var(--color-background-primary)'/>",
    }.get(node.shape, "")
    down = 5 if node.shape == "cylinder" else 0
    first = node.y + down - (len(node.lines) - 1) * LINE / 2 + 5
    rows = [(first + place * LINE, line) for place, line in enumerate(node.lines)]
    words = "".join(
        f"<text x='{node.x:.1f}' y='{at:.1f}' text-anchor='middle' fill='currentColor'>{escape(line)}</text>"
        for at, line in rows
    )
    return outline + words


def _edge(edge: Edge) -> str:
    """A smooth line through the bends of an edge, with an arrowhead at its end."""
    source, *bends, target = edge.path
    x, y = source.x, source.y + source.height / 2
    path = f"M{x:.1f} {y:.1f}"
    stops = [(bend.x, bend.y - bend.reach, bend.y + bend.reach) for bend in bends]
    for to_x, top, below in [*stops, (target.x, target.y - target.height / 2, None)]:
        half = (y + top) / 2
        path += f"C{x:.1f} {half:.1f} {to_x:.1f} {half:.1f} {to_x:.1f} {top:.1f}"
        if below is not None:
            path += f"V{below:.1f}"
            x, y = to_x, below
    dashes = " stroke-dasharray='5 4'" if edge.dashed else ""
    return f"<path d='{path}' {LINE_STYLE}{dashes} marker-end='url(#head)'/>"


def _back(edge: Edge, nodes: dict[str, Node], x: float) -> str:
    """A line at the right side, from a later node up to an earlier one."""
    source, target = nodes[edge.source], nodes[edge.target]
    start, end = source.x + source.width / 2, target.x + target.width / 2
    path = f"M{start:.1f} {source.y:.1f}H{x - 8:.1f}q8 0 8 -8V{target.y + 8:.1f}q0 -8 -8 -8H{end:.1f}"
    word = f"<text x='{x + 6:.1f}' y='{(source.y + target.y) / 2:.1f}' fill='currentColor'>{escape(edge.label)}</text>"
    return f"<path d='{path}' {LINE_STYLE} marker-end='url(#head)'/>{word}"
