"""The messages of the errors in the code, with variable parts in braces."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def raised() -> dict[str, list[str]]:
    """The messages of every UserError in the code, by folder of src/ml, and of the server."""
    found: dict[str, list[str]] = {}
    for path in [*sorted((ROOT / "src" / "ml").rglob("*.py")), *sorted((ROOT / "serving").rglob("*.py"))]:
        folder = path.relative_to(ROOT / "src" / "ml").parts[0] if "ml" in path.parts else "serving"
        said = [in_braces(call.args[0]) for call in calls(path, {"UserError"}) if call.args]
        found.setdefault(folder, []).extend(sentence for sentence in said if sentence.strip("{} ."))
    return {folder: messages for folder, messages in found.items() if messages}


def calls(path: Path, names: set[str]) -> Iterator[ast.Call]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call) and called(node) in names)


def called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def in_braces(node: ast.expr) -> str:
    """The text of a string in the code, with `{name}` for a variable part."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(in_braces(part) for part in node.values)
    if isinstance(node, ast.BinOp):
        return in_braces(node.left) + in_braces(node.right)
    return "{…}"
