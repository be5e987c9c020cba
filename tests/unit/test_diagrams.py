"""The flowcharts of the documents on the site: nodes do not overlap, and every block can be parsed."""

from itertools import pairwise
from pathlib import Path

import pytest

from tools.diagrams import FENCE, drawn
from tools.flowchart import layout, parse

DOCUMENTS = [Path("README.md"), *sorted(Path("docs").glob("*.md"))]
LOOP = "flowchart LR\n  a[first one] --> b & c -- on, twice --> d{{last}}\n  d -. again .-> a\n"


def test_a_flowchart_has_its_nodes_in_layers_and_one_edge_back():
    nodes, edges = parse(LOOP)

    layers, back = layout(nodes, edges)

    assert [[n.lines[0] for n in layer if n.shape not in ("bend", "label")] for layer in layers[::2]] == [
        ["first one"],
        ["b", "c"],
        ["last"],
    ]
    assert [(edge.source, edge.target, edge.label, edge.dashed) for edge in back] == [("d", "a", "again", True)]


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_every_flowchart_of_a_document_is_drawn_without_overlaps(path):
    text = path.read_text(encoding="utf-8")

    for block in FENCE.findall(text):
        layers, _ = layout(*parse(block))
        for layer in layers:
            assert all(one.x + one.width / 2 < other.x - other.width / 2 for one, other in pairwise(layer))

    assert "```mermaid" not in drawn(text)


def test_text_in_a_flowchart_is_escaped():
    page = drawn("```mermaid\nflowchart LR\n  a[<b>bold</b> & more] --> b\n```\n")

    assert "<b>" not in page
    assert "&lt;b&gt;bold" in page


def test_an_invalid_line_of_a_flowchart_is_refused():
    with pytest.raises(ValueError, match="cannot read"):
        parse("flowchart LR\n  a ==> b\n")
