// The language of the command field: "customer 1, product 2", "1, 2", "customer 1", a row of values, lines of them.

import { about } from "../guide.js";
import { TableError, cellsOf, readRow, readTable } from "./table.js";

/**
 * @typedef {{kind: "pair", user: string, product: string} | {kind: "basket", user: string} | {kind: "row", row: string}
 *   | {kind: "table", text: string} | {kind: "nothing"}} Command
 */

const CUSTOMER = /^(?:customer|user|user_id|client)[\s:=]+/i;
const PRODUCT = /^(?:product|item|product_id)[\s:=]+/i;
const BOTH = /^(?:customer|user|user_id|client)[\s:=]+(.+?)[\s,;]+(?:product|item|product_id)[\s:=]+(.+)$/i;

/**
 * What a text asks for.
 * @param {string} text
 * @param {string[]} features the model's
 * @returns {Command}
 * @throws {TableError}
 */
export function readCommand(text, features) {
  const typed = text.replace(/^\s+/, "").replace(/[ \r\n]+$/, "");
  if (typed === "") return { kind: "nothing" };
  if (/[\r\n]/.test(typed)) return { kind: "table", text };
  const both = BOTH.exec(typed);
  if (both) return { kind: "pair", user: unquoted(both[1]), product: unquoted(both[2]) };
  if (CUSTOMER.test(typed) && !/[,;\t]/.test(typed)) return { kind: "basket", user: unquoted(typed.replace(CUSTOMER, "")) };
  const row = typed.replace(/^row[\s:=]+/i, "");
  const cells = cellsOf(row, [..."\t;,|"].find((delimiter) => row.includes(delimiter)) ?? " ", true)[0].map((cell) => cell.trim());
  if (row === typed && cells.length === 2) {
    const [user, product] = [cells[0].replace(CUSTOMER, ""), cells[1].replace(PRODUCT, "")];
    if (user && product) return { kind: "pair", user, product };
    if (user) return { kind: "basket", user };
  }
  if (row === typed && cells.length === 1 && features.length !== 1) return { kind: "basket", user: cells[0] };
  return { kind: "row", row: rowOf(readTable(row, features)) };
}

/** The one row of a table, as the service takes it; its mistake is named where it is. */
export function rowOf(table, features = table.names) {
  const read = readRow(table, 0);
  const [row] = table.lines;
  if (read.cells) return read.cells.map((cell) => (cell === "nan" ? "" : cell)).join(",") || "nan";
  if (read.column) throw new TableError(`${about(read.column).label}: ${read.mistake}`, `Nothing was scored. The value is that of ${read.column}, number ${table.sent[table.names.indexOf(read.column)] + 1} of the row.`, { row });
  throw new TableError(`This row has ${row.length} values, ${table.header ? "its header" : "the model"} ${table.header ? `has ${table.header.length} names` : `takes ${features.length}`}`,
    "Nothing was scored. A value that is not known keeps its place: leave it empty between two delimiters.", { row });
}

const unquoted = (text) => text.trim().replace(/^"(.*)"$/, (_, inner) => inner.replaceAll('""', '"'));

/** An identifier as it can be typed between commas. */
const typedId = (id) => (/[",;\t|]|^\s|\s$/.test(id) ? `"${id.replaceAll('"', '""')}"` : id);

/** The words that ask for a subject. */
export function words(subject) {
  if (subject.kind === "pair") return `customer ${typedId(subject.user)}, product ${typedId(subject.product)}`;
  return subject.kind === "basket" ? `customer ${typedId(subject.user)}` : subject.row;
}
