// A palette of one's own: colours kept, and read from and written to files.

import { byId } from "./app.js";
import { chip } from "./panels.js";
import { ase, gpl, read } from "./swatches.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("./types.js").Pair} Pair */

const MOST = 256;
const LARGEST = 16e6;
const KEPT = "palette";

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
  /** @param {string} ending @param {(colors: Pair[]) => BlobPart} content */
  const save = (ending, content) => {
    const link = document.createElement("a");
    link.download = `palette.${ending}`;
    link.href = URL.createObjectURL(new Blob([content(colors)]));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  byId("palette-gpl").addEventListener("click", () => save("gpl", gpl));
  byId("palette-ase").addEventListener("click", () => save("ase", ase));
  const file = /** @type {HTMLInputElement} */ (byId("palette-file"));
  byId("palette-load").addEventListener("click", () => file.click());
  file.addEventListener("change", async () => {
    const chosen = file.files?.[0];
    file.value = "";
    if (!chosen) return;
    try {
      if (chosen.size > LARGEST) throw new Error(`${(chosen.size / 1e6).toFixed(0)} MB are no palette; at most ${LARGEST / 1e6}`);
      put([...colors, ...read(await chosen.arrayBuffer())]);
    } catch (error) {
      app.say(`${chosen.name}: ${/** @type {Error} */ (error).message}`);
    }
  });
  model.addEventListener("place", show);
  show();
}
