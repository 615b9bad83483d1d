// The browser's copy of the document, and what a person has in hand.

/** @typedef {import("./types.js").Hint} Hint */
/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Change} Change */
/** @typedef {import("./types.js").Pair} Pair */
/** @typedef {import("./types.js").Suggestion} Suggestion */

/** What the editor knows; tells who listens when something changes. */
export class Model extends EventTarget {
  constructor() {
    super();
    /** @type {State | null} */
    this.state = null;
    /** @type {Map<number, Hint>} */
    this.strokes = new Map();
    /** @type {Record<string, any>} */
    this.settings = {};
    this.revision = -1;
    this.tool = "brush";
    /** @type {Pair} */
    this.ab = [-8, -28];
    /** @type {Pair} */
    this.otherAb = [28, 24];
    this.lightness = 60;
    this.radius = 12;
    this.strength = 1;
    /** @type {Suggestion[]} */
    this.suggestions = [];
    /** @type {number | null} */
    this.selected = null;
    this.hasOutlines = false;
    /** @type {number | null} factor on the chroma that is shown, while a slider moves */
    this.preview = null;
  }

  /** Tell that something is different. @param {string} what */
  tell(what) {
    this.dispatchEvent(new Event(what));
  }

  /** @param {State} state */
  begin(state) {
    this.state = state;
    this.strokes.clear();
    this.settings = {};
    this.apply(state);
    this.tell("begin");
  }

  /** Put in place what the server says has changed. @param {Change} change */
  apply(change) {
    for (const [number, hint] of Object.entries(change.strokes)) {
      if (hint) this.strokes.set(Number(number), hint);
      else this.strokes.delete(Number(number));
    }
    for (const [name, value] of Object.entries(change.settings)) {
      if (value === null) delete this.settings[name];
      else this.settings[name] = value;
    }
    this.revision = change.revision;
    if (this.state) Object.assign(this.state, { can_undo: change.can_undo, can_redo: change.can_redo, is_saved: change.is_saved });
    if (this.selected !== null && !this.strokes.has(this.selected)) this.selected = null;
    this.tell("document");
  }

  /** A setting as it stands. @param {string} name */
  setting(name) {
    return this.settings[name] ?? this.state?.defaults[name];
  }

  /** @param {Pair} ab */
  setColor(ab) {
    const [a, b] = ab.map((v) => Math.round(Math.min(110, Math.max(-110, v)) * 10) / 10);
    this.ab = [a, b];
    this.tell("color");
  }

  swap() {
    [this.ab, this.otherAb] = [this.otherAb, this.ab];
    this.tell("color");
  }

  /** @param {number} radius pixels of the photo */
  setRadius(radius) {
    this.radius = Math.min(2000, Math.max(0.5, radius));
    this.tell("brush");
  }

  /** @param {string} tool */
  setTool(tool) {
    this.tool = tool;
    if (tool !== "select") this.selected = null;
    this.tell("tool");
    this.tell("document");
  }

  /** @param {number | null} number */
  select(number) {
    this.selected = number;
    this.tell("document");
  }

  /** Colours of the strokes, the newest first, each once. @returns {Pair[]} */
  recent() {
    /** @type {Map<string, Pair>} */
    const found = new Map();
    for (const [, hint] of [...this.strokes].sort(([one], [other]) => other - one)) {
      if (hint.mode === "color" && hint.ab) found.set(hint.ab.map((v) => v.toFixed(1)).join(), hint.ab);
      if (found.size === 14) break;
    }
    return [...found.values()];
  }
}

/** How a stroke begins with this tool. @param {Model} model @returns {Hint} */
export function newHint(model) {
  /** @type {Record<string, Hint["mode"]>} */
  const modes = { eraser: "erase", gray: "gray", keep: "keep" };
  const mode = modes[model.tool] ?? "color";
  /** @type {Hint} */
  const hint = { type: { point: "point", area: "region" }[model.tool] ?? "stroke", mode, points: [], radius: model.radius, strength: 1 };
  if (mode === "color") {
    hint.ab = model.ab;
    hint.strength = model.strength;
  }
  return hint;
}

/** Name of a stroke for people. @param {number} number @param {Hint} hint */
export function nameOf(number, hint) {
  const kind = { color: "colour", gray: "grey", keep: "as predicted", erase: "eraser" }[hint.mode];
  return hint.label || `${number} · ${hint.type === "point" ? "point" : hint.type === "region" ? "area" : "stroke"}, ${kind}`;
}

/**
 * Distance of a place from a stroke's path, less its radius: below 0 within it.
 * @param {Hint} hint @param {number} x @param {number} y
 */
export function distance(hint, x, y) {
  let nearest = Infinity;
  const points = hint.points;
  for (let i = 0; i < points.length; i++) {
    const [x0, y0] = points[Math.max(0, i - 1)];
    const [x1, y1] = points[i];
    const [dx, dy] = [x1 - x0, y1 - y0];
    const along = Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / Math.max(dx * dx + dy * dy, 1e-9)));
    nearest = Math.min(nearest, Math.hypot(x - x0 - along * dx, y - y0 - along * dy));
  }
  return nearest - hint.radius;
}

/** The newest stroke at a place that may be moved. @param {Model} model @param {number} x @param {number} y @param {number} slack */
export function strokeAt(model, x, y, slack) {
  const newest = [...model.strokes].sort(([one], [other]) => other - one);
  const found = newest.find(([, hint]) => !hint.is_hidden && !hint.is_locked && distance(hint, x, y) <= slack);
  return found ? found[0] : null;
}

/** A stroke moved. @param {Hint} hint @param {number} dx @param {number} dy @returns {Hint} */
export function moved(hint, dx, dy) {
  return { ...hint, points: hint.points.map(([x, y, ...pressure]) => [x + dx, y + dy, ...pressure]) };
}
