#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Looks at the page in headless Chromium over the DevTools protocol, on a pipe: no libraries.

page_driver.py URL SCREENSHOT_FOLDER JOB_ID JOB_NAME JOB_FILE [--no-plots]
Prints what was seen; ends with 1 and the cause if it is not what a person would look for.
"""
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

WAIT = 20  # seconds for anything to show


class Failure(Exception):
    pass


class Browser:
    def __init__(self, folder):
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
             "--remote-debugging-pipe", "about:blank"],
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


def look_at_job(page, base, shots, job, plots):
    page.call("Page.navigate", url=f"{base}/#/job/{job}")
    page.until("the job's end", text_has("SUCCEEDED"))
    for title in ("Loss", "Accuracy", "Alignment of W and R by layer", "Throughput"):
        count = page.until(f"rows of {title}",
                           f"[...document.querySelectorAll('figure')].find((f) => f.ariaLabel === {json.dumps(title)})"
                           "?.querySelectorAll('tbody tr').length")
        if count < 3:
            raise Failure(f"{title} has {count} epochs of 3")
    drawn = page.value("document.querySelectorAll('figure .uplot canvas').length")
    if drawn != (4 if plots else 0):
        raise Failure(f"{drawn} plots are drawn")
    if plots:  # something is drawn on them
        page.until("lines in the plots", """[...document.querySelectorAll('figure .uplot canvas')].every((canvas) => {
            const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            return pixels.some((value) => value > 0); })""")
    if page.value("document.querySelectorAll('svg.network .box').length") != 6:
        raise Failure("the picture has not the image and five layers")
    fills = page.value("[...document.querySelectorAll('svg.network .box')].filter((b) => b.style.fill).length")
    if fills != 3:
        raise Failure(f"{fills} layers of 3 with feedback are coloured")
    page.until("filters", "document.querySelectorAll('canvas.filter').length === 16")  # 8 of W, 8 of R
    varied = page.value("""[...document.querySelectorAll('canvas.filter')].filter((canvas) =>
        new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size > 4).length""")
    if varied != 16:
        raise Failure(f"only {varied} filters of 16 show something")
    page.until("an event", text_has("succeeded"))
    page.until("log lines", "document.querySelector('pre').innerText.includes('info')")
    page.picture(os.path.join(shots, "page_job.png"), 1500)
    page.scheme("dark")
    page.picture(os.path.join(shots, "page_job_dark.png"), 700)
    page.scheme("light")


def look_at_lists(page, base, shots, name):
    page.call("Page.navigate", url=f"{base}/#/workers")
    page.until("two workers", text_has("2 workers are attached"))
    page.call("Page.navigate", url=f"{base}/#/queue")
    page.until("the waiting jobs", text_has("500 jobs wait"))
    page.until("a position", "document.querySelector('tbody td').innerText === '1'")
    page.until("why it waits", "document.querySelector('tbody tr').cells[5].innerText.length > 10")
    page.picture(os.path.join(shots, "page_queue.png"), 500)
    page.call("Page.navigate", url=f"{base}/#/jobs")
    page.until("100 rows", "document.querySelectorAll('tbody tr').length === 100")
    page.value("""(() => { const rows = document.getElementById('rows'); rows.value = '500';
        performance.clearMeasures(); rows.dispatchEvent(new Event('change')); })()""")
    page.until("500 rows", "document.querySelectorAll('tbody tr').length === 500")
    took = page.value("performance.getEntriesByName('jobs-render').at(-1).duration")
    built = page.value("performance.getEntriesByName('jobs-build').at(-1).duration")
    print(f"a list of 500 jobs is rendered in {took:.0f} ms, {built:.0f} ms of them without the layout")
    page.value("""(() => { const name = document.querySelector('input[type=search]');
        name.value = %s; name.dispatchEvent(new Event('change')); })()""" % json.dumps(name))
    page.until("the trained job alone", "document.querySelectorAll('tbody tr').length === 1")
    page.until("its progress", text_has("100.0 %"))
    page.picture(os.path.join(shots, "page_jobs.png"), 400)


def look_at_compare(page, base, job):
    page.call("Page.navigate", url=f"{base}/#/compare/{job}")
    page.until("its curve", "document.querySelectorAll('figure tbody tr').length >= 9")
    page.value("[...document.querySelectorAll('input[type=checkbox]')].find((b) => !b.checked).click()")
    page.until("two jobs", text_has("2 jobs are compared."))


def submit(page, base, job_file):
    page.call("Page.navigate", url=f"{base}/#/submit")
    page.until("the form", "document.getElementById('yaml') !== null")
    drop = """(() => { const moved = new DataTransfer();
        moved.items.add(new File([%s], %s)); const to = document.querySelector('.drop');
        to.dispatchEvent(new DragEvent('drop', {dataTransfer: moved, bubbles: true, cancelable: true})); })()"""
    page.value(drop % (json.dumps("name: x\nepochz: 3\n"), json.dumps("bad.yaml")))
    page.until("what is wrong, and where", text_has("bad.yaml:2:1"))
    if not page.value("[...document.querySelectorAll('button')].find((b) => b.innerText === 'Submit').disabled"):
        raise Failure("a wrong file can be submitted")
    with open(job_file, encoding="utf-8") as file:
        page.value(drop % (json.dumps(file.read()), json.dumps("good.yaml")))
    page.until("that it is valid", text_has("good.yaml is valid: urfb on glyphs"))
    page.value("[...document.querySelectorAll('button')].find((b) => b.innerText === 'Submit').click()")
    page.until("the new job", "location.hash.startsWith('#/job/')")
    page.until("its state", text_has("QUEUED"))
    page.value("[...document.querySelectorAll('button')].find((b) => b.innerText === 'Cancel').click()")
    page.until("that it is cancelled", text_has("CANCELLED"))


def check_access(page):
    """For those who use a keyboard or a screen reader: everything has a name, and headings follow."""
    unnamed = page.value("""[...document.querySelectorAll('button, input, select, textarea')].filter((e) =>
        !(e.innerText || e.ariaLabel || e.labels?.length)).map((e) => e.outerHTML)""")
    if unnamed:
        raise Failure(f"without a name: {unnamed}")
    headless = page.value("[...document.querySelectorAll('table:not(.u-legend)')].filter((t) => !t.caption).length")
    if headless:
        raise Failure(f"{headless} tables have no caption")


def check_events(page, base):
    hosts = set()
    for event in page.events:
        method, what = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            url = what["request"]["url"]
            if not url.startswith("data:"):
                hosts.add(urlsplit(url).netloc)
            if "token" in parse_qs(urlsplit(url).query, keep_blank_values=True):
                raise Failure(f"a token in {url}")
        if method == "Runtime.exceptionThrown":
            raise Failure(f"exception: {what['exceptionDetails']}")
        # A refused job file is answered 400, which Chromium writes down as an error of the network.
        if method == "Log.entryAdded" and what["entry"]["level"] == "error" and not (
                what["entry"]["source"] == "network" and what["entry"].get("url", "").endswith("/validate")):
            raise Failure(f"console: {what['entry']}")
        if method == "Runtime.consoleAPICalled" and what["type"] in ("error", "warning"):
            raise Failure(f"console: {what['args']}")
    if hosts != {urlsplit(base).netloc}:
        raise Failure(f"asked {hosts}")


def main():
    base, shots, job, name, job_file = sys.argv[1:6]
    plots = "--no-plots" not in sys.argv
    folder = tempfile.mkdtemp(prefix="chromium-", dir=shots)
    page = Browser(folder)
    try:
        page.open()
        look_at_job(page, base, shots, job, plots)
        check_access(page)
        look_at_lists(page, base, shots, name)
        check_access(page)
        look_at_compare(page, base, job)
        submit(page, base, job_file)
        check_access(page)
        check_events(page, base)
    except Failure as failure:
        print(f"page: {failure}", file=sys.stderr)
        for event in page.events:
            if event.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                print(f"page: {json.dumps(event['params'])[:600]}", file=sys.stderr)
        return 1
    finally:
        page.close()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


sys.exit(main())
