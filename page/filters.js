// SPDX-License-Identifier: Apache-2.0
// First-layer filters as small images: grey from −scale to scale; three channels as red, green, blue.
import { h } from "./dom.js";
import { number } from "./format.js";

function bytesOf(base64) {
  const text = atob(base64);
  return Int8Array.from(text, (c) => (c.charCodeAt(0) << 24) >> 24);
}

function draw(values, shape) {
  const [channels, height, width] = shape;
  const canvas = h("canvas", { class: "filter", width, height, "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const plane = width * height;
  for (let i = 0; i < plane; i += 1) {
    for (let colour = 0; colour < 3; colour += 1) {
      let value = 0;
      if (channels === 3) value = values[colour * plane + i];
      else for (let c = 0; c < channels; c += 1) value += values[c * plane + i] / channels;
      image.data[4 * i + colour] = 128 + value;
    }
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

export function filterImages(answer) {
  const names = { weight: "Feedforward filters (W)", feedback: "Feedback filters (R)" };
  return answer.matrices.map((matrix) => {
    const bytes = bytesOf(matrix.values);
    const size = matrix.shape.reduce((a, b) => a * b, 1);
    const kind = matrix.tensor.split(".").at(-1);
    const label = `${names[kind]} of ${answer.layer}: ${matrix.shown} of ${matrix.filters}, `
      + `${matrix.shape.join("×")}, from −${number(matrix.scale, 3)} to ${number(matrix.scale, 3)}, step ${answer.step}`;
    const images = Array.from({ length: matrix.shown }, (_, i) => draw(bytes.subarray(i * size, (i + 1) * size), matrix.shape));
    return h("figure", {}, h("figcaption", {}, label), h("div", { class: "filters", role: "img", "aria-label": label }, images));
  });
}
