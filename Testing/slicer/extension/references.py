"""What code refers to, read from its syntax tree."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Reference:
    """A name that code uses, as ("qt", "QProcess", "CrashExit"), and where."""

    chain: tuple[str, ...]
    place: str

    def __str__(self) -> str:
        return f"{'.'.join(self.chain)} ({self.place})"


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def chain_of(node: ast.expr) -> tuple[str, ...]:
    """The names of `a.b.c`; empty when it does not begin with a name."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    return (node.id, *names) if isinstance(node, ast.Name) else ()


def references(path: Path, roots: set[str]) -> Iterator[Reference]:
    """What a file uses of some modules: `qt.QTimer.singleShot`, `from slicer.util import x`."""
    inner = set()
    for node in ast.walk(tree_of(path)):
        where = f"{path.name}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Attribute) and node not in inner:
            part: ast.expr = node
            while isinstance(part, ast.Attribute):
                part = part.value
                inner.add(part)
            chain = chain_of(node)
            if chain and chain[0] in roots:
                yield Reference(chain, where)
        elif isinstance(node, ast.ImportFrom) and node.module:
            module = tuple(node.module.split("."))
            if module[0] in roots:
                for alias in node.names:
                    yield Reference((*module, alias.name), where)


def imports(path: Path) -> Iterator[tuple[str, int, bool]]:
    """Each module that a file imports: its name, the line, and whether this happens at import."""
    tree = tree_of(path)
    within_functions = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        at_import = node not in within_functions
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, at_import
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno, at_import


def widget_names(path: Path) -> Iterator[Reference]:
    """Widgets that a file takes from a form: `ui.x`, `self.ui.x`, `self._ui.x`."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Attribute):
            owner = chain_of(node.value)
            if owner and owner[-1] in ("ui", "_ui"):
                yield Reference((node.attr,), f"{path.name}:{node.lineno}")
