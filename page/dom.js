// SPDX-License-Identifier: Apache-2.0
// Elements without markup in strings: text from outside is always text.

export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (element instanceof HTMLElement && name in element && typeof value !== "string") {
      element[name] = value;
    }
    else element.setAttribute(name, value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
  return element;
}

// columns: [{title, cell: row => text or node, number}]. The table scrolls within its own box.
export function table(caption, columns, rows) {
  const head = columns.map((c) => h("th", { scope: "col", class: c.number ? "number" : null }, c.title));
  const body = document.createElement("tbody");
  for (const row of rows) {
    const tr = document.createElement("tr");
    for (const c of columns) {
      const td = document.createElement("td");
      if (c.number) td.className = "number";
      td.append(c.cell(row) ?? "");
      tr.append(td);
    }
    body.append(tr);
  }
  return h("div", { class: "scroll" },
    h("table", {}, h("caption", {}, caption), h("thead", {}, h("tr", {}, head)), body));
}

// A live region speaks at each change of its nodes, also when its words stay.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return h("dl", { class: "facts" }, shown.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}
