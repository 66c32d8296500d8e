"""Colours for cosines: dark for unlike, bright for alike."""

import numpy as np

STOPS = np.array(
    [[38, 20, 78], [58, 82, 139], [33, 145, 140], [94, 201, 98], [250, 230, 60]], dtype=np.float64
)
"""Red, green and blue at equal distances from the lowest value to the highest."""


def lowest(rows: list[list[float]]) -> float:
    """Where the scale of a matrix begins: 0, or lower where a cosine is negative.

    The lower ends are tenths, so that the scale reads well.
    """
    least = min((value for row in rows for value in row), default=0.0)
    return min(0.0, float(np.floor(10 * least) / 10))


def colour(value: float, low: float, high: float = 1.0) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of a value between two ends; beyond them, that of the end."""
    place = (len(STOPS) - 1) * float(np.clip((value - low) / (high - low), 0.0, 1.0))
    red, green, blue = (
        round(float(np.interp(place, range(len(STOPS)), channel))) for channel in STOPS.T
    )
    return red, green, blue
