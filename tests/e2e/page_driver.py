#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Looks at the page in headless Chromium.

page_driver.py URL SCREENSHOT_FOLDER JOB_ID JOB_NAME JOB_FILE SWEEP_TOLD [--no-plots]
SWEEP_TOLD is a file of what `hebb sweep` says: {"status", "best", "best_loss"}.
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


def best_run(sweep, metric):
    runs = [run for run in sweep["runs"] if run["state"] == "SUCCEEDED"]
    return max(runs, key=lambda run: run["metrics"][metric])


def estimate(told, metric):
    found = told["metrics"][metric]
    if metric.endswith("accuracy"):
        return f"{told['label']}: {100 * found['mean']:.2f} ± {100 * found['half_width']:.2f} %"
    return f"{told['label']}: {found['mean']:.4f} ± {found['half_width']:.4f}"


def look_at_sweep(page, base, shots, told, plots):
    sweep = told["status"]
    page.call("Page.navigate", url=f"{base}/#/sweeps")
    page.until("both sweeps", "document.querySelectorAll('tbody tr').length === 2")
    row = page.value("document.querySelector('tbody').innerText")
    if "4 SUCCEEDED" not in row or "500 QUEUED" not in row:
        raise Failure(f"the list of sweeps says: {row}")
    page.value(f"[...document.querySelectorAll('tbody a')].find((a) => a.innerText === {json.dumps(sweep['name'])}).click()")
    page.until("the sweep's id", text_has(sweep["id"]))
    page.until("its state", "document.querySelector('dl .state').innerText === 'SUCCEEDED'")
    best = best_run(sweep, "validation_accuracy")["job"]
    page.until("the best run", f"document.querySelector('dl a').hash === '#/job/{best}'")
    page.until("the best setting", text_has(estimate(told["best"], "validation_accuracy")))
    check_runs(page, sweep)
    curves = page.until("the curves as numbers", """[...document.querySelectorAll('figure')].find((f) =>
        f.ariaLabel === 'Validation accuracy')?.querySelectorAll('thead th').length""")
    if curves != 5 or page.value("document.querySelectorAll('figure .uplot canvas').length") != (3 if plots else 0):
        raise Failure(f"not the curves of four runs: {curves} columns")
    page.picture(os.path.join(shots, "page_sweep.png"), 1600)
    page.value("""(() => { const metric = document.querySelector('select'); metric.value = 'Training loss';
        metric.dispatchEvent(new Event('change')); })()""")
    page.until("the best setting by loss", text_has(estimate(told["best_loss"], "train_loss")))
    page.value("document.querySelector('.long tbody a').click()")
    page.until("the run's job", f"location.hash === '#/job/{sweep['runs'][0]['job']}'")
    page.until("the way back", f"[...document.querySelectorAll('dl a')].some((a) => a.hash === '#/sweep/{sweep['id']}')")


def check_runs(page, sweep):
    """A row for each run: what it was run with, its state, progress, values and job."""
    rows = page.until("the runs", """[...document.querySelectorAll('.long tbody tr')].map((tr) =>
        [tr.querySelector('a').hash, ...[...tr.cells].map((td) => td.innerText)])""")
    if len(rows) != len(sweep["runs"]):
        raise Failure(f"{len(rows)} runs")
    for number, (row, run) in enumerate(zip(rows, sweep["runs"])):
        values = [point["value"] for point in run["point"]]
        accuracy = f"{100 * run['metrics']['validation_accuracy']:.1f} %"
        wanted = [f"#/job/{run['job']}", f"run {number + 1}", *values, "SUCCEEDED", "100.0 %"]
        if [text.strip() for text in row[:len(wanted)]] != wanted or accuracy not in row:
            raise Failure(f"run {number + 1} is shown as {row}, not as {wanted} with {accuracy}")
    if page.value("document.querySelectorAll('.scroll:not(.long) caption').length === 0"):
        raise Failure("no table of settings")
    if not page.value(press("Cancel the runs that have not ended", "disabled")):
        raise Failure("an ended sweep can be cancelled")


def cancel_sweep(page, base):
    page.call("Page.navigate", url=f"{base}/#/sweeps")
    page.until("the waiting sweep", text_has("500 QUEUED"))
    page.value("document.querySelector('tbody a').click()")
    page.until("its runs", "document.querySelectorAll('.long tbody tr').length === 500")
    page.until("that none is best yet", text_has("not known yet"))
    page.until("of how many the curves are", text_has("Of the 8 best of 500 runs"))
    page.value(press("Cancel the runs that have not ended"))
    page.until("that they are cancelled", text_has("500 CANCELLED"))


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
    base, shots, job, name, job_file, told = sys.argv[1:7]
    plots = "--no-plots" not in sys.argv
    with open(told, encoding="utf-8") as file:
        sweep = json.load(file)

    def look(page):
        look_at_job(page, base, shots, job, plots)
        check_access(page)
        look_at_lists(page, base, shots, name)
        check_access(page)
        look_at_queue(page, base, shots)
        check_access(page)
        look_at_compare(page, base, job)
        look_at_sweep(page, base, shots, sweep, plots)
        check_access(page)
        submit(page, base, job_file)
        check_access(page)
        cancel_sweep(page, base)
        check_events(page, base, allowed=["/validate"])

    return drive(shots, look)


sys.exit(main())
