"""Hooks of MkDocs: pages and links of the site that are made from the repository."""
import logging
from functools import cache

from mkdocs.structure.files import File
from site_pages.api import api_pages, parts_tables
from site_pages.commands import command_sections
from site_pages.equations import FONT_FILE, font_file, to_mathml
from site_pages.model_zoo import model_zoo
from site_pages.repository_links import (
    ROOT,
    extra_pages,
    linked_sources,
    rewrite,
    source_html,
    source_page,
)

# MkDocs counts the warnings of its loggers; with --strict any of them fails the build.
log = logging.getLogger('mkdocs.hooks.repository')


@cache
def marker_texts() -> dict:
    """Return the texts that replace markers ``<!-- NAME -->`` in pages."""
    return {'commands': command_sections(), 'registered-parts': parts_tables(), **model_zoo()}


def with_markers(text: str) -> str:
    """Return a page with the texts of its markers."""
    if '<!-- ' in text:
        for name, content in marker_texts().items():
            text = text.replace(f'<!-- {name} -->', content)
    return text


def on_config(config):
    """Add the pages of the API to the navigation."""
    entries = [{path.rsplit('/', 1)[1].removesuffix('.md'): path} for path in api_pages()]
    fill_navigation(config.nav, entries)
    return config


def fill_navigation(nav: list, entries: list) -> None:
    """Replace the entry ``API: generated`` of a navigation by entries, in place."""
    for item in nav:
        for title, content in item.items() if isinstance(item, dict) else ():
            if content == 'generated':
                item[title] = entries
            elif isinstance(content, list):
                fill_navigation(content, entries)


def on_files(files, config):
    """Add the pages of the rest of the repository, of the API and of linked source files."""
    files.append(File.generated(config, FONT_FILE, content=font_file()))
    for name in extra_pages():
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    for path, text in api_pages().items():
        files.append(File.generated(config, path, content=text))
    sources = set()
    for file in files.documentation_pages():
        if not file.src_uri.startswith('reference/api/'):
            sources |= linked_sources(file.src_uri, with_markers(file.content_string))
    for path in sorted(sources):
        files.append(File.generated(config, source_page(path), content=source_html(path)))
    return files


def on_page_markdown(markdown, page, **_):
    """Fill in markers and lead links to files of the repository to pages of the site."""
    return rewrite(page.file.src_uri, with_markers(markdown), log.warning)


def on_page_content(html, **_):
    """Draw equations."""
    return to_mathml(html)
