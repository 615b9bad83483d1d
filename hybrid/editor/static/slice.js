// The colours that exist at one lightness: a slice of the gamut, to choose from.

import { codes, exists } from "./color.js";
import { ring } from "./ink.js";

const REACH = 100;

/** @typedef {import("./model.js").Model} Model */

/** @param {HTMLCanvasElement} canvas @param {Model} model */
export function slicePanel(canvas, model) {
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const [width, height] = [canvas.width, canvas.height];
  let drawn = NaN;
  /** @type {ImageData} */
  let image = pen.createImageData(width, height);

  function draw() {
    if (Math.round(model.lightness) !== drawn) {
      drawn = Math.round(model.lightness);
      image = sliceImage(pen, width, height, Math.min(97, Math.max(4, drawn)));
    }
    pen.putImageData(image, 0, 0);
    pen.strokeStyle = "#fff3";
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(width / 2, 0);
    pen.lineTo(width / 2, height);
    pen.moveTo(0, height / 2);
    pen.lineTo(width, height / 2);
    pen.stroke();
    ring(pen, ((model.ab[0] / REACH + 1) * width) / 2, ((1 - model.ab[1] / REACH) * height) / 2, 6, 2);
  }

  /** @param {PointerEvent} event */
  function pick(event) {
    const x = (event.offsetX / canvas.clientWidth) * 2 - 1;
    const y = 1 - (event.offsetY / canvas.clientHeight) * 2;
    model.setColor([x * REACH, y * REACH]);
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pick(event);
  });
  canvas.addEventListener("pointermove", (event) => event.buttons && pick(event));
  canvas.addEventListener("pointerup", () => model.tell("picked"));
  canvas.addEventListener("keydown", (event) => {
    /** @type {Record<string, [number, number]>} */
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const far = event.shiftKey ? 10 : 1;
    model.setColor([model.ab[0] + far * step[0], model.ab[1] + far * step[1]]);
    model.tell("picked");
  });
  model.addEventListener("color", draw);
  model.addEventListener("place", draw);
  draw();
}

/** @param {CanvasRenderingContext2D} pen @param {number} width @param {number} height @param {number} lightness */
function sliceImage(pen, width, height, lightness) {
  const image = pen.createImageData(width, height);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const a = (((column + 0.5) / width) * 2 - 1) * REACH;
      const b = (1 - ((row + 0.5) / height) * 2) * REACH;
      if (!exists(lightness, a, b)) continue;
      image.data.set([...codes(lightness, a, b), 255], 4 * (row * width + column));
    }
  }
  return image;
}
