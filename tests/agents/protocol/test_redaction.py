"""No secret passes the filter, in whatever form a text quotes it."""

from __future__ import annotations

import base64
from urllib.parse import quote

import msgspec
import pytest

from agents.protocol.chunks import (
    AgentFailed,
    AgentId,
    ResponseAbandoned,
    StatusChanged,
    TextDelta,
    ToolReturned,
    TurnEnded,
    TurnNumber,
)
from agents.protocol.redaction import (
    MASK,
    Redactor,
    secrets_in_address,
    secrets_of_environment,
)
from agents.protocol.stamper import Pen

SECRET = 'sk-ant-CANARY/7"ü+x=='  # noqa: S105  (it opens nothing)
STAMP = Pen(AgentId("ada"), TurnNumber(1), 0.0).stamp()


def _basic(user: str) -> str:
    return base64.b64encode(f"{user}:{SECRET}".encode()).decode()


@pytest.mark.parametrize(
    "quoted",
    [
        SECRET,
        quote(SECRET, safe=""),
        msgspec.json.encode(SECRET).decode(),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        _basic(""),
        _basic("u"),
        _basic("us"),
        _basic("use"),
    ],
)
def test_a_secret_is_masked_in_every_form(quoted: str) -> None:
    clean = Redactor([SECRET]).clean(f"bad key {quoted}, try again")
    assert MASK in clean
    assert clean.startswith("bad key ")
    assert clean.endswith(", try again")
    assert "CANARY" not in clean
    for piece in (quoted[4:-6], quoted[6:-4]):
        assert piece not in clean


def test_what_quotes_others_is_cleaned_and_a_models_words_are_not() -> None:
    redactor = Redactor([SECRET])
    told = f"it says {SECRET}"
    content = msgspec.Raw(msgspec.json.encode(told))
    chunks = (
        AgentFailed(**STAMP, error="X", message=told),
        ResponseAbandoned(**STAMP, reason=told, retry_in_s=1.0),
        StatusChanged(**STAMP, status="tools_missing", detail=told),
        TurnEnded(**STAMP, outcome="cancelled", detail=told, unfinished=told),
        ToolReturned(
            **STAMP, id="t", name="n", content=content, is_error=True, elapsed_s=0.0
        ),
    )
    for chunk in chunks:
        assert b"CANARY" not in msgspec.json.encode(redactor.cleaned(chunk))
    text = TextDelta(**STAMP, block=0, text=told)
    assert redactor.cleaned(text) is text


def test_without_secrets_nothing_changes() -> None:
    failed = AgentFailed(**STAMP, error="X", message="no key")
    assert Redactor().cleaned(failed) is failed
    assert Redactor(["abc", ""]).clean("abc") == "abc"


def test_who_signs_in_by_an_address_is_a_secret() -> None:
    address = "socks5://ada:p%40ssword@host:1/x?api_key=0123456789&q=fine"
    found = set(secrets_in_address(address))
    assert {"p@ssword", "ada:p@ssword", "0123456789"} <= found
    assert not any("fine" in secret for secret in found)


def test_the_environment_is_known_by_its_names() -> None:
    ours = {
        "OPENAI_API_KEY": "k-1234567",
        "GH_PAT": "pat-12345",
        "DATABASE_URL": "postgres://u:pw-12345@host/db",
        "HOME": "/root",
        "SSH_AUTH_SOCK": "/tmp/agent",  # noqa: S108  (a name)
    }
    found = set(secrets_of_environment(ours))
    assert {"k-1234567", "pat-12345", "pw-12345"} <= found
    assert not {"/root", "/tmp/agent"} & found  # noqa: S108


def test_a_chunk_without_the_secret_is_left_as_it_is() -> None:
    clean = ToolReturned(
        **STAMP,
        id="1",
        name="look",
        content=msgspec.Raw(b'"nothing to hide"'),
        is_error=False,
        elapsed_s=0.0,
    )
    assert Redactor([SECRET]).cleaned(clean) is clean


@pytest.mark.parametrize("before", ["", "x", "xy"])
@pytest.mark.parametrize("secret", ["sixsix", "sevenup", "eightlet", SECRET])
def test_base64_of_a_short_secret_is_masked_wherever_it_stands(
    before: str, secret: str
) -> None:
    encoded = base64.b64encode(f"{before}{secret}".encode()).decode()
    masked = Redactor([secret]).clean(encoded)
    # Six characters behind another one have seven of their own in base64: too few.
    assert (masked == encoded) is (len(secret) == 6 and before != "")


@pytest.mark.parametrize(
    ("address", "secrets"),
    [
        ("https://a.example/x?y=1", []),
        ("https://to%2Fken@a.example", ["to/ken"]),
        ("https://a.example/?api_key=se%20cret&q=1&flag", ["se cret"]),
        ("https://[half", []),
    ],
)
def test_secrets_of_an_address(address: str, secrets: list[str]) -> None:
    assert list(secrets_in_address(address)) == secrets
