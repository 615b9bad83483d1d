// The keyboard.

import { byId } from "./app.js";
import { TOOLS } from "./tools.js";

/** @typedef {import("./app.js").App} App */

/** @type {[string, string][]} keys and what they do, for the sheet */
export const SHEET = [
  ["B", "brush"], ["P", "point"], ["A", "area to fill"], ["E", "eraser"], ["I or Alt", "eyedropper"], ["G", "keep grey"], ["K", "keep as predicted"],
  ["V", "select and move"], ["Delete", "delete the selected stroke"], ["[ ]", "brush size"], ["X", "swap colours"],
  ["R", "open a reference picture"],
  ["Shift 1 … 9", "suggested colour"], ["Space, drag", "move the photo"], ["Wheel", "zoom at the cursor"], ["+ −", "zoom"],
  ["0", "whole photo"], ["1", "100 %"], ["\\ held", "grey"], ["C", "compare"], ["D", "map of doubt"],
  ["N", "go where a stroke helps most"], ["O", "show strokes"], ["Ctrl Z", "undo"], ["Ctrl Shift Z", "redo"],
  ["Ctrl S", "save the project"], ["Ctrl E", "export"], ["Esc", "cancel"], ["?", "this sheet"],
];

/** @param {App} app */
export function keyboard(app) {
  const { model } = app;

  /** @type {Record<string, () => void>} */
  const single = {
    "[": () => model.setRadius(model.radius / 1.2),
    "]": () => model.setRadius(model.radius * 1.2),
    x: () => model.swap(),
    0: () => app.fit(),
    1: () => app.zoomTo(1),
    "+": () => app.zoomTo(app.view.scale * 1.5),
    "=": () => app.zoomTo(app.view.scale * 1.5),
    "-": () => app.zoomTo(app.view.scale / 1.5),
    c: () => app.toggleCompare(),
    d: () => app.toggleDoubt(),
    n: () => app.goToDoubt(),
    o: () => app.toggleOutlines(),
    r: () => byId("reference-open").click(),
    "?": () => app.showSheet(),
    Delete: () => app.remove(model.selected),
    Backspace: () => app.remove(model.selected),
    Escape: () => {
      if (!app.cancel()) model.select(null);
    },
  };
  for (const { key, name } of TOOLS) single[key] = () => model.setTool(name);
  /** @type {Record<string, () => void>} */
  const withControl = { s: () => app.save(), e: () => app.export(), y: () => app.redo() };

  addEventListener("keydown", (event) => {
    const isField = event.target instanceof HTMLElement && event.target.matches("input:not([type=range], [type=checkbox]), select, dialog *");
    if (isField) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const digit = /^Digit([1-9])$/.exec(event.code);
    let done = true;
    if (event.ctrlKey || event.metaKey) {
      if (key === "z") event.shiftKey ? app.redo() : app.undo();
      else if (withControl[key]) withControl[key]();
      else done = false;
    } else if (event.altKey && key !== "Alt") {
      done = false;
    } else if (event.shiftKey && digit) {
      const chosen = model.suggestions[Number(digit[1]) - 1];
      if (chosen) app.choose(chosen.ab);
    } else if (key === " " || key === "\\" || key === "Alt") {
      if (key === " " && event.target instanceof HTMLButtonElement) return;
      app.hold(key, true);
    } else if (single[key]) {
      single[key]();
    } else {
      done = false;
    }
    if (done) event.preventDefault();
  });
  addEventListener("keyup", (event) => app.hold(event.key, false));
  addEventListener("blur", () => [...app.held].forEach((key) => app.hold(key, false)));
}
