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

/**
 * Fresh strokes, whose colour is not in the picture yet.
 * @param {HTMLCanvasElement} canvas @param {number} ratio @param {Hint[]} hints @param {View} view @param {Size} screen
 * @param {number} lightness of the picture there
 */
export function drawInk(canvas, ratio, hints, view, screen, lightness) {
  canvas.hidden = !hints.length;
  if (canvas.hidden) return;
  const pen = cleared(canvas, ratio);
  for (const hint of hints) {
    if (!hint.points.length || hint.mode === "keep" || hint.mode === "erase") continue;
    pen.strokeStyle = pen.fillStyle = inkColor(hint, lightness);
    drawPath(pen, hint, view, screen);
  }
}

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
