"""A figure as SVG to stand inside a page: text stays text, nothing is loaded from elsewhere."""

from __future__ import annotations

import io
import re
from html import escape
from typing import TYPE_CHECKING

from antalgic.report import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: A figure that takes more characters than this gets its bands and curves as an image.
LARGEST = 900_000
_DPI = 160

_STYLE = re.compile(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ROOT = re.compile(r"<svg\b[^>]*>", re.DOTALL)
_VIEW = re.compile(r'viewBox="([^"]+)"')
_TAG = re.compile(r"<[^>]+>")
_LONG = re.compile(r"(\d\.\d\d)\d+")
_FONT = re.compile(r"font: ((?:\w+ )*?)([\d.]+px) [^;\"]*;?|font-family: [^;\"]*;?")
_SPACE = re.compile(r"\s*\n\s*")


def inline(figure: Figure, name: str, alt: str, *, css: str) -> str:
    """The figure as one <svg> element; ``name`` keeps its ids apart from those of other figures."""
    text = _drawn(figure)
    if len(text) > LARGEST:
        for axes in figure.axes:
            for artist in (*axes.collections, *axes.lines):
                artist.set_rasterized(True)
        text = _drawn(figure)
    view = _VIEW.search(text)
    assert view is not None
    text = text.replace('id="', f'id="{name}-').replace("url(#", f"url(#{name}-")
    text = text.replace('href="#', f'href="#{name}-')
    root = (
        f'<svg class="{css}" role="img" aria-labelledby="{name}-alt" viewBox="{view[1]}" '
        'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        f'<title id="{name}-alt">{escape(alt)}</title>'
    )
    return _ROOT.sub(lambda _: root, text, count=1).strip()


def _drawn(figure: Figure) -> str:
    """Matplotlib's SVG without its header, metadata, global style and superfluous digits."""
    buffer = io.StringIO()
    with style.context():
        figure.savefig(buffer, format="svg", dpi=_DPI, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    for part in (_STYLE, _METADATA, _COMMENT):
        text = part.sub("", text)
    text = _FONT.sub(_without_family, text)
    text = _TAG.sub(lambda tag: _LONG.sub(r"\1", tag[0]), text)  # numbers in words stay as they are
    return _SPACE.sub("\n", text)


def _without_family(match: re.Match[str]) -> str:
    """Weight and size of a text; its family is the page's."""
    if match[2] is None:
        return ""
    weight = f"font-weight: {match[1].strip()}; " if match[1] else ""
    return f"{weight}font-size: {match[2]};"
