// SPDX-License-Identifier: Apache-2.0
import * as api from "./api.js";
import { h, say } from "./dom.js";
import { time } from "./format.js";
import { longTable } from "./long_table.js";

const PAGE = 50;

const COLUMNS = [
  { title: "Position", width: 5, number: true, cell: (j) => j.waiting?.position || "" },
  { title: "Job", width: 9, grow: 2, cell: (j) => h("a", { href: `#/job/${j.id}` }, j.name) },
  { title: "User", width: 5, grow: 1, cell: (j) => j.user },
  { title: "Priority", width: 4.5, number: true, cell: (j) => j.priority },
  { title: "Wants", width: 6, cell: (j) => `${j.spec.resources.workers} workers` },
  { title: "Why it waits", width: 11, grow: 3, cell: (j) => j.waiting?.text || j.reason },
  { title: "Who holds them", width: 8, grow: 2, cell: (j) => holders(j) },
  { title: "Expected start", width: 7.5, cell: (j) => time(j.waiting?.estimated_start) || "cannot be told" },
  { title: "Since", width: 6.5, cell: (j) => time(j.created) },
];

function holders(job) {
  return (job.waiting?.holders ?? [])
    .map((holder) => `${holder.job}${holder.user ? ` (${holder.user})` : ""}: ${holder.workers}`).join(", ");
}

export async function open(place) {
  const summary = h("p", { role: "status" });
  const list = longTable(COLUMNS);
  const ahead = h("button", { onclick: () => turn(-PAGE) }, "Towards the head");
  const behind = h("button", { onclick: () => turn(PAGE) }, "Further back");
  let skip = 0;

  function turn(by) {
    skip = Math.max(0, skip + by);
    return update();
  }

  async function update() {
    const page = await api.get("queue", { skip: String(skip), page_size: String(PAGE) });
    if (skip > 0 && skip >= page.waiting) return turn(-PAGE); // the queue has become shorter
    say(summary, page.waiting ? `${page.waiting} jobs wait.` : "No job waits.");
    list.element.hidden = page.waiting === 0;
    list.show(`Jobs that wait, ${skip + 1} to ${skip + page.jobs.length}, the next to start first`, page.jobs);
    ahead.disabled = skip === 0;
    behind.disabled = skip + PAGE >= page.waiting;
  }

  place.append(h("h2", {}, "Queue"), summary, list.element, h("div", { class: "row" }, ahead, behind));
  await update();
  return { update, pause: 5000 };
}
