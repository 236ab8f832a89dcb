"""Which texts of mathematics are one result: tables, properties, and an oracle."""

from __future__ import annotations

import cmath
import re
from itertools import combinations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.tools.algebra import NotAlgebra, evaluated, spelled
from agents.tools.result_equality import final_result
from agents.tools.result_text import text_result

# The forms are those of public mathematics benchmarks, and of reports against graders
# of such (2026-12-01): huggingface/Math-Verify 1, 2, 14, 37, 41, 56, 64, 76, 82;
# EleutherAI/lm-evaluation-harness 1204, 3214, 3477, 3785, 3807;
# UKGovernmentBEIS/inspect_ai 4742, 5145; facebookresearch/deepconf 15.
EQUAL: list[list[str]] = [
    ["9", "9.0", "09", r"\boxed{9}", "$9$", "9.", r"\text{9}", r"\fbox{9}"],
    [
        *(r"\frac{14}{3}", r"\dfrac{14}{3}", r"\frac{14}3", "14/3", r"4\frac{2}{3}"),
        *("4 2/3", r"\tfrac{28}{6}", r"$\frac{14}{3}$", r"\[\frac{14}{3}\]"),
        *(r"\(\frac{14}{3}\)", "$$\\frac{14}{3}$$", r"\boxed{\frac{14}{3}}"),
    ],
    [r"\frac12", "1/2", "0.5", ".5", "½", r"50\%", r"\displaystyle\frac{1}{2}"],
    [r"-\frac{1}{3}", r"\frac{-1}{3}", r"\frac{1}{-3}", "-1/3", "\u22121/3"],
    ["3½", "3.5", r"3\frac{1}{2}", "3 1/2", "7/2", r"3 \frac 12"],
    [
        *(r"\left( 3, \frac{\pi}{2} \right)", r"(3,\frac{\pi}{2})", "(3, pi/2)"),
        *(r"\left(3,\tfrac{\pi}2\right)", "(3, π/2)", r"\bigl(3,\frac\pi2\bigr)"),
    ],
    ["p - q", "p-q", "-q+p", "$p - q$"],
    [r"\text{Evelyn}", "Evelyn", r"\textbf{Evelyn}", "**Evelyn**", "Evelyn."],
    [r"3\sqrt{13}", r"\sqrt{117}", "3√13", r"3 \cdot \sqrt{13}", "3*sqrt(13)"],
    [r"11\sqrt2", r"11\sqrt{2}", "11√2", r"11 \cdot \sqrt 2", r"\sqrt{2} \times 11"],
    [r"\frac{3\sqrt{3}}{4}", r"\frac{3}{4}\sqrt{3}", "3√3/4", r"0.75\sqrt3"],
    [r"\frac{1}{\sqrt{2}}", r"\frac{\sqrt{2}}{2}", r"\sqrt{\frac12}", "sqrt(2)/2"],
    ["6 - 5i", "6-5i", "-5i+6", r"6-5\mathrm{i}"],
    [r"90^\circ", r"90^{\circ}", "90°", "90 degrees", r"90\text{ degrees}", "90"],
    [r"\frac{270}7\text{ degrees}", r"\frac{270}{7}^\circ", r"\frac{270}{7}"],
    [r"\$36", "$36", "36 dollars", "36", r"\$36.00", "36 USD", "$36."],
    [r"\$32,\!348", "$32,348", "32348", r"32{,}348", "32,348 dollars", r"32\,348"],
    [r"11,\! 111,\! 111,\! 100", "11111111100", "11,111,111,100"],
    ["1,000,000", "1 million", "10^6", "1000000", r"10^{6}", "1e6"],
    ["$5 million", "5,000,000 dollars", "5000000"],
    [r"10\%", "10%", "10 percent", "0.1", r"10\ \%"],
    ["52_8", "52_{8}", r"52_{\text{8}}", "52₈"],
    ["x=5", "5", "x = 5", "$x = 5$", "x=5.", "= 5"],
    ["the area = 12", "12", "A = 12"],
    [
        *("1,-2", "-2,1", "-2, 1", "{1, -2}", r"\{1,-2\}", r"x=1,-2", "x=1,x=-2"),
        *("x = 1 or x = -2", r"1 \text{ and } -2", r"\left\{-2,1\right\}"),
    ],
    ["x = 1, y = 2", "y=2, x=1", "x=1 and y=2"],
    [r"1 \pm \sqrt{19}", r"1+\sqrt{19}, 1-\sqrt{19}", "1 ± √19", r"x = 1\pm\sqrt{19}"],
    ["2, 3", "3 and 2", r"\{2,3\}", r"\boxed{2}$ and $\boxed{3}$"],
    [
        *(r"(-\infty, 2) \cup (3, \infty)", r"(3,\infty)\cup(-\infty,2)"),
        *("(-∞, 2) \u222a (3, ∞)", r"x \in (-\infty,2)\cup(3,\infty)"),
        *(r"\left(-\infty,2\right)\cup\left(3,+\infty\right)",),
    ],
    ["[-2,7]", r"x \in [-2,7]", r"-2 \le x \le 7", "-2 <= x <= 7", r"7\geq x\geq-2"],
    [r"(5,\infty)", "x > 5", "x>5", "5 < x", r"x \in (5, \infty)"],
    [r"(-\infty,5]", r"x \le 5", "x ≤ 5", r"5 \geq x"],
    [
        r"\begin{pmatrix} -\frac{1}{3} \\ \frac{2}{3} \end{pmatrix}",
        r"\begin{pmatrix}-1/3\\2/3\end{pmatrix}",
        r"\begin{pmatrix}-\dfrac13\\\dfrac23\\\end{pmatrix}",
        r"\left(\begin{array}{c}-\frac13\\\frac23\end{array}\right)",
    ],
    ["2k+2", "2 + 2k", "2(k+1)", r"2\cdot(k+1)", "2k + 2"],
    ["y = 2x + 3", "2x+3", "y=3+2x", "f(x) = 2x + 3"],
    [r"\text{(C)}", "C", "(C)", "c", r"\textbf{(C)}", r"\mathrm{C}", "$C$", "**(C)**"],
    [r"6 \text{ cm}^2", "6 cm^2", "6 cm²", "6 square centimeters", "600 mm^2"],
    ["25 m/s", "90 km/h", "90 kilometers per hour"],
    ["2.5 hours", "150 minutes", "2 1/2 h", r"\frac{5}{2}\text{ hours}"],
    ["18 eggs", "18.0 eggs", r"18\text{ eggs}", "18 Eggs."],
    ["1,500 people", "1500 people"],
    [r"2^{10}", "1024", r"2^10", "2**10"],
    [r"6.02 \times 10^{23}", "6.02e23", "6.02*10^23", "6.02 \u00d7 10²³"],
    [r"\sqrt[3]{2}", "2^{1/3}", r"\sqrt[6]{4}", "∛2"],
    ["x^2+2x+1", "(x+1)^2", r"x^{2}+2x+1", "1+2x+x²"],
    ["(x-2)(x+3)", "(x+3)(x-2)", "x^2+x-6"],
    [r"\boxed{5!}", "120", "$5!$"],
    ["42!", "42", "42?", "(42)", "[42]", "**42**", "42:"],
    ["-34x-45y+20z-100=0", "34x+45y-20z+100=0", "34x + 45y = 20z - 100"],
    [r"\frac{x+2}{7}", r"\frac{x}{7}+\frac{2}{7}"],
    ["(1,4.5)", r"(1,\frac{9}{2})", r"\left(1,\frac92\right)"],
    [r"\text{13}", "13"],
    [r"\cot x", r"\cot(x)", "cot x", r"\cot{x}"],
    [r"\sqrt{1/n}", r"\frac{1}{\sqrt{n}}"],
    [r"\frac{4}{5}\pi", r"\frac{4\pi}{5}", "0.8π", r"\dfrac{4}{5} \pi"],
    [r"\log_2 3", r"\log_{2}{3}", r"\log_2(3)"],
    [r"#### 72", "72", "#### 72.0"],
    [r"\text{June 20}", "June 20", "june 20"],
    [r"\emptyset", "∅", r"\varnothing"],
    ["2024-01-05", "2024-01-05."],
]

APART: list[tuple[str, str]] = [
    ("$5!$", "5"),
    ("listen", "silent"),
    ("tea", "eat"),
    ("2024-01-05", "2024-05-01"),
    ("12/25/2024", "25/12/2024"),
    ("10-12", "-2"),
    ("12:00", "1:00"),
    ("52_8", "52_9"),
    ("52_8", "42"),
    (r"\pm 2021", "2021"),
    (r"1-\frac1e", r"1+\frac1e"),
    (r"$1 - \frac{1}{\mathrm{e}}$", r"$1 + \frac{1}{\mathrm{e}}$"),
    ("19, 46, 82", "21,36,82"),
    ("4", r"4\sqrt{2}"),
    (r"\left( 3, \frac{\pi}{2} \right)", r"(3, \frac{2\pi}{3})"),
    ("(1,2)", "(2,1)"),
    ("(1,2)", "[1,2]"),
    ("(1,2]", "[1,2)"),
    ("(1,2)", "{1,2}"),
    ("x=1, y=2", "x=2, y=1"),
    ("b, c, a", "a, b, c"),
    ("yes or no", "yes and no"),
    ("salt and pepper", "salt or pepper"),
    ("f(x)=0", "f(x)=1"),
    (r"\frac{1}{2^{99}}", r"\frac{1}{2^{98}}"),
    (r"\frac{1}{2004!}", r"\frac{1}{2006!}"),
    ("711", "11"),
    ("149", "49"),
    ("3x-y+13=0", "3x+4y+14=0"),
    ("$n=2,3,4$", "$n=1,2,3$"),
    ("D=(0,1)", "D=(0,1.5)"),
    ("x^2", "x^3"),
    ("x_2", "x^2"),
    ("x_1", "x_2"),
    (r"1,2,\ldots,n", r"1,3,5,\ldots,2n-1"),
    ("3 1/2", "31/2"),
    (r"\sqrt{2}", r"\sqrt{3}"),
    ("(100,200)", "100200"),
    ("x<5", "x<=5"),
    ("x<5", "x>5"),
    ("5 cm", "5 cm^2"),
    ("5 cm", "5 m"),
    ("60", "60%"),
    (r"\infty", r"-\infty"),
    ("1:2:3", "1:4:9"),
    (r"\sin x", r"\cos x"),
    (r"\frac{2^{2005}+1}{3\cdot 2^{2006}}", r"\frac{1}{3\cdot 2^{2006}}"),
    ("i", "1"),
    ("18 eggs", "18 apples"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}2\\1\end{pmatrix}"),
    (r"\begin{pmatrix}1&2\end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}"),
    ("0.3333", r"\frac13"),
    ("3.14", r"\pi"),
    ("A", "an answer"),
]


@pytest.mark.parametrize("same", EQUAL, ids=lambda same: same[0])
def test_forms_of_one_result_are_one_text(same: list[str]) -> None:
    assert len({text_result(text) for text in same}) == 1, {
        text: text_result(text) for text in same
    }


@pytest.mark.parametrize(("one", "other"), APART)
def test_two_results_are_two_texts(one: str, other: str) -> None:
    assert text_result(one) != text_result(other)


def test_no_two_groups_of_equal_results_are_one() -> None:
    for one, other in combinations(EQUAL, 2):
        assert text_result(one[0]) != text_result(other[0]), (one[0], other[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("So it is $\\boxed{72}$. I hope it is correct.", "72"),
        (r"We get $\boxed{2}$ and $\boxed{3}$.", "{2,3}"),
        (r"Mark your solution with \boxed. Thus it is so." + " and so on" * 9, ""),
        (r"Not \boxed{1}, as one may think, but \boxed{2}.", "2"),
        (
            "80,000 + 50,000 = 130,000, and so on; a profit.\n#### 70000",
            "70000",
        ),
        (
            "The rest is a long story of many words that says nothing.\nAnswer: **B**",
            "b",
        ),
        ("**Final Answer:** $29.00\n\nLet me know if you want to see more!", "29"),
        (
            "Words that go on for more than sixty characters, certainly.\nANSWER: $B$",
            "b",
        ),
        (
            "The total of Rory's delivery order, as is known.\nThe answer is 60%",
            "0.6",
        ),
        (
            "An answer is hard to give, as this essay shows.\nIt ends in 2024.",
            "",
        ),
        ("", ""),
        (r"\boxed{}", ""),
        (r"\boxed{\frac{1}{2}", r"\boxed(1/2)"),
    ],
)
def test_the_last_word_of_a_text_is_its_result(text: str, expected: str) -> None:
    if expected.startswith("\\"):
        assert final_result(text)  # not closed: whatever it is, it is no exception
    else:
        assert final_result(text) == expected


_PIECES = st.sampled_from(
    [
        *(
            "\\frac",
            "\\boxed",
            "\\sqrt",
            "\\left",
            "\\text",
            "\\begin{pmatrix}",
            "\\\\",
        ),
        *("\\end{pmatrix}", "\\pm", "\\cup", "\\in", "{", "}", "(", ")", "[", "]", "$"),
        *(
            "^",
            "_",
            ",",
            ", ",
            ";",
            " ",
            " and ",
            " or ",
            "=",
            "<",
            "<=",
            "!",
            "|",
            "%",
        ),
        *(
            "1",
            "23",
            "0",
            ".",
            "1,000",
            "x",
            "i",
            "pi",
            "sin",
            "km",
            "°",
            "½",
            "²",
            "-",
        ),
        *("+", "*", "/", "\\", "#", "e9", "...", "\u27e6", "\u27e7", "\ud800", "\x00"),
    ]
)
_HOSTILE = st.lists(_PIECES, max_size=40).map("".join)


@given(st.one_of(_HOSTILE, st.text(max_size=80)))
@settings(max_examples=400)
def test_any_text_has_a_result_which_is_its_own(text: str) -> None:
    once = text_result(text)
    assert text_result(once) == once
    final_result(text)


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "(",
            "[",
            "{",
            "\\{",
            "\\frac",
            "\\frac{",
            "\\sqrt{",
            "^",
            "_",
            "!",
            "-",
            "+-",
        ),
        *(
            "1,",
            "1, ",
            "x=",
            "<",
            "\\cup",
            "(1,2)\\cup",
            "\\boxed{",
            "$",
            " and ",
            "1/",
        ),
        *("(a+b)^12", "9^9^", "99999999999!", "sqrt(99999989)", "1a", "a1", "**", "e9"),
        *(
            "\\begin{pmatrix}",
            "\\left(",
            "\\text{",
            "x^",
            "1 ",
            "#",
            "\u00bd",
            "answer: ",
        ),
        *("(a+b+c)(a-b-c)", "10^400*", "2^1000*", "\\sqrt[3]{7}", "sin", "log_"),
    ],
)
@pytest.mark.parametrize("length", [299, 1_999, 100_000])
def test_no_text_takes_long(piece: str, length: int) -> None:
    """With quadratic time or worse, this would not end."""
    text = (piece * (length // len(piece) + 1))[:length]
    text_result(text)
    final_result(text)


def _expression(chance: Random, depth: int = 3) -> str:
    if not depth or chance.random() < 0.2:
        return chance.choice(["x", "y", "2", "3", "5", "7", r"\pi", "i", r"\sqrt{2}"])
    one, other = _expression(chance, depth - 1), _expression(chance, depth - 1)
    match chance.randrange(6):
        case 0:
            return f"({one}) + ({other})"
        case 1:
            return f"({one}) - ({other})"
        case 2:
            return rf"({one}) \cdot ({other})"
        case 3:
            return rf"\frac{{{one}}}{{{other}}}"
        case 4:
            return f"({one})^{{{chance.randrange(-2, 4)}}}"
        case _:
            return rf"\sqrt{{{chance.choice([2, 3, 8, 12, 45])}}}({one})"


def _value(text: str, x: float, y: float) -> complex:
    """Python's value of the same expression."""
    python = text.replace(r"\cdot", "*").replace(r"\pi", "pi").replace("^", "**")
    python = re.sub(r"\\sqrt\{(\d+)\}(?=\()", r"sqrt(\1)*", python)
    python = re.sub(r"\\sqrt\{(\d+)\}", r"sqrt(\1)", python)
    while r"\frac" in python:
        begin = python.rindex(r"\frac") + len(r"\frac")
        middle = _end(python, begin)
        end = _end(python, middle)
        above, below = python[begin + 1 : middle - 1], python[middle + 1 : end - 1]
        python = f"{python[: begin - 5]}(({above})/({below})){python[end:]}"
    python = re.sub(r"\*\*\{(-?\d+)\}", r"**(\1)", python)
    return _python_value(python, x, y)


def _python_value(python: str, x: float, y: float) -> complex:
    names = {"x": x, "y": y, "pi": cmath.pi, "i": 1j, "sqrt": cmath.sqrt}
    return complex(eval(python, {"__builtins__": {}}, names))  # noqa: S307  (made here)


def _end(text: str, at: int) -> int:
    depth = 0
    for place in range(at, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if not depth:
            return place + 1
    raise AssertionError(text)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_spelled_is_worth_what_was_written(seed: int) -> None:
    """Python computes both; so no two expressions of other worth are one result."""
    chance = Random(seed)  # noqa: S311  (no secret)
    compared = 0
    for _ in range(60):
        written = _expression(chance)
        said = text_result(f"${written}$")
        x, y = chance.uniform(0.5, 2), chance.uniform(0.5, 2)
        try:
            expected = _value(written, x, y)
            evaluated(said)
        except (ZeroDivisionError, OverflowError, NotAlgebra):
            continue
        worth = _python_value(said.replace("^", "**"), x, y)
        assert abs(worth - expected) <= 1e-6 * max(1, abs(expected)), (written, said)
        compared += 1
    assert compared > 30


def test_an_expression_is_spelled_alike_however_its_terms_are_ordered() -> None:
    chance = Random(7)  # noqa: S311  (no secret)
    for _ in range(200):
        terms = [_expression(chance, 2) for _ in range(4)]
        mixed = chance.sample(terms, 4)
        if any("(" in text_result(f"${term}$") for term in terms):
            continue  # a division by 0, or by a sum, is left as it is
        one = " + ".join(f"({term})" for term in terms)
        other = " + ".join(f"({term})" for term in mixed)
        assert text_result(f"${one}$") == text_result(f"${other}$")


@pytest.mark.parametrize(
    "text", ["", "(", "2 3", "1/0", "2^", ")", "a b c d +", "9^9^9"]
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(NotAlgebra):
        spelled(evaluated(text))
