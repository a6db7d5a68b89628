"""Colours as people with a colour vision deficiency see them, and how far apart two of them are.

The matrices for complete deficiencies are from Machado, Oliveira, Fernandes (2009), "A physiologically-based model for
simulation of color vision deficiency", for linear RGB. The distance is CIE76, the Euclidean distance in CIELAB (D65).
"""

from __future__ import annotations

from collections.abc import Sequence

Vector = Sequence[float]

DEFICIENCIES: dict[str, Sequence[Vector]] = {
    "none": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
_WHITE = (0.95047, 1.0, 1.08883)


def distance(one: str, other: str, deficiency: str) -> float:
    """Return the distance of two colours (#RRGGBB) as seen with the deficiency; about 2 is just noticeable."""
    pairs = zip(_lab(one, deficiency), _lab(other, deficiency), strict=True)
    return sum((a - b) ** 2 for a, b in pairs) ** 0.5


def _lab(colour: str, deficiency: str) -> Vector:
    linear = [_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5)]
    perceived = [min(max(value, 0.0), 1.0) for value in _times(DEFICIENCIES[deficiency], linear)]
    x, y, z = (_root(value / white) for value, white in zip(_times(_XYZ, perceived), _WHITE, strict=True))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _times(matrix: Sequence[Vector], vector: Vector) -> list[float]:
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def _linear(channel: float) -> float:
    return float(channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4)


def _root(value: float) -> float:
    return float(value ** (1 / 3) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116)
