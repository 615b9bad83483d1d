// What the pointer does on the picture.

import { asked } from "./link.js";
import { moved, newHint, strokeAt } from "./model.js";
import { kept, toPhoto, zoomed } from "./view.js";

/** @typedef {import("./types.js").Hint} Hint */
/** @typedef {import("./app.js").App} App */

/** @type {{name: string, key: string, title: string, path: string}[]} */
export const TOOLS = [
  { name: "brush", key: "b", title: "Brush", path: "M4 20c3 0 5-1 5-4a2.5 2.5 0 0 0-5 0c0 2-1 3-1 3zM9 14 19 4l1 1-9 11" },
  { name: "point", key: "p", title: "Point", path: "M12 3v5M12 16v5M3 12h5M16 12h5M12 11.5a.5.5 0 1 1 0 1 .5.5 0 0 1 0-1" },
  { name: "area", key: "a", title: "Area", path: "M5 8l7-4 7 5-2 9-8 2-5-6zM5 8a1 1 0 1 0 0 .1M12 4a1 1 0 1 0 0 .1M19 9a1 1 0 1 0 0 .1" },
  { name: "eraser", key: "e", title: "Eraser", path: "M8 20h12M4 15 14 5l6 6-9 9H8z M9 10l6 6" },
  { name: "pick", key: "i", title: "Eyedropper", path: "M14 6l4 4M4 20l1-4 9-9 3 3-9 9zM15 5l2-2a2 2 0 0 1 4 4l-2 2z" },
  { name: "gray", key: "g", title: "Keep grey", path: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 4v16M12 8h6M12 12h8M12 16h6" },
  { name: "keep", key: "k", title: "Keep as predicted", path: "M6 11h12v9H6zM8 11V8a4 4 0 0 1 8 0v3" },
  { name: "select", key: "v", title: "Select and move", path: "M6 3l12 9-6 1-3 6z" },
];

const NEXT_POINT = 0.7;
const STILL = 180;

/** Connects the pointer to the picture. @param {HTMLElement} stage @param {App} app */
export function pointerTools(stage, app) {
  const canvas = app.canvas;
  const { model } = app;
  /** @type {{kind: "pan"|"paint"|"move", x: number, y: number, id?: number} | null} */
  let doing = null;
  let hover = 0;
  let lookUps = 0;

  const place = (/** @type {PointerEvent} */ event) => toPhoto(app.view, app.screen(), event.offsetX, event.offsetY);

  /** @param {PointerEvent} event @returns {number[]} */
  function point(event) {
    const { x, y } = place(event);
    const rounded = [Math.round(x * 100) / 100, Math.round(y * 100) / 100];
    if (event.pointerType !== "pen" || !event.pressure) return rounded;
    return [...rounded, Math.round((0.25 + 0.75 * event.pressure) * 1000) / 1000];
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (!model.state || doing) return;
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    const at = place(event);
    if (event.button === 1 || app.held.has(" ")) {
      doing = { kind: "pan", x: event.offsetX, y: event.offsetY };
    } else if (event.button === 0 && (model.tool === "pick" || event.altKey)) {
      app.pick(at.x, at.y);
    } else if (event.button === 0 && model.tool === "select") {
      const id = strokeAt(model, at.x, at.y, 5 / app.view.scale);
      model.select(id);
      if (id !== null) doing = { kind: "move", x: at.x, y: at.y, id };
    } else if (event.button === 0) {
      app.fresh = { ...newHint(model), points: [point(event)] };
      doing = { kind: "paint", x: at.x, y: at.y };
      if (model.tool === "point") finish();
      app.redrawInk();
    }
  });

  canvas.addEventListener("pointermove", (event) => {
    app.cursor = { x: event.offsetX, y: event.offsetY };
    if (doing?.kind === "pan") {
      const { view } = app;
      const next = { ...view, x: view.x - (event.offsetX - doing.x) / view.scale, y: view.y - (event.offsetY - doing.y) / view.scale };
      [doing.x, doing.y] = [event.offsetX, event.offsetY];
      if (model.state) app.setView(kept(next, model.state.photo));
    } else if (doing?.kind === "paint" && app.fresh) {
      for (const each of event.getCoalescedEvents?.() ?? [event]) addPoint(app.fresh, point(each), app.view.scale);
      app.redrawInk(event.timeStamp);
    } else if (doing?.kind === "move" && doing.id !== undefined) {
      const at = place(event);
      const hint = model.strokes.get(doing.id);
      if (hint) app.dragged = { id: doing.id, hint: moved(hint, at.x - doing.x, at.y - doing.y) };
    }
    clearTimeout(hover);
    if (!doing) hover = window.setTimeout(() => lookUp(event), STILL);
    app.redrawMarks();
  });

  const finish = () => {
    const { fresh, dragged } = app;
    const kind = doing?.kind;
    app.fresh = app.dragged = doing = null;
    if (kind === "paint" && fresh && (fresh.type !== "region" || fresh.points.length > 2)) app.paint(fresh);
    if (kind === "move" && dragged) app.replace({ [dragged.id]: dragged.hint });
  };
  canvas.addEventListener("pointerup", finish);
  canvas.addEventListener("pointercancel", () => app.cancel());
  canvas.addEventListener("pointerleave", () => {
    app.cursor = null;
    clearTimeout(hover);
    app.redrawMarks();
  });
  app.cancel = () => {
    const wasDoing = doing !== null;
    app.fresh = app.dragged = doing = null;
    app.redrawInk();
    app.redrawMarks();
    return wasDoing;
  };

  /** @param {PointerEvent} event */
  async function lookUp(event) {
    const { x, y } = place(event);
    const photo = model.state?.photo;
    if (!photo || x < 0 || y < 0 || x >= photo.width || y >= photo.height) return;
    const asking = ++lookUps;
    try {
      const found = await asked(`color?x=${x.toFixed(2)}&y=${y.toFixed(2)}`);
      if (asking !== lookUps) return; // the cursor has been elsewhere since
      model.lightness = found.lightness;
      model.suggestions = found.suggestions;
      model.tell("place");
    } catch {
      // the server is away, or the photo has just changed; the next move asks again
    }
  }

  stage.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      if (!model.state) return;
      const scale = app.view.scale * wheelFactor(event);
      app.setView(zoomed(app.view, app.screen(), model.state.photo, scale, event.offsetX, event.offsetY));
    },
    { passive: false },
  );
}

/** How far a turn of the wheel zooms. @param {WheelEvent} event */
export function wheelFactor(event) {
  const step = event.deltaMode === 1 ? event.deltaY * 30 : event.deltaY;
  return Math.exp(-Math.max(-240, Math.min(240, step)) / 300);
}

/** A point more, unless it is where the last one was. @param {Hint} hint @param {number[]} point @param {number} scale */
export function addPoint(hint, point, scale) {
  const last = hint.points[hint.points.length - 1];
  if (Math.hypot(point[0] - last[0], point[1] - last[1]) * scale < NEXT_POINT) return;
  if (point.length === 3 && last.length === 2) hint.points.forEach((each) => each.length === 2 && each.push(1));
  hint.points.push(point);
}
