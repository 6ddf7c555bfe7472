// SPDX-License-Identifier: Apache-2.0
import * as api from "./api.js";
import { h, say } from "./dom.js";
import { number, percent, progressOf, time } from "./format.js";
import { longTable } from "./long_table.js";

const COLUMNS = [
  { title: "Job", width: 11, grow: 2, cell: (j) => h("a", { href: `#/job/${j.id}` }, j.name) },
  { title: "State", width: 7, cell: (j) => stateOf(j) },
  { title: "Progress", width: 11, cell: (j) => progress(j) },
  { title: "Epoch", width: 4, number: true, cell: (j) => `${j.epoch} / ${j.spec.learning.epochs}` },
  { title: "Loss", width: 4.5, number: true, cell: (j) => number(j.metrics?.train_loss) },
  { title: "Validation", width: 5, number: true, cell: (j) => percent(j.metrics?.validation_accuracy) },
  { title: "Test", width: 4, number: true, cell: (j) => percent(j.metrics?.test_accuracy) },
  { title: "Images/s", width: 4.5, number: true, cell: (j) => (j.images_per_second ? number(j.images_per_second, 3) : "") },
  { title: "Rule", width: 6, cell: (j) => j.spec.learning.rule },
  { title: "Data", width: 5, cell: (j) => j.spec.dataset.name },
  { title: "Submitted", width: 6.5, cell: (j) => time(j.created) },
  { title: "Why", width: 11, grow: 3, cell: (j) => j.reason },
];

export function stateOf(job) {
  return h("span", { class: `state ${job.state}` }, job.state + (job.unreachable ? " (unreachable)" : ""));
}

export function progress(job) {
  if (!job.total_steps) return "";
  const done = progressOf(job);
  return h("span", {},
    h("progress", { value: done, max: 1, "aria-label": `${job.name}: ${percent(done)} done` }), ` ${percent(done)}`);
}

export function countsText(counts) {
  if (counts.length === 0) return "No job has been submitted yet.";
  return `${counts.map((c) => `${c.jobs} ${c.state}`).join(", ")}.`;
}

export async function open(place) {
  const filter = { all: "true", name: "", page_size: "100" };
  const tokens = [""]; // of the pages up to this one
  const summary = h("p", { class: "soft", role: "status" });
  const jobs = longTable(COLUMNS);
  const none = h("p", {}, "No job fits. ", h("a", { href: "#/submit" }, "Submit one."));
  const back = h("button", { onclick: () => { tokens.pop(); update(); } }, "Newer");
  const more = h("button", {}, "Older");
  let next = "";
  more.addEventListener("click", () => { tokens.push(next); update(); });
  const change = (key, value) => { filter[key] = value; tokens.length = 1; return update(); };

  async function update() {
    const page = await api.get("jobs", { ...filter, page_token: tokens.at(-1) });
    back.disabled = tokens.length === 1;
    more.disabled = !page.next_page_token;
    next = page.next_page_token;
    performance.mark("jobs-begin");
    say(summary, countsText(page.counts));
    none.hidden = page.jobs.length > 0;
    jobs.element.hidden = page.jobs.length === 0;
    jobs.show(`${page.jobs.length} jobs, newest first`, page.jobs);
    performance.measure("jobs-build", "jobs-begin");
    // The task after the frame that shows them: with their style, layout and painting.
    requestAnimationFrame(() => setTimeout(() => performance.measure("jobs-render", "jobs-begin")));
  }

  place.append(h("h2", {}, "Jobs"), summary,
    h("div", { class: "row" },
      h("label", {}, "Show ", h("select", { onchange: (e) => change("all", e.target.value) },
        h("option", { value: "true" }, "all jobs"), h("option", { value: "false" }, "jobs that have not ended"))),
      h("label", {}, "Name contains ", h("input", { type: "search", onchange: (e) => change("name", e.target.value) })),
      h("label", {}, "Rows ", h("select", { id: "rows", onchange: (e) => change("page_size", e.target.value) },
        ["100", "500", "1000"].map((n) => h("option", {}, n))))),
    none, jobs.element, h("div", { class: "row" }, back, more));
  await update();
  return { update };
}
