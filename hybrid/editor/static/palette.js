// A palette of one's own: colours kept, and read from and written to GIMP's palette files.

import { byId } from "./app.js";
import { ab, codes } from "./color.js";
import { chip } from "./panels.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("./types.js").Pair} Pair */

const MOST = 256;
const LIGHTNESS = 60;
const KEPT = "palette";
const NAMED = /\ba (-?\d+(?:\.\d+)?) b (-?\d+(?:\.\d+)?)\b/;

/** A .gpl file; red, green, blue at L* 60, and a and b in the name. @param {Pair[]} colors */
export function gpl(colors) {
  const lines = colors.map(([a, b]) => `${codes(LIGHTNESS, a, b).join(" ")}\ta ${a.toFixed(1)} b ${b.toFixed(1)}`);
  return ["GIMP Palette", "Name: hybrid", "Columns: 8", "#", ...lines, ""].join("\n");
}

/** The colours of a .gpl file; a and b where the name says them, else those of its red, green, blue. @param {string} text */
export function read(text) {
  const [head, ...lines] = text.split(/\r?\n/);
  if (head.trim() !== "GIMP Palette") throw new Error("not a GIMP palette; wanted a .gpl file");
  /** @type {Pair[]} */
  const found = [];
  for (const line of lines) {
    const rgb = /^\s*(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})\b(.*)$/.exec(line);
    if (!rgb) continue;
    const named = NAMED.exec(rgb[4]);
    found.push(named ? [Number(named[1]), Number(named[2])] : ab(rgb.slice(1, 4).map(Number)));
  }
  return found;
}

/** @param {App} app */
export function palettePanel(app) {
  const { model } = app;
  /** @type {Pair[]} */
  let colors = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
  const show = () => {
    const chips = colors.map((each) => {
      const made = chip(each, model.lightness, `a ${each[0].toFixed(0)}, b ${each[1].toFixed(0)} (Shift and click takes it out)`, "", () => {});
      made.addEventListener("click", (event) => (event.shiftKey ? put(colors.filter((other) => other !== each)) : app.choose(each)));
      return made;
    });
    byId("palette").replaceChildren(...chips);
  };
  /** @param {Pair[]} next */
  const put = (next) => {
    const known = new Map(next.map((each) => [each.map((v) => v.toFixed(1)).join(), each]));
    colors = [...known.values()].slice(0, MOST);
    sessionStorage.setItem(KEPT, JSON.stringify(colors));
    show();
  };
  byId("palette-keep").addEventListener("click", () => put([...colors, [...model.ab]]));
  byId("palette-save").addEventListener("click", () => {
    const link = document.createElement("a");
    link.download = "palette.gpl";
    link.href = URL.createObjectURL(new Blob([gpl(colors)], { type: "text/plain" }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  const file = /** @type {HTMLInputElement} */ (byId("palette-file"));
  byId("palette-load").addEventListener("click", () => file.click());
  file.addEventListener("change", async () => {
    const chosen = file.files?.[0];
    file.value = "";
    if (!chosen) return;
    try {
      put([...colors, ...read(await chosen.text())]);
    } catch (error) {
      app.say(`${chosen.name}: ${/** @type {Error} */ (error).message}`);
    }
  });
  model.addEventListener("place", show);
  show();
}
