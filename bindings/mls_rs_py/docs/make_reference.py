"""Writes reference.md from the stubs and the docstrings; a test fails where the page is another.

python docs/make_reference.py
"""

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import mls_rs_py

HERE = Path(__file__).parent
STUBS = Path(mls_rs_py.__file__).with_name("_mls_rs_py.pyi")
MODULES = ("errors", "identity", "storage", "sqlite", "suites", "testing")
HEAD = """# Reference

Written by `docs/make_reference.py` from the stubs and the docstrings. Sections without a document are RFC 9420's.
"""


def signature(function: ast.FunctionDef) -> str:
    """Return a function's signature without `self`, as the stubs have it."""
    arguments = function.args
    if arguments.args and arguments.args[0].arg in {"self", "cls"}:
        arguments.args = arguments.args[1:]
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    return f"({ast.unparse(arguments)}){returns}"


def member(name: str, function: ast.FunctionDef, described: object) -> Iterator[str]:
    """Describe a method or attribute."""
    decorators = {ast.unparse(each) for each in function.decorator_list}
    shown = f": {ast.unparse(function.returns)}" if "property" in decorators and function.returns else ""
    yield f"- `{name}{shown or signature(function)}`"
    if text := inspect.getdoc(getattr(described, "__func__", described)):
        yield from (f"  {line}".rstrip() for line in text.splitlines())


def class_of(node: ast.ClassDef, module: ModuleType) -> Iterator[str]:
    """Describe a class."""
    found = getattr(module, node.name)
    bases = [ast.unparse(each) for each in node.bases]
    yield f"### `{node.name}{'(' + ', '.join(bases) + ')' if bases else ''}`\n"
    yield (inspect.getdoc(found) or "") + "\n"
    for each in node.body:
        if not isinstance(each, ast.FunctionDef):
            continue
        if each.name in {"__new__", "__init__"}:
            each.returns = None
            yield f"- `{node.name}{signature(each)}`"
        elif not each.name.startswith("_"):
            yield from member(each.name, each, inspect.getattr_static(found, each.name))
    yield ""


def page() -> str:
    """Return the page."""
    lines = [HEAD]
    native = import_module("mls_rs_py._mls_rs_py")
    sources = [("mls_rs_py", STUBS, native)]
    for name in MODULES:
        module = import_module(f"mls_rs_py.{name}")
        sources.append((f"mls_rs_py.{name}", STUBS.with_name(f"{name}.py"), module))
    for title, path, module in sources:
        lines.append(f"## `{title}`\n")
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                lines += class_of(node, module)
    text = "\n".join(lines)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.rstrip() + "\n"


if __name__ == "__main__":
    (HERE / "reference.md").write_text(page())
