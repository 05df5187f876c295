"""Equations of the pages as MathML, with a font that browsers draw it with.

The site needs no script for equations. Browsers need a font with a table of mathematical layout;
not every system has one.
"""
import html
import io
import re
from importlib.util import find_spec
from pathlib import Path

# Output of pymdownx.arithmatex in its generic mode.
EQUATION = re.compile(r'<(?P<tag>span|div) class="arithmatex">\\(?P<open>[(\[])(?P<tex>.*?)'
                      r'\\[)\]]</(?P=tag)>', re.DOTALL)
FONT_FILE = 'assets/STIXTwoMath.woff'  # named in assets/site.css
# Bars get the height of their content.
BARS = re.compile(r'(?<!\\left)(?P<open>\\l[vV]ert)|(?<!\\right)(?P<close>\\r[vV]ert)')
# Latin, Greek, punctuation, letterlike symbols, arrows, operators, brackets, alphabets.
FONT_RANGES = ((0x20, 0x7e), (0xa0, 0xff), (0x300, 0x33f), (0x391, 0x3f6), (0x2010, 0x2064),
               (0x20d0, 0x20ef), (0x2100, 0x214f), (0x2190, 0x21ff), (0x2200, 0x22ff),
               (0x2308, 0x230b), (0x23a0, 0x23e1), (0x25a0, 0x25ff), (0x27e6, 0x27ef),
               (0x2a00, 0x2aff), (0x1d400, 0x1d7ff))


def to_mathml(page: str) -> str:
    r"""Replace the equations in the HTML of a page.

    Example:
        >>> to_mathml(r'<span class="arithmatex">\(x &lt; 1\)</span>')[-24:]
        '<mn>1</mn></mrow></math>'
    """
    from latex2mathml.converter import convert

    def replace(match: re.Match) -> str:
        display = 'block' if match['open'] == '[' else 'inline'
        tex = BARS.sub(lambda bar: (r'\left' if bar['open'] else r'\right') + bar[0],
                       html.unescape(match['tex']).strip())
        mathml = convert(tex, display=display)
        return f'<div class="equation">{mathml}</div>' if display == 'block' else mathml

    return EQUATION.sub(replace, page)


def font_file() -> bytes:
    """Return the part of STIX Two Math, which ziamath ships, that equations need."""
    from fontTools import subset

    package = find_spec('ziamath')  # its import is not needed
    options = subset.Options(flavor='woff', layout_features=['*'], notdef_outline=True)
    font = subset.load_font(
        str(Path(package.origin).parent / 'fonts/STIXTwoMath-Regular.ttf'), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=[code for first, last in FONT_RANGES
                                 for code in range(first, last + 1)])
    subsetter.subset(font)
    output = io.BytesIO()
    subset.save_font(font, output, options)
    font.close()
    return output.getvalue()
