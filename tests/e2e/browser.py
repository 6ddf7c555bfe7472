# SPDX-License-Identifier: Apache-2.0
"""Headless Chromium over the DevTools protocol, on a pipe: no libraries."""
import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from urllib.parse import parse_qs, urlsplit

WAIT = 60  # seconds for anything to show


class Failure(Exception):
    pass


class Browser:
    def __init__(self, folder, options=()):
        to_browser, self.out = os.pipe()
        self.into, from_browser = os.pipe()

        def connect():  # Chromium reads commands from descriptor 3 and writes answers to 4
            low_in, low_out = os.dup(to_browser), os.dup(from_browser)
            os.dup2(low_in, 3)
            os.dup2(low_out, 4)

        self.process = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--force-device-scale-factor=1", f"--user-data-dir={folder}", "--window-size=1200,900",
             "--remote-debugging-pipe", *options, "about:blank"],
            close_fds=False, preexec_fn=connect, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer = b""
        self.number = 0
        self.events = []
        self.session = None

    def read(self, deadline):
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.into], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise Failure("the browser does not answer")
            data = os.read(self.into, 1 << 20)
            if not data:
                raise Failure("the browser has ended")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 60
        while True:
            answer = self.read(deadline)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise Failure(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def open(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def value(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise Failure(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def until(self, what, expression):
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline:
            # What is not there yet is an exception at first.
            value = self.value(f"(() => {{ try {{ return {expression}; }} catch {{ return null; }} }})()")
            if value:
                return value
            self.value("new Promise((done) => setTimeout(done, 50))")
        raise Failure(f"not seen: {what}; the page says: {self.value('document.body.innerText')[:1500]}")

    def scheme(self, name):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def picture(self, path, height=900):
        self.call("Emulation.setDeviceMetricsOverride", width=1200, height=height, deviceScaleFactor=1, mobile=False)
        data = self.call("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


def text_has(words):
    return f"document.querySelector('main').innerText.includes({json.dumps(words)})"


def check_events(page, base, allowed=(), secrets=()):
    """No error on the console, no other host asked, none of the secrets in a URL or on the console.
    Chromium writes down refused requests as errors of the network: `allowed` are ends of their URLs."""
    hosts = set()
    for event in page.events:
        method, what = event.get("method"), event.get("params", {})
        said = ""
        if method == "Network.requestWillBeSent":
            said = what["request"]["url"]
            if not said.startswith("data:"):
                hosts.add(urlsplit(said).netloc)
            if "token" in parse_qs(urlsplit(said).query, keep_blank_values=True):
                raise Failure(f"a token in {said}")
        elif method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
            said = json.dumps(what)
        if any(secret in said for secret in secrets):
            raise Failure(f"a secret in a {method}")
        if method == "Runtime.exceptionThrown":
            raise Failure(f"exception: {what['exceptionDetails']}")
        if method == "Log.entryAdded" and what["entry"]["level"] == "error" and not (
                what["entry"]["source"] == "network" and what["entry"].get("url", "").endswith(tuple(allowed))):
            raise Failure(f"console: {what['entry']}")
        if method == "Runtime.consoleAPICalled" and what["type"] in ("error", "warning"):
            raise Failure(f"console: {what['args']}")
    if hosts != {urlsplit(base).netloc}:
        raise Failure(f"asked {hosts}")


def drive(folder, look, *options):
    """Calls look(page) with a browser whose files are below `folder`; 1 and the cause if it fails."""
    profile = tempfile.mkdtemp(prefix="chromium-", dir=folder)
    page = Browser(profile, options)
    try:
        page.open()
        look(page)
    except Failure as failure:
        print(f"page: {failure}", file=sys.stderr)
        for event in page.events:
            if event.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                print(f"page: {json.dumps(event['params'])[:600]}", file=sys.stderr)
        return 1
    finally:
        page.close()
        shutil.rmtree(profile, ignore_errors=True)
    return 0
