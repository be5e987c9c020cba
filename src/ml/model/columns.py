"""Runs the functions of src/features.py on arrays, in training and in serving alike: no pandas, no scikit-learn.

A model carries the text of that file with it. Only text that a reviewed commit holds, or that stands beside this
package, is ever run: a model file from elsewhere brings no code.
"""

import __future__

import ast
import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from ml.io import git
from ml.io.errors import UserError
from ml.settings.features import FEATURES, Levels, functions, parsed, source

BESIDE = Path(__file__).parents[2] / FEATURES.name
MERGED = ("HEAD", "--branches=main", "--remotes=origin/main", "--remotes=origin/HEAD")  # whose commits were reviewed
LIBRARIES = {*sys.stdlib_module_names, "numpy", "ml"}  # that an image has; functions may use no other

Values = np.ndarray | Mapping[str, np.ndarray]


def makes(*_numbers: str, **_levels: Sequence[str]) -> Callable[[Callable], Callable]:
    """Declare the columns that a function makes: names of numbers, and categories with their levels."""
    return lambda function: function


class NoColumnError(KeyError):
    """A function reads a column that is not there."""


class Columns(Mapping[str, np.ndarray]):
    """Columns by name, each an array of shape (rows,) that cannot be written to and is made when it is asked for."""

    def __init__(self, names: Sequence[str], read: Callable[[str], np.ndarray]) -> None:
        self._names, self._read = [*names], read
        self._known: dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._known:
            if name not in self._names:
                raise NoColumnError(name)
            self.add(name, self._read(name))
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._names, *self._known]))

    def __len__(self) -> int:
        return len({*self._names, *self._known})

    def add(self, name: str, values: np.ndarray) -> None:
        """Let later functions read a column that was made."""
        values = values.view()
        values.flags.writeable = False
        self._known[name] = values


@dataclass(frozen=True)
class Function:
    """A function of src/features.py and the columns that it makes: None for a number, the levels of a category."""

    name: str
    call: Callable[[Columns], Values]
    makes: Mapping[str, Levels]

    def __call__(self, columns: Columns) -> dict[str, np.ndarray]:
        """What it makes, by name: float64 with NaN for what is missing or infinite, text with None."""
        with np.errstate(all="ignore"):
            found = self.call(columns)
        if not isinstance(found, Mapping):
            found = dict.fromkeys([*self.makes][:1], found)
        if {*found} != {*self.makes}:
            raise ValueError(f"returns {', '.join(map(str, found)) or 'nothing'}, not {', '.join(self.makes)}")
        return {name: _number(found[name]) if kind is None else _text(found[name]) for name, kind in self.makes.items()}


@lru_cache(maxsize=8)
def loaded(text: str) -> tuple[Function, ...]:
    """The functions that a text of src/features.py declares; raises UserError when it is not known here or fails.

    Classes, imports of libraries that an image lacks, and what is made of these are left out: estimators are imported
    on their own.
    """
    return fresh(text)


def fresh(text: str) -> tuple[Function, ...]:
    """The same with a state of their own: nothing that earlier calls left behind."""
    declared = functions(text)
    if not declared:
        return ()
    must_know(text)
    module = parsed(text)
    module.body = _for_functions(module.body)
    space: dict[str, Any] = {"__name__": FEATURES.stem}
    later = __future__.annotations.compiler_flag  # an annotation may name what an image lacks
    try:
        exec(compile(module, str(FEATURES), "exec", later), space)  # noqa: S102  (a file of this repository)
    except Exception as error:  # noqa: BLE001  (a user's code raises anything)
        raise UserError(f"{FEATURES} cannot be read: {said(error)}. Fix it.") from None
    if lacking := [name for name in declared if name not in space]:
        raise UserError(
            f"{FEATURES}: {lacking[0]} needs a class or a library other than numpy and Python's "
            "standard library. Leave it out."
        )
    return tuple(Function(name, space[name], columns) for name, columns in declared.items())


def made(text: str, columns: Columns, kept: Mapping[str, np.ndarray] = MappingProxyType({})) -> dict[str, np.ndarray]:
    """Every column that the functions of a text make; later functions may read what earlier ones made.

    Those that are `kept` have the values that they are given instead.
    """
    found: dict[str, np.ndarray] = {}
    for function in loaded(text):
        try:
            values = function(columns)
        except NoColumnError:
            raise  # a table of another contract
        except Exception as error:  # noqa: BLE001  (a user's code raises anything)
            makes = ", ".join(function.makes)
            raise UserError(f"{FEATURES}: {function.name} fails (making {makes}): {said(error)}.") from None
        for name, value in values.items():
            found[name] = kept.get(name, value)
            columns.add(name, found[name])
    return found


def of_rows(rows: Sequence[Mapping[str, Any]], names: Sequence[str], numbers: set[str]) -> Columns:
    """The columns of rows as they come from JSON."""

    def read(name: str) -> np.ndarray:
        values = [row.get(name) for row in rows]
        if name in numbers:
            return np.array([np.nan if value is None else value for value in values], dtype="float64")
        return _text(values)

    return Columns(names, read)


def must_know(text: str) -> None:
    """Raise UserError unless this text of src/features.py stands here, or in a commit that was merged here.

    A blob that git merely has is not enough: fetching branch `mlflow` brings whatever its writers put there.
    """
    if text in {source(), source(BESIDE)}:
        return
    content = text.encode()
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    if not git.ask("log", "-1", "--format=%H", f"--find-object={blob}", *MERGED, "--", FEATURES.as_posix()):
        raise UserError(
            f"the model was trained with another {FEATURES} than the local file, and no commit "
            "here contains it, so it is not run. Check out the commit that trained the model, "
            "or fetch all commits: `git fetch --unshallow`."
        )


def said(error: Exception) -> str:
    """An error of a function of src/features.py in words."""
    lacks = " (functions may use only numpy and Python's standard library)" if isinstance(error, NameError) else ""
    return f"{type(error).__name__}: {error}{lacks}"


def _for_functions(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements of a file without those that need a class or a library that an image lacks."""
    kept, gone = [], set()
    for node in body:
        alone = node.decorator_list if isinstance(node, ast.FunctionDef) else [node]  # a body runs when it is called
        used = {n.id for part in alone for n in ast.walk(part) if isinstance(n, ast.Name)}
        if isinstance(node, ast.ClassDef) or not _served(node) or used & gone:
            gone |= _names(node)
        else:
            kept.append(node)
    return kept


def _served(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").split(".")[0] in LIBRARIES
    if isinstance(node, ast.Import):
        return all(alias.name.split(".")[0] in LIBRARIES for alias in node.names)
    return True


def _names(node: ast.stmt) -> set[str]:
    """The names that a statement gives to something."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.split(".")[0] for alias in node.names}
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return {node.name}
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _number(values: Any) -> np.ndarray:
    found = np.asarray(values, dtype="float64")
    return np.where(np.isfinite(found), found, np.nan)


def _text(values: Any) -> np.ndarray:
    found = np.empty(len(values), dtype=object)
    found[:] = [value if isinstance(value, str) else None for value in values]
    return found
