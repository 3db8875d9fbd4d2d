"""What the code of front ends says, found without running it: keys of texts, and texts that stand in the code.

Python is parsed. JavaScript is read as far as this needs: strings, template literals, and what stands in `html`
templates between tags and in attributes that people see.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_WORDS: Final = re.compile(r"[^\W\d_]{2,}[,:;]? [^\W\d_]{2,}")
_LETTERS: Final = re.compile(r"[^\W\d_]{2,}")
_KEY: Final = re.compile(r"[a-z]+\.[a-z0-9._-]+")
_HOLE: Final = "\0"
_COMMAND: Final = re.compile(r"balchat( [a-z-]+)*")
"""What is the same in every language."""
_ATTRIBUTE: Final = re.compile(r'\s(title|placeholder|aria-label|aria-description|alt|label|text|hint)="([^"\0]*)"')
_SHOWN_BY: Final = frozenset({"Label", "Static", "Button", "Notice", "Input", "Checkbox", "notify", "Binding"})
_NOT_SHOWN: Final = frozenset(
    {"compile", "debug", "info", "warning", "error", "exception", "TypeVar", "fullmatch", "cast", "Doc"}
)


@dataclass(slots=True)
class TextUse:
    """What is used: keys that a text must exist for, all strings, beginnings of keys, and literal texts by place."""

    asked: dict[str, str] = field(default_factory=dict[str, str])
    strings: set[str] = field(default_factory=set[str])
    beginnings: set[str] = field(default_factory=set[str])
    literals: dict[str, str] = field(default_factory=dict[str, str])

    def uses(self, key: str) -> bool:
        """Return whether a key is used, as a whole or by its beginning."""
        return key in self.strings or any(key.startswith(beginning) for beginning in self.beginnings)


def find_in_python(files: list[Path]) -> TextUse:
    """Return what Python files use and say."""
    use = TextUse()
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        hidden = {id(node) for outer in ast.walk(tree) for node in _not_shown(outer)}
        for node in ast.walk(tree):
            _take_python(use, node, hidden, f"{file.name}:{getattr(node, 'lineno', 0)}")
    return use


def _not_shown(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the strings below a node that no person sees: documentation, logs, failed assertions, types, styles."""
    roots: list[ast.AST] = []
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        # A string alone is documentation: of the module, the class, the function, or of what stands before it.
        roots += [each.value for each in node.body if isinstance(each, ast.Expr)]
        roots = [each for each in roots if isinstance(each, ast.Constant)]
    if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
        roots.append(node.annotation)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns:
        roots.append(node.returns)
    if isinstance(node, ast.Raise | ast.Assert):
        roots.append(node)
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(each, ast.Name) and each.id.endswith("CSS") for each in targets) and node.value:
            roots.append(node.value)
    if isinstance(node, ast.Call):
        if _called(node) in _NOT_SHOWN:
            roots.append(node)
        roots += [each.value for each in node.keywords if each.arg in {"summary", "metadata", "what"}]
    for root in roots:
        yield from ast.walk(root)


def _take_python(use: TextUse, node: ast.AST, hidden: set[int], place: str) -> None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        use.strings.add(node.value)
        if id(node) not in hidden and _WORDS.search(node.value):
            use.literals[place] = node.value
    if isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[0], ast.Constant):
        _begins(use, str(node.values[0].value))
    if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        first, called = node.args[0].value, _called(node)
        if isinstance(first, str):
            if called in {"t", "texts", "_t", "_texts"}:
                use.asked[first] = place
            if called == "known":
                _begins(use, f"{first}.")
            if called in _SHOWN_BY and id(node.args[0]) not in hidden and re.fullmatch(r"[A-Z][a-z]+.*", first):
                use.literals[place] = first


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _begins(use: TextUse, beginning: str) -> None:
    if _KEY.match(beginning) or re.fullmatch(r"[a-z]+\.", beginning):
        use.beginnings.add(beginning)


def find_in_javascript(files: list[Path]) -> TextUse:
    """Return what JavaScript modules use and say."""
    use = TextUse()
    for file in files:
        source = _without_comments(file.read_text(encoding="utf-8"))
        for _, string in re.findall(r"([\"'`])((?:\\.|(?!\1)[^\\\n$])*)\1", source):
            use.strings.add(string)
        for beginning in re.findall(r"`([a-z]+\.[^`$\n]*)\$\{", source):
            _begins(use, beginning)
        for _, key in re.findall(r"\bt\(\s*([\"'`])([^\"'`$\n]*)\1", source):
            use.asked[key] = file.name
        for template in _html(source):
            use.literals |= {f"{file.name}: {said}": said for said in _said(template)}
    return use


def _without_comments(source: str) -> str:
    # A string is passed over: "image/*" begins no comment.
    parts = re.compile(r'("(?:\\.|[^"\\\n])*")|/\*.*?\*/|(?<![:<\'`\\])//(?!>)[^\n]*', re.DOTALL)
    return parts.sub(lambda found: found[1] or "", source)


def _html(source: str) -> Iterator[str]:
    """Yield each html template of a module, the ones within others too, with a hole where a value is put in."""
    for start in re.finditer(r"\bhtml`", source):
        text: list[str] = []
        place, depth = start.end(), 0
        while place < len(source):
            character = source[place]
            if depth == 0:
                if character == "`":
                    break
                if source.startswith("${", place):
                    depth, place = 1, place + 2
                    text.append(_HOLE)
                    continue
                text.append(character)
            elif character in "{}":
                depth += 1 if character == "{" else -1
            elif character == "`":
                place = _after_template(source, place + 1)
                continue
            place += 1
        yield "".join(text)


def _after_template(source: str, place: int) -> int:
    """Return the place after a template literal that begins before `place`."""
    depth = 0
    while place < len(source):
        if depth == 0 and source[place] == "`":
            return place + 1
        if source.startswith("${", place):
            depth, place = depth + 1, place + 2
            continue
        if depth and source[place] == "`":
            place = _after_template(source, place + 1)
            continue
        if depth and source[place] in "{}":
            depth += 1 if source[place] == "{" else -1
        place += 1
    return place


def _said(template: str) -> Iterator[str]:
    for _, value in _ATTRIBUTE.findall(template):
        if _LETTERS.search(value) and not _COMMAND.fullmatch(value):
            yield value
    for between in re.split(r"<[^>]*>", template):
        said = " ".join(between.replace(_HOLE, " ").split())
        if _LETTERS.search(said) and not _COMMAND.fullmatch(said):
            yield said
