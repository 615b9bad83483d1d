// Files of palettes: GIMP's (.gpl) and Adobe's Swatch Exchange (.ase). Nothing of the browser in here.

import { ab, abOfXyz, codes, xyzOf } from "./color.js";

/** @typedef {import("./types.js").Pair} Pair */

const LIGHTNESS = 60;
const NAMED = /\ba (-?\d+(?:\.\d+)?) b (-?\d+(?:\.\d+)?)\b/;
const ASEF = 0x41534546;
const SWATCH = 0x0001;
const HEAD = 12;
const BLOCK_HEAD = 6;
const NORMAL = 2;
/** D50, of Adobe's Lab, and Bradford's adaptation of it to D65 (B. Lindbloom, "Chromatic Adaptation"). */
const D50 = [0.96422, 1, 0.82521];
const TO_D65 = [
  [0.9555766, -0.0230393, 0.0631636],
  [-0.0282895, 1.0099416, 0.0210077],
  [0.0122982, -0.020483, 1.3299098],
];

/** What the program calls a colour in a file. @param {Pair} pair */
const nameOf = ([a, b]) => `a ${a.toFixed(1)} b ${b.toFixed(1)}`;

/** a and b that a name says. @param {string} name @returns {Pair | null} */
function named(name) {
  const found = NAMED.exec(name);
  return found && [Number(found[1]), Number(found[2])];
}

/** A .gpl file; red, green, blue at L* 60, and a and b in the name. @param {Pair[]} colors */
export function gpl(colors) {
  const lines = colors.map((pair) => `${codes(LIGHTNESS, ...pair).join(" ")}\t${nameOf(pair)}`);
  return ["GIMP Palette", "Name: hybrid", "Columns: 8", "#", ...lines, ""].join("\n");
}

/** An .ase file of RGB swatches; at L* 60, and a and b in the name. @param {Pair[]} colors */
export function ase(colors) {
  const names = colors.map((pair) => `${nameOf(pair)}\0`);
  const view = new DataView(new ArrayBuffer(names.reduce((total, name) => total + BLOCK_HEAD + 2 + 2 * name.length + 4 + 12 + 2, HEAD)));
  view.setUint32(0, ASEF);
  view.setUint16(4, 1);
  view.setUint32(8, colors.length);
  let at = HEAD;
  colors.forEach((pair, i) => {
    const name = names[i];
    view.setUint16(at, SWATCH);
    view.setUint32(at + 2, 2 + 2 * name.length + 4 + 12 + 2);
    view.setUint16(at + 6, name.length);
    at += 8;
    for (const letter of name) view.setUint16((at += 2) - 2, letter.charCodeAt(0));
    for (const letter of "RGB ") view.setUint8(at++, letter.charCodeAt(0));
    for (const code of codes(LIGHTNESS, ...pair)) view.setFloat32((at += 4) - 4, code / 255);
    view.setUint16((at += 2) - 2, NORMAL);
  });
  return view.buffer;
}

/**
 * The colours of a .gpl or .ase file, groups laid flat; a and b where a name says them as ours do, else those of the colour.
 * A file that is neither, is damaged or holds no colour throws an Error whose message says so.
 * @param {ArrayBuffer} data @returns {Pair[]}
 */
export function read(data) {
  const isAse = data.byteLength >= 4 && new DataView(data).getUint32(0) === ASEF;
  const found = isAse ? readAse(new DataView(data)) : readGpl(new TextDecoder().decode(data));
  if (!found.length) throw new Error("no colours in it");
  return found;
}

/** @param {string} text */
function readGpl(text) {
  const [head, ...lines] = text.split(/\r?\n/);
  if (head.trim() !== "GIMP Palette") throw new Error("not a palette; wanted GIMP's (.gpl) or Adobe's Swatch Exchange (.ase)");
  /** @type {Pair[]} */
  const found = [];
  for (const line of lines) {
    const rgb = /^\s*(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})\b(.*)$/.exec(line);
    if (rgb) found.push(named(rgb[4]) ?? ab(rgb.slice(1, 4).map(Number)));
  }
  return found;
}

/**
 * Big-endian: "ASEF", version, number of blocks; then blocks of a type, a length and as many bytes. Adobe has not published
 * the layout; it is told alike by C. Camera ("ASE File Specification") and O. Berten ("Swatches: file formats").
 * @param {DataView} view
 */
function readAse(view) {
  const cut = (/** @type {string} */ where) => new Error(`the .ase file is cut short (${view.byteLength} bytes, ${where}); copy or save it again`);
  if (view.byteLength < HEAD) throw cut("no whole head");
  const count = view.getUint32(8);
  /** @type {Pair[]} */
  const found = [];
  let at = HEAD;
  for (let block = 1; block <= count; block++) {
    if (at + BLOCK_HEAD > view.byteLength) throw cut(`block ${block} of ${count} is missing`);
    const [type, length] = [view.getUint16(at), view.getUint32(at + 2)];
    at += BLOCK_HEAD;
    if (at + length > view.byteLength) throw cut(`in block ${block} of ${count}`);
    if (type === SWATCH) found.push(readSwatch(new DataView(view.buffer, at, length), block));
    at += length;
  }
  return found;
}

/** @param {DataView} view of a block @param {number} block its number, for people */
function readSwatch(view, block) {
  const wrong = (/** @type {string} */ what) => new Error(`block ${block} of the .ase file: ${what}; wanted RGB, LAB, CMYK or Gray and its numbers`);
  const long = view.byteLength < 2 ? Infinity : 2 + 2 * view.getUint16(0);
  if (long + 4 > view.byteLength) throw wrong("no colour in it");
  /** @param {number} from @param {number} to @param {number} step */
  const letters = (from, to, step) => {
    let text = "";
    for (let at = from; at < to; at += step) text += String.fromCharCode(step === 2 ? view.getUint16(at) : view.getUint8(at));
    return text;
  };
  const model = letters(long, long + 4, 1).trim();
  const channels = { RGB: 3, LAB: 3, CMYK: 4, GRAY: 1 }[model.toUpperCase()];
  if (!channels) throw wrong(`a colour of kind ${JSON.stringify(model)}`);
  if (long + 4 + 4 * channels > view.byteLength) throw wrong(`${model} with too few numbers`);
  const values = Array.from({ length: channels }, (_, i) => view.getFloat32(long + 4 + 4 * i));
  if (!values.every(Number.isFinite)) throw wrong(`${model} ${values.join(" ")}`);
  return named(letters(2, long, 2)) ?? converted(model.toUpperCase(), values);
}

/** a and b of a swatch's numbers; CMYK as its inks would be if they were ideal. @param {string} model @param {number[]} values @returns {Pair} */
function converted(model, values) {
  const share = (/** @type {number} */ v) => Math.min(1, Math.max(0, v));
  if (model === "GRAY") return [0, 0];
  if (model === "LAB") {
    const xyz = xyzOf(100 * share(values[0]), values[1], values[2], D50);
    return abOfXyz(TO_D65.map((row) => row[0] * xyz[0] + row[1] * xyz[1] + row[2] * xyz[2]));
  }
  const [c, m, y, k] = values.map(share);
  const rgb = model === "CMYK" ? [c, m, y].map((ink) => (1 - ink) * (1 - k)) : [c, m, y];
  return ab(rgb.map((v) => 255 * v));
}
