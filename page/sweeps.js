// SPDX-License-Identifier: Apache-2.0
import * as api from "./api.js";
import { h, say } from "./dom.js";
import { time } from "./format.js";
import { countsText, stateOf } from "./jobs.js";
import { longTable } from "./long_table.js";

const COLUMNS = [
  { title: "Sweep", width: 14, grow: 3, cell: (s) => h("a", { href: `#/sweep/${s.id}` }, s.name) },
  { title: "State", width: 8, cell: (s) => stateOf(s) },
  { title: "Method", width: 10, cell: (s) => s.method.replaceAll("_", " ") },
  { title: "Runs", width: 5, number: true, cell: (s) => s.jobs },
  { title: "Their states", width: 14, grow: 2, cell: (s) => countsText(s.counts) },
  { title: "User", width: 6, grow: 1, cell: (s) => s.user },
  { title: "Submitted", width: 12, cell: (s) => time(s.created) },
];

export async function open(place) {
  const summary = h("p", { class: "soft", role: "status" });
  const list = longTable(COLUMNS);
  const none = h("p", {}, "A sweep is a job file with a section ", h("code", {}, "sweep"), ". ",
    h("a", { href: "#/submit" }, "Submit one."));
  async function update() {
    const { sweeps } = await api.get("sweeps");
    say(summary, sweeps.length ? `${sweeps.length} sweeps.` : "No sweep has been submitted yet.");
    none.hidden = sweeps.length > 0;
    list.element.hidden = sweeps.length === 0;
    list.show("Sweeps, newest first", sweeps);
  }
  place.append(h("h2", {}, "Sweeps"), summary, none, list.element);
  await update();
  return { update, pause: 5000 };
}
