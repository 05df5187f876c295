"""HTML building blocks of the report page: style, sections, tables and pictures."""
import base64
from html import escape
from typing import Iterable, Optional, Sequence

import cv2
import numpy as np

JPEG_QUALITY = 88

STYLE = '''
:root { color-scheme: light dark; --ink: #1b2128; --soft: #5d6875; --line: #dde2e8;
  --page: #f5f6f8; --card: #ffffff; --accent: #c96a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf0; --soft: #97a3b0;
  --line: #2b333d; --page: #0e1116; --card: #171c23; --accent: #ff9a1f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1240px; padding: 32px 20px 64px; background: var(--page);
  color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto,
  "Liberation Sans", sans-serif; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 20px; letter-spacing: -.01em; }
h2 { font-size: 19px; margin: 0 0 4px; }
p { margin: 4px 0 12px; color: var(--soft); }
section > p:last-child { margin-bottom: 0; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 20px 24px; margin-top: 20px; }
.headline { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(240px, 1fr));
  margin-bottom: 20px; }
.headline div { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 16px 24px; }
.headline strong { display: block; font-size: 52px; line-height: 1.1; font-weight: 650;
  letter-spacing: -.02em; color: var(--accent); font-variant-numeric: tabular-nums; }
.headline span { color: var(--soft); }
figure { margin: 0 0 20px; }
figure:last-child { margin-bottom: 0; }
figure img { display: block; width: 100%; height: auto; border-radius: 8px; }
figcaption { color: var(--soft); font-size: 13px; margin-top: 6px; }
.wide { overflow-x: auto; }
.wide svg { display: block; width: 100%; min-width: 640px; height: auto; margin: 8px 0; }
.wide svg text { font-family: inherit !important; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 12px; border-bottom: 1px solid var(--line); text-align: right; }
th { font-weight: 600; color: var(--soft); font-size: 13px; }
th:first-child, td:first-child { text-align: left; }
thead tr:first-child th[colspan] { text-align: center; }
td.group { font-weight: 650; }
td.strong { font-weight: 650; }
tr.starts td { border-top: 2px solid var(--line); }
table.metrics thead tr + tr th { text-align: right; }
table.metrics { table-layout: fixed; min-width: 640px; }
table.facts th { text-align: left; vertical-align: top; width: 1%; white-space: nowrap; }
table.facts td { text-align: left; white-space: pre-wrap; overflow-wrap: anywhere;
  font: 13px/1.5 ui-monospace, "Liberation Mono", Menlo, monospace; }
details { margin-top: 12px; }
summary { cursor: pointer; color: var(--soft); }
@media print { :root { --page: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #ccc;
    --accent: #b35c00; }
  body { max-width: none; padding: 0; font-size: 11px; }
  section { border: 0; padding: 0 0 8px; }
  figure, .wide, tr, .headline { break-inside: avoid; } h2, h2 + p { break-after: avoid; } }
@media (max-width: 640px) { body { padding: 16px 10px 40px; } section { padding: 16px 14px; }
  .headline strong { font-size: 40px; } th, td { padding: 5px 6px; } }
'''


def page(title: str, body: str) -> str:
    """Return a complete HTML document.

    Args:
        title: plain text, shown as heading and as title of the window.
        body: HTML.
    """
    return ('<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n'
            f'<body>\n<h1>{escape(title)}</h1>\n{body}\n</body>\n</html>\n')


def section(title: str, content: Optional[str], missing: str, note: str = '') -> str:
    """Return a section with a heading.

    Args:
        title: plain text of the heading.
        content: HTML; None or empty if there is nothing to show.
        missing: plain text shown in place of the content.
        note: plain text between heading and content.

    Example:
        >>> print(section('Training', None, missing='No training log was given.'))
        <section>
        <h2>Training</h2>
        <p>No training log was given.</p>
        <BLANKLINE>
        </section>
    """
    lead = escape(note if content else missing)
    lead = f'<p>{lead}</p>' if lead else ''
    return f'<section>\n<h2>{escape(title)}</h2>\n{lead}\n{content or ""}\n</section>'


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


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of plain texts as HTML.

    Args:
        header: names of the C columns.
        rows: C cells per row.

    Example:
        >>> print(table(['class', 'AP'], [['Car', '12.3']]))
        <div class="wide"><table><thead><tr><th>class</th><th>AP</th></tr></thead>
        <tbody>
        <tr><td>Car</td><td>12.3</td></tr>
        </tbody></table></div>
    """
    head = ''.join(f'<th>{escape(cell)}</th>' for cell in header)
    body = '\n'.join('<tr>' + ''.join(f'<td>{escape(cell)}</td>' for cell in row) + '</tr>'
                     for row in rows)
    return wide(f'<table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>')


def picture(image: np.ndarray, caption: str) -> str:
    """Return an HTML figure that contains the image as JPEG.

    Args:
        image: (H, W, 3) uint8, BGR.
        caption: plain text below the image.
    """
    encoded = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    data = base64.b64encode(encoded.tobytes()).decode('ascii')
    height, width = image.shape[:2]
    return (f'<figure><img width="{width}" height="{height}" alt="{escape(caption)}" '
            f'src="data:image/jpeg;base64,{data}">'
            f'<figcaption>{escape(caption)}</figcaption></figure>')
