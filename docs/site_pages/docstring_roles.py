"""Extension of griffe: Sphinx roles in docstrings become links of the site."""
import re
from typing import Dict, Iterator, List, Optional

import griffe

from site_pages.api import LEFT_OUT

ROLE = re.compile(r':(?:class|func|meth|attr|data|mod|exc):`(~?)([\w.]+)`')
EXAMPLE = re.compile(r'^(\s*)Example:\s*$', re.MULTILINE)


class DocstringRoles(griffe.Extension):
    """Replace ``:class:`Name``` by a link to the documented object, or by its name.

    A short name is looked up in the class, in the module, and then in the package. The section
    ``Example:`` becomes ``Examples:``, the name that griffe reads.
    """

    def on_package(self, *, pkg: griffe.Module, **_) -> None:
        """Change the docstrings of all objects of a package."""
        objects = list(_objects(pkg))
        paths: Dict[str, List[str]] = {}
        for item in objects:
            if _is_shown(item):
                paths.setdefault(item.name, []).append(item.path)
        for item in objects:
            if item.docstring is not None:
                text = EXAMPLE.sub(r'\1Examples:', item.docstring.value)
                item.docstring.value = ROLE.sub(lambda match, item=item: _link(
                    match[1], match[2], item, paths), text)


def _objects(item: griffe.Object) -> Iterator[griffe.Object]:
    yield item
    for member in item.members.values():
        if not member.is_alias:
            yield from _objects(member)


def _is_shown(item: griffe.Object) -> bool:
    """Return whether the site has an entry of an object."""
    parts = item.path.split('.')
    hidden = set(parts[1:2]) & set(LEFT_OUT) or any(part.startswith('_') for part in parts)
    return item.docstring is not None and not hidden


def _link(short: str, name: str, item: griffe.Object, paths: Dict[str, List[str]]) -> str:
    shown = name.rsplit('.', 1)[-1] if short else name.lstrip('.')
    path = _path_of(name, item, paths)
    return f'[`{shown}`][{path}]' if path else f'`{shown}`'


def _path_of(name: str, item: griffe.Object, paths: Dict[str, List[str]]) -> Optional[str]:
    """Return the path of the documented object that a name means, if there is one."""
    known = paths.get(name.rsplit('.', 1)[-1], [])
    suffix = '.' + name.lstrip('.')
    scope = item.path
    while scope:
        if scope + suffix in known:
            return scope + suffix
        scope = scope.rpartition('.')[0]
    fitting = [path for path in known if path.endswith(suffix)]
    if not fitting and name.startswith('mmdet3d_plugin.'):
        # The role names a package that imports the object.
        package = name.rpartition('.')[0] + '.'
        fitting = [path for path in known if path.startswith(package)]
    return fitting[0] if len(fitting) == 1 else None
