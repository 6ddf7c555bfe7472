// SPDX-License-Identifier: Apache-2.0
// The frame: which view is shown, and when it looks again. A view is a module with
// `open(main, argument)`, which may return {update, pause}: `update` is called every `pause` ms
// while the tab is seen.
import * as api from "./api.js";
import { h } from "./dom.js";
import * as compare from "./compare.js";
import * as job from "./job.js";
import * as jobs from "./jobs.js";
import * as queue from "./queue.js";
import * as submit from "./submit.js";
import * as sweep from "./sweep.js";
import * as sweeps from "./sweeps.js";
import * as workers from "./workers.js";

const VIEWS = { jobs, job, queue, workers, compare, submit, sweeps, sweep };
const main = document.getElementById("main");
const status = document.getElementById("status");
let turn = 0; // of the view that is open: what an earlier one still does is dropped

function tell(error) {
  const unknown = error?.status === 401;
  status.textContent = error && !unknown ? error.message : "";
  if (unknown) askForToken(error);
}

function askForToken(error) {
  turn += 1;
  const refused = api.dropToken() ? h("p", { class: "error", role: "alert", id: "refused" },
    `This token does not let you in: ${error.message}`) : null;
  const input = h("input", { type: "password", id: "token", autocomplete: "off", required: true,
    "aria-describedby": refused ? "refused" : null });
  const form = h("form", {
    onsubmit: (event) => {
      event.preventDefault();
      api.setToken(input.value.trim());
      show();
      introduce();
    },
  }, h("h2", {}, "Who are you?"),
    h("p", {}, "This coordinator wants a token: the file ",
      h("code", {}, "token"), " of your credentials folder. It is kept until this tab is closed."),
    h("div", { class: "row" }, h("label", { for: "token" }, "Token"), input,
      h("button", { type: "submit" }, "Enter")), refused);
  main.replaceChildren(form);
  input.focus();
}

async function keepUpdated(view, mine) {
  while (mine === turn) {
    await new Promise((done) => setTimeout(done, view.pause ?? 2000));
    if (mine !== turn) return;
    if (document.hidden) continue;
    try {
      await view.update();
      if (mine === turn) tell(null);
    } catch (error) {
      if (mine === turn) tell(error);
    }
  }
}

async function show() {
  const mine = ++turn;
  const [name, argument] = (location.hash.replace(/^#\/?/, "") || "jobs").split("/");
  const view = VIEWS[name] ?? jobs;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#/${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const place = h("div");
  main.replaceChildren(place); // before it is filled: plots ask for their width
  try {
    const opened = await view.open(place, decodeURIComponent(argument ?? ""));
    if (mine !== turn) return;
    document.title = `${main.querySelector("h2")?.textContent ?? "Jobs"} – Hebb`;
    tell(null);
    if (opened) keepUpdated(opened, mine);
  } catch (error) {
    if (mine !== turn) return;
    main.replaceChildren(h("p", { class: "error" }, error.message));
    tell(error);
  }
}

async function introduce() {
  try {
    const info = await api.get("info");
    const who = info.authenticates ? ` · you are ${info.user} (${info.role})` : "";
    document.getElementById("about").textContent = `hebb-coordinator ${info.build} on ${info.host}${who}`;
  } catch (error) {
    document.getElementById("about").textContent = "";
  }
}

window.addEventListener("hashchange", () => {
  show();
  main.focus();
});
show();
introduce();
