// What is drawn over the picture at once: fresh strokes, outlines of strokes, the brush.

import { css } from "./color.js";
import { toScreen } from "./view.js";

/** @typedef {import("./types.js").Hint} Hint */
/** @typedef {import("./types.js").View} View */
/** @typedef {import("./types.js").Size} Size */

/** A canvas made as large as it is shown. @param {HTMLCanvasElement} canvas @param {number} ratio */
export function cleared(canvas, ratio) {
  const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
  pen.lineCap = pen.lineJoin = "round";
  return pen;
}

/**
 * The path of a stroke on the screen; with pressure each stretch has a width of its own.
 * @param {CanvasRenderingContext2D} pen @param {Hint} hint @param {View} view @param {Size} screen @param {number} more
 */
export function drawPath(pen, hint, view, screen, more = 0) {
  const at = hint.points.map(([x, y]) => toScreen(view, screen, x, y));
  const wide = (/** @type {number} */ i) => 2 * hint.radius * (hint.points[i][2] ?? 1) * view.scale + more;
  const isEven = hint.points.every((point) => (point[2] ?? 1) === (hint.points[0][2] ?? 1));
  if (hint.type === "region") {
    pen.beginPath();
    at.forEach(({ x, y }, i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.fill();
    return;
  }
  if (isEven || at.length === 1) {
    pen.lineWidth = wide(0);
    pen.beginPath();
    pen.moveTo(at[0].x, at[0].y);
    at.forEach(({ x, y }) => pen.lineTo(x, y));
    if (at.length === 1) pen.lineTo(at[0].x + 0.01, at[0].y);
    pen.stroke();
    return;
  }
  for (let i = 1; i < at.length; i++) {
    pen.lineWidth = (wide(i) + wide(i - 1)) / 2;
    pen.beginPath();
    pen.moveTo(at[i - 1].x, at[i - 1].y);
    pen.lineTo(at[i].x, at[i].y);
    pen.stroke();
  }
}

/** Colour of fresh ink. @param {Hint} hint @param {number} lightness */
export function inkColor(hint, lightness) {
  const [a, b] = hint.mode === "color" && hint.ab ? hint.ab : [0, 0];
  return css(lightness, a, b);
}

/** Screen pixels by which the canvas of ink is larger than the ink, so that it need not grow with every point. */
const ROOM = 96;

/**
 * Fresh strokes, whose colour is not in the picture yet. Their canvas is little larger than they are, and what has been
 * drawn of them stays: a page that is put together anew for every move of the pen must find as little as can be new.
 */
export class Ink {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.drawnAs = "";
    /** @type {Hint[]} */
    this.hints = [];
    this.points = 0;
    this.box = { left: 0, top: 0, right: 0, bottom: 0 };
  }

  /**
   * @param {Hint[]} hints of which only the last may have grown since @param {number} ratio @param {View} view
   * @param {Size} screen @param {number} lightness of the picture there
   */
  draw(hints, ratio, view, screen, lightness) {
    const seen = hints.filter((hint) => hint.points.length && hint.mode !== "keep" && hint.mode !== "erase");
    this.canvas.hidden = !seen.length;
    const drawnAs = [ratio, view.x, view.y, view.scale, screen.width, screen.height, lightness].join();
    const box = seen.length ? boxOf(seen, view, screen) : this.box;
    const last = seen[seen.length - 1];
    const isSame = drawnAs === this.drawnAs && seen.length === this.hints.length && seen.every((hint, i) => hint === this.hints[i]);
    if (isSame && seen.length && last.type !== "region" && isWithin(box, this.box)) {
      if (last.points.length > this.points) this.stroke(last, Math.max(0, this.points - 1), view, screen, lightness);
    } else if (seen.length) {
      this.begin(box, ratio);
      for (const hint of seen) this.stroke(hint, 0, view, screen, lightness);
    }
    [this.hints, this.drawnAs, this.points] = [seen, drawnAs, last?.points.length ?? 0];
  }

  /** A clear canvas around a box of the screen. @param {{left: number, top: number, right: number, bottom: number}} box @param {number} ratio */
  begin(box, ratio) {
    const { canvas, pen } = this;
    const [left, top] = [Math.floor(box.left - ROOM), Math.floor(box.top - ROOM)];
    const [width, height] = [Math.ceil(box.right + ROOM) - left, Math.ceil(box.bottom + ROOM) - top];
    this.box = { left, top, right: left + width, bottom: top + height };
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    Object.assign(canvas.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
    pen.setTransform(ratio, 0, 0, ratio, -left * ratio, -top * ratio);
    pen.lineCap = pen.lineJoin = "round";
  }

  /** @param {Hint} hint @param {number} first point @param {View} view @param {Size} screen @param {number} lightness */
  stroke(hint, first, view, screen, lightness) {
    this.pen.strokeStyle = this.pen.fillStyle = inkColor(hint, lightness);
    drawPath(this.pen, first ? { ...hint, points: hint.points.slice(first) } : hint, view, screen);
  }
}

/** The box of the screen that strokes cover, no more of it than could be seen. @param {Hint[]} hints @param {View} view @param {Size} screen */
function boxOf(hints, view, screen) {
  const box = { left: screen.width, top: screen.height, right: 0, bottom: 0 };
  for (const hint of hints) {
    const wide = hint.radius * view.scale + 2;
    for (const [x, y] of hint.points) {
      const at = toScreen(view, screen, x, y);
      box.left = Math.min(box.left, at.x - wide);
      box.top = Math.min(box.top, at.y - wide);
      box.right = Math.max(box.right, at.x + wide);
      box.bottom = Math.max(box.bottom, at.y + wide);
    }
  }
  const right = Math.max(1, Math.min(screen.width, box.right)), bottom = Math.max(1, Math.min(screen.height, box.bottom));
  return { left: Math.min(Math.max(0, box.left), right - 1), top: Math.min(Math.max(0, box.top), bottom - 1), right, bottom };
}

/** @typedef {{left: number, top: number, right: number, bottom: number}} Box */
/** @param {Box} inner @param {Box} outer */
const isWithin = (inner, outer) =>
  inner.left >= outer.left && inner.top >= outer.top && inner.right <= outer.right && inner.bottom <= outer.bottom;

/**
 * A thin line along a stroke's middle, light on dark so that it is seen on any picture.
 * @param {CanvasRenderingContext2D} pen @param {Hint} hint @param {View} view @param {Size} screen @param {boolean} isStrong
 */
export function drawOutline(pen, hint, view, screen, isStrong) {
  const thin = { ...hint, type: hint.type === "region" ? "stroke" : hint.type, radius: 0, points: hint.points.map(([x, y]) => [x, y]) };
  if (hint.points.length === 1 || isStrong) {
    const { x, y } = toScreen(view, screen, hint.points[0][0], hint.points[0][1]);
    ring(pen, x, y, Math.max(4, hint.radius * view.scale), isStrong ? 2 : 1);
  }
  pen.strokeStyle = "#000a";
  drawPath(pen, thin, view, screen, isStrong ? 5 : 3);
  pen.strokeStyle = isStrong ? "#fff" : "#ddd";
  drawPath(pen, thin, view, screen, isStrong ? 2 : 1.2);
}

/** @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y @param {number} radius @param {number} width */
export function ring(pen, x, y, radius, width = 1) {
  for (const [style, wide] of /** @type {[string, number][]} */ ([["#000a", width + 2], ["#fff", width]])) {
    pen.strokeStyle = style;
    pen.lineWidth = wide;
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.stroke();
  }
}
