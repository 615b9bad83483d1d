// A colour picture to pick colours from. It is opened in the browser and goes nowhere else.

import { byId } from "./app.js";
import { abOfLight, decode } from "./color.js";
import { cleared, ring } from "./ink.js";
import { wheelFactor } from "./tools.js";
import { fitted, kept, toPhoto, toScreen, zoomed } from "./view.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("./types.js").Pair} Pair */
/** @typedef {import("./types.js").Size} Size */
/** @typedef {import("./types.js").View} View */

const MOST_PIXELS = 8e6;
const [LOWEST, TALLEST] = [40, 300];
const STILL = 4;

/** a and b of the mean light of pixels, by their opacity; null where nothing is to be seen. @param {Uint8ClampedArray} rgba @returns {Pair | null} */
export function meanAb(rgba) {
  const light = [0, 0, 0];
  let total = 0;
  for (let i = 0; i < rgba.length; i += 4) {
    total += rgba[i + 3];
    for (let k = 0; k < 3; k++) light[k] += rgba[i + 3] * decode(rgba[i + k] / 255);
  }
  return total ? abOfLight(light.map((sum) => sum / total)) : null;
}

/**
 * Left, top, width and height of the pixels under a place on the screen, at least one; null outside the picture.
 * @param {Size} size @param {number} x @param {number} y @param {number} scale screen pixels a pixel
 * @returns {[number, number, number, number] | null}
 */
export function footprint(size, x, y, scale) {
  if (!(x >= 0 && y >= 0 && x < size.width && y < size.height)) return null;
  const side = Math.max(1, Math.round(1 / scale));
  /** @param {number} at @param {number} most */
  const from = (at, most) => Math.max(0, Math.min(most - side, Math.floor(at - (side - 1) / 2)));
  const [left, top] = [from(x, size.width), from(y, size.height)];
  return [left, top, Math.min(side, size.width), Math.min(side, size.height)];
}

/** The picture of a file, upright, in sRGB, and no larger than is of use. @param {Blob} file */
async function opened(file) {
  const whole = await createImageBitmap(file);
  const share = Math.min(1, Math.sqrt(MOST_PIXELS / (whole.width * whole.height)));
  const made = document.createElement("canvas");
  [made.width, made.height] = [whole.width, whole.height].map((side) => Math.max(1, Math.round(side * share)));
  const pen = /** @type {CanvasRenderingContext2D} */ (made.getContext("2d", { willReadFrequently: true }));
  pen.imageSmoothingQuality = "high";
  pen.drawImage(whole, 0, 0, made.width, made.height);
  whole.close();
  return pen;
}

/** The picture in its panel: what of it is seen, and where a colour was picked. */
class Reference {
  /** @param {App} app @param {HTMLCanvasElement} canvas */
  constructor(app, canvas) {
    this.app = app;
    this.canvas = canvas;
    /** @type {CanvasRenderingContext2D | null} */
    this.picture = null;
    /** @type {View} */
    this.view = { x: 0, y: 0, scale: 1 };
    /** @type {{x: number, y: number} | null} */
    this.spot = null;
  }

  get screen() {
    return { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
  }

  /** @param {File} file */
  async open(file) {
    try {
      this.picture = await opened(file);
    } catch {
      return this.app.say(`${file.name}: not a picture that this browser can show; wanted PNG, JPEG or WebP`);
    }
    const { canvas } = this.picture;
    this.setOpen(true);
    this.canvas.style.height = `${Math.max(LOWEST, Math.min(TALLEST, (this.screen.width * canvas.height) / canvas.width))}px`;
    this.canvas.scrollIntoView({ block: "nearest" });
    this.spot = null;
    this.look(this.whole());
  }

  close() {
    const hadFocus = [this.canvas, byId("reference-close")].includes(/** @type {HTMLElement} */ (document.activeElement));
    this.picture = null;
    this.setOpen(false);
    if (hadFocus) byId("reference-open").focus();
  }

  /** @param {boolean} isOpen */
  setOpen(isOpen) {
    this.canvas.hidden = byId("reference-close").hidden = !isOpen;
  }

  whole() {
    const size = /** @type {CanvasRenderingContext2D} */ (this.picture).canvas;
    return { ...fitted(size, this.screen), scale: Math.min(this.screen.width / size.width, this.screen.height / size.height) };
  }

  draw() {
    if (!this.picture) return;
    const { view, screen } = this;
    const { canvas } = this.picture;
    const pen = cleared(this.canvas, this.app.ratio);
    const corner = toScreen(view, screen, 0, 0);
    pen.imageSmoothingEnabled = view.scale * this.app.ratio < 2;
    pen.imageSmoothingQuality = "high";
    pen.drawImage(canvas, corner.x, corner.y, canvas.width * view.scale, canvas.height * view.scale);
    if (!this.spot) return;
    const { x, y } = toScreen(view, screen, this.spot.x, this.spot.y);
    ring(pen, x, y, 6, 2);
  }

  /** @param {View} view */
  look(view) {
    if (!this.picture) return;
    this.view = kept(view, this.picture.canvas);
    this.draw();
  }

  /** @param {number} factor @param {{x: number, y: number}} at what stays in place on the screen */
  zoom(factor, at) {
    if (!this.picture) return;
    const scale = Math.max(this.whole().scale, this.view.scale * factor);
    this.look(zoomed(this.view, this.screen, this.picture.canvas, scale, at.x, at.y));
  }

  /** Take the colour of a place of the picture in hand. @param {{x: number, y: number}} place */
  pick(place) {
    if (!this.picture) return;
    const pixels = footprint(this.picture.canvas, place.x, place.y, this.view.scale * this.app.ratio);
    if (!pixels) return;
    this.spot = place;
    const found = meanAb(this.picture.getImageData(...pixels).data);
    if (found) this.app.choose(found);
    this.draw();
  }

  /** Move the mark, and the picture after it. @param {number} x @param {number} y screen pixels */
  step(x, y) {
    if (!this.picture) return;
    const { width, height } = this.picture.canvas;
    const { view, screen } = this;
    const from = this.spot ?? view;
    /** @param {number} at @param {number} most */
    const within = (at, most) => Math.max(0.5, Math.min(most - 0.5, at));
    this.spot = { x: within(from.x + x / view.scale, width), y: within(from.y + y / view.scale, height) };
    const at = toScreen(view, screen, this.spot.x, this.spot.y);
    const isSeen = at.x >= 0 && at.y >= 0 && at.x <= screen.width && at.y <= screen.height;
    this.look(isSeen ? view : { ...view, ...this.spot });
  }
}

/** A click picks, a drag moves, the wheel zooms. @param {Reference} reference */
function pointer(reference) {
  const { canvas } = reference;
  /** @type {{x: number, y: number, hasMoved: boolean} | null} */
  let held = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    held = { x: event.offsetX, y: event.offsetY, hasMoved: false };
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!held) return;
    const [dx, dy] = [event.offsetX - held.x, event.offsetY - held.y];
    if (!held.hasMoved && Math.hypot(dx, dy) < STILL) return;
    held = { x: event.offsetX, y: event.offsetY, hasMoved: true };
    const { view } = reference;
    reference.look({ ...view, x: view.x - dx / view.scale, y: view.y - dy / view.scale });
  });
  canvas.addEventListener("pointerup", (event) => {
    if (held && !held.hasMoved) reference.pick(toPhoto(reference.view, reference.screen, event.offsetX, event.offsetY));
    held = null;
  });
  canvas.addEventListener("pointercancel", () => (held = null));
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      reference.zoom(wheelFactor(event), { x: event.offsetX, y: event.offsetY });
    },
    { passive: false },
  );
}

/** @param {Reference} reference */
function keys(reference) {
  const zoom = (/** @type {number} */ factor) => {
    const { view, screen } = reference;
    const { x, y } = reference.spot ?? view;
    reference.zoom(factor, toScreen(view, screen, x, y));
  };
  /** @type {Record<string, (far: number) => void>} */
  const actions = {
    ArrowLeft: (far) => reference.step(-far, 0),
    ArrowRight: (far) => reference.step(far, 0),
    ArrowUp: (far) => reference.step(0, -far),
    ArrowDown: (far) => reference.step(0, far),
    Enter: () => reference.pick(reference.spot ?? reference.view),
    Escape: () => reference.close(),
    "+": () => zoom(1.5),
    "=": () => zoom(1.5),
    "-": () => zoom(1 / 1.5),
  };
  reference.canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || !actions[event.key]) return;
    event.preventDefault();
    event.stopPropagation(); // the same keys zoom the photo elsewhere
    actions[event.key](event.shiftKey ? 10 : 1);
  });
}

/** @param {App} app */
export function referencePanel(app) {
  const reference = new Reference(app, /** @type {HTMLCanvasElement} */ (byId("reference")));
  pointer(reference);
  keys(reference);
  new ResizeObserver(() => reference.draw()).observe(reference.canvas);
  const file = /** @type {HTMLInputElement} */ (byId("reference-file"));
  byId("reference-open").addEventListener("click", () => file.click());
  byId("reference-close").addEventListener("click", () => reference.close());
  file.addEventListener("change", () => {
    const chosen = file.files?.[0];
    file.value = "";
    if (chosen) reference.open(chosen);
  });
  addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    const dropped = event.dataTransfer?.files[0];
    if (!dropped) return;
    event.preventDefault();
    reference.open(dropped);
  });
}
