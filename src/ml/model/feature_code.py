"""Runs the functions of src/features.py on arrays, in training and in serving alike: no pandas, no scikit-learn.

A model carries the text of that file with it. Only text from a reviewed commit or from this checkout is ever run, so a
model file from elsewhere runs no code.
"""

import __future__

import ast
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np

from ml.io import git
from ml.io.errors import UserError
from ml.model.columns import Columns, Function, NoColumnError
from ml.model.feature_text import lacking_in_image
from ml.settings.feature_source import BESIDE, FEATURES, functions, parsed, source

MERGED = ("HEAD", "--branches=main", "--remotes=origin/main", "--remotes=origin/HEAD")  # whose commits were reviewed


@lru_cache(maxsize=8)
def loaded(text: str) -> tuple[Function, ...]:
    """The functions that a text of src/features.py declares; raises UserError when it was not reviewed here or fails.

    Classes, imports of libraries that an image lacks, and statements that use them are left out; estimators are
    imported separately.
    """
    return fresh(text)


def fresh(text: str) -> tuple[Function, ...]:
    """The same functions in a new namespace, without state of earlier calls."""
    declared = functions(text)
    if not declared:
        return ()
    must_know(text)
    module = parsed(text)
    module.body = _for_functions(module.body)
    space: dict[str, Any] = {"__name__": FEATURES.stem}
    later = __future__.annotations.compiler_flag  # an annotation may name a library that an image lacks
    try:
        exec(compile(module, str(FEATURES), "exec", later), space)  # noqa: S102  (a file of this repository)
    except (Exception, SystemExit) as error:  # noqa: BLE001  (a user's code raises anything)
        raise UserError(f"{FEATURES} cannot be read: {said(error)}. Fix it.") from None
    if lacking := [name for name in declared if name not in space]:
        raise UserError(
            f"{FEATURES}: {lacking[0]} needs a class or a library other than numpy and Python's "
            "standard library. Leave it out."
        )
    return tuple(Function(name, space[name], columns) for name, columns in declared.items())


def made(text: str, columns: Columns, kept: Mapping[str, np.ndarray] = MappingProxyType({})) -> dict[str, np.ndarray]:
    """Every column that the functions of a text make.

    Later functions may read columns of earlier ones. Columns in `kept` keep the given values.
    """
    found: dict[str, np.ndarray] = {}
    for function in loaded(text):
        try:
            values = function(columns)
        except NoColumnError:
            raise  # a table of another contract
        except (Exception, SystemExit) as error:  # noqa: BLE001  (a user's code raises anything)
            makes = ", ".join(function.makes)
            raise UserError(f"{FEATURES}: {function.name} fails (making {makes}): {said(error)}. Fix it.") from None
        for name, value in values.items():
            found[name] = kept.get(name, value)
            columns.add(name, found[name])
    return found


def must_know(text: str) -> None:
    """Raise UserError unless this text of src/features.py is in this checkout, or in a commit that was merged here.

    Any other blob of git does not count, because a fetch of branch `mlflow` brings whatever its writers put there.
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


def said(error: Exception | SystemExit) -> str:
    """An error of a function of src/features.py in words."""
    lacks = " (functions may use only numpy and Python's standard library)"
    lacks = lacks if isinstance(error, NameError | ImportError) else ""
    return f"{type(error).__name__}: {error}{lacks}"


def _for_functions(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements of a file without those that need a class or a library that an image lacks."""
    kept, gone = [], set()
    for node in body:
        # The body of a function runs only when it is called.
        alone = node.decorator_list if isinstance(node, ast.FunctionDef) else [node]
        used = {n.id for part in alone for n in ast.walk(part) if isinstance(n, ast.Name)}
        if isinstance(node, ast.ClassDef) or lacking_in_image(node) or used & gone:
            gone |= _names(node)
        else:
            kept.append(node)
    return kept


def _names(node: ast.stmt) -> set[str]:
    """The names that a statement assigns."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.split(".")[0] for alias in node.names}
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return {node.name}
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
