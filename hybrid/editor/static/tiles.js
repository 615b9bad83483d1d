// Grey tiles: fetched when seen, a few at a time, the oldest forgotten.

const MOST = 320;
const AT_ONCE = 6;

/** @typedef {{level: number, column: number, row: number, width: number, height: number, texture: WebGLTexture}} Tile */

/** The grey tiles on the graphics card. */
export class Tiles {
  /** @param {WebGL2RenderingContext} gl @param {() => void} onNew */
  constructor(gl, onNew) {
    this.gl = gl;
    this.onNew = onNew;
    /** @type {Map<string, Tile>} */
    this.known = new Map();
    /** @type {Map<string, AbortController>} */
    this.coming = new Map();
    /** @type {[number, number, number][]} */
    this.wanted = [];
  }

  /** A tile if it is here. @param {number} level @param {number} column @param {number} row */
  get(level, column, row) {
    const key = `${level}/${column}/${row}`;
    const tile = this.known.get(key);
    if (tile) {
      this.known.delete(key);
      this.known.set(key, tile); // the newest is the last
    }
    return tile;
  }

  /** Load these next, the first first; others that were asked for are forgotten. @param {[number, number, number][]} places */
  want(places) {
    this.wanted = places.filter((place) => !this.known.has(place.join("/")) && !this.coming.has(place.join("/")));
    const keys = new Set(places.map((place) => place.join("/")));
    for (const [key, abort] of this.coming) if (!keys.has(key)) abort.abort();
    this.next();
  }

  get isBusy() {
    return this.coming.size + this.wanted.length > 0;
  }

  next() {
    while (this.wanted.length && this.coming.size < AT_ONCE) {
      const place = /** @type {[number, number, number]} */ (this.wanted.shift());
      this.load(place).catch(() => {});
    }
  }

  /** @param {[number, number, number]} place */
  async load(place) {
    const key = place.join("/");
    const abort = new AbortController();
    this.coming.set(key, abort);
    try {
      const response = await fetch(`tile/${key}`, { signal: abort.signal });
      if (!response.ok) return;
      const picture = await createImageBitmap(await response.blob(), { colorSpaceConversion: "none" });
      this.keep(place, picture);
      picture.close();
    } finally {
      this.coming.delete(key);
      this.next();
      this.onNew();
    }
  }

  /** @param {[number, number, number]} place @param {ImageBitmap} picture */
  keep([level, column, row], picture) {
    const gl = this.gl;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, gl.RED, gl.UNSIGNED_BYTE, picture);
    filtered(gl, gl.LINEAR, gl.NEAREST);
    this.known.set(`${level}/${column}/${row}`, { level, column, row, width: picture.width, height: picture.height, texture });
    while (this.known.size > MOST) {
      const [oldest, tile] = /** @type {[string, Tile]} */ (this.known.entries().next().value);
      this.known.delete(oldest);
      gl.deleteTexture(tile.texture);
    }
  }
}

/** Filters and edges of the bound texture. @param {WebGL2RenderingContext} gl @param {number} small @param {number} large */
export function filtered(gl, small, large) {
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, small);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, large);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
}
