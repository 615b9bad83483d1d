// What of the photo has to be drawn again. Nothing of the browser in here.

/** @typedef {import("./types.js").View} View */
/** @typedef {import("./types.js").Size} Size */
/** @typedef {{left: number, top: number, right: number, bottom: number}} Box  in pixels of the photo, or of the screen */

/** The smallest box that holds two. @param {Box | null} one @param {Box | null} other @returns {Box | null} */
export function spanned(one, other) {
  if (!one || !other) return one ?? other;
  return {
    left: Math.min(one.left, other.left),
    top: Math.min(one.top, other.top),
    right: Math.max(one.right, other.right),
    bottom: Math.max(one.bottom, other.bottom),
  };
}

/** Whether two boxes have something in common. @param {Box} one @param {Box} other */
export const meets = (one, other) =>
  one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;

/**
 * The box of the photo whose colours read a part of the chroma map, of which a pixel beyond is read as well.
 * @param {{left: number, top: number, width: number, height: number}} part @param {Size} chroma @param {Size} photo
 * @returns {Box | null}
 */
export function underChroma(part, chroma, photo) {
  if (!part.width || !part.height) return null;
  const [across, down] = [photo.width / chroma.width, photo.height / chroma.height];
  return {
    left: (part.left - 1) * across,
    top: (part.top - 1) * down,
    right: (part.left + part.width + 1) * across,
    bottom: (part.top + part.height + 1) * down,
  };
}

/**
 * Device pixels of the screen that show a box of the photo, those that it touches at its rim as well; null for none.
 * @param {Box} box @param {View} view @param {Size} screen in device pixels @param {number} ratio
 * @returns {Box | null}
 */
export function onScreen(box, view, screen, ratio) {
  const scale = view.scale * ratio;
  /** @param {number} v @param {number} centre @param {number} size */
  const at = (v, centre, size) => (v - centre) * scale + size / 2;
  /** @param {number} v @param {number} most */
  const within = (v, most) => Math.min(most, Math.max(0, v));
  const found = {
    left: within(Math.floor(at(box.left, view.x, screen.width)) - 1, screen.width),
    top: within(Math.floor(at(box.top, view.y, screen.height)) - 1, screen.height),
    right: within(Math.ceil(at(box.right, view.x, screen.width)) + 1, screen.width),
    bottom: within(Math.ceil(at(box.bottom, view.y, screen.height)) + 1, screen.height),
  };
  return found.left < found.right && found.top < found.bottom ? found : null;
}
