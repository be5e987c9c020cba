"""The positions of a key and its value in YAML text."""

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode


def find(text: str, path: list[str]) -> tuple[Any, Node | None, MappingNode, int]:
    """The nodes of the key and its value, None if the path is missing; the last section, and its depth."""
    node: Any = YAML(typ="safe", pure=True).compose(text)
    for depth, name in enumerate(path):
        key, value = next(((k, v) for k, v in node.value if k.value == name), (None, None))
        if depth == len(path) - 1 or not isinstance(value, MappingNode):
            return key, value if depth == len(path) - 1 else None, node, depth
        node = value
    raise AssertionError(path)


def end_of(text: str, key: Node, node: Node) -> int:
    """The end of the text of a key's value; the node's own end is after the comments that follow a block."""
    if isinstance(node, ScalarNode) and node.style in {"|", ">"}:
        end = at = line_end(text, node.start_mark.index)
        while at < len(text):
            line = text[at : line_end(text, at)]
            if line.strip() and len(line) - len(line.lstrip(" ")) <= key.start_mark.column:
                break
            at += len(line)
            end = at if line.strip() else end
        return end - 1
    if isinstance(node, ScalarNode) and node.start_mark.index == node.end_mark.index:
        return text.index(":", key.end_mark.index) + 1
    if not isinstance(node, CollectionNode) or node.flow_style or not node.value:
        return node.end_mark.index
    last = node.value[-1]
    return end_of(text, *last) if isinstance(last, tuple) else end_of(text, key, last)


def in_braces(section: MappingNode) -> bool:
    """Whether a mapping is written in braces."""
    return bool(section.flow_style)


def line_start(text: str, index: int) -> int:
    """The position of the first character of the line with `index`."""
    return text.rfind("\n", 0, index) + 1


def line_end(text: str, index: int) -> int:
    """The position after the line break of the line with `index`."""
    return text.find("\n", index) + 1 or len(text)
