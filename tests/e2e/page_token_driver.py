#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The form that asks for a token, in headless Chromium.

page_token_driver.py URL FOLDER TOKEN_FILE JOB_NAME KEY_DIGEST
"""
import json
import sys

from browser import Failure, check_events, drive, text_has

WRONG = "no-such-token-0123456789"


def enter(page, token):
    page.value("""(() => { const input = document.getElementById('token'); input.value = %s;
        document.querySelector('form button').click(); })()""" % json.dumps(token))


def check_form(page):
    page.until("the form", text_has("This coordinator wants a token"))
    if page.value("document.querySelector('table') !== null"):
        raise Failure("jobs are shown to nobody in particular")
    label = page.value("document.getElementById('token').labels[0].innerText")
    kind = page.value("document.getElementById('token').type")
    if label != "Token" or kind != "password" or page.value("document.activeElement.id") != "token":
        raise Failure(f"the field is called {label}, is a {kind}, or has not the focus")


def check_kept(page, token):
    """The token is in this tab's session storage, and nowhere else that outlives or leaves it."""
    places = page.value("""JSON.stringify([location.href, document.documentElement.outerHTML, document.title,
        document.cookie, Object.entries(localStorage), history.state])""")
    if token in places or WRONG in places:
        raise Failure("a token is in the page")
    if page.value("Object.values(sessionStorage).join()") != token:
        raise Failure("the session storage has not the token alone")


def main():
    base, folder, token_file, job, key = sys.argv[1:6]
    with open(token_file, encoding="utf-8") as file:
        token = file.read().strip()

    def look(page):
        page.call("Page.navigate", url=f"{base}/")
        check_form(page)
        if page.value("document.getElementById('refused') !== null"):
            raise Failure("a token is refused before one was given")
        enter(page, WRONG)
        page.until("that it is refused", "document.querySelector('[role=alert]').innerText.includes('not known')")
        check_form(page)
        if page.value("document.getElementById('token').value || sessionStorage.length"):
            raise Failure("the wrong token is kept")
        enter(page, token)
        page.until("the job", text_has(job))
        page.until("who one is", "document.getElementById('about').innerText.includes('you are ann (user)')")
        check_kept(page, token)
        page.call("Page.reload")
        page.until("the job without another question", text_has(job))
        refused = [f"/api/v1/{path}" for path in ("info", "jobs?all=true&name=&page_size=100&page_token=")]
        check_events(page, base, allowed=refused, secrets=[token, WRONG])

    return drive(folder, look, f"--ignore-certificate-errors-spki-list={key}")


sys.exit(main())
