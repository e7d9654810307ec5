// The one reader of tables: a typed row, a pasted block of a spreadsheet and a file of many megabytes are read by the same
// rules. They are the service's: a header names the columns in any order, a cell that is empty or `nan` is missing, a row of
// the wrong width or a cell that is no number is a mistake with its place. Beyond them it takes what people have at hand:
// tabs, semicolons with decimal commas, any line end, quotes (RFC 4180); columns that are no features are carried along.

/** Said when a table as a whole cannot be read. */
export class TableError extends Error {
  /** @param {string} title @param {string} advice @param {{row?: string[]}} [found] the row it is about */
  constructor(title, advice, found = {}) {
    super(title);
    this.title = title;
    this.advice = advice;
    this.row = found.row;
  }
}

/**
 * @typedef {object} Table
 * @property {"rows" | "pairs"} kind what the service is asked for
 * @property {string} delimiter one of DELIMITERS
 * @property {boolean} decimalComma
 * @property {string[] | null} header
 * @property {string[][]} lines the cells of each row
 * @property {number[]} sent the column of each feature in the model's order, or of user and product
 * @property {string[]} names of the sent columns
 * @property {number} user @property {number} product @property {number} label columns, −1 where there is none
 * @property {number[]} carried the other columns
 */

const DELIMITERS = ["\t", ";", ",", "|"];
const DELIMITER_NAMES = { "\t": "tabs", ";": "semicolons", ",": "commas", "|": "bars" };
const PAIR = ["user_id", "product_id"];
const LABELS = ["label", "bought", "bought_again", "target", "y", "outcome"];
const YES = new Set(["1", "1.0", "true", "yes"]);
const NO = new Set(["0", "0.0", "false", "no"]);

/** The columns that a download adds; a table that ends with them is one, and they are not read again. */
export const ADDED = ["score", "likely", "threshold", "problem"];

/**
 * Reads a table.
 * @param {string} text
 * @param {string[]} features the model's, in order
 * @returns {Table}
 * @throws {TableError}
 */
export function readTable(text, features) {
  const body = text.replace(/^\u{feff}/u, "").replace(/[\s\0]+$/u, (end) => end.replace(/[^\t;,|]/g, ""));
  if (body.trim() === "") throw new TableError("There is nothing in it", "Expected a row of values, or lines of them, with or without a header of names.");
  const delimiter = delimiterOf(body, features);
  const lines = cellsOf(body, delimiter);
  const header = isHeader(lines[0], features) ? lines.shift()?.map((cell) => cell.trim()) ?? null : null;
  if (lines.length === 0) throw new TableError("There is a header and no row", "Expected at least one row of values below the names.");
  const table = header ? byHeader(header, lines, features) : byWidth(lines, features);
  const decimalComma = delimiter !== "," && table.kind === "rows" && hasDecimalCommas(table);
  return { ...table, delimiter, decimalComma };
}

/** A first line is a header when a cell of it is a known name; names that are numbers never make one. */
function isHeader(cells, features) {
  const known = new Set([...features, ...PAIR]);
  return cells.some((cell) => known.has(cell.trim()) && !isNumber(cell.trim()));
}

/** The first of the delimiters that gives the first line a width the model knows, else the first that occurs in it. */
function delimiterOf(text, features) {
  const first = text.slice(0, text.search(/[\r\n]|$/));
  const occurring = DELIMITERS.filter((delimiter) => first.includes(delimiter));
  const fits = (delimiter) => {
    const [cells] = cellsOf(first, delimiter, true);
    return isHeader(cells, features) || cells.length === features.length || cells.length === 2;
  };
  return occurring.find(fits) ?? occurring[0] ?? ",";
}

/** @returns {Omit<Table, "delimiter" | "decimalComma">} */
function byHeader(header, lines, features) {
  const own = ADDED.every((name, at) => header.at(at - ADDED.length) === name);
  const known = own ? header.slice(0, -ADDED.length) : header;
  const rows = own ? lines.map((cells) => cells.slice(0, known.length).concat(cells.slice(header.length)).map(undefused)) : lines;
  for (const [at, name] of known.entries()) {
    const first = known.indexOf(name);
    if (first < at && (features.includes(name) || PAIR.includes(name))) {
      throw new TableError(`The header names ${name} twice`, `It is in columns ${first + 1} and ${at + 1}. Expected each name once.`);
    }
  }
  const [user, product] = PAIR.map((name) => known.indexOf(name));
  const isRows = known.some((name) => features.includes(name));
  const names = isRows ? features : PAIR;
  const absent = names.filter((name) => !known.includes(name));
  if (absent.length > 0) {
    const others = known.filter((name) => name && !features.includes(name) && !PAIR.includes(name));
    throw new TableError(
      `The header lacks ${absent.slice(0, 3).join(", ")}${absent.length > 3 ? ` and ${absent.length - 3} more` : ""}`,
      `Expected all ${names.length} of the model’s names, in any order.${others.length > 0 ? ` These are none of them: ${others.slice(0, 5).join(", ")}.` : ""}`);
  }
  const sent = names.map((name) => known.indexOf(name));
  const label = known.findIndex((name, at) => LABELS.includes(name.toLowerCase()) && !sent.includes(at) && isLabel(rows, at));
  const carried = known.map((_, at) => at).filter((at) => !sent.includes(at) && ![user, product, label].includes(at));
  return { kind: isRows ? "rows" : "pairs", header: known, lines: rows, sent, names, user, product, label, carried };
}

/** @returns {Omit<Table, "delimiter" | "decimalComma">} */
function byWidth(lines, features) {
  const width = features.length;
  const isRows = lines.some((cells) => cells.length === width);
  if (!isRows && !lines.some((cells) => cells.length === 2)) {
    const [row] = lines;
    const which = lines.length === 1 ? "This row" : "Row 1";
    throw new TableError(`${which} has ${row.length} value${row.length === 1 ? "" : "s"}, the model takes ${width}`,
      "Nothing was scored. A value that is not known keeps its place: leave it empty between two delimiters.", { row });
  }
  const names = isRows ? features : PAIR;
  return {
    kind: isRows ? "rows" : "pairs", header: null, lines, sent: names.map((_, at) => at), names,
    user: isRows ? -1 : 0, product: isRows ? -1 : 1, label: -1, carried: [],
  };
}

/** Whether a column holds nothing but yes and no, and both or either of them at least once. */
function isLabel(lines, at) {
  let seen = false;
  for (const cells of lines) {
    const value = labelOf(cells[at] ?? "");
    if (value === undefined) return false;
    seen ||= value !== null;
  }
  return seen;
}

/** Yes, no, null for an empty cell, undefined for anything else. */
export function labelOf(cell) {
  const word = cell.trim().toLowerCase();
  return word === "" ? null : YES.has(word) ? true : NO.has(word) ? false : undefined;
}

/** Whether the sent cells are written with decimal commas; both signs in one table are a mistake, not a guess. */
function hasDecimalCommas({ lines, sent }) {
  let [comma, point] = ["", ""];
  for (const [at, cells] of lines.entries()) {
    for (const column of sent) {
      const cell = (cells[column] ?? "").trim();
      if (comma === "" && /^[+-]?\d*,\d+(e[+-]?\d+)?$/i.test(cell)) comma = `row ${at + 1} has ${cell}`;
      if (point === "" && /^[+-]?\d*\.\d+(e[+-]?\d+)?$/i.test(cell)) point = `row ${at + 1} has ${cell}`;
    }
    if (comma !== "" && point !== "") throw new TableError("Decimal commas and decimal points are mixed", `One sign is needed for all: ${comma}, ${point}.`);
  }
  return comma !== "";
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const isNumber = (cell) => NUMBER.test(cell);

/**
 * What one cell says: its text as the service takes it ("nan" where missing), or what is wrong with it.
 * @returns {{text: string, mistake?: undefined} | {mistake: string, text?: undefined}}
 */
export function readValue(cell, decimalComma = false) {
  const typed = cell.trim();
  const text = decimalComma ? typed.replace(",", ".") : typed;
  if (text === "" || text.toLowerCase() === "nan") return { text: "nan" };
  if (/^[+-]?inf(inity)?$/i.test(text)) return { mistake: `“${excerpt(typed)}” is not a finite number` };
  if (!isNumber(text)) return { mistake: `“${excerpt(typed)}” is not a number; leave it empty if it is missing` };
  if (!Number.isFinite(Math.fround(Number(text)))) return { mistake: `“${excerpt(typed)}” is outside the range of a 32-bit float` };
  return { text };
}

const excerpt = (text) => (text.length > 40 ? `${text.slice(0, 40)}…` : text);

/**
 * One row of a table as the service takes it, or its mistake with the name of the column.
 * @param {Table} table
 * @returns {{cells: string[], mistake?: undefined} | {mistake: string, column: string, cells?: undefined}}
 */
export function readRow(table, at) {
  const cells = table.lines[at];
  const width = table.header?.length ?? table.sent.length;
  if (cells.length === 1 && cells[0].trim() === "" && width > 1) return { column: "", mistake: `the line is blank; expected ${width} values` };
  if (cells.length !== width) return { column: "", mistake: `${cells.length} value${cells.length === 1 ? "" : "s"}, expected ${width}` };
  const read = [];
  for (const [place, column] of table.sent.entries()) {
    const cell = cells[column];
    if (table.kind === "pairs") {
      const id = cell.trim();
      // The service's rules for identifiers: some, no more than 1,024 bytes, no control characters.
      if (id === "" || id.length > 1024 || /\p{Cc}/u.test(id)) return { column: table.names[place], mistake: id === "" ? "it is empty" : "it is no identifier" };
      read.push(id);
      continue;
    }
    const value = readValue(cell, table.decimalComma);
    if (value.mistake !== undefined) return { column: table.names[place], mistake: value.mistake };
    read.push(value.text);
  }
  return { cells: read };
}

/** What was understood of a table, for the reader to check: "3 rows · semicolons · decimal comma". */
export function understood({ kind, lines, delimiter, decimalComma, header, user, product, label, carried, sent }) {
  const name = (at) => header?.[at] ?? "";
  const along = [user, product, ...carried].filter((at) => at >= 0 && !sent.includes(at));
  return [
    `${lines.length.toLocaleString("en")} ${kind === "pairs" ? "pair" : "row"}${lines.length === 1 ? "" : "s"}`,
    (header?.length ?? sent.length) > 1 && DELIMITER_NAMES[delimiter],
    decimalComma && "decimal comma",
    header && "header of names",
    along.length > 0 && `${along.slice(0, 3).map(name).join(", ")}${along.length > 3 ? ` and ${along.length - 3} more` : ""} carried along`,
    label >= 0 && `${name(label)} read as the label`,
  ].filter(Boolean).join(" · ");
}

/**
 * Lines of cells; quotes are taken off, and line ends are LF, CRLF or CR alone.
 * @param {boolean} [lenient] whether a quote may stay open, as in a line cut from a table
 * @returns {string[][]}
 */
export function cellsOf(text, delimiter, lenient = false) {
  const lines = [];
  let cells = [];
  let at = 0;
  for (;;) {
    let end;
    if (text[at] === '"') {
      let [quoted, open] = ["", at + 1];
      for (;;) {
        const close = text.indexOf('"', open);
        if (close < 0) {
          if (!lenient) throw new TableError(`A quote is never closed in row ${lines.length + 1}`, 'Expected a " at the end of the cell that begins with one.');
          quoted += text.slice(open);
          open = text.length;
          break;
        }
        quoted += text.slice(open, close);
        open = close + 1;
        if (text[open] !== '"') break;
        quoted += '"';
        open += 1;
      }
      end = nextEnd(text, open, delimiter);
      cells.push(quoted + text.slice(open, end));
    } else {
      end = nextEnd(text, at, delimiter);
      cells.push(text.slice(at, end));
    }
    if (end < text.length && text[end] === delimiter) {
      at = end + 1;
      continue;
    }
    lines.push(cells);
    cells = [];
    if (end >= text.length) return lines;
    at = end + (text[end] === "\r" && text[end + 1] === "\n" ? 2 : 1);
  }
}

function nextEnd(text, from, delimiter) {
  for (let at = from; at < text.length; at += 1) {
    const character = text[at];
    if (character === delimiter || character === "\n" || character === "\r") return at;
  }
  return text.length;
}

/** Lines of cells as CSV. A cell that a spreadsheet would run as a formula gets an apostrophe, which is taken off again here. */
export const csvOf = (lines) => lines.map((cells) => `${cells.map(quoted).join(",")}\r\n`).join("");

const FORMULA = /^'*[=+\-@\t\r]/;

function quoted(cell) {
  const text = String(cell);
  const safe = FORMULA.test(text) && !isNumber(text) ? `'${text}` : text;
  return /[",;\t\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const undefused = (cell) => (/^'+[=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell);
