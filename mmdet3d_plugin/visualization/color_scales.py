"""Numbers as colours, with a labelled bar that reads them back."""
from dataclasses import dataclass
from typing import Callable, Tuple

import cv2
import numpy as np
from matplotlib import colormaps
from matplotlib.ticker import MaxNLocator

from .colors import to_bgr
from .drawing import draw_segments, draw_text, text_size

UNKNOWN_COLOR = '#59636f'  # no colour of a scale comes near this grey
_BAR_TEXT = '#c3ccd6'
_LEVELS = 256
_BAR_HEIGHT = 1.  # letters
_TICK_LENGTH = .35  # letters below the bar
_ROUND = (1, 2, 5, 10)  # times a power of ten
_ROUNDING = 1e-9  # of a scale's length
_MAX_STEPS = 5  # between ticks that are evenly spaced
_MIN_TICKS = 3  # fewer round depths than these, and evenly spaced ones take their place


@dataclass(frozen=True)
class ColorScale:
    """Values from ``low`` to ``high`` as the colours of a map; those beyond take its ends.

    Attributes:
        low, high: values at the bar's left and right end.
        colormap: name of matplotlib's.
        ticks: labelled values.
        form: writes a tick's label.
        ends: words beside the bar's left and right end.
        transform: the value that grows evenly along the bar.
    """
    low: float
    high: float
    colormap: str
    ticks: Tuple[float, ...]
    form: Callable[[float], str]
    ends: Tuple[str, str]
    transform: Callable[[np.ndarray], np.ndarray] = np.asarray

    def shares(self, values: np.ndarray) -> np.ndarray:
        """Places of values along the bar, 0 to 1."""
        low, high = self.transform(self.low), self.transform(self.high)
        return np.clip((self.transform(values) - low) / (high - low), 0, 1)

    def colors(self, values: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Colours of a map, ``UNKNOWN_COLOR`` where it is not known.

        Args:
            values: (H, W).
            known: (H, W) bool.

        Returns:
            (H, W, 3) uint8, BGR.
        """
        picture = np.full((*values.shape, 3), to_bgr(UNKNOWN_COLOR), dtype=np.uint8)
        levels = np.rint((_LEVELS - 1) * self.shares(values[known])).astype(int)
        picture[known] = self._palette()[levels]
        return picture

    def draw_bar(self, strip: np.ndarray, left: float, right: float, top: float,
                 letter: float) -> None:
        """Draws bar, ticks and words into a strip, in place.

        Args:
            left, right: between which all of it lies, pixels.
            top: of the bar, pixels.
            letter: height of a capital, pixels.
        """
        words = [text_size(word, letter)[0] for word in self.ends]
        bar_left, bar_right = round(left + words[0] + letter), round(right - words[1] - letter)
        bottom = round(top + _BAR_HEIGHT * letter)
        draw_text(strip, self.ends[0], (left, bottom), _BAR_TEXT, letter)
        draw_text(strip, self.ends[1], (right - words[1], bottom), _BAR_TEXT, letter)
        strip[round(top):bottom, bar_left:bar_right] = cv2.resize(
            self._palette()[None], (bar_right - bar_left, 1), interpolation=cv2.INTER_LINEAR)
        cv2.rectangle(strip, (bar_left, round(top)), (bar_right, bottom), to_bgr(UNKNOWN_COLOR))
        for tick in self.ticks:
            x = bar_left + float(self.shares(tick)) * (bar_right - bar_left)
            label, tip = self.form(tick), bottom + _TICK_LENGTH * letter
            draw_segments(strip, np.array([[(x, bottom), (x, tip)]]), _BAR_TEXT)
            draw_text(strip, label, (x - text_size(label, letter)[0] / 2, tip + 1.4 * letter),
                      _BAR_TEXT, letter)

    def _palette(self) -> np.ndarray:
        """(_LEVELS, 3) uint8, BGR."""
        return colormaps[self.colormap](np.linspace(0, 1, _LEVELS), bytes=True)[:, 2::-1]


def depth_scale(low: float, high: float) -> ColorScale:
    """Depths in metres, near ones bright; equal ratios have equal steps of colour."""
    decades = 10. ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    ticks = _inside(np.outer(decades, _ROUND[:-1]).ravel(), low, high)
    if len(ticks) < _MIN_TICKS:
        ticks = _even_ticks(low, high)
    return ColorScale(low, high, 'magma_r', ticks, '{:.3g}'.format, ('near', 'far'), np.log)


def error_scale(limit: float) -> ColorScale:
    """Signed errors of depth from ``-limit``, blue, to ``limit``, red."""
    return ColorScale(-limit, limit, 'RdBu_r', _even_ticks(-limit, limit),
                      lambda error: f'{error:+.3g}' if error else '0', ('too near', 'too far'))


def _even_ticks(low: float, high: float) -> Tuple[float, ...]:
    return _inside(MaxNLocator(_MAX_STEPS, steps=_ROUND).tick_values(low, high), low, high)


def _inside(ticks: np.ndarray, low: float, high: float) -> Tuple[float, ...]:
    margin = _ROUNDING * (high - low)
    return tuple(ticks[(ticks >= low - margin) & (ticks <= high + margin)].tolist())
