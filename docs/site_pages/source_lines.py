"""Lines of the source that symbols of the package are defined at."""
import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGE = 'mmdet3d_plugin'


class SourceLines(NamedTuple):
    """Place of a symbol.

    Attributes:
        path: file, relative to the repository.
        first: line of its definition, without decorators.
        last: its last line.
    """
    path: str
    first: int
    last: int


def find_symbol(symbol: str, root: Path = ROOT) -> SourceLines:
    """Return where a symbol of the package is defined.

    Args:
        symbol: dotted name without the package, such as
            ``models.losses.laplacian_loss.LaplacianAleatoricLoss.forward``. It names a function,
            a class, a method, or a variable of a module or a class.
        root: folder of the repository.

    Raises:
        LookupError: there is no such module or symbol.

    Example:
        >>> find_symbol('errors.InputError').path
        'mmdet3d_plugin/errors.py'
    """
    parts = symbol.split('.')
    for count in range(len(parts) - 1, 0, -1):
        path = Path(PACKAGE, *parts[:count]).with_suffix('.py')
        if (root / path).is_file():
            return _find_in(path, parts[count:], root, symbol)
    raise LookupError(f'source:{symbol}: no such module in {PACKAGE}/')


def _find_in(path: Path, names: list, root: Path, symbol: str) -> SourceLines:
    node = _syntax_tree(root / path)
    for name in names:
        node = next((child for child in getattr(node, 'body', ()) if name in _names_of(child)),
                    None)
        if node is None:
            raise LookupError(f'source:{symbol}: {path} does not define {".".join(names)}')
    return SourceLines(path.as_posix(), node.lineno, node.end_lineno)


def _names_of(node: ast.stmt) -> set:
    """Return the names that a statement defines."""
    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        return {node.name}
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return {node.target.id}
    return set()


@cache
def _syntax_tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding='utf-8'))
