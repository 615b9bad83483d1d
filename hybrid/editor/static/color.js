// CIELAB (D65) and sRGB, as in hybrid.color; a colour outside the gamut moves toward the grey of its luminance.

const WHITE = [0.9505, 1, 1.089];
const LINEAR = [
  [3.24062548, -1.53720797, -0.4986286],
  [-0.96893071, 1.87575606, 0.04151752],
  [0.05571012, -0.20402105, 1.05699594],
];
const DELTA = 6 / 29;

const XYZ = [
  [0.4124, 0.3576, 0.1805],
  [0.2126, 0.7152, 0.0722],
  [0.0193, 0.1192, 0.9505],
];

/** @param {number} f */
const cube = (f) => (f > DELTA ? f * f * f : (f - 4 / 29) * 3 * DELTA * DELTA);

/** Luminance 0..1 of a lightness 0..100. @param {number} lightness */
export const luminance = (lightness) => cube((lightness + 16) / 116);

/** sRGB value of linear light, both 0..1. @param {number} v */
export const encode = (v) => (v <= 0.04045 / 12.92 ? v * 12.92 : 1.055 * v ** (1 / 2.4) - 0.055);

/** @param {number} lightness @param {number} a @param {number} b @param {number[]} white */
export function xyzOf(lightness, a, b, white = WHITE) {
  const y = (lightness + 16) / 116;
  return [cube(y + a / 500) * white[0], cube(y) * white[1], cube(y - b / 200) * white[2]];
}

/**
 * Linear RGB of CIELAB, below 0 or above 1 outside the gamut.
 * @param {number} lightness @param {number} a @param {number} b
 */
export function linear(lightness, a, b) {
  const xyz = xyzOf(lightness, a, b);
  return LINEAR.map((row) => row[0] * xyz[0] + row[1] * xyz[1] + row[2] * xyz[2]);
}

/** Whether a colour exists in sRGB. @param {number} lightness @param {number} a @param {number} b */
export function exists(lightness, a, b) {
  return linear(lightness, a, b).every((v) => v >= -1e-4 && v <= 1.0001);
}

/**
 * 8-bit sRGB codes, in the gamut at the same luminance.
 * @param {number} lightness @param {number} a @param {number} b
 */
export function codes(lightness, a, b) {
  const grey = luminance(lightness);
  const steps = linear(lightness, a, b).map((v) => v - grey);
  let share = 1;
  for (const step of steps) {
    const room = step > 0 ? 1 - grey : grey;
    if (Math.abs(step) > room) share = Math.min(share, room / Math.abs(step));
  }
  return steps.map((step) => Math.round(255 * encode(Math.min(1, Math.max(0, grey + share * step)))));
}

/** sRGB's linear light of a value, both 0..1. @param {number} v */
export const decode = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);

/** a and b of XYZ for D65. @param {number[]} xyz @returns {[number, number]} */
export function abOfXyz(xyz) {
  const [x, y, z] = xyz.map((v, i) => {
    const share = v / WHITE[i];
    return share > DELTA ** 3 ? Math.cbrt(share) : share / (3 * DELTA * DELTA) + 4 / 29;
  });
  return [500 * (x - y), 200 * (y - z)];
}

/** a and b of linear red, green and blue, 0..1. @param {number[]} light */
export const abOfLight = (light) => abOfXyz(XYZ.map((row) => row[0] * light[0] + row[1] * light[1] + row[2] * light[2]));

/** a and b of 8-bit sRGB codes. @param {number[]} rgb */
export const ab = (rgb) => abOfLight(rgb.map((code) => decode(Math.min(code, 255) / 255)));

/** CSS colour. @param {number} lightness @param {number} a @param {number} b */
export function css(lightness, a, b) {
  return `rgb(${codes(lightness, a, b).join(" ")})`;
}
