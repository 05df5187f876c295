"""Links of the pages to files of the repository.

The pages of the site are the Markdown files in ``docs/`` and some Markdown files of the rest of
the repository. Links between them stay links. A link to any other file of the repository leads to
a page with its source. A link ``source:SYMBOL`` leads to the line that defines the symbol.
"""
import html
import os
import posixpath
import re
from contextlib import suppress
from pathlib import Path
from typing import Callable, Iterator, List, NamedTuple, Set, Tuple

from .source_lines import ROOT, find_symbol

SOURCE_SCHEME = 'source:'
SOURCE_FOLDER = 'source'
# Pages outside of docs/: their path in the repository is their path in the site.
EXTRA_PAGES = ('CONTRIBUTING.md', 'CHANGELOG.md', 'CODE_OF_CONDUCT.md', 'SECURITY.md',
               'configs/README.md')
LINK = re.compile(r'(?<!\\)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^)\s]+)\)')
CODE = re.compile(r'^(?:```|~~~).*?^(?:```|~~~)|^(?: {4}|\t).*?$|`[^`\n]+`',
                  re.MULTILINE | re.DOTALL)


class Target(NamedTuple):
    """Target of a link.

    Attributes:
        path: path in the site, without a fragment.
        fragment: fragment with its ``#``, or an empty text.
        source: file of the repository that the site shows as source, or an empty text.
    """
    path: str
    fragment: str
    source: str = ''


def extra_pages(root: Path = ROOT) -> List[str]:
    """Return the Markdown files outside of docs/ that are pages of the site."""
    names = [name for name in EXTRA_PAGES if (root / name).is_file()]
    return names + sorted(path.relative_to(root).as_posix()
                          for path in (root / 'configs').glob('*/README.md'))


def repository_path(page: str) -> str:
    """Return the path in the repository of a page of the site.

    Example:
        >>> repository_path('install.md'), repository_path('configs/plm/README.md')
        ('docs/install.md', 'configs/plm/README.md')
    """
    return page if page in extra_pages() else f'docs/{page}'


def resolve(page: str, link: str, root: Path = ROOT) -> Target:
    """Return where a relative link of a page leads in the site.

    Args:
        page: path of the page in the site.
        link: target as the page writes it, or ``source:SYMBOL``.
        root: folder of the repository.

    Raises:
        LookupError: there is no such file or symbol.

    Example:
        >>> resolve('configuration.md', '../configs/README.md').path
        'configs/README.md'
        >>> resolve('configs/plm/README.md', '../../docs/plm.md#results')[:2]
        ('plm.md', '#results')
        >>> resolve('install.md', '../requirements.txt').path
        'source/requirements.txt.html'
    """
    if link.startswith(SOURCE_SCHEME):
        lines = find_symbol(link[len(SOURCE_SCHEME):], root)
        return Target(source_page(lines.path), f'#L-{lines.first}', lines.path)
    file, hash_sign, anchor = link.partition('#')
    fragment = hash_sign + anchor
    start = repository_path(page)
    path = posixpath.normpath(posixpath.join(posixpath.dirname(start), file)) if file else start
    if path == 'README.md':
        return Target('index.md', fragment)
    if path in extra_pages(root):
        return Target(path, fragment)
    if path.startswith('docs/') and (root / path).is_file():
        return Target(path[len('docs/'):], fragment)
    if path.startswith('../') or not (root / path).is_file():
        raise LookupError(f'{start}: {link}: no such file in the repository')
    return Target(source_page(path), fragment, path)


def source_page(path: str) -> str:
    """Return the page of the site with the source of a file of the repository."""
    return f'{SOURCE_FOLDER}/{path}.html'


def is_relative(link: str) -> bool:
    """Return whether a link leads to a file of the repository or a symbol of the source."""
    return link.startswith(SOURCE_SCHEME) or not re.match(r'[a-z]+:', link)


def links_of(text: str) -> Iterator[Tuple[re.Match, str]]:
    """Yield the relative links of a Markdown text, outside of code, with their targets."""
    code = [match.span() for match in CODE.finditer(text)]
    for match in LINK.finditer(text):
        inside = any(first <= match.start() and match.end() <= last for first, last in code)
        if not inside and is_relative(match['target']):
            yield match, match['target']


def rewrite(page: str, text: str, warn: Callable[[str], None]) -> str:
    """Replace the links of a page to files of the repository by links within the site.

    Args:
        page: path of the page in the site.
        text: its Markdown.
        warn: called with a line for each link that leads nowhere.

    Returns:
        The Markdown. A link that leads nowhere is replaced by its text.
    """
    parts, end = [], 0
    for match, link in links_of(text):
        parts.append(text[end:match.start()])
        end = match.end()
        try:
            target = resolve(page, link)
        except LookupError as error:
            warn(str(error))
            parts.append(match['text'])
            continue
        path = os.path.relpath(target.path, posixpath.dirname(page) or '.')
        shown = match['text']
        if link.startswith(SOURCE_SCHEME):
            shown = f'{shown}, line {target.fragment[len("#L-"):]}'
        parts.append(f'[{shown}]({path}{target.fragment})')
    return ''.join([*parts, text[end:]])


def linked_sources(page: str, text: str) -> Set[str]:
    """Return the files of the repository that a page links and the site shows as source."""
    sources = set()
    for _, link in links_of(text):
        with suppress(LookupError):  # rewrite() warns of it
            sources.add(resolve(page, link).source)
    return sources - {''}


def source_html(path: str, root: Path = ROOT) -> str:
    """Return a page with the numbered and highlighted lines of a file.

    Args:
        path: file, relative to the repository.
        root: folder of the repository.
    """
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import TextLexer, get_lexer_for_filename
    from pygments.util import ClassNotFound

    text = (root / path).read_text(encoding='utf-8')
    try:
        lexer = get_lexer_for_filename(path)
    except ClassNotFound:
        lexer = TextLexer()
    formatter = HtmlFormatter(linenos='inline', lineanchors='L', anchorlinenos=True,
                              style='default')
    home = '../' * (path.count('/') + 1)
    name = html.escape(path)
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<style>{formatter.get_style_defs()}{SOURCE_STYLE}</style></head><body>'
            f'<p><a href="{home}index.html">Documentation</a> / <code>{name}</code></p>'
            f'{highlight(text, lexer, formatter)}</body></html>')


SOURCE_STYLE = '''
body { font-family: system-ui, sans-serif; margin: 1rem; }
.highlight { overflow-x: auto; }
pre { font-size: .8rem; line-height: 1.35; }
pre a { color: #767676; text-decoration: none; }
pre a:target + a { background: #ffd43b; color: #000; }
'''
