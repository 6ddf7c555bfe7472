#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What can be told of deploy/monitoring without a Prometheus: the dashboards are the generated ones
and well formed, every metric is used or listed as unused, every alert has its page."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
MONITORING = SOURCE / "deploy/monitoring"
DASHBOARDS = sorted((MONITORING / "dashboards").glob("*.json"))
ALERTS = (MONITORING / "rules/alerts.yml").read_text(encoding="utf-8")
RECORDING = (MONITORING / "rules/recording.yml").read_text(encoding="utf-8")
METRIC = re.compile(r"(?<![\w:])((?:hebb|process)_\w+)")


def panels_of(dashboard):
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def catalog():
    text = (SOURCE / "docs/metrics.md").read_text(encoding="utf-8")
    return set(re.findall(r"^\| `(\w+)` \| (?:gauge|counter|histogram) \|", text, re.M))


def expressions():
    """Of all panels, variables and rules."""
    for path in DASHBOARDS:
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        for panel in panels_of(dashboard):
            for target in panel.get("targets", []):
                yield target["expr"]
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                yield variable["query"]["query"]
    for text in (ALERTS, RECORDING):
        yield from re.findall(r"^ +expr: (.+(?:\n {10,}.+)*)", text, re.M)


def base_names(expression):
    known = catalog()
    for name in METRIC.findall(re.sub(r'"[^"]*"', '""', expression)):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        yield base if base in known and name not in known else name


class DashboardsTest(unittest.TestCase):
    def test_are_the_generated_ones(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, MONITORING / "dashboards/generate.py", folder],
                           check=True)
            generated = sorted(pathlib.Path(folder).iterdir())
            self.assertEqual([p.name for p in generated], [p.name for p in DASHBOARDS])
            for new, kept in zip(generated, DASHBOARDS):
                self.assertEqual(new.read_text(encoding="utf-8"), kept.read_text(encoding="utf-8"),
                                 f"{kept.name}: run deploy/monitoring/dashboards/generate.py")

    def test_are_well_formed(self):
        self.assertEqual(len(DASHBOARDS), 6)
        pages = {f"/d/{json.loads(p.read_text())['uid']}" for p in DASHBOARDS}
        for path in DASHBOARDS:
            dashboard = json.loads(path.read_text(encoding="utf-8"))
            with self.subTest(path.name):
                panels = list(panels_of(dashboard))
                ids = [panel["id"] for panel in panels]
                self.assertEqual(len(ids), len(set(ids)))
                self.check_places(panels)
                for panel in panels:
                    if panel["type"] != "row":
                        self.check_panel(panel)
                self.assertEqual({link["url"] for link in dashboard["links"]},
                                 pages - {f"/d/{dashboard['uid']}"})
                self.assertEqual(dashboard["templating"]["list"][0]["type"], "datasource")

    def check_places(self, panels):
        taken = set()
        for panel in panels:
            grid = panel["gridPos"]
            self.assertLessEqual(grid["x"] + grid["w"], 24, panel["title"])
            for x in range(grid["x"], grid["x"] + grid["w"]):
                for y in range(grid["y"], grid["y"] + grid["h"]):
                    self.assertNotIn((x, y), taken, f"{panel['title']} lies over another panel")
                    taken.add((x, y))

    def check_panel(self, panel):
        with self.subTest(panel["title"]):
            self.assertTrue(panel["description"])
            self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])
            self.assertEqual(panel["datasource"]["uid"], "${datasource}")
            self.assertTrue(panel["targets"])
            for target in panel["targets"]:
                windows = re.findall(r"\[([^\]]+)\]", target["expr"])
                self.assertEqual(set(windows) - {"$__rate_interval"}, set())

    def test_data_source_is_the_provisioned_one(self):
        provisioned = (MONITORING / "grafana/datasources/prometheus.yml").read_text()
        uid = re.search(r"uid: (\S+)", provisioned).group(1)
        every = re.search(r"timeInterval: (\S+)", provisioned).group(1)
        config = (MONITORING / "prometheus.yml").read_text()
        self.assertEqual(re.search(r"scrape_interval: (\S+)", config).group(1), every)
        for path in DASHBOARDS:
            source = json.loads(path.read_text())["templating"]["list"][0]
            self.assertEqual(source["current"]["value"], uid)


class MetricsTest(unittest.TestCase):
    def test_every_name_in_use_is_served(self):
        served = catalog()
        self.assertGreater(len(served), 50)
        for expression in expressions():
            for name in base_names(expression):
                self.assertIn(name, served, expression)

    def test_every_metric_is_used_or_listed_as_unused(self):
        used = {name for expression in expressions() for name in base_names(expression)}
        listed = set(re.findall(r"^(\w+) ", (MONITORING / "unused_metrics.txt").read_text(), re.M))
        self.assertEqual(catalog() - used - listed, set(), "neither used nor in unused_metrics.txt")
        self.assertEqual(listed & used, set(), "in unused_metrics.txt, but used")
        self.assertEqual(listed - catalog(), set(), "in unused_metrics.txt, but not served")

    def test_every_recorded_series_that_is_used_is_recorded(self):
        recorded = set(re.findall(r"record: (\S+)", RECORDING))
        for expression in expressions():
            for name in re.findall(r"\b\w+:\w+:\w+\b", expression):
                self.assertIn(name, recorded)


class AlertsTest(unittest.TestCase):
    def test_every_alert_has_severity_words_and_a_page(self):
        runbook = (SOURCE / "docs/runbook.md").read_text(encoding="utf-8")
        headings = set(re.findall(r"^## (\w+)$", runbook, re.M))
        pages = {f"/d/{json.loads(p.read_text(encoding='utf-8'))['uid']}" for p in DASHBOARDS}
        alerts = re.split(r"^ +- alert: ", ALERTS, flags=re.M)[1:]
        names = set()
        for alert in alerts:
            name = alert.split("\n", 1)[0].strip()
            names.add(name)
            with self.subTest(name):
                self.assertRegex(alert, r"severity: (critical|warning)\b")
                self.assertRegex(alert, r"summary: \S")
                self.assertRegex(alert, r"description: \S")
                self.assertIn(f"runbook_url: docs/runbook.md#{name.lower()}\n", alert)
                self.assertIn(re.search(r"dashboard: (\S+)", alert).group(1), pages)
        self.assertGreaterEqual(len(names), 15)
        self.assertEqual(headings, names, "one section of docs/runbook.md for each alert")

    def test_the_rules_for_kubernetes_are_the_generated_ones(self):
        folder = SOURCE / "deploy/kubernetes/overlays/monitoring"
        made = subprocess.run([folder / "rules.sh"], check=True, capture_output=True, text=True)
        self.assertEqual(made.stdout, (folder / "rules.yaml").read_text(encoding="utf-8"),
                         f"run {folder}/rules.sh > {folder}/rules.yaml")

    def test_every_alert_is_fired_by_a_rule_test(self):
        tested = (SOURCE / "tests/monitoring/rules_test.yml").read_text(encoding="utf-8")
        for name in re.findall(r"- alert: (\w+)", ALERTS):
            self.assertRegex(tested, rf'labels: .*alertname="{name}"')


if __name__ == "__main__":
    unittest.main()
