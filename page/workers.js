// SPDX-License-Identifier: Apache-2.0
import * as api from "./api.js";
import { h, table } from "./dom.js";
import { time } from "./format.js";

const COLUMNS = [
  { title: "Worker", cell: (w) => w.id },
  { title: "Host", cell: (w) => w.host },
  { title: "Device", cell: (w) => `${w.device} ${w.device_name}` },
  { title: "Threads", number: true, cell: (w) => w.threads },
  { title: "State", cell: (w) => w.state },
  { title: "Job", cell: (w) => (w.job ? h("a", { href: `#/job/${w.job}` }, w.job) : "") },
  { title: "Backends", cell: (w) => w.backends.join(", ") },
  { title: "Build", cell: (w) => w.build },
  { title: "Last heard of", cell: (w) => time(w.last_heartbeat) },
];

function gangs(workers) {
  const byJob = new Map();
  for (const w of workers.filter((worker) => worker.job)) {
    byJob.set(w.job, [...(byJob.get(w.job) ?? []), w]);
  }
  return [...byJob].map(([job, members]) => ({ job, members }));
}

const GANG_COLUMNS = [
  { title: "Job", cell: (g) => h("a", { href: `#/job/${g.job}` }, g.job) },
  { title: "Members", number: true, cell: (g) => g.members.length },
  { title: "Workers", cell: (g) => g.members.map((w) => `${w.id} on ${w.host}`).join(", ") },
];

export async function open(place) {
  const list = h("div");
  async function update() {
    const { workers } = await api.get("workers");
    const teams = gangs(workers);
    list.replaceChildren(
      workers.length ? table(`${workers.length} workers are attached`, COLUMNS, workers)
        : h("p", {}, "No worker is attached. Start some: ",
          h("code", {}, "hebb-worker --coordinator HOST:PORT --data-dir DIR")),
      h("h3", {}, "Gangs"),
      teams.length ? table("Workers that train one job together", GANG_COLUMNS, teams) : h("p", {}, "No job is running."));
  }
  place.append(h("h2", {}, "Workers"), list);
  await update();
  return { update };
}
