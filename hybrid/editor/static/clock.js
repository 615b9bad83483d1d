// How long a person waited: from the end of a stroke to what is drawn of it.

const MOST = 1000;

/** Times in milliseconds, of the last strokes. */
export class Clock {
  constructor() {
    /** @type {Record<string, number[]>} */
    this.times = { ink: [], quick: [], settled: [], exact: [] };
    this.began = 0;
    this.revision = -1;
    /** @type {Set<string>} */
    this.awaited = new Set();
  }

  /** A stroke has ended; it will be this revision. @param {number} revision */
  begin(revision) {
    this.began = performance.now();
    this.revision = revision;
    this.awaited = new Set(["quick", "settled", "exact"]);
  }

  /** Something of a revision has been drawn; the first time counts. @param {string} what @param {number} revision */
  drawn(what, revision) {
    if (revision !== this.revision || !this.awaited.delete(what)) return;
    if (what === "settled") this.awaited.delete("quick");
    this.note(what, performance.now() - this.began);
  }

  /** @param {string} what @param {number} time */
  note(what, time) {
    const times = this.times[what];
    times.push(time);
    if (times.length > MOST) times.shift();
  }
}
