// Talking to the server: words and pictures over one WebSocket, the rest over HTTP. All addresses are relative.

const MAGIC = 0x42594832;

/**
 * A part of a picture: the chroma of the whole photo, or a tile. `base` is the edition that it changes into `edition`.
 * @typedef {{revision: number, kind: number, left: number, top: number, width: number, height: number,
 *   column: number, row: number, edition: number, base: number, data: ArrayBuffer}} Picture
 */

export const QUICK = 0, SETTLED = 1, TILE = 2;
/** Base of a picture that comes whole. */
export const NONE = 0xffffffff;
const HEADER = 36;

/** Header and samples of a picture from the server. @param {ArrayBuffer} data @returns {Picture} */
export function unpacked(data) {
  const head = new DataView(data, 0, HEADER);
  if (head.getUint32(0, true) !== MAGIC) throw new Error("not a picture of the editor");
  return {
    revision: head.getUint32(4, true),
    kind: head.getUint16(8, true),
    left: head.getUint16(12, true),
    top: head.getUint16(14, true),
    width: head.getUint16(16, true),
    height: head.getUint16(18, true),
    column: head.getUint32(20, true),
    row: head.getUint32(24, true),
    edition: head.getUint32(28, true),
    base: head.getUint32(32, true),
    data,
  };
}

/** Samples of a picture. @param {Picture} picture */
export const halves = (picture) => new Uint16Array(picture.data, HEADER);
/** @param {Picture} picture */
export const bytes = (picture) => new Uint8Array(picture.data, HEADER);

/** A WebSocket that comes back when the server does. */
export class Link {
  /**
   * @param {(words: any) => void} onWords
   * @param {(picture: Picture) => void} onPicture
   * @param {(isOpen: boolean) => void} onChange
   */
  constructor(onWords, onPicture, onChange) {
    this.me = crypto.randomUUID();
    this.onWords = onWords;
    this.onPicture = onPicture;
    this.onChange = onChange;
    this.connect();
  }

  connect() {
    const url = new URL("talk", location.href);
    url.protocol = "ws:";
    this.socket = new WebSocket(url);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.onChange(true);
    this.socket.onmessage = (event) => {
      if (typeof event.data === "string") this.onWords(JSON.parse(event.data));
      else this.onPicture(unpacked(event.data));
    };
    this.socket.onclose = () => {
      this.onChange(false);
      setTimeout(() => this.connect(), 1000);
    };
  }

  /** Whether it was sent. @param {object} words */
  send(words) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify({ by: this.me, ...words }));
    return true;
  }
}

/** The server's answer; an error of the server's is thrown. @param {string} path @param {RequestInit} [options] */
export async function asked(path, options) {
  const response = await fetch(path, options);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error ?? response.statusText);
  return answer;
}
