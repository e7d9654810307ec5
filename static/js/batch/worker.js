// Reads tables away from the page, so that it stays quick: parsing, the bodies of requests, orders of columns, downloads.

import { ADDED, TableError, csvOf, labelOf, readRow, readTable, understood } from "../ask/table.js";
import { ENOUGH, stabilityIndex } from "../model/drift.js";
import { tallyOf } from "./tally.js";

/** Limits of the page; the service has its own. */
const MOST_BYTES = 128 * 1024 * 1024;
const MOST_ROWS = 300_000;
/** Rows and bytes of one request: well below the service's limits, and soon answered. */
const CHUNK_ROWS = 2_500;
const CHUNK_BYTES = 1024 * 1024;

/** @type {import("../ask/table.js").Table} */
let table;

/** What the page may ask for, by name. Each takes and gives plain data. */
const tasks = {
  /** Reads a text or a file; gives what the page shows of every row. */
  async read({ source, features }) {
    const text = typeof source === "string" ? source : await decode(source);
    table = readTable(text, features);
    if (table.lines.length > MOST_ROWS) {
      throw new TableError(`There are ${table.lines.length.toLocaleString("en")} rows`, `This page takes up to ${MOST_ROWS.toLocaleString("en")} at once; \`imba score\` streams any number.`);
    }
    const { header, lines, user, product, label, carried } = table;
    const column = (at) => (at < 0 ? null : lines.map((cells) => cells[at] ?? ""));
    const mistakes = [];
    const chunks = [];
    let chunk = { from: 0, rows: 0, bytes: 0 };
    for (let at = 0; at < lines.length; at += 1) {
      const read = readRow(table, at);
      if (read.mistake !== undefined) mistakes.push({ at, column: read.column, mistake: read.mistake });
      else {
        const bytes = read.cells.reduce((sum, cell) => sum + cell.length * (table.kind === "pairs" ? 3 : 1) + 6, 0);
        if (chunk.rows > 0 && (chunk.rows >= CHUNK_ROWS || chunk.bytes + bytes > CHUNK_BYTES)) {
          chunks.push({ from: chunk.from, to: at });
          chunk = { from: at, rows: 0, bytes: 0 };
        }
        chunk.rows += 1;
        chunk.bytes += bytes;
      }
    }
    chunks.push({ from: chunk.from, to: lines.length });
    return {
      kind: table.kind, rows: lines.length, understood: understood(table), mistakes, chunks,
      names: { user: header?.[user] ?? "user_id", product: header?.[product] ?? "product_id", label: header?.[label] ?? "", carried: carried.map((at) => header?.[at] ?? "") },
      users: column(user), products: column(product), carried: carried.slice(0, 2).map(column),
      labels: label < 0 ? null : Int8Array.from(lines, (cells) => ({ true: 1, false: 0 })[String(labelOf(cells[label] ?? ""))] ?? -1),
    };
  },

  /** The body of one request, of rows without mistakes, and which rows they are. */
  chunk({ from, to }) {
    const rows = [];
    const cells = [];
    for (let at = from; at < to; at += 1) {
      const read = readRow(table, at);
      if (read.cells === undefined) continue;
      rows.push(at);
      cells.push(read.cells);
    }
    return { rows, body: table.kind === "pairs" ? cells : cells.map((row) => row.join(",")).join("\n") };
  },

  /** Single rows as arrays of numbers in the model's order, or pairs. */
  rows({ at }) {
    return at.map((row) => {
      const read = readRow(table, row);
      if (read.cells === undefined) return null;
      return table.kind === "pairs" ? read.cells : read.cells.map((cell) => (cell === "nan" ? null : Number(cell)));
    });
  },

  /** How far each feature of the rows without mistakes is from training, the farthest first; null where they are too few to tell. */
  drift({ features }) {
    if (table.kind !== "rows") return null;
    const rows = table.lines.map((_, at) => readRow(table, at).cells).filter((cells) => cells !== undefined);
    if (rows.length < ENOUGH) return null;
    const indices = features.map(({ name, place, histogram, missing }) =>
      ({ name, index: stabilityIndex(histogram, Float64Array.from(rows, (cells) => Number(cells[place])), missing) }));
    return { rows: rows.length, features: indices.filter(({ index }) => !Number.isNaN(index)).sort((one, other) => other.index - one.index) };
  },

  /** The places of rows in the order of one of their columns. */
  order({ values }) {
    const places = Uint32Array.from(values, (_, at) => at);
    const collator = new Intl.Collator("en", { numeric: true });
    const numbers = Float64Array.from(values, (value) => (value === "" ? NaN : Number(value)));
    const numeric = !values.some((value, at) => value !== "" && Number.isNaN(numbers[at]));
    const compare = numeric ? (one, two) => numbers[one] - numbers[two] || one - two : (one, two) => collator.compare(values[one], values[two]) || one - two;
    return places.sort(compare);
  },

  /** What follows from thresholds over the scores. */
  tally: ({ scores, labels }) => tallyOf(scores, labels),

  /** The table with its inputs, scores, and what is wrong, as a file. A file of this kind can be read again. */
  download({ at, scores, mistakes, threshold, several }) {
    const wrong = new Map(mistakes.map(({ at, text }) => [at, text]));
    const names = table.header ?? table.names;
    const parts = [csvOf([[...names, ...ADDED]])];
    for (let from = 0; from < at.length; from += 5_000) {
      parts.push(csvOf(Array.from(at.subarray(from, from + 5_000), (row) => {
        const failed = wrong.get(row);
        const first = scores[row];
        const score = several?.[row]?.join(" ") ?? first;
        const missing = Math.max(0, names.length - table.lines[row].length);
        const inputs = [...table.lines[row].slice(0, names.length), ...new Array(missing).fill("")];
        return [...inputs, ...(failed !== undefined || Number.isNaN(first) ? ["", "", "", failed ?? "not scored"] : [score, several ? "" : first > threshold, several ? "" : threshold, ""])];
      })));
    }
    return new Blob(parts, { type: "text/csv" });
  },
};

/** A file's text: UTF-8, UTF-16 with its mark, or what is left, the code page of Western Windows. */
async function decode(file) {
  if (file.size > MOST_BYTES) throw new TableError("The file is too large", `It has ${Math.round(file.size / 1024 / 1024)} MiB; this page takes up to ${MOST_BYTES / 1024 / 1024}. \`imba score\` streams files of any size.`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const begins = (...wanted) => wanted.every((byte, at) => bytes[at] === byte);
  if (begins(0x50, 0x4b, 3, 4)) throw new TableError("This is a workbook, not a table of text", "Save it as CSV, or copy its cells and paste them here.");
  if (begins(0x1f, 0x8b)) throw new TableError("This file is compressed", "Unpack it first.");
  if (begins(0xff, 0xfe)) return new TextDecoder("utf-16le").decode(bytes);
  if (begins(0xfe, 0xff)) return new TextDecoder("utf-16be").decode(bytes);
  if (bytes.subarray(0, 4096).includes(0)) throw new TableError("This is no text", "Expected lines of values, separated by commas, semicolons or tabs.");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

addEventListener("message", async ({ data: { id, task, input } }) => {
  try {
    postMessage({ id, result: await tasks[task](input) });
  } catch (error) {
    postMessage({ id, error: error instanceof TableError ? { title: error.title, advice: error.advice, row: error.row } : { title: "The table cannot be read", advice: String(error) } });
  }
});
