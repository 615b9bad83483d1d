// The picture on the screen: grey tiles coloured by a shader, exact tiles over them where they are here.

import { meets, onScreen, spanned, underChroma } from "./damage.js";
import { NONE, SETTLED, bytes, halves } from "./link.js";
import { COLOR, EXACT, VERTEX } from "./shaders.js";
import { Tiles, filtered } from "./tiles.js";
import { levelOf, tilesSeen } from "./view.js";

/** @typedef {import("./types.js").View} View */
/** @typedef {import("./types.js").State} State */
/** @typedef {import("./link.js").Picture} Picture */
/** @typedef {import("./damage.js").Box} Box */
/**
 * An exact tile: right for a revision, and still what is to be seen unless it is stale.
 * @typedef {{texture: WebGLTexture, width: number, height: number, column: number, row: number, edition: number,
 *   revision: number, isStale: boolean}} Exact
 */

/** Screen pixels a photo pixel from which exact tiles are asked for. */
export const EXACT_FROM = 0.6;
const MOST_EXACT = 48;
/** @type {Box} */
const ALL = { left: -Infinity, top: -Infinity, right: Infinity, bottom: Infinity };

/** Draws the photo, and of it only what is different from what was drawn last. */
export class PictureView {
  /** @param {HTMLCanvasElement} canvas @param {() => void} onNew asked to draw again */
  constructor(canvas, onNew) {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, preserveDrawingBuffer: true });
    if (!gl) throw new Error("this browser has no WebGL2; the editor needs it");
    this.canvas = canvas;
    this.gl = gl;
    this.tiles = new Tiles(gl, () => {
      this.damage = ALL;
      onNew();
    });
    this.color = program(gl, VERTEX, COLOR);
    this.exact = program(gl, VERTEX, EXACT);
    this.chroma = blank(gl);
    this.chromaSize = { width: 1, height: 1 };
    this.edition = NONE;
    this.doubt = blank(gl);
    this.revision = -1;
    this.kind = -1;
    /** @type {Map<string, Exact>} */
    this.exactTiles = new Map();
    this.saturation = 1;
    this.split = 0;
    this.doubted = 0;
    /** @type {Box | null} what of the photo has changed since it was drawn */
    this.damage = ALL;
    this.drawnAs = "";
    this.pixelsDrawn = 0;
    const quad = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, quad);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
  }

  /** Take in the chroma of the whole photo, or of the part that has changed. @param {Picture} picture @param {State} state */
  setChroma(picture, state) {
    const gl = this.gl;
    gl.bindTexture(gl.TEXTURE_2D, this.chroma);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    const { left, top, width, height } = picture;
    if (picture.base === NONE) {
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RG16F, width, height, 0, gl.RG, gl.HALF_FLOAT, halves(picture));
      filtered(gl, gl.LINEAR, gl.LINEAR);
      this.chromaSize = { width, height };
    } else if (picture.base !== this.edition) {
      return;
    } else if (width && height) {
      gl.texSubImage2D(gl.TEXTURE_2D, 0, left, top, width, height, gl.RG, gl.HALF_FLOAT, halves(picture));
    }
    this.edition = picture.edition;
    this.revision = picture.revision;
    this.kind = picture.kind;
    const changed = picture.base === NONE ? ALL : underChroma(picture, this.chromaSize, state.photo);
    this.damage = spanned(this.damage, changed);
    for (const tile of this.exactTiles.values()) {
      const place = this.placeOf(tile, state);
      if (tile.isStale || tile.revision === picture.revision || !changed || !meets(changed, place)) continue;
      tile.isStale = true;
      this.damage = spanned(this.damage, place);
    }
  }

  /**
   * Take in an exact tile, or the part that has changed; false where what that is a part of is not here.
   * @param {Picture} picture @param {State} state
   */
  setExact(picture, state) {
    const gl = this.gl;
    const { column, row, left, top, width, height } = picture;
    const key = `${column}/${row}`;
    let tile = this.exactTiles.get(key);
    if (picture.base === NONE) {
      tile ??= { texture: gl.createTexture(), column, row, width, height, edition: NONE, revision: -1, isStale: true };
      gl.bindTexture(gl.TEXTURE_2D, tile.texture);
      gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB8, width, height, 0, gl.RGB, gl.UNSIGNED_BYTE, bytes(picture));
      filtered(gl, gl.LINEAR, gl.NEAREST);
    } else if (tile?.edition !== picture.base) {
      return false;
    } else if (width && height) {
      gl.bindTexture(gl.TEXTURE_2D, tile.texture);
      gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
      gl.texSubImage2D(gl.TEXTURE_2D, 0, left, top, width, height, gl.RGB, gl.UNSIGNED_BYTE, bytes(picture));
    }
    const place = this.placeOf(tile, state);
    const [x, y] = [place.left + left, place.top + top];
    const part = { left: x, top: y, right: x + width, bottom: y + height };
    const isNow = picture.revision === this.revision;
    if (tile.isStale || !isNow) this.damage = spanned(this.damage, place);
    else if (width && height) this.damage = spanned(this.damage, part);
    Object.assign(tile, { edition: picture.edition, revision: picture.revision, isStale: !isNow });
    this.exactTiles.delete(key);
    this.exactTiles.set(key, tile);
    if (this.exactTiles.size > MOST_EXACT) {
      const [oldest, { texture }] = /** @type {[string, Exact]} */ (this.exactTiles.entries().next().value);
      gl.deleteTexture(texture);
      this.exactTiles.delete(oldest);
    }
    return true;
  }

  /** Let go of all exact tiles: the server that numbered them is gone. */
  forgetExact() {
    for (const tile of this.exactTiles.values()) this.gl.deleteTexture(tile.texture);
    this.exactTiles.clear();
    this.damage = ALL;
  }

  /** Pixels of the photo in a tile. @param {Exact} tile @param {State} state @returns {Box} */
  placeOf(tile, state) {
    const [left, top] = [tile.column * state.tiles.side, tile.row * state.tiles.side];
    return { left, top, right: left + tile.width, bottom: top + tile.height };
  }

  /** Take in the map of doubt. @param {number[][]} rows 0..255 */
  setDoubt(rows) {
    const gl = this.gl;
    gl.bindTexture(gl.TEXTURE_2D, this.doubt);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    const samples = new Uint8Array(rows.flat());
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, rows[0].length, rows.length, 0, gl.RED, gl.UNSIGNED_BYTE, samples);
    filtered(gl, gl.LINEAR, gl.LINEAR);
    this.damage = ALL;
  }

  /** Exact tiles that are seen and not here as the colours are now. @param {View} view @param {State} state @param {number} ratio */
  missingExact(view, state, ratio) {
    return this.exactSeen(view, state, ratio).filter((place) => this.exactTiles.get(place.join("/"))?.revision !== this.revision);
  }

  /** Exact tiles that are seen, from the middle outwards. @param {View} view @param {State} state @param {number} ratio */
  exactSeen(view, state, ratio) {
    if (view.scale * ratio < EXACT_FROM) return [];
    const screen = { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
    return tilesSeen(view, screen, state.photo, 0, state.tiles.side).slice(0, MOST_EXACT);
  }

  /** Tiles as the server is told of them: column, row, and the edition that is here. @param {[number, number][]} places */
  asked(places) {
    return places.map((place) => {
      const tile = this.exactTiles.get(place.join("/"));
      return tile ? [...place, tile.edition] : place;
    });
  }

  /** Whether all that is seen is as it will be written. @param {View} view @param {State} state @param {number} ratio */
  isExact(view, state, ratio) {
    return this.kind === SETTLED && !this.missingExact(view, state, ratio).length;
  }

  /** @param {View} view @param {State} state @param {number} ratio device pixels a screen pixel */
  draw(view, state, ratio) {
    const { gl, canvas } = this;
    const screen = { width: canvas.clientWidth, height: canvas.clientHeight };
    const device = { width: Math.round(screen.width * ratio), height: Math.round(screen.height * ratio) };
    const [shown, drawnAs] = this.wanted(view, state, ratio, device);
    if (canvas.width !== device.width || canvas.height !== device.height) [canvas.width, canvas.height] = [device.width, device.height];
    const box = drawnAs === this.drawnAs ? this.damage && onScreen(this.damage, view, device, ratio) : onScreen(ALL, view, device, ratio);
    this.damage = null;
    this.drawnAs = drawnAs;
    if (!box) return;
    const [wide, high] = [box.right - box.left, box.bottom - box.top];
    this.pixelsDrawn = wide * high;
    gl.viewport(0, 0, device.width, device.height);
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(box.left, device.height - box.bottom, wide, high);
    gl.clearColor(0.18, 0.18, 0.18, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const { side, levels } = state.tiles;
    const level = levelOf(view.scale * ratio, levels);
    const seen = tilesSeen(view, screen, state.photo, level, side);
    const top = /** @type {[number, number, number]} */ ([levels - 1, 0, 0]);
    this.tiles.want([top, ...seen.map(([column, row]) => /** @type {[number, number, number]} */ ([level, column, row]))]);
    this.use(this.color, view, state, ratio);
    for (const [column, row] of seen) this.drawGrey(level, column, row, state);
    if (!shown.length) return;
    this.use(this.exact, view, state, ratio);
    for (const tile of shown) {
      this.quad(this.exact, tile.texture, [tile.column * side, tile.row * side, tile.width, tile.height], [0, 0, 1, 1]);
    }
  }

  /**
   * The exact tiles that are to be seen, and all else that decides on the pixels but what is damaged.
   * @param {View} view @param {State} state @param {number} ratio @param {{width: number, height: number}} device
   * @returns {[Exact[], string]}
   */
  wanted(view, state, ratio, device) {
    const isExact = this.saturation === 1 && !this.doubted && view.scale * ratio >= EXACT_FROM;
    const shown = isExact ? [...this.exactTiles.values()].filter((tile) => !tile.isStale) : [];
    const { x, y, scale } = view;
    const { width, height } = state.photo;
    const parts = [x, y, scale, ratio, device.width, device.height, width, height, isExact, this.saturation, this.split, this.doubted];
    return [shown, parts.join()];
  }

  /** @param {Program} used @param {View} view @param {State} state @param {number} ratio */
  use(used, view, state, ratio) {
    const { gl, canvas } = this;
    gl.useProgram(used.program);
    const half = [canvas.width / ratio / view.scale / 2, canvas.height / ratio / view.scale / 2];
    gl.uniform4f(used.at("view"), view.x, view.y, half[0], half[1]);
    gl.uniform2f(used.at("photo"), state.photo.width, state.photo.height);
    gl.uniform1f(used.at("split"), this.split * ratio);
    gl.uniform1i(used.at("grey"), 0);
    if (used !== this.color) return;
    gl.uniform1i(used.at("chroma"), 1);
    gl.uniform1i(used.at("doubt"), 2);
    gl.uniform1f(used.at("saturation"), this.revision < 0 ? 0 : this.saturation);
    gl.uniform1f(used.at("doubted"), this.doubted);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.chroma);
    gl.activeTexture(gl.TEXTURE2);
    gl.bindTexture(gl.TEXTURE_2D, this.doubt);
    gl.activeTexture(gl.TEXTURE0);
  }

  /** A tile, or the part of a coarser one that shows the same. @param {number} level @param {number} column @param {number} row @param {State} state */
  drawGrey(level, column, row, state) {
    const { side, levels } = state.tiles;
    const size = side * 2 ** level;
    const place = [column * size, row * size, 0, 0];
    place[2] = Math.min(size, state.photo.width - place[0]);
    place[3] = Math.min(size, state.photo.height - place[1]);
    for (let up = 0; level + up < levels; up++) {
      const tile = this.tiles.get(level + up, column >> up, row >> up);
      if (!tile) continue;
      const large = 2 ** (level + up);
      const [left, above] = [(column >> up) * side * large, (row >> up) * side * large];
      const [wide, high] = [tile.width * large, tile.height * large];
      this.quad(this.color, tile.texture, place, [(place[0] - left) / wide, (place[1] - above) / high, place[2] / wide, place[3] / high]);
      return;
    }
  }

  /** @param {Program} used @param {WebGLTexture} texture @param {number[]} place @param {number[]} part */
  quad(used, texture, place, part) {
    const gl = this.gl;
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.uniform4fv(used.at("place"), place);
    gl.uniform4fv(used.at("part"), part);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }
}

/** @typedef {{program: WebGLProgram, at: (name: string) => WebGLUniformLocation | null}} Program */

/** @param {WebGL2RenderingContext} gl @param {string} vertex @param {string} fragment @returns {Program} */
function program(gl, vertex, fragment) {
  const made = gl.createProgram();
  for (const [type, source] of /** @type {[number, string][]} */ ([[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]])) {
    const shader = /** @type {WebGLShader} */ (gl.createShader(type));
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader) ?? "shader");
    gl.attachShader(made, shader);
  }
  gl.bindAttribLocation(made, 0, "corner");
  gl.linkProgram(made);
  /** @type {Map<string, WebGLUniformLocation | null>} */
  const places = new Map();
  const at = (/** @type {string} */ name) => {
    if (!places.has(name)) places.set(name, gl.getUniformLocation(made, name));
    return places.get(name) ?? null;
  };
  return { program: made, at };
}

/** A texture of one black pixel. @param {WebGL2RenderingContext} gl */
function blank(gl) {
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, 1, 1, 0, gl.RED, gl.UNSIGNED_BYTE, new Uint8Array([0]));
  filtered(gl, gl.LINEAR, gl.LINEAR);
  return texture;
}
