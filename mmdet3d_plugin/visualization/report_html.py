"""HTML building blocks of the report page: sections, tables, pictures and scripts."""
import base64
import hashlib
import json
import re
from html import escape
from pathlib import Path
from typing import Any, Iterable, NamedTuple, Optional, Sequence

import numpy as np

from .frame_entries import picture_address

WEB = Path(__file__).with_name('web')
# Nothing is loaded from elsewhere, and no script runs that is not a part of this package.
POLICY = ("default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {scripts}; "
          "base-uri 'none'; form-action 'none'")


class Section(NamedTuple):
    """Section of the page. A section without content is left out.

    Attributes:
        title: plain text of the heading.
        content: HTML; None or empty if there is nothing to show.
        missing: plain text at the end of the page that says how to get the content; empty if
            nothing is to be said.
        note: plain text between heading and content.
    """
    title: str
    content: Optional[str]
    missing: str = ''
    note: str = ''

    @property
    def anchor(self) -> str:
        """Id of the section in the page.

        Example:
            >>> Section('Error by distance', '').anchor
            'error-by-distance'
        """
        return re.sub(r'\W+', '-', self.title.lower()).strip('-')

    def to_html(self) -> str:
        """Return the section with its heading.

        Example:
            >>> print(Section('Run', '<b>1</b>', note='A & B').to_html())
            <section id="run">
            <h2>Run</h2>
            <p>A &amp; B</p>
            <b>1</b>
            </section>
        """
        note = f'<p>{escape(self.note)}</p>\n' if self.note else ''
        return (f'<section id="{self.anchor}">\n<h2>{escape(self.title)}</h2>\n{note}'
                f'{self.content}\n</section>')


def page(title: str, body: str, with_explorer: bool = False) -> str:
    """Return a complete HTML document.

    Args:
        title: plain text, shown as heading and as title of the window.
        body: HTML.
        with_explorer: whether the body has the explorer of frames, which needs more scripts.
    """
    names = (['three.min', 'geometry', 'scene', 'explorer'] if with_explorer else []) + ['page']
    scripts = [(WEB / f'{name}.js').read_text(encoding='utf-8') for name in names]
    policy = POLICY.format(scripts=' '.join(map(script_hash, scripts)))
    style = (WEB / 'report.css').read_text(encoding='utf-8')
    end = '\n'.join(f'<script>{script}</script>' for script in scripts)
    return ('<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n'
            f'<body>\n<h1>{escape(title)}</h1>\n{body}\n{end}\n</body>\n</html>\n')


def script_hash(script: str) -> str:
    """Return the source expression that allows an inline script.

    Example:
        >>> script_hash('')
        "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    """
    digest = base64.b64encode(hashlib.sha256(script.encode('utf-8')).digest()).decode('ascii')
    return f"'sha256-{digest}'"


def json_block(name: str, content: Any) -> str:
    r"""Return plain values as a block that scripts of the page read.

    Characters with a meaning in HTML are escaped, so no text ends the block.

    Args:
        name: id of the block.
        content: values that fit into JSON.

    Example:
        >>> json_block('a', ['</script>'])
        '<script type="application/json" id="a">["\\u003c/script\\u003e"]</script>'
    """
    text = json.dumps(content, separators=(',', ':'), allow_nan=False)
    for character in '<>&':
        text = text.replace(character, f'\\u{ord(character):04x}')
    return f'<script type="application/json" id="{name}">{text}</script>'


def wide(content: str) -> str:
    """Wrap HTML content so that it scrolls sideways on narrow screens."""
    return f'<div class="wide">{content}</div>'


def details(title: str, content: str) -> str:
    """Return HTML content that is hidden until the reader opens it.

    Args:
        title: plain text of the line that opens the content.
        content: HTML.
    """
    return f'<details><summary>{escape(title)}</summary>{content}</details>'


def table(header: Sequence[str], rows: Iterable[Sequence[str]],
          text_columns: Sequence[int] = ()) -> str:
    """Return a table of plain texts as HTML.

    Args:
        header: names of the C columns.
        rows: C cells per row.
        text_columns: columns of sentences, which may have several lines.

    Example:
        >>> print(table(['class', 'AP'], [['Car', '12.3']]))
        <div class="wide"><table><thead><tr><th>class</th><th>AP</th></tr></thead>
        <tbody>
        <tr><td>Car</td><td>12.3</td></tr>
        </tbody></table></div>
    """
    kinds = [' class="text"' if column in text_columns else '' for column in range(len(header))]

    def cells(tag: str, texts: Sequence[str]) -> str:
        return ''.join(f'<{tag}{kind}>{escape(text)}</{tag}>'
                       for kind, text in zip(kinds, texts))

    head = cells('th', header)
    body = '\n'.join(f'<tr>{cells("td", row)}</tr>' for row in rows)
    return wide(f'<table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>')


def picture(image: np.ndarray, caption: str) -> str:
    """Return an HTML figure that contains the image as JPEG and is enlarged by a tap.

    Args:
        image: (H, W, 3) uint8, BGR.
        caption: plain text below the image.
    """
    height, width = image.shape[:2]
    return (f'<figure><img class="zoomable" tabindex="0" width="{width}" height="{height}" '
            f'alt="{escape(caption)}" src="{picture_address(image, max(height, width))}">'
            f'<figcaption>{escape(caption)}{"." * bool(caption)} Tap to enlarge.</figcaption>'
            '</figure>')
