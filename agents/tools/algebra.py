"""A canonical spelling of small algebraic expressions: equal ones become one text.

A sum of terms with exact coefficients: ``2k+2`` is ``2+2k``, ``sqrt(12)`` is
``2sqrt(3)``, ``(x+2)/7`` is ``x/7 + 2/7``. It knows what school algebra takes for
granted and no more: what is not seen to be equal stays apart. Sizes are bounded, so
that no text takes long. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from math import gcd, isqrt
from typing import NamedTuple, TypeAlias

Term: TypeAlias = tuple[tuple[str, Fraction], ...]
"""Factors and their exponents, in the order of their names."""
Sum: TypeAlias = Mapping[Term, Fraction]
"""Term → its coefficient; without those that are 0."""

TERMS_MOST = 64
DEPTH_MOST = 30
POWER_MOST = 12
"""To which a sum is multiplied out."""
BITS_MOST = 1_400
"""Of a coefficient: some four hundred digits."""
FACTORED_MOST = 10**8
"""Up to which a number under a root is taken apart."""
FACTORIAL_MOST = 100
FUNCTIONS = frozenset(
    {
        *("sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan"),
        *("log", "ln", "exp", "sinh", "cosh", "tanh"),
    }
)
NAMES = frozenset(
    {
        *("pi", "alpha", "beta", "gamma", "delta", "theta", "lambda", "mu", "phi"),
        *("omega", "sigma", "rho", "tau", "epsilon", "psi", "eta", "inf"),
    }
)
LETTERS_MOST = 3
"""Letters in a row that are a product; more are a word."""

_TOKEN = re.compile(
    r"\s*(?:(\d+(?:\.\d*)?(?:e[+-]?\d+)?(?![\w.])|\d+(?:\.\d*)?|\.\d+)|([a-z]+)|(\S))"
)
_ONE = Fraction(1)
_HALF = Fraction(1, 2)


class NotAlgebra(ValueError):
    """A text is no expression, or one too large to be looked at."""


class _Token(NamedTuple):
    kind: str
    """``number``, ``name`` or the sign itself."""
    text: str
    is_apart: bool
    """Whether a blank stands before it."""


def evaluated(text: str) -> Sum:
    """Read an expression.

    Args:
        text: In plain notation, in lower case.

    Raises:
        NotAlgebra: It is none, or too large.
    """
    try:
        return _Parser(_tokens(text.replace("**", "^"))).whole()
    except (ZeroDivisionError, OverflowError) as error:
        raise NotAlgebra(str(error)) from None


def constant(value: Sum) -> Fraction | None:
    """The number that ``value`` is; ``None``: it is none."""
    if not value:
        return Fraction(0)
    if len(value) == 1:
        return value.get(())
    return None


def spelled(value: Sum) -> str:
    """Say ``value`` so that equal ones are the same text, which reads back the same."""
    if not value:
        return "0"
    terms = sorted(value.items(), key=_place)
    words = [_said_term(abs(coefficient), term) for term, coefficient in terms]
    signs = ["-" if coefficient < 0 else "+" for _, coefficient in terms]
    first = f"-{words[0]}" if signs[0] == "-" else words[0]
    rest = (f" {sign} {word}" for sign, word in zip(signs[1:], words[1:], strict=True))
    return first + "".join(rest)


def primitive(value: Sum) -> Sum:
    """``value`` without its common factor and sign: of an equation only that counts."""
    if not value:
        return value
    first = min(value.items(), key=_place)[1]
    scale = abs(_content(value))
    scale = -scale if first < 0 else scale
    return {term: coefficient / scale for term, coefficient in value.items()}


def _place(item: tuple[Term, Fraction]) -> tuple[int, list[tuple[str, Fraction]]]:
    return -len(item[0]), list(item[0])


def _said_term(coefficient: Fraction, term: Term) -> str:
    above = [_said_factor(name, power) for name, power in term if power > 0]
    below = [_said_factor(name, -power) for name, power in term if power < 0]
    if coefficient.numerator != 1 or not above:
        above.insert(0, str(coefficient.numerator))
    if coefficient.denominator != 1:
        below.insert(0, str(coefficient.denominator))
    under = "*".join(below)
    if not below:
        return "*".join(above)
    return "*".join(above) + (f"/({under})" if len(below) > 1 else f"/{under}")


def _said_factor(name: str, power: Fraction) -> str:
    base = name.removeprefix("#")
    if power == 1:
        return base
    if power == _HALF:
        return f"sqrt{base}" if base.startswith("(") else f"sqrt({base})"
    return f"{base}^{power}" if power.denominator == 1 else f"{base}^({power})"


def _content(value: Sum) -> Fraction:
    above = below = 0
    for coefficient in value.values():
        above = gcd(above, coefficient.numerator)
        step = coefficient.denominator
        below = step if not below else below * step // gcd(below, step)
    return Fraction(above, below)


def added(one: Sum, other: Sum, sign: int = 1) -> Sum:
    """``one`` and ``other`` together; with ``sign`` -1 the difference."""
    total = dict(one)
    for term, coefficient in other.items():
        whole = total.get(term, Fraction(0)) + sign * coefficient
        if whole:
            total[term] = whole
        else:
            total.pop(term, None)
    return _bounded(total)


def _bounded(value: dict[Term, Fraction]) -> Sum:
    if len(value) > TERMS_MOST:
        raise NotAlgebra("too many terms")
    for coefficient in value.values():
        bits = coefficient.numerator.bit_length() + coefficient.denominator.bit_length()
        if bits > BITS_MOST:
            raise NotAlgebra("a number too long")
    return value


def _product(one: Sum, other: Sum) -> Sum:
    if len(one) * len(other) > TERMS_MOST * 8:
        raise NotAlgebra("too many terms")
    terms: dict[Term, Fraction] = {}
    for a, x in one.items():
        for b, y in other.items():
            for term, coefficient in _simplified(a, b, x * y).items():
                terms[term] = terms.get(term, Fraction(0)) + coefficient
    return _bounded({term: value for term, value in terms.items() if value})


def _simplified(a: Term, b: Term, coefficient: Fraction) -> Sum:
    """The product of two terms; roots of numbers and ``i`` are reduced."""
    powers = dict(a)
    for name, exponent in b:
        powers[name] = powers.get(name, Fraction(0)) + exponent
    term: dict[str, Fraction] = {}
    for name, exponent in powers.items():
        if name[0] == "#":
            whole = exponent.numerator // exponent.denominator
            coefficient *= Fraction(int(name[1:])) ** whole
            exponent -= whole  # noqa: PLW2901  (the rest of the root)
        elif name == "i" and exponent.denominator == 1:
            if exponent % 4 >= 2:
                coefficient = -coefficient
            exponent = Fraction(exponent % 2)  # noqa: PLW2901  (as above)
        if exponent:
            term[name] = exponent
    terms: dict[Term, Fraction] = {tuple(sorted(term.items())): coefficient}
    return _bounded(terms) if coefficient else {}


def _raised(value: Sum, exponent: Fraction) -> Sum:
    if not exponent:
        return {(): _ONE}
    if not value:
        if exponent < 0:
            raise NotAlgebra("a division by zero")
        return {}
    if len(value) == 1:
        ((term, coefficient),) = value.items()
        factors = tuple((name, power * exponent) for name, power in term)
        return _product(
            _number_raised(coefficient, exponent), _simplified(factors, (), _ONE)
        )
    if exponent.denominator == 1 and 0 < exponent <= POWER_MOST:
        product = value
        for _ in range(int(exponent) - 1):
            product = _product(product, value)
        return product
    # A sum as one factor: what it has in common stands before it.
    scale = abs(_content(value))
    first = min(value.items(), key=_place)[1]
    if first < 0 and exponent.denominator == 1:
        scale = -scale
    rest = {term: coefficient / scale for term, coefficient in value.items()}
    name = f"({spelled(rest)})"
    return _product(_number_raised(scale, exponent), {((name, exponent),): _ONE})


def _number_raised(number: Fraction, exponent: Fraction) -> Sum:
    """A power of a number; what stays under a root are primes."""
    if exponent.denominator == 1:
        bits = number.numerator.bit_length() + number.denominator.bit_length()
        if abs(exponent) * max(bits - 1, 1) > BITS_MOST:
            raise NotAlgebra("a number too long")
        result = number ** int(exponent)
        return {(): result} if result else {}
    power: Sum = {(): _ONE}
    if number < 0:
        if exponent.denominator % 2:
            power = {(): Fraction((-1) ** exponent.numerator)}
        elif exponent.denominator == 2:
            power = _simplified((("i", Fraction(exponent.numerator)),), (), _ONE)
        else:
            raise NotAlgebra("a root of a number below 0")
    if abs(exponent) > POWER_MOST:
        raise NotAlgebra("a number too long")
    for whole, sign in ((abs(number.numerator), 1), (number.denominator, -1)):
        for prime, count in _primes(whole):
            part = ((f"#{prime}", sign * count * exponent),)
            power = _product(power, _simplified(part, (), _ONE))
    return power


def _primes(number: int) -> list[tuple[int, int]]:
    if number > FACTORED_MOST:
        root = isqrt(number)
        if root * root == number and root <= FACTORED_MOST:
            return [(prime, 2 * count) for prime, count in _primes(root)]
        raise NotAlgebra("a root of a long number")
    factors: list[tuple[int, int]] = []
    prime = 2
    while prime * prime <= number:
        count = 0
        while number % prime == 0:
            number //= prime
            count += 1
        if count:
            factors.append((prime, count))
        prime += 1 if prime == 2 else 2
    return [*factors, (number, 1)] if number > 1 else factors


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        matched = _TOKEN.match(text, at)
        if matched is None:
            raise NotAlgebra("not read")
        is_apart = matched.start(matched.lastindex or 0) > at
        at = matched.end()
        number, name, sign = matched.groups()
        if number:
            tokens.append(_Token("number", number, is_apart))
        elif name:
            tokens += _names(name, is_apart=is_apart, before=tokens[-1:])
        elif sign in "+-*/^()!_":
            tokens.append(_Token(sign, sign, is_apart))
        else:
            raise NotAlgebra(f"{sign} is no operator")
    return tokens


def _names(word: str, *, is_apart: bool, before: list[_Token]) -> list[_Token]:
    """A name that is known, or letters that are multiplied."""
    if word in NAMES or word in FUNCTIONS or word in {"sqrt", "root"}:
        return [_Token("name", word, is_apart)]
    if len(word) == 1:
        return [_Token("name", word, is_apart)]
    for known in ("sqrt", *FUNCTIONS, *NAMES):
        # A letter may stand before it without a sign: twice x sin(x).
        if len(word) == len(known) + 1 and word.endswith(known):
            letter = _Token("name", word[0], is_apart)
            return [letter, _Token("name", known, is_apart=False)]
    is_word = is_apart and bool(before) and before[-1].kind in {"number", "name", ")"}
    if len(word) > LETTERS_MOST or is_word:
        raise NotAlgebra(f"{word} is a word")
    letters = [_Token("name", letter, is_apart=False) for letter in word]
    return [_Token("name", word[0], is_apart), *letters[1:]]


class _Parser:
    """Reads tokens by descent."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Sum:
        if not self._tokens:
            raise NotAlgebra("empty")
        value = self._sum()
        if self._at < len(self._tokens):
            raise NotAlgebra(f"{self._kind} is not expected")
        return value

    @property
    def _kind(self) -> str:
        return self._tokens[self._at].kind if self._at < len(self._tokens) else ""

    def _take(self, kind: str) -> bool:
        if self._kind != kind:
            return False
        self._at += 1
        return True

    def _sum(self) -> Sum:
        self._depth += 1
        if self._depth > DEPTH_MOST:
            raise NotAlgebra("nested too deeply")
        sign = 1
        while self._kind in {"+", "-"}:
            sign = -sign if self._kind == "-" else sign
            self._at += 1
        value = added({}, self._quotient(), sign)
        while self._kind in {"+", "-"}:
            sign = -1 if self._kind == "-" else 1
            self._at += 1
            value = added(value, self._quotient(), sign)
        self._depth -= 1
        return value

    def _quotient(self) -> Sum:
        value = self._power()
        while True:
            if self._take("*"):
                value = _product(value, self._signed())
            elif self._take("/"):
                value = _product(value, _raised(self._signed(), Fraction(-1)))
            elif self._kind in {"name", "("}:
                value = _product(value, self._power())
            elif self._kind == "number":
                raise NotAlgebra("two numbers side by side")
            else:
                return value

    def _signed(self) -> Sum:
        sign = 1
        while self._kind in {"+", "-"}:
            sign = -sign if self._kind == "-" else sign
            self._at += 1
        return added({}, self._power(), sign)

    def _power(self) -> Sum:
        value = self._base()
        while self._take("!"):
            value = _factorial(value)
        if not self._take("^"):
            return value
        self._depth += 1
        if self._depth > DEPTH_MOST:
            raise NotAlgebra("nested too deeply")
        exponent = self._signed()
        self._depth -= 1
        return raised_to(value, exponent)

    def _base(self) -> Sum:
        if self._take("("):
            value = self._sum()
            if not self._take(")"):
                raise NotAlgebra("a bracket is not closed")
            return value
        if self._kind == "number":
            text = self._tokens[self._at].text
            self._at += 1
            return self._indexed(text) if self._take("_") else _number(text)
        if self._kind == "name":
            name = self._tokens[self._at].text
            self._at += 1
            return self._named(name)
        raise NotAlgebra(f"{self._kind or 'nothing'} is not expected")

    def _indexed(self, name: str) -> Sum:
        if self._kind not in {"number", "name"}:
            raise NotAlgebra("an index")
        index = self._tokens[self._at].text
        self._at += 1
        return {((f"{name}_{index}", _ONE),): _ONE}

    def _named(self, name: str) -> Sum:
        if name == "sqrt":
            if self._kind not in {"(", "number", "name"}:
                raise NotAlgebra("a root of nothing")
            return _raised(self._base(), _HALF)
        if name in FUNCTIONS:
            return self._function(name)
        if name == "inf":
            return {(("inf", _ONE),): _ONE}
        if self._take("_"):
            return self._indexed(name)
        return {((name, _ONE),): _ONE}

    def _function(self, name: str) -> Sum:
        if self._kind == "_":
            self._at += 1
            name = f"{name}_{spelled(self._base())}"
        exponent = _ONE
        if self._take("^"):
            raised = constant(self._signed())
            if raised is None:
                raise NotAlgebra("a function to a power")
            exponent = raised
        if self._kind == "(":
            argument = self._base()
        else:
            argument = self._power()
            while self._kind in {"name", "("} and not self._is_function():
                argument = _product(argument, self._power())
        return {((f"{name}({spelled(argument)})", exponent),): _ONE}

    def _is_function(self) -> bool:
        return self._kind == "name" and self._tokens[self._at].text in FUNCTIONS


def raised_to(value: Sum, exponent: Sum) -> Sum:
    """A power; one that is no number makes one factor of it."""
    number = constant(exponent)
    if number is not None:
        return _raised(value, number)
    return {((f"({spelled(value)})^({spelled(exponent)})", _ONE),): _ONE}


def _factorial(value: Sum) -> Sum:
    number = constant(value)
    if number is None:
        return {((f"({spelled(value)})!", _ONE),): _ONE}
    if number.denominator != 1 or number < 0:
        raise NotAlgebra("a factorial of no whole number")
    if number > FACTORIAL_MOST:
        return {((f"{number}!", _ONE),): _ONE}
    product = 1
    for factor in range(2, int(number) + 1):
        product *= factor
    return {(): Fraction(product)}


def _number(text: str) -> Sum:
    base, _, power = text.partition("e")
    if len(base) > 420 or len(power) > 4:
        raise NotAlgebra("a number too long")
    value = Fraction(base.rstrip("."))
    if power:
        if abs(int(power)) > 400:
            raise NotAlgebra("a number too long")
        value *= Fraction(10) ** int(power)
    return {(): value} if value else {}
