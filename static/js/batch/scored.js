// A table and what has become of its rows: scored in pieces, with progress, a pause on request, and what is left to do.

import { predict, predictPairs } from "../service.js";
import { about } from "../guide.js";
import { trained } from "../model/card.js";
import { state } from "../state.js";
import { Reader } from "./reader.js";
import { tallyOf } from "./tally.js";

/** Times that a busy service is asked again for one piece. */
const TRIES = 5;
/** Longest wait between two tries; who is told to wait for longer is asked to go on. */
const LONGEST_WAIT_S = 30;

/** @typedef {{at: number, text: string}} Mistake */

export class ScoredTable {
  /** @param {File | string} source @param {string} name */
  constructor(source, name) {
    this.source = source;
    this.name = name;
    this.reader = new Reader();
    /** What the worker read: see its task `read`. @type {any} */
    this.table = null;
    /** NaN where a row has no score. */
    this.scores = new Float64Array(0);
    /** Several scores per row, of a model that gives several. @type {number[][] | null} */
    this.several = null;
    /** @type {Map<number, string>} */
    this.mistakes = new Map();
    /** How far the rows are from training, where that can be told. @type {import("../model/drift.js").Drift | null} */
    this.drift = null;
    this.done = 0;
    this.next = 0;
    this.running = false;
    /** Why scoring stopped before the end. @type {any} */
    this.problem = null;
    this.model = "";
    /** What follows from thresholds, of the scores so far. @type {import("./tally.js").Tally} */
    this.tally = tallyOf(this.scores, null);
    /** @type {() => void} */
    this.changed = () => {};
    /** @type {AbortController | null} */
    this.cancelling = null;
  }

  async read(features) {
    this.table = await this.reader.ask("read", { source: this.source, features });
    this.source = "";
    this.scores = new Float64Array(this.table.rows).fill(NaN);
    for (const { at, column, mistake } of this.table.mistakes) this.mistakes.set(at, column ? `${about(column).label === column ? column : `${about(column).label} (${column})`}: ${mistake}` : mistake);
  }

  /** Compares the rows with the histograms of the model's card, where it has some. */
  async measureDrift() {
    const { card, feature_names: names } = state.model;
    const features = names.flatMap((name, place) => {
      const { histogram, missing_share: missing } = trained(card, name) ?? {};
      return histogram ? [{ name, place, histogram, missing }] : [];
    });
    this.drift = features.length > 0 ? await this.reader.ask("drift", { features }) : null;
  }

  get complete() {
    return this.table !== null && this.next >= this.table.chunks.length;
  }

  /** Scores what is not scored yet. */
  async score() {
    if (this.running || this.complete) return;
    this.running = true;
    this.problem = null;
    const { signal } = (this.cancelling = new AbortController());
    try {
      while (!this.complete) {
        const chunk = this.table.chunks[this.next];
        await this.#scoreChunk(chunk, signal);
        this.next += 1;
        this.done = chunk.to;
        this.changed();
      }
    } catch (error) {
      this.problem = signal.aborted ? null : error;
    } finally {
      this.tally = await this.reader.ask("tally", { scores: this.scores, labels: this.table.labels });
      this.running = false;
      this.changed();
    }
  }

  cancel() {
    this.cancelling?.abort();
  }

  async #scoreChunk(chunk, signal) {
    const { rows, body } = await this.reader.ask("chunk", chunk);
    if (rows.length === 0) return;
    for (let tries = 1; ; tries += 1) {
      try {
        const { predictions, model } = await (this.table.kind === "pairs" ? predictPairs : predict)(body, signal);
        this.model = model;
        predictions.forEach(({ score, error }, place) => this.#note(rows[place], score, error));
        return;
      } catch (error) {
        if (signal.aborted || !(error.wait > 0) || error.wait > LONGEST_WAIT_S || tries === TRIES) throw error;
        await pause(error.wait * 1000, signal);
      }
    }
  }

  #note(row, score, error) {
    if (error) this.mistakes.set(row, error.detail);
    else if (Array.isArray(score)) {
      this.several ??= [];
      this.several[row] = score;
      this.scores[row] = score[0];
    } else this.scores[row] = score;
  }

  /** All rows or some as a file. @param {Uint32Array} at @returns {Promise<Blob>} */
  download(at, threshold) {
    const mistakes = [...this.mistakes].map(([at, text]) => ({ at, text }));
    return this.reader.ask("download", { at, scores: this.scores, mistakes, threshold, several: this.several });
  }

  close() {
    this.cancel();
    this.reader.stop();
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
