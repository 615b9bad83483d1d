// The editor itself: what is seen, what is asked of the server, and what came of it.

import { Clock } from "./clock.js";
import { css } from "./color.js";
import { Ink, cleared, drawOutline, ring } from "./ink.js";
import { Link, SETTLED, TILE, asked } from "./link.js";
import { Model } from "./model.js";
import { PictureView } from "./picture.js";
import { fitted, toScreen, zoomed } from "./view.js";

/** @typedef {import("./types.js").Hint} Hint */
/** @typedef {import("./types.js").View} View */
/** @typedef {import("./types.js").Pair} Pair */

/** @template {HTMLElement} T @param {string} id @returns {T} */
export const byId = (id) => /** @type {T} */ (document.getElementById(id));

const LOOK_AFTER = 120;

/** One editor in one tab. */
export class App {
  constructor() {
    this.model = new Model();
    this.canvas = /** @type {HTMLCanvasElement} */ (byId("picture"));
    this.ink = new Ink(byId("ink"));
    this.marks = /** @type {HTMLCanvasElement} */ (byId("marks"));
    this.brush = byId("brush");
    this.drop = byId("drop");
    this.split = /** @type {HTMLInputElement} */ (byId("split"));
    /** @type {View} */
    this.view = { x: 0, y: 0, scale: 1 };
    /** @type {Set<string>} */
    this.held = new Set();
    /** @type {Hint | null} the stroke that is being drawn */
    this.fresh = null;
    /** @type {{id: number, hint: Hint} | null} */
    this.dragged = null;
    /** @type {{x: number, y: number} | null} */
    this.cursor = null;
    /** @type {{hint: Hint, revision: number}[]} strokes whose colour has not come yet */
    this.waiting = [];
    /** @type {[number, number] | null} */
    this.next = null;
    this.hasDoubt = false;
    this.cancel = () => false;
    this.clock = new Clock();
    this.frame = 0;
    this.looking = 0;
    this.picture = new PictureView(this.canvas, () => this.redraw());
    this.link = new Link((words) => this.hear(words), (picture) => this.see(picture), (isOpen) => this.setOnline(isOpen));
    this.size = { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
    new ResizeObserver(() => this.resized()).observe(this.canvas);
  }

  get ratio() {
    return window.devicePixelRatio || 1;
  }

  /** Of the photo's canvas; known without the page being laid out for it, at every move of the pen. */
  screen() {
    return this.size;
  }

  // ---- drawing

  redraw() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = 0;
    const { state } = this.model;
    if (!state) return;
    const isGrey = this.held.has("\\");
    const factor = this.model.preview ?? 1;
    this.picture.saturation = isGrey ? 0 : factor;
    this.picture.split = this.split.hidden ? 0 : (Number(this.split.value) / 1000) * this.canvas.clientWidth;
    this.picture.doubted = this.hasDoubt ? 1 : 0;
    this.picture.draw(this.view, state, this.ratio);
    this.clock.drawn(this.picture.kind === SETTLED ? "settled" : "quick", this.picture.revision);
    if (this.picture.isExact(this.view, state, this.ratio)) this.clock.drawn("exact", this.picture.revision);
  }

  /** @param {number} [since] when what is drawn happened */
  redrawInk(since) {
    const hints = [...this.waiting.map((each) => each.hint), ...(this.fresh ? [this.fresh] : [])];
    this.ink.draw(hints, this.ratio, this.view, this.screen(), this.model.lightness);
    if (this.fresh && since) this.clock.note("ink", performance.now() - since);
  }

  redrawMarks() {
    const { model, view } = this;
    const screen = this.screen();
    this.moveBrush();
    const hasOutlines = model.hasOutlines || model.tool === "select";
    this.marks.hidden = !hasOutlines && !(this.hasDoubt && this.next) && this.split.hidden;
    if (this.marks.hidden) return;
    const pen = cleared(this.marks, this.ratio);
    if (hasOutlines) {
      for (const [number, hint] of model.strokes) {
        if (hint.is_hidden || number === model.selected) continue;
        if (model.hasOutlines) drawOutline(pen, hint, view, screen, false);
      }
      const chosen = this.dragged?.hint ?? (model.selected === null ? null : model.strokes.get(model.selected));
      if (chosen) drawOutline(pen, chosen, view, screen, true);
    }
    if (this.hasDoubt && this.next) {
      const at = toScreen(view, screen, ...this.next);
      ring(pen, at.x, at.y, 16, 2);
      ring(pen, at.x, at.y, 3, 2);
    }
    if (!this.split.hidden) {
      const x = (Number(this.split.value) / 1000) * screen.width;
      pen.fillStyle = "#000a";
      pen.fillRect(x - 1.5, 0, 3, screen.height);
      pen.fillStyle = "#fff";
      pen.fillRect(x - 0.5, 0, 1, screen.height);
    }
  }

  /** The brush's ring and the drop of its colour: elements of their own, which cost next to nothing to move. */
  moveBrush() {
    const { model, cursor, brush, drop } = this;
    const isShown = cursor && ["brush", "point", "eraser", "gray", "keep"].includes(model.tool) && !this.held.has(" ");
    brush.hidden = !isShown;
    drop.hidden = !isShown || model.tool === "eraser" || model.tool === "keep";
    if (!cursor || !isShown) return;
    const radius = Math.max(2, model.radius * this.view.scale);
    const wide = `${2 * radius}px`;
    if (brush.style.width !== wide) brush.style.width = brush.style.height = wide;
    brush.style.transform = `translate(${cursor.x - radius}px, ${cursor.y - radius}px)`;
    drop.style.transform = `translate(${cursor.x + 9}px, ${cursor.y + 9}px)`;
    const color = model.tool === "gray" ? "#888" : css(model.lightness, ...model.ab);
    if (drop.dataset.color !== color) drop.style.background = drop.dataset.color = color;
  }

  resized() {
    this.size = { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
    if (this.model.state && !this.hasMoved) this.fit();
    this.redrawAll();
  }

  redrawAll() {
    this.redraw();
    this.redrawInk();
    this.redrawMarks();
  }

  // ---- where to look

  /** @param {View} view */
  setView(view) {
    this.view = view;
    this.hasMoved = true;
    this.redrawAll();
    byId("zoom").textContent = `${Math.round(view.scale * this.ratio * 1000) / 10} %`;
    this.lookSoon();
  }

  fit() {
    if (!this.model.state) return;
    this.setView(fitted(this.model.state.photo, this.screen()));
    this.hasMoved = false;
  }

  /** @param {number} scale device pixels a photo pixel */
  zoomTo(scale) {
    if (!this.model.state) return;
    const screen = this.screen();
    const at = this.cursor ?? { x: screen.width / 2, y: screen.height / 2 };
    this.setView(zoomed(this.view, screen, this.model.state.photo, scale === 1 ? 1 / this.ratio : scale, at.x, at.y));
  }

  lookSoon() {
    clearTimeout(this.looking);
    this.looking = window.setTimeout(() => this.look(), LOOK_AFTER);
  }

  /** Tell the server which exact tiles are seen: it sends what is new of them whenever colours have settled. */
  look() {
    const { state } = this.model;
    if (!state) return;
    const seen = this.picture.exactSeen(this.view, state, this.ratio);
    this.link.send({ do: "look", tiles: this.picture.asked(seen) });
  }

  // ---- the server

  /** @param {any} words */
  hear(words) {
    const { model } = this;
    if (words.type === "state") {
      model.begin(words);
      this.picture.forgetExact();
      this.waiting = [];
      if (this.view.x === 0) this.fit();
      this.lookSoon();
      this.setStage(words.stage);
    } else if (words.type === "changed") {
      model.apply(words);
      if (words.by === this.link.me) this.waiting.filter((each) => each.revision < 0).slice(0, 1).forEach((each) => (each.revision = words.revision));
      this.redrawMarks();
    } else if (words.type === "stage") {
      if (words.revision === model.revision) this.setStage(words.stage);
    } else if (words.type === "saved") {
      if (model.state) model.state.is_saved = words.revision === model.revision;
      model.tell("document");
    } else if (words.type === "export") {
      model.tell("export");
      dispatchEvent(new CustomEvent("export-news", { detail: words }));
    } else if (words.type === "refused" || words.type === "failed") {
      this.waiting = [];
      this.redrawInk();
      this.setStage("");
      this.say(words.error);
    }
  }

  /** @param {import("./link.js").Picture} picture */
  see(picture) {
    const { state } = this.model;
    if (!state) return;
    if (picture.kind === TILE) {
      if (!this.picture.setExact(picture, state)) this.lookSoon();
    } else {
      this.picture.setChroma(picture, state);
      this.waiting = this.waiting.filter((each) => each.revision < 0 || each.revision > picture.revision);
      this.model.preview = null;
      this.redrawInk();
      if (picture.kind === SETTLED && this.hasDoubt) this.askDoubt();
    }
    this.redraw();
  }

  /** @param {boolean} isOpen */
  setOnline(isOpen) {
    document.body.classList.toggle("offline", !isOpen);
    this.setStage(isOpen ? "" : "the editor's program has ended; strokes wait for it");
  }

  /** @param {string} stage */
  setStage(stage) {
    /** @type {Record<string, string>} */
    const words = { predict: "asking the network …", seeds: "colouring …", solve: "colouring …" };
    byId("status").textContent = words[stage] ?? stage;
  }

  /** @param {Hint} hint */
  paint(hint) {
    if (!this.link.send({ do: "add", strokes: [hint] })) {
      this.say("not connected: the stroke was not made");
      return this.redrawInk();
    }
    this.waiting.push({ hint, revision: -1 });
    this.clock.begin(this.model.revision + 1);
    this.setStage("seeds");
    this.redrawInk();
  }

  /** @param {Record<string, Hint|null>} strokes */
  replace(strokes) {
    this.link.send({ do: "replace", strokes });
  }

  /** @param {Record<string, any>} settings */
  set(settings) {
    this.link.send({ do: "replace", settings });
  }

  undo() {
    if (this.model.state?.can_undo) this.link.send({ do: "undo" });
  }

  redo() {
    if (this.model.state?.can_redo) this.link.send({ do: "redo" });
  }

  save() {
    this.link.send({ do: "save" });
  }

  /** @param {number | null} number */
  remove(number) {
    const hint = number === null ? null : this.model.strokes.get(number);
    if (hint && !hint.is_locked) this.replace({ [String(number)]: null });
  }

  export() {
    const [format, bits] = /** @type {HTMLSelectElement} */ (byId("format")).value.split(" ");
    const body = JSON.stringify({ format, bits: Number(bits) });
    asked("export", { method: "POST", body }).catch((error) => this.say(error.message));
  }

  // ---- tools

  /** Take the colour of a place in hand. @param {number} x @param {number} y */
  async pick(x, y) {
    try {
      const found = await asked(`color?x=${x}&y=${y}`);
      this.choose(found.ab);
    } catch (error) {
      this.say(/** @type {Error} */ (error).message);
    }
  }

  /** Take a colour in hand; the selected stroke takes it on. @param {Pair} ab */
  choose(ab) {
    this.model.setColor(ab);
    this.model.tell("picked");
  }

  recolor() {
    const { model } = this;
    const hint = model.selected === null ? null : model.strokes.get(model.selected);
    if (!hint || hint.is_locked || hint.mode === "erase" || String(hint.ab) === String(model.ab)) return;
    this.replace({ [String(model.selected)]: { ...hint, mode: "color", ab: model.ab } });
  }

  /** @param {string} key @param {boolean} isDown */
  hold(key, isDown) {
    if (isDown === this.held.has(key)) return;
    if (isDown) this.held.add(key);
    else this.held.delete(key);
    this.model.tell("tool");
    this.redraw();
  }

  toggleCompare() {
    this.split.hidden = !this.split.hidden;
    byId("compare").setAttribute("aria-pressed", String(!this.split.hidden));
    this.redrawAll();
  }

  toggleOutlines() {
    this.model.hasOutlines = !this.model.hasOutlines;
    byId("outlines").setAttribute("aria-pressed", String(this.model.hasOutlines));
    this.redrawMarks();
  }

  async toggleDoubt() {
    this.hasDoubt = !this.hasDoubt && (await this.askDoubt());
    byId("doubt").setAttribute("aria-pressed", String(this.hasDoubt));
    this.redrawAll();
  }

  async askDoubt() {
    try {
      const found = await asked("doubt");
      this.picture.setDoubt(found.rows);
      this.next = found.next;
      this.redrawAll();
      return true;
    } catch (error) {
      this.say(/** @type {Error} */ (error).message);
      return false;
    }
  }

  async goToDoubt() {
    if (!(await this.askDoubt()) || !this.next) return;
    if (!this.hasDoubt) await this.toggleDoubt();
    this.setView({ ...this.view, x: this.next[0], y: this.next[1] });
  }

  showSheet() {
    /** @type {HTMLDialogElement} */ (byId("sheet")).showModal();
  }

  /** Tell the person something for a while. @param {string} text */
  say(text) {
    const toast = byId("toast");
    toast.textContent = text;
    toast.hidden = false;
    clearTimeout(this.toast);
    this.toast = window.setTimeout(() => (toast.hidden = true), 7000);
  }
}
