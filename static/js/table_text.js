// A pasted or dropped table: CSV (RFC 4180) to what the service takes, keeping other columns to tell the rows apart.

const PAIR = ["user_id", "product_id"];

/**
 * @typedef {object} Table
 * @property {"rows" | "pairs"} kind what the service is asked for
 * @property {string[]} labelNames columns that are no features, such as ids
 * @property {{labels: string[], cells: string[]}[]} rows of each row those, and what is sent, in the order of `sent`
 * @property {string[] | null} sent the names of the sent columns, if the table has a header
 */

/**
 * Reads a table. What is wrong with its values is for the service to say.
 * @param {string} text
 * @param {string[]} featureNames
 * @returns {Table}
 */
export function readTable(text, featureNames) {
  const lines = cellsOf(text.replace(/^\u{feff}/u, "").replace(/(\r?\n)+$/, ""));
  const header = lines[0].map((cell) => cell.trim());
  const isFeature = (name) => featureNames.includes(name);
  if (PAIR.every((name) => header.includes(name)) && !header.some(isFeature)) {
    return arrange("pairs", header, lines.slice(1), (name) => PAIR.includes(name));
  }
  if (header.some(isFeature)) return arrange("rows", header, lines.slice(1), isFeature);
  return { kind: "rows", labelNames: [], sent: null, rows: lines.map((cells) => ({ labels: [], cells })) };
}

function arrange(kind, header, lines, isSent) {
  const labelled = header.map((name) => kind === "pairs" || !isSent(name));
  return {
    kind,
    labelNames: header.filter((_, at) => labelled[at]),
    sent: header.filter(isSent),
    rows: lines.map((cells) => ({
      labels: cells.filter((_, at) => labelled[at]),
      // Cells beyond the header are sent too, so that the service can say that the row is too wide.
      cells: cells.filter((_, at) => at >= header.length || isSent(header[at])),
    })),
  };
}

/** The body to send: a header if there was one, then the rows. */
export function bodyOf({ sent, rows }) {
  const lines = rows.map(({ cells }) => cells.join(","));
  return (sent ? [sent.join(","), ...lines] : lines).join("\n");
}

/** A row's cells in the model's order. */
export function inOrder({ sent }, { cells }, featureNames) {
  return sent && sent.length === featureNames.length ? featureNames.map((name) => cells[sent.indexOf(name)] ?? "") : cells;
}

/** Lines of cells; quotes are taken off. */
function cellsOf(text) {
  const lines = [[]];
  const cell = /(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r?\n|$)/gy;
  for (let found = cell.exec(text); found; found = cell.exec(text)) {
    lines.at(-1).push(found[1] === undefined ? found[2] : found[1].replaceAll('""', '"'));
    if (found[3] === "") break;
    if (found[3] !== ",") lines.push([]);
  }
  return lines;
}

/** Lines of cells as CSV. */
export function csvOf(lines) {
  const quoted = (cell) => (/[",\r\n]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell));
  return lines.map((cells) => `${cells.map(quoted).join(",")}\r\n`).join("");
}
