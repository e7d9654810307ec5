// The page's end of the worker: tasks as promises. One table at a time; a new one stops the work on the old.

import { TableError } from "../ask/table.js";

export class Reader {
  constructor() {
    this.worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    /** @type {Map<number, {resolve: (result: any) => void, reject: (error: any) => void}>} */
    this.waiting = new Map();
    this.asked = 0;
    this.worker.addEventListener("message", ({ data: { id, result, error } }) => {
      const { resolve, reject } = this.waiting.get(id) ?? {};
      this.waiting.delete(id);
      if (error) reject?.(new TableError(error.title, error.advice, { row: error.row }));
      else resolve?.(result);
    });
    this.worker.addEventListener("error", (event) => {
      event.preventDefault();
      for (const { reject } of this.waiting.values()) reject(new TableError("The table cannot be read", event.message || "The browser did not start the reader."));
      this.waiting.clear();
    });
  }

  /** @param {string} task @param {any} input @returns {Promise<any>} */
  ask(task, input) {
    const id = (this.asked += 1);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, task, input });
    });
  }

  stop() {
    this.worker.terminate();
    for (const { reject } of this.waiting.values()) reject(new DOMException("Another table was opened", "AbortError"));
    this.waiting.clear();
  }
}
