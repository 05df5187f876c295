"""Colour scales for depths and depth errors, with labelled colour bars."""
from dataclasses import dataclass
from typing import Callable, Tuple

import cv2
import numpy as np
from matplotlib import colormaps
from matplotlib.ticker import MaxNLocator

from .colors import to_bgr
from .primitives import draw_segments, draw_text, text_size

UNKNOWN_COLOR = '#59636f'  # differs clearly from all colours of the scales
_BAR_TEXT = '#c3ccd6'
_LEVELS = 256
_BAR_HEIGHT = 1.  # letter heights
_TICK_LENGTH = .35  # letter heights
_ROUND = (1, 2, 5, 10)  # ticks are these numbers times a power of ten
_ROUNDING = 1e-9  # tolerance, as a share of the scale's range
_MAX_STEPS = 5  # between evenly spaced ticks
_MIN_TICKS = 3  # with fewer logarithmic ticks, evenly spaced ticks are used


@dataclass(frozen=True)
class ColorScale:
    """Mapping of values to colours.

    Values below ``low`` or above ``high`` get the colour of ``low`` or ``high``.

    Attributes:
        low, high: values at the left and right end of the colour bar.
        colormap: name of a matplotlib colormap.
        ticks: labelled values of the colour bar.
        form: formats the label of a tick.
        ends: words at the left and right end of the colour bar.
        transform: function of the values that is linear along the colour bar, e.g. ``np.log``.
    """
    low: float
    high: float
    colormap: str
    ticks: Tuple[float, ...]
    form: Callable[[float], str]
    ends: Tuple[str, str]
    transform: Callable[[np.ndarray], np.ndarray] = np.asarray

    def shares(self, values: np.ndarray) -> np.ndarray:
        """Return positions along the colour bar, 0 (``low``) to 1 (``high``).

        Args:
            values: any shape, in the unit of ``low`` and ``high``.

        Returns:
            Positions of the same shape.

        Example:
            >>> depth_scale(1., 100.).shares(np.array([1., 10., 500.])).tolist()
            [0.0, 0.5, 1.0]
        """
        low, high = self.transform(self.low), self.transform(self.high)
        return np.clip((self.transform(values) - low) / (high - low), 0, 1)

    def colors(self, values: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Convert a map of values to colours.

        Args:
            values: (H, W).
            known: (H, W) bool; other pixels get ``UNKNOWN_COLOR``.

        Returns:
            (H, W, 3) uint8, BGR.
        """
        picture = np.full((*values.shape, 3), to_bgr(UNKNOWN_COLOR), dtype=np.uint8)
        levels = np.rint((_LEVELS - 1) * self.shares(values[known])).astype(int)
        picture[known] = self._palette()[levels]
        return picture

    def draw_bar(self, strip: np.ndarray, left: float, right: float, top: float,
                 letter: float) -> None:
        """Draw the colour bar with its ticks and words.

        Args:
            strip: (H, W, 3) uint8, BGR; changed in place.
            left, right: columns between which bar and words lie, pixels.
            top: row of the bar's upper edge, pixels.
            letter: height of a capital letter, pixels.
        """
        widths = [text_size(word, letter)[0] for word in self.ends]
        bar_left, bar_right = round(left + widths[0] + letter), round(right - widths[1] - letter)
        bottom = round(top + _BAR_HEIGHT * letter)
        draw_text(strip, self.ends[0], (left, bottom), _BAR_TEXT, letter)
        draw_text(strip, self.ends[1], (right - widths[1], bottom), _BAR_TEXT, letter)
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
        """Return the colours of evenly spaced positions, (_LEVELS, 3) uint8, BGR."""
        return colormaps[self.colormap](np.linspace(0, 1, _LEVELS), bytes=True)[:, 2::-1]


def depth_scale(low: float, high: float) -> ColorScale:
    """Return a logarithmic scale for depths, with bright colours for small depths.

    Args:
        low, high: smallest and largest depth, metres, 0 < low < high.

    Example:
        >>> scale = depth_scale(2., 50.)
        >>> scale.ticks
        (2.0, 5.0, 10.0, 20.0, 50.0)
        >>> scale.colors(np.array([[7., 0.]]), known=np.array([[True, False]])).shape
        (1, 2, 3)
    """
    decades = 10. ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    ticks = _inside(np.outer(decades, _ROUND[:-1]).ravel(), low, high)
    if len(ticks) < _MIN_TICKS:
        ticks = _even_ticks(low, high)
    return ColorScale(low, high, 'magma_r', ticks, '{:.3g}'.format, ('near', 'far'), np.log)


def disparity_scale(high: float) -> ColorScale:
    """Return a linear scale for disparities (1 / depth), with bright colours for near pixels.

    Args:
        high: disparity of the brightest colour, 1 / metres.

    Example:
        >>> scale = disparity_scale(.2)
        >>> [scale.form(tick) for tick in scale.ticks]
        ['0', '0.05', '0.1', '0.15', '0.2']
    """
    return ColorScale(0., high, 'magma', _even_ticks(0., high), '{:.3g}'.format, ('far', 'near'))


def error_scale(limit: float) -> ColorScale:
    """Return a scale for signed depth errors, from blue (too near) to red (too far).

    Args:
        limit: error of the strongest colours, e.g. in metres or percent.

    Example:
        >>> scale = error_scale(25.)
        >>> [scale.form(tick) for tick in scale.ticks]
        ['-20', '-10', '0', '+10', '+20']
    """
    return ColorScale(-limit, limit, 'RdBu_r', _even_ticks(-limit, limit),
                      lambda error: f'{error:+.3g}' if error else '0', ('too near', 'too far'))


def off_piece_scale(high: float) -> ColorScale:
    """Return a linear scale for distances of points to a linear piece, bright on the piece.

    Args:
        high: distance of the darkest colour, > 0.

    Example:
        >>> scale = off_piece_scale(.8)
        >>> [scale.form(tick) for tick in scale.ticks]
        ['0', '0.2', '0.4', '0.6', '0.8']
    """
    return ColorScale(0., high, 'plasma_r', _even_ticks(0., high), '{:.3g}'.format,
                      ('on the piece', 'off'))


def _even_ticks(low: float, high: float) -> Tuple[float, ...]:
    return _inside(MaxNLocator(_MAX_STEPS, steps=_ROUND).tick_values(low, high), low, high)


def _inside(ticks: np.ndarray, low: float, high: float) -> Tuple[float, ...]:
    margin = _ROUNDING * (high - low)
    return tuple(ticks[(ticks >= low - margin) & (ticks <= high + margin)].tolist())
