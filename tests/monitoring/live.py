#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Against a real Prometheus: every query of every dashboard and every rule gives finite data.

live.py PROMETHEUS_URL START SECONDS   from START (unix time) on, tried again for SECONDS

Variables are filled from Prometheus' label API, as Grafana fills them; $__rate_interval from the
scrape interval that ships, as Grafana makes it. A comparison of an alert is left out: what it compares
must be there and finite while nothing is wrong.
"""

import json
import math
import pathlib
import re
import sys
import time
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import static_test  # noqa: E402


class Prometheus:
    def __init__(self, url, start, step):
        self.url, self.start, self.step = url, start, step

    def get(self, path, **parameters):
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=30) as answer:
            return json.load(answer)["data"]

    def finite_samples(self, expression):
        """Of any series at any time since the start; PromQL's own complaint as an exception."""
        result = self.get("query_range", query=expression, start=self.start, end=time.time(),
                          step=self.step)["result"]
        return sum(math.isfinite(float(value)) for series in result for _, value in series["values"])


def scrape_seconds():
    config = (static_test.MONITORING / "prometheus.yml").read_text(encoding="utf-8")
    return int(re.search(r"scrape_interval: (\d+)s", config).group(1))


def fill(text, values):
    for name, value in values.items():
        text = text.replace(f"${name}", value)
    return text


def variables_of(dashboard, prometheus):
    """Each with all its values, in their order: a later one may depend on an earlier."""
    every = scrape_seconds()
    values = {"__rate_interval": f"{max(4 * every, prometheus.step + every)}s"}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] != "query":
            continue
        query = fill(variable["query"]["query"], values)
        match, label = re.fullmatch(r"label_values\((.+), (\w+)\)", query).groups()
        found = prometheus.get(f"label/{label}/values", **{"match[]": match, "start": prometheus.start})
        if not found:
            raise LookupError(f"{dashboard['title']}: variable {variable['name']} has no value")
        values[variable["name"]] = "|".join(re.escape(value).replace("\\", "\\\\") for value in found)
    return values


def dashboard_queries(prometheus):
    for path in static_test.DASHBOARDS:
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        values = variables_of(dashboard, prometheus)
        for panel in static_test.panels_of(dashboard):
            for target in panel.get("targets", []):
                yield f"{dashboard['title']}, {panel['title']}", fill(target["expr"], values)


def rule_queries(prometheus):
    for group in prometheus.get("rules")["groups"]:
        for rule in group["rules"]:
            if rule["type"] == "alerting":
                left = re.sub(r"\s(==|!=|>=|<=|>|<)\s+[-0-9.e]+", " ", rule["query"])
                yield f"alert {rule['name']}", left
            else:
                yield f"rule {rule['name']}", rule["name"]


def rule_faults(prometheus):
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    known = len(re.findall(r"^ +- (?:alert|record): ", static_test.ALERTS + static_test.RECORDING, re.M))
    if len(rules) != known:
        yield f"Prometheus has {len(rules)} rules instead of {known}"
    for rule in rules:
        if rule["health"] == "err":
            yield f"{rule['name']}: {rule['lastError']}"


def missing_metrics(prometheus):
    names = set(prometheus.get("label/__name__/values"))
    for metric in sorted(static_test.catalog()):
        if not names & {metric, f"{metric}_bucket"}:
            yield f"{metric} was never scraped"


def look(prometheus, done):
    """The faults of one look; what had data once is not asked for again."""
    faults = [*rule_faults(prometheus), *missing_metrics(prometheus)]
    try:
        queries = [*dashboard_queries(prometheus), *rule_queries(prometheus)]
    except LookupError as fault:
        return [*faults, str(fault)]
    for where, expression in queries:
        if where + expression in done:
            continue
        try:
            if prometheus.finite_samples(expression) > 0:
                done.add(where + expression)
            else:
                faults.append(f"EMPTY {where}: {expression}")
        except OSError as error:
            faults.append(f"ERROR {where}: {expression}: {error}")
    return faults


def check_itself(prometheus):
    """What has no data, or none that is finite, is found out."""
    for expression, finite in (("vector(1)", True), ("hebb_misspelt_total", False),
                               ("vector(0) / 0", False), ("vector(1) / 0", False)):
        if (prometheus.finite_samples(expression) > 0) != finite:
            raise AssertionError(f"{expression}: judged wrongly")


def main():
    url, start, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    prometheus = Prometheus(url, start, scrape_seconds())
    check_itself(prometheus)
    deadline, done = time.monotonic() + seconds, set()
    while True:
        faults = look(prometheus, done)
        if not faults:
            print(f"{len(done)} queries have finite data")
            return 0
        if time.monotonic() > deadline:
            print("\n".join(faults))
            return 1
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
