// SPDX-License-Identifier: Apache-2.0
// A job file, dropped, chosen or written; checked while it is written; submitted once.
import * as api from "./api.js";
import { h, table } from "./dom.js";

const LAYER_COLUMNS = [
  { title: "Layer", cell: (l) => l.name }, { title: "Kind", cell: (l) => l.kind },
  { title: "Output", cell: (l) => l.output.join(" × ") }, { title: "Weights", number: true, cell: (l) => l.parameters },
];
const FILE_MAX = 1 << 20;

const isSweep = (yaml) => /^sweep\s*:/m.test(yaml);

export async function open(place) {
  let name = "job.yaml";
  let turn = 0;
  let requestId = crypto.getRandomValues(new Uint32Array(4)).join("-");
  const text = h("textarea", { id: "yaml", spellcheck: "false", "aria-describedby": "said" });
  const said = h("div", { id: "said", role: "status" });
  const send = h("button", { disabled: true }, "Submit");
  const chooser = h("input", { type: "file", accept: ".yaml,.yml", id: "file" });
  const body = () => ({ yaml: text.value, file_name: name });

  const say = (error) => said.replaceChildren(h("p", { class: "error" }, error.message));

  async function check() {
    const mine = ++turn;
    send.disabled = true;
    if (!text.value.trim()) return said.replaceChildren();
    if (isSweep(text.value)) {
      send.disabled = false;
      return said.replaceChildren(h("p", {}, "A sweep: it is checked as it is submitted."));
    }
    try {
      const answer = await api.post("validate", body());
      if (mine !== turn) return;
      send.disabled = false;
      said.replaceChildren(h("p", {}, `${name} is valid: ${answer.spec.learning.rule} on ${answer.spec.dataset.name}, ${answer.parameters} weights.`),
        table("Layers", LAYER_COLUMNS, answer.layers));
    } catch (error) {
      if (mine === turn) say(error);
    }
  }

  async function take(file) {
    if (!file) return;
    if (file.size > FILE_MAX) return say(new Error(`${file.name} is larger than the 1 MiB that a job file may have`));
    name = file.name;
    text.value = await file.text();
    await check();
  }

  let timer = 0;
  text.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(check, 400); });
  chooser.addEventListener("change", () => take(chooser.files[0]));
  send.addEventListener("click", async () => {
    send.disabled = true;
    try {
      const sweep = isSweep(text.value);
      const answer = await api.post(sweep ? "sweeps" : "jobs", { ...body(), request_id: requestId });
      requestId = crypto.getRandomValues(new Uint32Array(4)).join("-");
      location.hash = `#/${sweep ? "sweep" : "job"}/${answer.id}`;
    } catch (error) {
      say(error);
      send.disabled = false;
    }
  });
  const drop = h("div", { class: "drop",
    ondragover: (e) => { e.preventDefault(); drop.classList.add("over"); },
    ondragleave: () => drop.classList.remove("over"),
    ondrop: (e) => { e.preventDefault(); drop.classList.remove("over"); take(e.dataTransfer.files[0]); } },
    h("p", {}, "Drop a job file here, or ", h("label", { for: "file" }, "choose one: "), chooser),
    h("label", { for: "yaml" }, "or write it:"), text);
  place.append(h("h2", {}, "Submit"), drop, h("div", { class: "row" }, send), said,
    h("p", { class: "soft" }, "Start weights (init: {from: FILE}) go by ", h("code", {}, "hebb submit"), ", which uploads them."));
  return null;
}
