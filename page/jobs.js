// SPDX-License-Identifier: Apache-2.0
import * as api from "./api.js";
import { h, table } from "./dom.js";
import { number, percent, progressOf, time } from "./format.js";

const COLUMNS = [
  { title: "Job", cell: (j) => h("a", { href: `#/job/${j.id}` }, j.name) },
  { title: "State", cell: (j) => stateOf(j) },
  { title: "Progress", cell: (j) => progress(j) },
  { title: "Epoch", number: true, cell: (j) => `${j.epoch} / ${j.spec.learning.epochs}` },
  { title: "Loss", number: true, cell: (j) => number(j.metrics?.train_loss) },
  { title: "Validation", number: true, cell: (j) => percent(j.metrics?.validation_accuracy) },
  { title: "Test", number: true, cell: (j) => percent(j.metrics?.test_accuracy) },
  { title: "Images/s", number: true, cell: (j) => (j.images_per_second ? number(j.images_per_second, 3) : "") },
  { title: "Rule", cell: (j) => j.spec.learning.rule },
  { title: "Data", cell: (j) => j.spec.dataset.name },
  { title: "Submitted", cell: (j) => time(j.created) },
  { title: "Why", cell: (j) => j.reason },
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

function countsText(counts) {
  if (counts.length === 0) return "No job has been submitted yet.";
  return `${counts.map((c) => `${c.jobs} ${c.state}`).join(", ")}.`;
}

export async function open(place) {
  const filter = { all: "true", name: "", page_size: "100" };
  const tokens = [""]; // of the pages up to this one
  const summary = h("p", { class: "soft", role: "status" });
  const list = h("div", { class: "jobs" });
  const back = h("button", { onclick: () => { tokens.pop(); update(); } }, "Newer");
  const more = h("button", {}, "Older");
  let next = "";
  let last = "";
  more.addEventListener("click", () => { tokens.push(next); update(); });
  const change = (key, value) => { filter[key] = value; tokens.length = 1; return update(); };

  async function update() {
    const page = await api.get("jobs", { ...filter, page_token: tokens.at(-1) });
    const text = JSON.stringify(page);
    back.disabled = tokens.length === 1;
    more.disabled = !page.next_page_token;
    next = page.next_page_token;
    if (text === last) return;
    last = text;
    performance.mark("jobs-begin");
    summary.textContent = countsText(page.counts);
    list.replaceChildren(page.jobs.length
      ? table(`${page.jobs.length} jobs, newest first`, COLUMNS, page.jobs)
      : h("p", {}, "No job fits. ", h("a", { href: "#/submit" }, "Submit one.")));
    performance.measure("jobs-build", "jobs-begin");
    void list.offsetHeight; // laid out, too, within the measured time
    performance.measure("jobs-render", "jobs-begin");
  }

  place.append(h("h2", {}, "Jobs"), summary,
    h("div", { class: "row" },
      h("label", {}, "Show ", h("select", { onchange: (e) => change("all", e.target.value) },
        h("option", { value: "true" }, "all jobs"), h("option", { value: "false" }, "jobs that have not ended"))),
      h("label", {}, "Name contains ", h("input", { type: "search", onchange: (e) => change("name", e.target.value) })),
      h("label", {}, "Rows ", h("select", { id: "rows", onchange: (e) => change("page_size", e.target.value) },
        ["100", "500", "1000"].map((n) => h("option", {}, n))))),
    list, h("div", { class: "row" }, back, more));
  await update();
  return { update };
}
