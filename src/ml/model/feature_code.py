"""Runs the functions of src/features.py on arrays, in training and in serving alike: no pandas, no scikit-learn.

A model carries the text of that file with it. Only text that a reviewed commit holds, or that stands beside this
package, is ever run: a model file from elsewhere brings no code.
"""

import __future__

import ast
import hashlib
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from ml.io import git
from ml.io.errors import UserError
from ml.model.columns import Columns, Function, NoColumnError
from ml.settings.features import FEATURES, functions, parsed, source

BESIDE = Path(__file__).parents[2] / FEATURES.name
MERGED = ("HEAD", "--branches=main", "--remotes=origin/main", "--remotes=origin/HEAD")  # whose commits were reviewed
LIBRARIES = {*sys.stdlib_module_names, "numpy", "ml"}  # that an image has; functions may use no other


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
