"""The modules of this repository that a module imports, directly and indirectly."""

import ast
from functools import cache
from pathlib import Path

SOURCE = Path("src")
OWN, RUNS = (
    SOURCE / "features.py",
    SOURCE / "ml" / "model" / "feature_code.py",
)  # which reads the other, and imports it not


def closure(module: str) -> set[Path]:
    """The files of `module` and of all modules under src/ that it imports, directly or not."""
    found: set[Path] = set()
    todo = {module}
    while todo:
        path = locate(todo.pop())
        if path and path not in found:
            found.add(path)
            todo |= imports(path)
    return found | ({OWN} if RUNS in found else set())


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file, parsed once."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(path: Path) -> set[str]:
    """Every module, and every name that may be a module, that a file imports anywhere, packages included."""
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names | {name.rsplit(".", n)[0] for name in names for n in range(1, name.count(".") + 1)}


@cache
def locate(module: str) -> Path | None:
    """The file of a module under src/, or None for other modules."""
    base = SOURCE / Path(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)
