"""Change values in YAML text and keep all other lines, including comments, order and style."""

import io
from collections.abc import Iterator, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode

from ml.io.yaml_inline import inline
from ml.io.yaml_places import end_of, find, in_braces, line_end, line_start

REMOVE = object()  # instead of a value: the key is removed
STEP = 2  # of indentation


Path = str | tuple[str, ...]  # dotted, or a tuple of names if a name may contain a dot


def rounded(value: float, digits: int) -> float:
    """A number with so many digits, as people write it: a whole one without a decimal point."""
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() else short


def edited(text: str, changes: Mapping[Path, Any]) -> str:
    """`text` with each path set to its value; a missing path is added at the end of its section.

    A mapping of mappings becomes a block with a line for each key, and a list of mappings one with a line for each of
    them; any other value is on the line of its key. An equal value is not rewritten.
    """
    now, after = parsed(text), text
    wanted = changed(now, changes)
    try:
        for names, value in _steps(now, changes):
            after = _changed(after, names, value)
        if parsed(after) == wanted:
            return after
    except YAMLError:
        pass
    return _one_by_one(text, now, changes)


def changed(content: Any, changes: Mapping[Path, Any]) -> Any:
    """The parsed content with the same changes."""
    for path, value in changes.items():
        content = _with(content, _names(path), value)
    return content


def _names(path: Path) -> list[str]:
    return path.split(".") if isinstance(path, str) else [*path]


def _steps(now: Any, changes: Mapping[Path, Any]) -> Iterator[tuple[list[str], Any]]:
    """The changes that have an effect."""
    for path, value in changes.items():
        names = _names(path)
        wanted = _with(now, names, value)
        if wanted != now:
            yield names, value
        now = wanted


def _one_by_one(text: str, now: Any, changes: Mapping[Path, Any]) -> str:
    """The text after each change, with a check of the result."""
    for names, value in _steps(now, changes):
        wanted = _with(parsed(text), names, value)
        try:
            after = _changed(text, names, value)
            right = parsed(after) == wanted
        except YAMLError:
            right = False
        text = after if right else _round_trip(text, names, value)
    return text


def _changed(text: str, path: list[str], value: Any) -> str:
    key, old, section, depth = find(text, path)
    if old is None and value is REMOVE:
        return text
    if old is None and key is not None:  # was null, and becomes a section
        return _changed(text, path[: depth + 1], _with({}, path[depth + 1 :], value))
    if old is None:
        return _added(text, path[depth:], section, value)
    if in_braces(section):
        return _in_flow(text, section, path[-1], value)
    start, end = line_start(text, key.start_mark.index), end_of(text, key, old)
    if value is REMOVE:
        return text[:start] + text[line_end(text, end) :]
    colon = text.index(":", key.end_mark.index) + 1
    empty = isinstance(old, ScalarNode) and old.start_mark.index == old.end_mark.index
    if empty or old.start_mark.line > key.start_mark.line:  # the comment of the key's line precedes the value
        comment = text[colon : line_end(text, colon)]
    else:
        comment = text[end : line_end(text, end)]
    return text[:colon] + _tail(value, key.start_mark.column, comment) + text[line_end(text, end) :]


def _tail(value: Any, column: int, comment: str) -> str:
    """The text after the colon, to the end of the last line."""
    comment = comment if comment.endswith("\n") else f"{comment}\n"
    indent = " " * (column + STEP)
    if _holds_mappings(value):
        return comment + "".join(f"{indent}- {inline(one)}\n" for one in value)
    if not _is_block(value):
        return f" {inline(value)}{comment}"
    lines = {k: _tail(v, column + STEP, "") if _holds_mappings(v) else f" {inline(v)}\n" for k, v in value.items()}
    return comment + "".join(f"{indent}{inline(key)}:{tail}" for key, tail in lines.items())


def _added(text: str, names: list[str], section: MappingNode, value: Any) -> str:
    for name in reversed(names[1:]):
        value = {name: value}
    if in_braces(section):
        return _in_flow(text, section, names[0], value)
    at, column = line_end(text, end_of(text, *section.value[-1])), section.value[0][0].start_mark.column
    before = text[:at] if text[:at].endswith("\n") else f"{text[:at]}\n"
    return f"{before}{' ' * column}{inline(names[0])}:{_tail(value, column, '')}{text[at:]}"


def _in_flow(text: str, section: MappingNode, name: str, value: Any) -> str:
    """A mapping in braces, rewritten with one changed value."""
    now = parsed(text[section.start_mark.index : section.end_mark.index])
    return text[: section.start_mark.index] + inline(_with(now, [name], value)) + text[section.end_mark.index :]


def _is_block(value: Any) -> bool:
    return isinstance(value, Mapping) and any(isinstance(v, Mapping) or _holds_mappings(v) for v in value.values())


def _holds_mappings(value: Any) -> bool:
    return isinstance(value, list | tuple) and any(isinstance(one, Mapping) for one in value)


def _with(content: Any, path: list[str], value: Any) -> Any:
    """The content with one path changed."""
    content = dict(content) if isinstance(content, Mapping) else {}
    if len(path) > 1:
        if value is not REMOVE or path[0] in content:
            content[path[0]] = _with(content.get(path[0]), path[1:], value)
    elif value is REMOVE:
        content.pop(path[0], None)
    else:
        content[path[0]] = _plain(value)
    return content


def _plain(value: Any) -> Any:
    """The value in the types of the YAML reader."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _round_trip(text: str, path: list[str], value: Any) -> str:
    """The text after loading and writing all of it, for anchors and merge keys."""
    yaml, after = YAML(), io.StringIO()
    yaml.width, yaml.preserve_quotes = 10**9, True
    section = content = yaml.load(text)
    for parent in path[:-1]:
        section = section.setdefault(parent, {})
    if value is REMOVE:
        section.pop(path[-1], None)
    else:
        section[path[-1]] = _plain(value)
    yaml.dump(content, after)
    return after.getvalue()


def parsed(text: str) -> Any:
    """The content of a YAML text."""
    return YAML(typ="safe", pure=True).load(text)
