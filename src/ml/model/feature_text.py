"""Finds calls in src/features.py whose result depends on the process, and imports that the image lacks."""

import ast
import sys
from collections.abc import Iterator

from ml.settings.feature_source import functions, parsed

LIBRARIES = {*sys.stdlib_module_names, "numpy", "ml"}  # modules in an image; functions may use no others
CHANGES = "so the same row would not always get the same value. Compute from columns and constants only"
CALLS = {  # by the kind of dependence
    "asks the clock": {"now", "utcnow", "today", "time_ns", "localtime", "gmtime", "monotonic", "perf_counter"},
    "reads a file": {
        *("open", "read_text", "read_bytes", "loadtxt", "genfromtxt", "fromregex", "fromfile", "memmap"),
        *("read_csv", "read_parquet", "read_json", "np.load", "numpy.load"),
    },
    "writes a file": {"write_text", "write_bytes", "tofile", "savetxt", "savez", "np.save", "numpy.save"},
    "runs a program": {"subprocess.run", "Popen", "check_output", "check_call", "os.system", "popen"},
    "reads the network": {"urlopen", "create_connection", "HTTPConnection", "HTTPSConnection"},
    "reads the environment": {"getenv", "environ", "gethostname", "getpid", "get_ident", "current_thread"},
}
CALLS["asks the clock"] |= {"time.time"}
PROCESS = {"hash", "id"}  # functions of Python whose result differs between processes


def outside(text: str) -> Iterator[tuple[str, str]]:
    """Each function or line that depends on more than its row, with a text about the dependence."""
    for node in parsed(text).body:
        if isinstance(node, ast.ClassDef):
            continue
        place = getattr(node, "name", f"line {node.lineno}")
        named = {name for one in ast.walk(node) for name in _named(one)}
        yield from ((place, f"{what}, {CHANGES}") for what, names in CALLS.items() if named & names)
    defined = _defined(text)
    for name in _reached(text):
        for one in ast.walk(defined[name]):
            if isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id in PROCESS - {*defined}:
                yield name, f"calls {one.func.id}(), which differs in each process, {CHANGES}"
            if isinstance(one, ast.Import | ast.ImportFrom) and (lacking := lacking_in_image(one)):
                yield name, f"imports {lacking}, which an image lacks. Use only numpy and Python's standard library"


def lacking_in_image(node: ast.stmt) -> str:
    """The first module of an import that the image lacks; "" if there is none, or if the node is no import."""
    modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else modules
    return next((root for root in (module.split(".")[0] for module in modules) if root not in LIBRARIES), "")


def _named(node: ast.AST) -> Iterator[str]:
    """The called function, by its last and its dotted name, or the attribute of a module that a node reads."""
    if isinstance(node, ast.Attribute) and node.attr == "environ":
        yield node.attr
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        yield node.func.id
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        yield node.func.attr
        yield f"{getattr(node.func.value, 'id', '')}.{node.func.attr}"
        if node.func.attr == "datetime64" and {"now", "today"} & {
            one.value for one in node.args if isinstance(one, ast.Constant)
        }:
            yield "now"


def _defined(text: str) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in parsed(text).body if isinstance(node, ast.FunctionDef)}


def _reached(text: str) -> list[str]:
    """The functions that make columns, and the functions of the file that they use."""
    defined, found = _defined(text), [*functions(text)]
    for name in found:  # grows during the loop
        used = {one.id for one in ast.walk(defined[name]) if isinstance(one, ast.Name)}
        found += sorted((used & {*defined}) - {*found})
    return found
