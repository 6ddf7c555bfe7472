#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Looks at the page in headless Chromium.

page_driver.py URL SCREENSHOT_FOLDER JOB_ID JOB_NAME JOB_FILE [--no-plots]
Prints what was seen; ends with 1 and the cause if it is not what a person would look for.
"""
import json
import os
import sys

from browser import Failure, check_events, drive, text_has


def press(title, what="click()"):
    return f"[...document.querySelectorAll('button')].find((b) => b.innerText === {json.dumps(title)}).{what}"


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


def check_long_list(page):
    """All rows are there for a screen reader, and a refresh takes no focus away."""
    page.until("that all rows are laid out", "document.querySelector('.far') === null")
    body = page.call("Runtime.evaluate", expression="document.querySelector('tbody')")["result"]["objectId"]
    for role, wanted in (("row", 500), ("cell", 6000), ("link", 500)):
        count = len(page.call("Accessibility.queryAXTree", objectId=body, role=role)["nodes"])
        if count != wanted:
            raise Failure(f"a screen reader is told of {count} of {wanted}: {role}")
    page.value("""document.querySelectorAll('tbody a')[1].focus();
        performance.clearMeasures(); window.focused = document.activeElement""")
    page.until("two refreshes", "performance.getEntriesByName('jobs-build').length >= 2")
    if not page.value("document.activeElement === window.focused && document.activeElement.matches('tbody a')"):
        raise Failure("a refresh took the focus away")


def look_at_queue(page, base, shots):
    page.call("Page.navigate", url=f"{base}/#/queue")
    page.until("the waiting jobs", text_has("500 jobs wait"))
    page.until("a page of them", "document.querySelectorAll('tbody tr').length === 50")
    page.until("a position", "document.querySelector('tbody td').innerText === '1'")
    page.until("why it waits", "document.querySelector('tbody tr').cells[5].innerText.length > 10")
    page.picture(os.path.join(shots, "page_queue.png"), 500)
    page.value(press("Further back"))
    page.until("the next page", "document.querySelector('tbody td').innerText === '51'")
    asked = [event["params"]["request"]["url"].partition("/api/v1/")[2] for event in page.events
             if event.get("method") == "Network.requestWillBeSent"]
    first = "queue?skip=0&page_size=50"
    if first not in asked or any(url.startswith("jobs") for url in asked[asked.index(first):]):
        raise Failure(f"the queue asks for more than its page: {asked}")


def look_at_lists(page, base, shots, name):
    page.call("Page.navigate", url=f"{base}/#/workers")
    page.until("two workers", text_has("2 workers are attached"))
    page.call("Page.navigate", url=f"{base}/#/jobs")
    page.until("100 rows", "document.querySelectorAll('tbody tr').length === 100")
    page.value("""(() => { const rows = document.getElementById('rows'); rows.value = '500';
        performance.clearMeasures(); rows.dispatchEvent(new Event('change')); })()""")
    page.until("500 rows", "document.querySelectorAll('tbody tr').length === 500")
    took = page.until("their frame", "performance.getEntriesByName('jobs-render')[0].duration")
    built = page.value("performance.getEntriesByName('jobs-build')[0].duration")
    print(f"a list of 500 jobs is seen after {took:.0f} ms, {built:.0f} ms of them to build it")
    check_long_list(page)
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
    if not page.value(press("Submit", "disabled")):
        raise Failure("a wrong file can be submitted")
    with open(job_file, encoding="utf-8") as file:
        page.value(drop % (json.dumps(file.read()), json.dumps("good.yaml")))
    page.until("that it is valid", text_has("good.yaml is valid: urfb on glyphs"))
    page.value(press("Submit"))
    page.until("the new job", "location.hash.startsWith('#/job/')")
    page.until("its state", text_has("QUEUED"))
    page.value(press("Cancel"))
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


def main():
    base, shots, job, name, job_file = sys.argv[1:6]
    plots = "--no-plots" not in sys.argv

    def look(page):
        look_at_job(page, base, shots, job, plots)
        check_access(page)
        look_at_lists(page, base, shots, name)
        check_access(page)
        look_at_queue(page, base, shots)
        check_access(page)
        look_at_compare(page, base, job)
        submit(page, base, job_file)
        check_access(page)
        check_events(page, base, allowed=["/validate"])

    return drive(shots, look)


sys.exit(main())
