"""The page in a real browser, from a real process, on both runtimes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, Page, chromium

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.long,
    pytest.mark.needs("chromium-headless-shell|chromium", "starlette", "uvicorn"),
]

WORDS = "and so on " * 400

TEAM = f"""\
question: Is it so?
agents:
  - id: ada
    script:
      turns:
        - when: {{task: draft}}
          lines: [{{text: "{WORDS}", rate: 400}}, {{answer: It is so indeed.}}]
        - when: {{task: review}}
          lines: [{{vote: indeed, reason: Sure <b>it</b> is.}}]
        - {{when: {{task: present}}, lines: [{{text: "Yes, **it** is."}}]}}
  - id: bo
    script:
      turns:
        - when: {{task: draft}}
          lines: [{{thinking: "{WORDS}", rate: 400}}, {{answer: Not at all.}}]
        - {{when: {{task: review}}, lines: [{{vote: indeed, reason: I was wrong.}}]}}
voting: {{rule: plurality, early: false, straggler: null}}
"""

PEOPLE = """\
question: Is it so?
agents:
  - {id: you, backend: human}
  - id: ada
    script:
      turns:
        - when: {task: draft}
          lines: [{answer: "<script>alert(1)</script> It is so."}]
        - {when: {task: review}, lines: [{vote: mine, reason: A person knows.}]}
  - id: bo
    script:
      turns:
        - {when: {task: draft}, lines: [{answer: Not at all.}]}
        - {when: {task: review}, lines: [{vote: mine, reason: Yes.}]}
voting: {rule: plurality, early: false, straggler: null}
"""


UGLY = [
    ("", 400),
    ("[1]", 400),
    ('{"question": ""}', 400),
    ('{"question": "   "}', 409),
    ('{"question": "x", "team": 99}', 409),
    ('{"question": "x", "evil": 1}', 400),
    ('{"question": "x", "continues": "../../etc"}', 409),
    (f'{{"question": "{"x" * 2_000_000}"}}', 413),
]
"""Malformed requests, and the status of their responses."""


APPROVED = """\
question: How long is it until Friday?
agents:
  - id: ada
    tools: [{function: "agents.tools.dates:days_between"}]
    approve: [days_between]
    script:
      turns:
        - when: {task: draft, call: 1}
          lines:
            - {tool: days_between, input: {start: "2026-01-01", end: "2026-01-31"}}
        - {when: {task: draft, call: 2}, lines: [{answer: It is known now.}]}
        - {when: {task: present}, lines: [{text: It is known.}]}
"""
AWAY = PEOPLE.replace("vote: mine", "vote: It is so")


class Served:
    """``coordinator web``, and where it is."""

    def __init__(self, process: subprocess.Popen[str], root: Path) -> None:
        assert process.stdout is not None
        self.process, self.root = process, root
        self.address = process.stdout.readline().strip()

    def send(self, body: str) -> int:
        """Post a question that is none; the answer's status."""
        request = urllib.request.Request(  # noqa: S310  (loopback)
            f"{self.address}api/sessions",
            body.encode(),
            {"content-type": "application/json", "origin": self.address.rstrip("/")},
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request)  # noqa: S310  (the same)
        with refused.value as answer:
            assert json.load(answer)["error"]
        return refused.value.code

    def ask(self, question: str = "Is it so?", team: int = 0) -> str:
        """Ask past the page; the session."""
        request = urllib.request.Request(  # noqa: S310  (loopback)
            f"{self.address}api/sessions",
            json.dumps({"question": question, "team": team}).encode(),
            {
                "content-type": "application/json",
                "origin": self.address.rstrip("/"),
            },
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310  (the same)
            return str(json.load(answer)["session"])


@pytest.fixture(params=["asyncio", "trio"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Served]:
    (tmp_path / "talk.yaml").write_text(TEAM)
    (tmp_path / "people.yaml").write_text(PEOPLE)
    (tmp_path / "away.yaml").write_text(AWAY)
    (tmp_path / "approved.yaml").write_text(APPROVED)
    root = tmp_path / "journals"
    process = subprocess.Popen(  # noqa: S603  (ours)
        [
            *(sys.executable, "-m", "coordinator", "web", "--port", "0"),
            *("-c", str(tmp_path / "talk.yaml"), "-c", str(tmp_path / "people.yaml")),
            *("-c", str(tmp_path / "away.yaml"), "-c", str(tmp_path / "approved.yaml")),
            *("--journal", str(root), "--runtime", str(request.param)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Served(process, root)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert process.returncode == 0, err
        assert "Traceback" not in err, err
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def browser(tmp_path: Path) -> Generator[Browser]:
    with chromium(tmp_path / "profile") as it:
        yield it


def whole(page: Page) -> dict[str, Any]:
    """Wait for the end; what the page has then."""
    page.until("document.body.dataset.over === 'true'")
    return {
        "chunks": int(page.evaluate("document.body.dataset.chunks")),
        "gaps": page.evaluate("document.body.dataset.gaps"),
        "facts": page.evaluate("document.getElementById('facts').textContent"),
        "said": page.evaluate("document.getElementById('panes').textContent"),
    }


def test_a_session_that_is_not_kept_is_named_and_the_others_shown(
    served: Served, browser: Browser
) -> None:
    page = browser.page()
    page.open(f"{served.address}#/s/nope")
    page.until(
        "document.getElementById('ask-error').textContent.includes('No session nope')"
    )
    assert page.evaluate("document.getElementById('start').hidden") is False
    assert page.evaluate("document.getElementById('session').hidden") is True


def test_a_question_is_asked_watched_and_told_why_on_a_phone_too(
    served: Served, browser: Browser
) -> None:
    page = browser.page()
    page.size(375, 667)
    page.open(served.address)
    page.until("document.querySelectorAll('#team option').length === 5")
    page.fill("#question", "Is it <i>so</i>?")
    page.click("#ask button")
    page.until("document.getElementById('panes').textContent.includes('and so on')")
    page.until("document.querySelectorAll('#standing li').length === 2")
    end = whole(page)
    assert end["facts"].startswith("answered")
    page.until("document.getElementById('pictures').textContent.includes('won by')")
    assert "Sure <b>it</b> is." in page.evaluate(
        "document.getElementById('pictures').textContent"
    )
    # Once the end is kept, the answer stands there as its author meant it.
    page.until("document.querySelector('#answer strong')?.textContent === 'it'")
    assert (
        page.evaluate("document.getElementById('answer').textContent") == "Yes, it is."
    )
    page.until("document.querySelector('#pictures td > b')?.textContent === 'all'")
    assert page.evaluate("document.getElementById('asked').textContent") == (
        "Is it <i>so</i>?"
    )
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    page.open(page.evaluate("document.getElementById('whole').href"))
    page.until("document.querySelectorAll('#log .row').length > 5")
    assert browser.complaints == []


def test_whatever_is_sent_is_answered_in_a_sentence(served: Served) -> None:
    assert [served.send(body) for body, _ in UGLY] == [status for _, status in UGLY]


def test_a_page_that_is_reloaded_mid_run_has_every_chunk(
    served: Served, browser: Browser
) -> None:
    session = served.ask()
    first, second = browser.page(), browser.page()
    for page in (first, second):
        page.open(f"{served.address}#/s/{session}")
        page.until("Number(document.body.dataset.chunks) > 20")
    second.evaluate("location.reload()")
    ends = [whole(first), whole(second)]
    assert ends[0] == ends[1]
    assert ends[0]["gaps"] == "0"
    assert WORDS.strip() in " ".join(ends[0]["said"].split())


def test_a_person_answers_votes_and_takes_part(
    served: Served, browser: Browser
) -> None:
    page = browser.page()
    session = served.ask(team=1)
    page.open(f"{served.address}#/s/{session}")
    page.until("document.querySelector('.request textarea')")
    page.fill("#words", "Mind the <gap>.")
    page.click("#say button")
    page.fill(".request textarea", "This answer is mine.")
    page.click(".request button")
    page.until("document.querySelectorAll('.request select').length === 3")
    # Model text is text: nothing of it has become a part of the page.
    assert page.evaluate("document.querySelectorAll('main script').length") == 0
    assert "<script>" in page.evaluate("document.querySelector('.request').textContent")
    page.evaluate(
        "[...document.querySelectorAll('.request h3')]"
        ".find(x => x.nextSibling.textContent.includes('mine'))"
        ".querySelector('select').value = '1'"
    )
    page.click(".request .tools button")
    page.until("document.querySelector('.request textarea')")  # the final words
    page.fill(".request textarea", "Mine, in the end.")
    page.click(".request button")
    end = whole(page)
    assert end["facts"].startswith("answered")
    assert page.evaluate("document.getElementById('answer').textContent") == (
        "Mine, in the end."
    )
    assert browser.complaints == []


def test_an_agent_is_stopped_an_answer_vetoed_and_a_session_ended(
    served: Served, browser: Browser
) -> None:
    page = browser.page()
    session = served.ask()
    page.open(f"{served.address}#/s/{session}")
    page.until("document.querySelectorAll('.pane').length === 2")
    page.click("[aria-label='stop bo']")
    page.until("document.querySelector('.pane.out')")
    page.click("#end")
    end = whole(page)
    assert end["facts"].startswith("interrupted")
    page.until("!document.getElementById('again').hidden")


def test_a_vote_is_forced_over_a_person_who_is_away(
    served: Served, browser: Browser
) -> None:
    page = browser.page()
    session = served.ask(team=2)
    page.open(f"{served.address}#/s/{session}")
    page.until("document.querySelectorAll('#standing li').length === 2")
    page.click("#force")
    page.until("document.querySelectorAll('#standing .voters').length > 0")
    page.click("#force")
    end = whole(page)
    assert end["facts"].startswith("answered")


def test_a_tool_runs_once_a_person_has_approved_it(
    served: Served, browser: Browser
) -> None:
    page = browser.page()
    session = served.ask(team=3)
    page.open(f"{served.address}#/s/{session}")
    page.until("document.querySelector('.request pre')")
    assert "2026-01-31" in page.evaluate(
        "document.querySelector('.request pre').textContent"
    )
    page.click(".request button")
    page.until("!document.querySelector('.request')")
    assert whole(page)["facts"].startswith("answered")
    page.until("document.getElementById('pictures').textContent.includes('done')")


def test_a_session_of_another_process_is_watched_and_not_touched(
    served: Served, browser: Browser, tmp_path: Path
) -> None:
    other = subprocess.Popen(  # noqa: S603  (ours)
        [
            *(sys.executable, "-m", "coordinator", "run"),
            *("-c", str(tmp_path / "talk.yaml"), "--journal", str(served.root)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    page = browser.page()
    page.open(served.address)
    try:
        page.until("document.querySelector('#sessions a')")
        page.click("#sessions a")
        page.until("document.getElementById('panes').textContent.includes('and so on')")
        assert page.evaluate("document.getElementById('steer').hidden")
        assert page.evaluate("document.querySelectorAll('.pane button').length") == 0
        end = whole(page)
        assert (end["gaps"], other.wait(30)) == ("0", 0)
        assert end["facts"].startswith("answered")
    finally:
        other.kill()
        other.wait()


def test_a_session_that_was_killed_is_shown_as_cut_off_and_goes_on(
    served: Served, browser: Browser, tmp_path: Path
) -> None:
    other = subprocess.Popen(  # noqa: S603  (ours)
        [
            *(sys.executable, "-m", "coordinator", "run", "--display", "jsonl"),
            *("-c", str(tmp_path / "talk.yaml"), "--journal", str(served.root)),
            *("--durability", "sync"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert other.stdout is not None
    for _ in range(60):
        other.stdout.readline()
    other.kill()
    other.communicate()
    page = browser.page()
    page.open(served.address)
    page.until("document.querySelector('#sessions a')")
    page.click("#sessions a")
    page.until("!document.getElementById('resume').hidden")
    page.until("document.getElementById('pictures').textContent.includes('cut off')")
    page.click("#resume")
    page.until("!document.getElementById('steer').hidden")
    end = whole(page)
    assert end["facts"].startswith("answered")
    assert end["gaps"] == "0"
