"""A session's report: what it tells, that it is safe, and that a browser draws it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from coordinator.ballots.voting_rules import every_rule
from coordinator.report.verdict import RULES
from coordinator.report.word_diff import word_diff

Run = Callable[..., tuple[int, str, str]]

ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)> \u202e & \"'"


def _agent(name: str, answer: str, choice: str, reason: str) -> dict[str, Any]:
    turns = [
        {"when": {"task": "draft"}, "lines": [{"answer": answer}]},
        {"when": {"task": "review"}, "lines": [{"vote": choice, "reason": reason}]},
        {"when": {"task": "present"}, "lines": [{"text": "Lyon it is"}]},
    ]
    return {"id": name, "script": {"turns": turns}}


TEAM = json.dumps(
    {
        "question": f"Which? {ATTACK}",
        "agents": [
            _agent("ada", ATTACK, "Lyon is it", ATTACK),
            _agent("ben", "Lyon is it", "Lyon is it", "It is"),
            _agent("cleo", "Nice is it", "Nice is it", "I like it"),
        ],
        "voting": {"policy": "slate", "rule": "plurality", "early": False},
    }
)


@pytest.fixture
def kept(run: Run, tmp_path: Path) -> Path:
    """A folder with one session that was kept."""
    (tmp_path / "team.yaml").write_text(TEAM, "utf-8")
    root = tmp_path / "journals"
    code, _, err = run(
        "run",
        "-c",
        str(tmp_path / "team.yaml"),
        "--journal",
        str(root),
        "--display",
        "quiet",
    )
    assert code == 0, err
    return root


@pytest.fixture
def page(run: Run, kept: Path, tmp_path: Path) -> Path:
    target = tmp_path / "out.html"
    code, out, err = run("report", "last", "-o", str(target), "--journal", str(kept))
    assert (code, out, err) == (0, f"{target}\n", "")
    return target


class _Reader(HTMLParser):
    """Collects tags and text; what a browser would run or fetch stands out."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(path: Path) -> _Reader:
    reader = _Reader()
    reader.feed(path.read_text("utf-8"))
    return reader


def test_the_page_says_who_won_why_and_what_else_there_was(page: Path) -> None:
    text = _read(page).text
    assert "Lyon it is" in text
    assert "ben's answer won by plurality, 1 ahead of cleo's answer." in text
    assert "67 % of 3 ballots put it first; the voters are all of one model" in text
    assert "It hung on one vote: without" not in text
    assert "I like it" in text  # the dissent
    assert "Nice is it" in text


def test_nothing_a_model_said_is_markup_and_nothing_is_fetched(page: Path) -> None:
    reader = _read(page)
    names = [tag for tag, _ in reader.tags]
    assert names.count("script") == 2
    assert "img" not in names
    for tag, attributes in reader.tags:
        assert not any(name.startswith("on") for name in attributes), tag
        assert "style" not in attributes, tag
        assert not {"src", "href", "action"} & attributes.keys(), tag


def test_the_policy_allows_the_pages_own_script_and_style_alone(page: Path) -> None:
    html = page.read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    assert policy[1].startswith("default-src 'none';")
    for tag in ("style", "script"):
        body = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        assert len(body) == 1
        digest = base64.b64encode(hashlib.sha256(body[0].encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy[1]


def test_every_chunk_is_in_the_page(run: Run, page: Path, kept: Path) -> None:
    html = page.read_text("utf-8")
    packed = re.search(r'id="chunks">([^<]*)<', html)
    assert packed is not None
    data = json.loads(gzip.decompress(base64.b64decode(packed[1])))
    _, out, _ = run("sessions", "export", "last", "--journal", str(kept))
    lines = [json.loads(line) for line in out.splitlines()]
    chunks = [line for line in lines if "seq" in line]
    assert len(data["at"]) == len(chunks) == len(data["text"])
    assert set(data["agents"]) == {"ada", "ben", "cleo"}
    assert max(data["at"]) < 60  # seconds since it began, not of a clock


def test_a_report_may_be_markdown(run: Run, kept: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.md"
    code, _, _ = run("report", "last", "-o", str(target), "--journal", str(kept))
    assert code == 0
    text = target.read_text("utf-8")
    assert "## Why it won" in text
    assert "# Which? &lt;script>alert(1)" in text
    assert f"```text\n{ATTACK}\n```" in text
    assert text.count("<script>") == 1  # in that fence
    assert "| voter | ben's answer | " in text
    code, out, _ = run("report", "last", "--output=-", "--journal", str(kept))
    assert code == 0
    assert out.startswith("<!doctype html>")


def test_a_session_that_is_not_kept_is_named(run: Run, tmp_path: Path) -> None:
    code, _, err = run("report", "last", "--journal", str(tmp_path / "none"))
    assert code == 1
    assert "no session is kept" in err


def test_words_that_changed_are_told_apart() -> None:
    pieces = word_diff("It is 24 times a day.", "It is 22 times, not 24, a day.")
    assert "".join(p.text for p in pieces if p.change != "gone") == (
        "It is 22 times, not 24, a day."
    )
    old = "".join(p.text for p in pieces if p.change != "new")
    assert old.split() == ["It", "is", "24", "times", "a", "day."]


@pytest.mark.needs("chromium|chromium-headless-shell")
def test_a_browser_draws_the_chunks_and_reports_no_error(page: Path) -> None:
    browser = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert browser is not None
    done = subprocess.run(  # noqa: S603 (the browser of this machine)
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--virtual-time-budget=4000",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert 'role="option"' in done.stdout
    count = re.search(r'id="count"[^>]*>([\d,]+) of ([\d,]+)<', done.stdout)
    assert count is not None
    assert count[1] == count[2] != "0"
    assert "CONSOLE" not in done.stderr, done.stderr


def _tied(rule: str) -> dict[str, Any]:
    agents = [_agent("ada", "Paris", "Paris", ""), _agent("ben", "Lyon", "Lyon", "")]
    voting = {"policy": "slate", "rule": rule, "early": False}
    return {"question": "Which?", "agents": agents, "voting": voting}


def _verdict(run: Run, tmp_path: Path, team: dict[str, Any]) -> str:
    (tmp_path / "team.json").write_text(json.dumps(team))
    root = ("--journal", str(tmp_path / "journals"))
    run("run", "-c", str(tmp_path / "team.json"), *root, "--display", "quiet")
    code, out, _ = run("report", "last", "-o", str(tmp_path / "out.md"), *root)
    assert code == 0, out
    code, page, _ = run("report", "last", "--output=-", *root)
    assert code == 0
    return (tmp_path / "out.md").read_text("utf-8") + page


def test_a_tie_a_rule_and_what_others_would_have_chosen_are_explained(
    run: Run, tmp_path: Path
) -> None:
    text = _verdict(run, tmp_path, _tied("plurality"))
    assert "answer won by plurality, level with" in text
    assert "a lot that the session's seed and the answers' contents draw" in text
    assert "Plurality: the answer that most ballots put first wins." in text
    assert "9 of 12 rules that fit these ballots choose the same." in text
    assert "By majority, supermajority or unanimity nobody would have won" in text
    assert "<td>majority, supermajority, unanimity</td>" in text
    assert re.search("(ada|ben) put <span", text)  # whoever the lot has not chosen
    assert "In pairs" not in text


def test_where_answers_meet_in_pairs_the_pairs_are_shown(
    run: Run, tmp_path: Path
) -> None:
    text = _verdict(run, tmp_path, _tied("schulze"))
    assert "<h3>In pairs</h3>" in text
    assert "<td>level</td>" in text


def test_first_answers_that_count_as_ballots_are_counted_in_the_matrix(
    run: Run, tmp_path: Path
) -> None:
    team = _tied("plurality")
    team["voting"] = {"policy": "evidence", "early": False}
    text = _verdict(run, tmp_path, team)
    assert "No two of 2 first answers come to the same" in text
    assert "| first answers | 1 | 1 | each is a ballot for what it comes to |" in text
    assert '<th scope="row">first answers</th><td>1</td><td>1</td>' in text


def test_every_rule_is_explained_to_people() -> None:
    assert set(RULES) == {rule.name for rule in every_rule()}
