// The panels around the picture.

import { byId } from "./app.js";
import { css } from "./color.js";
import { nameOf } from "./model.js";
import { slicePanel } from "./slice.js";
import { TOOLS } from "./tools.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("./types.js").Pair} Pair */
/** @typedef {import("./types.js").Hint} Hint */

const SLIDERS = ["saturation", "warmth", "vividness", "temperature"];

/** An element with attributes and children. @param {string} tag @param {Record<string, string>} [attributes] @param {(Node|string)[]} [children] */
export function element(tag, attributes = {}, children = []) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** @param {App} app */
export function toolBar(app) {
  const bar = byId("tools");
  for (const { name, key, title, path } of TOOLS) {
    const label = `${title} (${key.toUpperCase()})`;
    const button = element("button", { title: label, "aria-label": label, "data-tool": name }, [element("kbd", {}, [key.toUpperCase()])]);
    const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    icon.setAttribute("viewBox", "0 0 24 24");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("d", path);
    icon.append(line);
    button.prepend(icon);
    button.addEventListener("click", () => app.model.setTool(name));
    bar.append(button);
  }
  const show = () => {
    for (const button of bar.children) {
      button.setAttribute("aria-pressed", String(button.getAttribute("data-tool") === app.model.tool));
    }
    const isPick = ["pick", "area"].includes(app.model.tool) || app.held.has("Alt");
    byId("stage").dataset.cursor = app.held.has(" ") ? "grab" : isPick ? "pick" : app.model.tool === "select" ? "move" : "none";
    app.redrawMarks();
  };
  app.model.addEventListener("tool", show);
  show();
}

/** @param {Pair} ab @param {number} lightness @param {string} label @param {string} text @param {() => void} onPick */
export function chip(ab, lightness, label, text, onPick) {
  const made = element("button", { class: "chip", title: label, "aria-label": label }, [text]);
  made.style.background = css(lightness, ab[0], ab[1]);
  made.style.color = lightness > 55 ? "#000" : "#fff";
  made.addEventListener("click", onPick);
  return made;
}

/** @param {App} app */
export function colorPanel(app) {
  const { model } = app;
  slicePanel(/** @type {HTMLCanvasElement} */ (byId("slice")), model);
  const fields = /** @type {HTMLInputElement[]} */ ([byId("a"), byId("b")]);
  const show = () => {
    byId("swatch").style.background = css(model.lightness, ...model.ab);
    byId("other").style.background = css(model.lightness, ...model.otherAb);
    fields.forEach((field, i) => {
      if (document.activeElement !== field) field.value = String(Math.round(model.ab[i]));
    });
    byId("lightness").textContent = `at L* ${model.lightness.toFixed(0)}`;
    app.redrawMarks();
  };
  const showPlace = () => {
    const chips = model.suggestions.map(({ ab, probability }, i) => {
      const share = probability < 0.01 ? "<1" : String(Math.round(100 * probability));
      const what = i === model.suggestions.length - 1 ? "Grey" : "Colour";
      return chip(ab, model.lightness, `${what}, ${share} % likely (Shift ${i + 1})`, share, () => app.choose(ab));
    });
    byId("suggested").replaceChildren(...chips);
    showRecent();
    show();
  };
  const showRecent = () => {
    const chips = model.recent().map((ab) => chip(ab, model.lightness, `a ${ab[0].toFixed(0)}, b ${ab[1].toFixed(0)}`, "", () => app.choose(ab)));
    byId("recent").replaceChildren(...chips);
  };
  fields.forEach((field) =>
    field.addEventListener("change", () => {
      app.choose([Number(fields[0].value) || 0, Number(fields[1].value) || 0]);
    }),
  );
  byId("swap").addEventListener("click", () => model.swap());
  model.addEventListener("color", show);
  model.addEventListener("place", showPlace);
  model.addEventListener("document", showRecent);
  model.addEventListener("picked", () => app.recolor());
  show();
}

/** @param {App} app */
export function brushPanel(app) {
  const { model } = app;
  const radius = /** @type {HTMLInputElement} */ (byId("radius"));
  const strength = /** @type {HTMLInputElement} */ (byId("strength"));
  const [least, most] = [Math.log(0.5), Math.log(2000)];
  const show = () => {
    radius.value = String(((Math.log(model.radius) - least) / (most - least)) * 100);
    byId("radius-now").textContent = `${model.radius < 10 ? model.radius.toFixed(1) : model.radius.toFixed(0)} px`;
    byId("strength-now").textContent = `${Math.round(model.strength * 100)} %`;
    app.redrawMarks();
  };
  radius.addEventListener("input", () => model.setRadius(Math.exp(least + (Number(radius.value) / 100) * (most - least))));
  strength.addEventListener("input", () => {
    model.strength = Number(strength.value) / 100;
    model.tell("brush");
  });
  model.addEventListener("brush", show);
  model.addEventListener("begin", () => {
    const photo = model.state?.photo;
    if (photo) model.setRadius(Math.max(3, Math.round(Math.hypot(photo.width, photo.height) / 250)));
  });
  show();
}

/** @param {App} app */
export function picturePanel(app) {
  const { model } = app;
  for (const name of SLIDERS) {
    const slider = /** @type {HTMLInputElement} */ (byId(name));
    const output = /** @type {HTMLOutputElement} */ (slider.nextElementSibling);
    slider.addEventListener("input", () => {
      output.textContent = Number(slider.value).toFixed(2);
      if (name !== "saturation" || !(model.setting(name) > 0)) return;
      model.preview = Number(slider.value) / model.setting(name); // shown at once; strokes too, until the server answers
      app.redraw();
    });
    slider.addEventListener("change", () => app.set({ [name]: Number(slider.value) }));
    slider.addEventListener("dblclick", () => app.set({ [name]: null }));
  }
  const reach = /** @type {HTMLSelectElement} */ (byId("reach"));
  reach.addEventListener("change", () => app.set({ reach: reach.value }));
  model.addEventListener("document", () => {
    for (const name of SLIDERS) {
      const slider = /** @type {HTMLInputElement} */ (byId(name));
      slider.value = String(model.setting(name));
      /** @type {HTMLOutputElement} */ (slider.nextElementSibling).textContent = Number(model.setting(name)).toFixed(2);
    }
    reach.value = model.setting("reach");
    reach.disabled = !model.state?.is_predicted;
  });
}

/** @param {App} app */
export function strokePanel(app) {
  const { model } = app;
  const list = byId("strokes");
  model.addEventListener("document", () => {
    byId("count").textContent = model.strokes.size ? String(model.strokes.size) : "none yet";
    const newest = [...model.strokes].sort(([one], [other]) => other - one).slice(0, 300);
    list.replaceChildren(...newest.map(([number, hint]) => row(app, number, hint)));
    app.redrawMarks();
  });
}

/** @param {App} app @param {number} number @param {Hint} hint */
function row(app, number, hint) {
  const name = nameOf(number, hint);
  const dot = element("span", { class: "dot" });
  dot.style.background = hint.mode === "color" && hint.ab ? css(62, ...hint.ab) : hint.mode === "gray" ? "#949494" : "transparent";
  const what = element("button", { class: "what" }, [dot, name]);
  what.addEventListener("click", () => {
    if (app.model.tool !== "select") app.model.setTool("select");
    app.model.select(number);
  });
  const change = (/** @type {Partial<Hint>} */ part) => app.replace({ [String(number)]: { ...hint, ...part } });
  /** @param {string} text @param {string} label @param {boolean} isPressed @param {() => void} action */
  const button = (text, label, isPressed, action) => {
    const made = element("button", { title: label, "aria-label": `${label}: ${name}`, "aria-pressed": String(isPressed) }, [text]);
    made.addEventListener("click", action);
    return made;
  };
  const made = element("li", { "aria-selected": String(number === app.model.selected), class: hint.is_hidden ? "hidden" : "" }, [
    what,
    button(hint.is_hidden ? "show" : "hide", hint.is_hidden ? "Show" : "Hide", Boolean(hint.is_hidden), () => change({ is_hidden: !hint.is_hidden })),
    button(hint.is_locked ? "locked" : "lock", hint.is_locked ? "Unlock" : "Lock", Boolean(hint.is_locked), () => change({ is_locked: !hint.is_locked })),
    button("×", "Delete", false, () => app.remove(number)),
  ]);
  return made;
}

/** @param {App} app */
export function headBar(app) {
  const { model } = app;
  /** @type {Record<string, () => void>} */
  const actions = {
    undo: () => app.undo(), redo: () => app.redo(), fit: () => app.fit(), full: () => app.zoomTo(1),
    compare: () => app.toggleCompare(), doubt: () => app.toggleDoubt(), outlines: () => app.toggleOutlines(),
    export: () => app.export(), help: () => app.showSheet(),
  };
  for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);
  app.split.addEventListener("input", () => app.redrawAll());
  model.addEventListener("begin", () => {
    const { state } = model;
    if (!state) return;
    byId("name").textContent = state.photo.name;
    document.title = `${state.photo.name} – hybrid`;
    byId("size").textContent = `${state.photo.width} × ${state.photo.height}`;
  });
  model.addEventListener("document", () => {
    /** @type {HTMLButtonElement} */ (byId("undo")).disabled = !model.state?.can_undo;
    /** @type {HTMLButtonElement} */ (byId("redo")).disabled = !model.state?.can_redo;
    byId("saved").textContent = model.state?.is_saved ? `in ${model.state.project}` : "noted";
  });
  addEventListener("export-news", (event) => showExport(app, /** @type {CustomEvent} */ (event).detail));
  byId("export-cancel").addEventListener("click", () => fetch("export", { method: "DELETE" }));
}

/** @param {App} app @param {any} news */
function showExport(app, news) {
  byId("export-progress").hidden = news.state !== "running";
  byId("export-stage").textContent = `Export: ${news.stage ?? ""}`;
  /** @type {HTMLProgressElement} */ (byId("export-share")).value = news.share ?? 0;
  if (news.state === "done") {
    const kept = news.hint_pixels ? `; ${(100 * news.hints_kept).toFixed(1)} % of the painted pixels in gamut` : "";
    app.say(`Written: ${news.file}, ${(news.bytes / 1e6).toFixed(1)} MB, in ${news.folder}${kept}`);
  } else if (news.state === "failed") app.say(`Export failed: ${news.error}`);
  else if (news.state === "cancelled") app.say("Export cancelled; nothing was written");
}
