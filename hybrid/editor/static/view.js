// Where the photo is on the screen, and which tiles that shows. Nothing of the browser in here.

/** @typedef {import("./types.js").View} View */
/** @typedef {import("./types.js").Size} Size */

export const LARGEST = 32;

/** The view that shows the whole photo. @param {Size} photo @param {Size} screen @returns {View} */
export function fitted(photo, screen) {
  const scale = Math.min(screen.width / photo.width, screen.height / photo.height) * 0.97;
  return { x: photo.width / 2, y: photo.height / 2, scale: Math.min(scale, LARGEST) };
}

/** Photo pixels of a place on the screen. @param {View} view @param {Size} screen @param {number} x @param {number} y */
export function toPhoto(view, screen, x, y) {
  return { x: view.x + (x - screen.width / 2) / view.scale, y: view.y + (y - screen.height / 2) / view.scale };
}

/** Place on the screen of photo pixels. @param {View} view @param {Size} screen @param {number} x @param {number} y */
export function toScreen(view, screen, x, y) {
  return { x: (x - view.x) * view.scale + screen.width / 2, y: (y - view.y) * view.scale + screen.height / 2 };
}

/**
 * Zoomed so that what is under (x, y) on the screen stays there.
 * @param {View} view @param {Size} screen @param {Size} photo @param {number} scale @param {number} x @param {number} y
 * @returns {View}
 */
export function zoomed(view, screen, photo, scale, x, y) {
  const least = Math.min(1, fitted(photo, screen).scale) / 4;
  const next = Math.min(LARGEST, Math.max(least, scale));
  const at = toPhoto(view, screen, x, y);
  return kept({ x: at.x - (x - screen.width / 2) / next, y: at.y - (y - screen.height / 2) / next, scale: next }, photo);
}

/** The centre kept on the photo, and on whole pixels at full size. @param {View} view @param {Size} photo @returns {View} */
export function kept(view, photo) {
  return {
    x: Math.min(photo.width, Math.max(0, view.x)),
    y: Math.min(photo.height, Math.max(0, view.y)),
    scale: view.scale,
  };
}

/** The level whose pixels are the screen's or a little finer. @param {number} scale device pixels a photo pixel @param {number} levels */
export function levelOf(scale, levels) {
  return Math.min(levels - 1, Math.max(0, Math.floor(-Math.log2(scale) + 1e-6)));
}

/**
 * Columns and rows of the tiles of a level that are seen, from the middle outwards.
 * @param {View} view @param {Size} screen @param {Size} photo @param {number} level @param {number} side
 * @returns {[number, number][]}
 */
export function tilesSeen(view, screen, photo, level, side) {
  const size = side * 2 ** level;
  const first = toPhoto(view, screen, 0, 0);
  const last = toPhoto(view, screen, screen.width, screen.height);
  /** @param {number} v @param {number} most */
  const within = (v, most) => Math.min(Math.ceil(most / size) - 1, Math.max(0, Math.floor(v / size)));
  if (last.x < 0 || last.y < 0 || first.x > photo.width || first.y > photo.height) return [];
  /** @type {[number, number][]} */
  const seen = [];
  for (let row = within(first.y, photo.height); row <= within(last.y, photo.height); row++) {
    for (let column = within(first.x, photo.width); column <= within(last.x, photo.width); column++) {
      seen.push([column, row]);
    }
  }
  /** @param {[number, number]} place */
  const far = ([column, row]) => Math.hypot((column + 0.5) * size - view.x, (row + 0.5) * size - view.y);
  return seen.sort((one, other) => far(one) - far(other));
}
