"""The colours of cosines."""

from VoCoSlicerLib.positions.colour_scale import STOPS, colour, lowest


def test_the_ends_have_the_colours_of_the_ends() -> None:
    assert colour(1.0, 0.0) == tuple(STOPS[-1])
    assert colour(2.0, 0.0) == tuple(STOPS[-1])
    assert colour(-0.2, -0.2) == tuple(STOPS[0])
    assert colour(-1.0, -0.2) == tuple(STOPS[0])
    assert colour(0.4, -0.2) == tuple(STOPS[2])


def test_what_is_more_alike_is_brighter() -> None:
    brightness = [sum(w * c for w, c in zip((0.3, 0.6, 0.1), colour(n / 20, 0.0), strict=True))
                  for n in range(21)]  # fmt: skip
    assert brightness == sorted(brightness)


def test_the_scale_begins_at_a_tenth() -> None:
    assert lowest([[1.0, 0.3], [0.3, 1.0]]) == 0.0
    assert lowest([[1.0, -0.13], [-0.13, 1.0]]) == -0.2
    assert lowest([]) == 0.0
