"""Units of measure: words and signs, and how many of a base unit each is.

An amount is compared in its base unit: ``5 km`` is ``5000 m``, ``6 cm^2`` is ``600
mm^2``, ``90 km/h`` is ``25 m/s``. Shares, degrees of an angle and dollars are plain
numbers, because one of two answers to the same question often leaves the sign out.
"""

from __future__ import annotations

import re
from fractions import Fraction

UNITS: dict[str, tuple[str, Fraction]] = {}
"""Word → the base unit, and how many of it one is."""


def _unit(base: str, factor: str, *words: str) -> None:
    for word in words:
        UNITS[word] = base, Fraction(factor)


_unit("m", "1", "m", "meter", "meters", "metre", "metres")
_unit("m", "1000", "km", "kilometer", "kilometers", "kilometre", "kilometres")
_unit("m", "1/100", "cm", "centimeter", "centimeters", "centimetre", "centimetres")
_unit("m", "1/1000", "mm", "millimeter", "millimeters", "millimetre", "millimetres")
_unit("m", "1609.344", "mi", "mile", "miles")
_unit("m", "0.3048", "ft", "foot", "feet")
_unit("m", "0.0254", "in", "inch", "inches")
_unit("m", "0.9144", "yd", "yard", "yards")
_unit("kg", "1", "kg", "kilogram", "kilograms", "kilo", "kilos")
_unit("kg", "1/1000", "g", "gram", "grams", "gramme", "grammes")
_unit("kg", "1/1000000", "mg", "milligram", "milligrams")
_unit("kg", "1000", "t", "tonne", "tonnes")
_unit("kg", "0.45359237", "lb", "lbs", "pound", "pounds")
_unit("kg", "0.028349523125", "oz", "ounce", "ounces")
_unit("s", "1", "s", "sec", "secs", "second", "seconds")
_unit("s", "1/1000", "ms", "millisecond", "milliseconds")
_unit("s", "60", "min", "mins", "minute", "minutes")
_unit("s", "3600", "h", "hr", "hrs", "hour", "hours")
_unit("s", "86400", "d", "day", "days")
_unit("s", "604800", "week", "weeks")
_unit("l", "1", "l", "liter", "liters", "litre", "litres")
_unit("l", "1/1000", "ml", "milliliter", "milliliters", "millilitre", "millilitres")
_unit("byte", "1", "byte", "bytes")
_unit("byte", "1000", "kb", "kilobyte", "kilobytes")
_unit("byte", "1000000", "mb", "megabyte", "megabytes")
_unit("byte", "1000000000", "gb", "gigabyte", "gigabytes")
_unit("°c", "1", "°c", "celsius", "degrees celsius", "° c")
_unit("°f", "1", "°f", "fahrenheit", "degrees fahrenheit", "° f")
_unit("eur", "1", "€", "eur", "euro", "euros")
_unit("gbp", "1", "£", "gbp")
_unit("m/s", "0.44704", "mph")
_unit("unit", "1", "unit", "units")
# One of two answers to a question often leaves these out.
_unit("", "1", "°", "degree", "degrees", "deg")
_unit("", "1", "$", "usd", "dollar", "dollars")
_unit("", "1/100", "cent", "cents", "¢")
_unit("", "1000", "thousand")
_unit("", "1000000", "million")
_unit("", "1000000000", "billion")
# A share and its percentage are one number.
_unit("", "1/100", "%", "percent", "per cent")

_POWERS = {"square ": 2, "sq ": 2, "sq. ": 2, "cubic ": 3, "cu ": 3}
_RAISED = re.compile(r"(.+?) ?(?:\^\(?([23])\)?| (squared|cubed))")
_PER = re.compile(r" ?/ ?| per ")


def unit_of(words: str) -> tuple[str, Fraction] | None:
    """The base unit of ``words`` and its factor; ``None``: they are no unit.

    Args:
        words: In lower case, without blanks around them.
    """
    plain = UNITS.get(words)
    if plain is not None:
        return plain
    above, *below = _PER.split(words, maxsplit=1)
    one = _powered(above)
    if one is None or not below:
        return one
    other = _powered(below[0])
    if other is None or not one[0] or not other[0]:
        return None
    return f"{one[0]}/{other[0]}", one[1] / other[1]


def _powered(words: str) -> tuple[str, Fraction] | None:
    plain = UNITS.get(words)
    if plain is not None:
        return plain
    for prefix, power in _POWERS.items():
        if words.startswith(prefix):
            return _times(words.removeprefix(prefix), power)
    raised = _RAISED.fullmatch(words)
    if raised is None:
        return None
    return _times(raised[1], int(raised[2] or (2 if raised[3] == "squared" else 3)))


def _times(word: str, power: int) -> tuple[str, Fraction] | None:
    plain = UNITS.get(word)
    if plain is None or not plain[0]:
        return None
    base, factor = plain
    return f"{base}^{power}", factor**power
