// The picture on the screen: grey tiles coloured by a shader, exact tiles over them where they are here.

import { bytes, halves } from "./link.js";
import { COLOR, EXACT, VERTEX } from "./shaders.js";
import { Tiles, filtered } from "./tiles.js";
import { levelOf, tilesSeen } from "./view.js";

/** @typedef {import("./types.js").View} View */
/** @typedef {import("./types.js").State} State */
/** @typedef {import("./link.js").Picture} Picture */

/** Screen pixels a photo pixel from which exact tiles are asked for. */
export const EXACT_FROM = 0.6;
const MOST_EXACT = 48;

/** Draws the photo. */
export class PictureView {
  /** @param {HTMLCanvasElement} canvas @param {() => void} onNew asked to draw again */
  constructor(canvas, onNew) {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false });
    if (!gl) throw new Error("this browser has no WebGL2; the editor needs it");
    this.canvas = canvas;
    this.gl = gl;
    this.tiles = new Tiles(gl, onNew);
    this.color = program(gl, VERTEX, COLOR);
    this.exact = program(gl, VERTEX, EXACT);
    this.chroma = blank(gl);
    this.doubt = blank(gl);
    this.revision = -1;
    this.kind = -1;
    this.exactRevision = -1;
    /** @type {Map<string, {texture: WebGLTexture, width: number, height: number, column: number, row: number}>} */
    this.exactTiles = new Map();
    this.saturation = 1;
    this.split = 0;
    this.doubted = 0;
    const quad = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, quad);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
  }

  /** Take in the chroma of the whole photo. @param {Picture} picture */
  setChroma(picture) {
    const gl = this.gl;
    gl.bindTexture(gl.TEXTURE_2D, this.chroma);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RG16F, picture.width, picture.height, 0, gl.RG, gl.HALF_FLOAT, halves(picture));
    filtered(gl, gl.LINEAR, gl.LINEAR);
    this.revision = picture.revision;
    this.kind = picture.kind;
    if (picture.revision !== this.exactRevision) this.forgetExact(picture.revision);
  }

  /** Take in an exact tile. @param {Picture} picture */
  setExact(picture) {
    if (picture.revision !== this.exactRevision) this.forgetExact(picture.revision);
    const gl = this.gl;
    const key = `${picture.column}/${picture.row}`;
    const texture = this.exactTiles.get(key)?.texture ?? gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB8, picture.width, picture.height, 0, gl.RGB, gl.UNSIGNED_BYTE, bytes(picture));
    filtered(gl, gl.LINEAR, gl.NEAREST);
    const { column, row, width, height } = picture;
    this.exactTiles.delete(key);
    this.exactTiles.set(key, { texture, column, row, width, height });
    if (this.exactTiles.size > MOST_EXACT) {
      const [oldest, tile] = /** @type {[string, any]} */ (this.exactTiles.entries().next().value);
      gl.deleteTexture(tile.texture);
      this.exactTiles.delete(oldest);
    }
  }

  /** @param {number} revision */
  forgetExact(revision) {
    for (const tile of this.exactTiles.values()) this.gl.deleteTexture(tile.texture);
    this.exactTiles.clear();
    this.exactRevision = revision;
  }

  /** Take in the map of doubt. @param {number[][]} rows 0..255 */
  setDoubt(rows) {
    const gl = this.gl;
    gl.bindTexture(gl.TEXTURE_2D, this.doubt);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    const samples = new Uint8Array(rows.flat());
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, rows[0].length, rows.length, 0, gl.RED, gl.UNSIGNED_BYTE, samples);
    filtered(gl, gl.LINEAR, gl.LINEAR);
  }

  /** Exact tiles that are seen and not here yet. @param {View} view @param {State} state @param {number} ratio */
  missingExact(view, state, ratio) {
    if (view.scale * ratio < EXACT_FROM) return [];
    const screen = { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
    const seen = tilesSeen(view, screen, state.photo, 0, state.tiles.side).slice(0, MOST_EXACT);
    return seen.filter((place) => !this.exactTiles.has(place.join("/")));
  }

  /** @param {View} view @param {State} state @param {number} ratio device pixels a screen pixel */
  draw(view, state, ratio) {
    const { gl, canvas } = this;
    const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    gl.viewport(0, 0, width, height);
    gl.clearColor(0.18, 0.18, 0.18, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const screen = { width: canvas.clientWidth, height: canvas.clientHeight };
    const { side, levels } = state.tiles;
    const level = levelOf(view.scale * ratio, levels);
    const seen = tilesSeen(view, screen, state.photo, level, side);
    const top = /** @type {[number, number, number]} */ ([levels - 1, 0, 0]);
    this.tiles.want([top, ...seen.map(([column, row]) => /** @type {[number, number, number]} */ ([level, column, row]))]);
    this.use(this.color, view, state, ratio);
    for (const [column, row] of seen) this.drawGrey(level, column, row, state);
    if (this.saturation === 1 && !this.doubted && this.exactRevision === this.revision && view.scale * ratio >= EXACT_FROM) {
      this.use(this.exact, view, state, ratio);
      for (const tile of this.exactTiles.values()) {
        this.quad(this.exact, tile.texture, [tile.column * side, tile.row * side, tile.width, tile.height], [0, 0, 1, 1]);
      }
    }
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
