// SPDX-License-Identifier: Apache-2.0
import * as api from "./api.js";
import { h, table } from "./dom.js";
import { time } from "./format.js";

const SHOWN = 20; // of which the details are asked for

const COLUMNS = [
  { title: "Position", number: true, cell: (j) => j.waiting?.position || "" },
  { title: "Job", cell: (j) => h("a", { href: `#/job/${j.id}` }, j.name) },
  { title: "User", cell: (j) => j.user },
  { title: "Priority", number: true, cell: (j) => j.priority },
  { title: "Wants", cell: (j) => wants(j.spec.resources) },
  { title: "Why it waits", cell: (j) => j.waiting?.text || j.reason },
  { title: "Who holds them", cell: (j) => holders(j) },
  { title: "Expected start", cell: (j) => time(j.waiting?.estimated_start) || "cannot be told" },
  { title: "Since", cell: (j) => time(j.created) },
];

// Lists do not tell the fewest workers that a job starts with.
function wants({ min_workers: fewest, workers }) {
  return fewest > 0 && fewest < workers ? `${fewest} to ${workers} workers` : `${workers} workers`;
}

function holders(job) {
  return (job.waiting?.holders ?? [])
    .map((holder) => `${holder.job}${holder.user ? ` (${holder.user})` : ""}: ${holder.workers}`).join(", ");
}

export async function open(place) {
  const list = h("div");
  async function update() {
    const page = await api.get("jobs", { states: "QUEUED", page_size: "1000" });
    const oldest = page.jobs.reverse();
    const detailed = await Promise.all(oldest.slice(0, SHOWN).map((j) => api.get(api.job(j.id))));
    const jobs = [...detailed, ...oldest.slice(SHOWN)];
    jobs.sort((a, b) => (a.waiting?.position || 1e9) - (b.waiting?.position || 1e9));
    list.replaceChildren(jobs.length ? table(`${jobs.length} jobs wait`, COLUMNS, jobs)
      : h("p", {}, "No job waits."));
  }
  place.append(h("h2", {}, "Queue"), list);
  await update();
  return { update, pause: 5000 };
}
