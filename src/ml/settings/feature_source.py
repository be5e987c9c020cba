"""The columns that src/features.py makes, parsed from its text without running it."""

import ast
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ml.io.errors import UserError
from ml.settings.data import Category, Data, MadeBound, Number

FEATURES = Path("src/features.py")
BESIDE = Path(__file__).parents[2] / FEATURES.name  # its path in an image
Levels = tuple[str, ...] | None  # of a category; None for a number


def source(path: Path = FEATURES) -> str:
    """The text of the file with the same line ends on every system; "" if there is no file."""
    return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n") if path.is_file() else ""


def parsed(text: str) -> ast.Module:
    """The syntax tree of the file; raises UserError with the line of a syntax error."""
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise UserError(f"{FEATURES}: line {error.lineno}: {error.msg}. Fix that line.") from None


def functions(text: str) -> dict[str, dict[str, Levels]]:
    """For each function that `@makes` decorates, in order, the columns that it makes."""
    found: dict[str, dict[str, Levels]] = {}
    module = parsed(text)
    _must_decorate(module)
    for node in module.body:
        calls = [d for d in getattr(node, "decorator_list", []) if _is_makes(d)]
        if (name := getattr(node, "name", "")) in found:
            raise UserError(f"{FEATURES}: line {node.lineno}: {name} exists already. Give it another name.")
        if isinstance(node, ast.FunctionDef) and calls:
            found[node.name] = _declared(node.name, calls[0])
    return found


def made(text: str) -> dict[str, Levels]:
    """Every made column, with its levels if it is a category."""
    return {name: levels for columns in functions(text).values() for name, levels in columns.items()}


def sources(text: str) -> dict[str, tuple[str, ...]]:
    """For each made column, the columns of the table that its function reads, directly or through other made ones."""
    found: dict[str, tuple[str, ...]] = {}
    declared = functions(text)
    for node in parsed(text).body:
        if isinstance(node, ast.FunctionDef) and node.name in declared:
            read = [name for one in _read_in_order(node) for name in found.get(one, (one,))]
            found |= dict.fromkeys(declared[node.name], tuple(dict.fromkeys(read)))
    return found


def described(data: Data, text: str) -> dict[str, Number | Category]:
    """The columns of the contract, and the made ones as if they were in it."""
    found: dict[str, Number | Category] = dict(data.columns)
    for name, levels in made(text).items():
        bound = data.made.get(name, MadeBound())
        number = Number(type="number", min=bound.min, max=bound.max, missing=bound.missing)
        found[name] = number if levels is None else Category(type="category", values=levels, missing=bound.missing)
    return found


def _must_decorate(module: ast.Module) -> None:
    """Raise UserError for a `makes` that nothing reads: the image finds only functions at the top of the file."""
    top = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    read = {id(one) for node in top for one in node.decorator_list}
    for node in ast.walk(module):
        said = [node] if isinstance(node, ast.Call) else getattr(node, "decorator_list", [])
        if lines := [one.lineno for one in said if _is_makes(one) and id(one) not in read]:
            raise UserError(
                f"{FEATURES}: line {lines[0]}: makes is not above a function at the top level of the file, so nothing "
                "would call it. Write `@makes(…)` above a `def` that is not indented."
            )


def _is_makes(node: ast.expr) -> bool:
    called = node.func if isinstance(node, ast.Call) else node
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) == "makes"


def _declared(function: str, call: ast.expr) -> dict[str, Levels]:
    names: list[str] = []
    levels: dict[str, Levels] = {}
    try:
        if not isinstance(call, ast.Call):
            raise TypeError("written without the names of its columns")
        names = [ast.literal_eval(value) for value in call.args]
        levels = {key.arg or "": _levels(ast.literal_eval(key.value)) for key in call.keywords}
    except (ValueError, TypeError, AttributeError):
        names, levels = [], {}
    good = all(
        isinstance(text, str) and text for text in [*names, *levels, *(v for vs in levels.values() for v in vs or ())]
    )
    twice = [one for ones in ([*names, *levels], *levels.values()) for one in ones or () if (ones or ()).count(one) > 1]
    if good and twice:
        raise UserError(f"{FEATURES}: {function}: @makes names `{twice[0]}` twice. Remove one.")
    if not (names or levels) or not good:
        raise UserError(
            f'{FEATURES}: {function}: write the names of its columns as text, @makes("ratio"), and those of a category '
            'with their levels, @makes(band=["low", "high"]).'
        )
    return {**dict.fromkeys(names), **levels}


def _levels(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise TypeError("levels are a list of text")
    return tuple(value)


def without(text: str, columns: Iterable[str]) -> tuple[str, list[str]]:
    """The text without the functions that read a column outside `columns`, and their names."""
    allowed, gone = {*columns, *made(text)}, []
    lines = text.splitlines(keepends=True)
    for node in reversed(parsed(text).body):
        if isinstance(node, ast.FunctionDef) and node.name in functions(text) and _read(node) - allowed:
            gone.insert(0, node.name)
            start = min(found.lineno for found in (node, *node.decorator_list))
            lines[start - 1 : node.end_lineno] = []
    return "".join(lines).rstrip("\n") + "\n", gone


def _read(function: ast.FunctionDef) -> set[str]:
    """The column names that a function reads: `columns["name"]`."""
    return {*_read_in_order(function)}


def _read_in_order(function: ast.FunctionDef) -> list[str]:
    found = [node.slice for node in ast.walk(function) if isinstance(node, ast.Subscript)]
    found = [node for node in found if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [str(node.value) for node in sorted(found, key=lambda node: (node.lineno, node.col_offset))]
