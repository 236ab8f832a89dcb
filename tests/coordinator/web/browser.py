"""A headless Chromium, driven by its own protocol over a pipe; no library between.

What it answers is JSON with a NUL byte behind it (``--remote-debugging-pipe``).
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium-headless-shell", "chromium")
WAITED_S = 30.0


class Page:
    """One tab."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def _call(self, method: str, **parameters: Any) -> Any:
        return self._browser.call(method, parameters, self._session)

    def open(self, address: str) -> None:
        """Go there, and wait until it is loaded."""
        self._call("Page.navigate", url=address)
        self.until("document.readyState === 'complete'")

    def size(self, width: int, height: int, *, is_dark: bool = False) -> None:
        """Be a screen of that size."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {
            "name": "prefers-color-scheme",
            "value": "dark" if is_dark else "light",
        }
        self._call("Emulation.setEmulatedMedia", features=[scheme])

    def evaluate(self, expression: str) -> Any:
        """The value of a line of JavaScript, promises awaited."""
        answer = self._call(
            "Runtime.evaluate",
            expression=expression,
            returnByValue=True,
            awaitPromise=True,
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until it is true; real time, because the browser's is."""
        end = time.monotonic() + WAITED_S
        while time.monotonic() < end:
            if self.evaluate(f"Boolean({expression})"):
                return
            time.sleep(0.05)
        text = self.evaluate("document.body.innerText")
        raise AssertionError(f"never true: {expression}\n{text}")

    def fill(self, selector: str, text: str) -> None:
        """Write into a field."""
        self.evaluate(
            f"(x => {{ x.value = {json.dumps(text)};"
            " x.dispatchEvent(new Event('input', {bubbles: true}));"
            " x.dispatchEvent(new Event('change', {bubbles: true})); })"
            f"(document.querySelector({json.dumps(selector)}))"
        )

    def click(self, selector: str) -> None:
        """Click what is there."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def picture(self, path: Path) -> None:
        """Take a screenshot."""
        data = self._call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(data))

    @property
    def complaints(self) -> list[str]:
        """Errors and warnings of the console, and violations of a policy."""
        return self._browser.complaints


class Browser:
    """A process, and its protocol."""

    def __init__(self, process: subprocess.Popen[bytes], to: int, out: int) -> None:
        self._process, self._to, self._out = process, to, out
        self._buffer = b""
        self._count = 0
        self.complaints: list[str] = []

    def call(
        self, method: str, parameters: dict[str, Any], session: str | None = None
    ) -> Any:
        """Ask for something and wait for the answer."""
        self._count += 1
        asked: dict[str, Any] = {
            "id": self._count,
            "method": method,
            "params": parameters,
        }
        if session is not None:
            asked["sessionId"] = session
        os.write(self._to, json.dumps(asked).encode() + b"\0")
        while True:
            told = self._read()
            if told.get("id") == self._count:
                assert "error" not in told, told
                return told["result"]
            self._hear(told)

    def _hear(self, told: dict[str, Any]) -> None:
        if told.get("method") == "Log.entryAdded":
            self.complaints.append(told["params"]["entry"]["text"])
        if told.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(told["params"]["exceptionDetails"]))

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._out], [], [], WAITED_S)
            assert ready, "the browser says nothing"
            data = os.read(self._out, 1 << 20)
            assert data, "the browser has gone"
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(line)

    def page(self) -> Page:
        """Open a tab."""
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = self.call(
            "Target.attachToTarget", {"targetId": target, "flatten": True}
        )
        return Page(self, attached["sessionId"])


@contextmanager
def chromium(folder: Path) -> Generator[Browser]:
    """A browser of its own, with nothing in it, gone when the block is left."""
    program = next(filter(None, map(shutil.which, NAMES)))
    theirs_in, to = os.pipe()
    out, theirs_out = os.pipe()

    def place() -> None:
        # It reads from descriptor 3 and writes to 4; both may be something else here.
        a, b = os.dup(theirs_in), os.dup(theirs_out)
        os.dup2(a, 3)
        os.dup2(b, 4)

    process = subprocess.Popen(  # noqa: S603  (a browser of this machine's)
        [
            program,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--remote-debugging-pipe",
            f"--user-data-dir={folder}",
            "about:blank",
        ],
        preexec_fn=place,  # noqa: PLW1509  (only descriptors are touched)
        close_fds=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Browser(process, to, out)
    finally:
        process.kill()
        process.wait()
        os.close(to)
        os.close(out)
