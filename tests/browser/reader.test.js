// The one reader of tables and of the command field, without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { readCommand, rowOf, words } from "../../static/js/ask/command.js";
import { reading, stabilityIndex } from "../../static/js/model/drift.js";
import { TableError, csvOf, readRow, readTable, readValue, understood } from "../../static/js/ask/table.js";

const FEATURES = ["a", "b", "c"];
const read = (text) => readTable(text, FEATURES);
const sent = (text) => {
  const table = read(text);
  return table.lines.map((_, at) => readRow(table, at)).map(({ cells, column, mistake }) => cells?.join(",") ?? `${column}: ${mistake}`);
};

/** What is said of a text that cannot be read. */
function refused(text) {
  try {
    const table = read(text);
    rowOf(table, FEATURES);
  } catch (error) {
    assert.ok(error instanceof TableError, error.stack);
    return `${error.title}. ${error.advice}`;
  }
  assert.fail(`${JSON.stringify(text)} was read`);
}

test("takes every line end, a stray one too, and swallows nothing", () => {
  for (const text of ["1,2,3\n4,5,6", "1,2,3\r\n4,5,6\r\n", "1,2,3\r4,5,6\r", "\u{feff}1,2,3\n4,5,6\n\n\n", "1,2,3\r4,5,6\n"]) {
    assert.deepEqual(sent(text), ["1,2,3", "4,5,6"], JSON.stringify(text));
  }
  assert.equal(read("1,2,3\r4,5,6\n7,8,9\r\n0,0,0").lines.length, 4);
});

test("takes blocks of a spreadsheet, and says what it understood", () => {
  assert.deepEqual(sent("1\t2,5\t3\r\n4\t5\t6,25\r\n"), ["1,2.5,3", "4,5,6.25"]);
  assert.equal(understood(read("1;2,5;3\n4;5;6\n7;8;9")), "3 rows · semicolons · decimal comma");
  assert.equal(understood(read("user_id;a;b;c;bought\n9;1;2,5;3;1\n9;1;2;3;0")), "2 rows · semicolons · decimal comma · header of names · user_id carried along · bought read as the label");
  assert.equal(understood(read("1,2\n3,4")), "2 pairs · commas");
  assert.match(refused("1;2,5;3.5"), /^Decimal commas and decimal points are mixed.*row 1 has 2,5, row 1 has 3\.5/);
});

test("a header names the columns in any order; it guesses nothing", () => {
  assert.deepEqual(sent("c,a,b\n3,1,2"), ["1,2,3"]);
  assert.match(refused("a,b,c\n1,2"), /^This row has 2 values, its header has 3 names/);
  assert.match(refused("a,b,c\n1,2,3,4"), /^This row has 4 values, its header has 3 names/);
  assert.match(refused("a,b,b,c\n1,2,2,3"), /^The header names b twice\. It is in columns 2 and 3/);
  assert.match(refused("a,b,d\n1,2,3"), /^The header lacks c\..*These are none of them: d/);
  assert.match(refused("a,b,c\n"), /^There is a header and no row/);
  assert.match(refused("1,2,3,4"), /^This row has 4 values, the model takes 3/);
  for (const nothing of ["", " \n", "\r\n\r\n"]) assert.match(refused(nothing), /^There is nothing in it/);
  assert.match(refused('1,2,"3'), /^A quote is never closed in row 1/);
});

test("names the row and the column of a mistake, and reads the others", () => {
  assert.deepEqual(sent("1,2,3\n1,x,3\n1,2\n\n4,,nan"), ["1,2,3", "b: “x” is not a number; leave it empty if it is missing", ": 2 values, expected 3", ": the line is blank; expected 3 values", "4,nan,nan"]);
});

test("reads numbers as the service does", () => {
  for (const [cell, text] of [["1", "1"], [" -2.5\t", "-2.5"], ["1e-3", "1e-3"], [".5", ".5"], ["5.", "5."], ["+1", "+1"], ["", "nan"], ["NaN", "nan"]]) assert.deepEqual(readValue(cell), { text }, cell);
  for (const word of ["abc", "None", "1_0", "0x10", "1,5", "--1", "-nan", "1 000", "inf", "-Infinity", "1e39"]) assert.ok(readValue(word).mistake, word);
  assert.deepEqual(readValue("2,5", true), { text: "2.5" });
  assert.ok(readValue("1.234,5", true).mistake, "no thousands separators are guessed");
});

test("what is written can be read again, and runs as no formula", () => {
  const hostile = ["=1+1", "+1+1", "-1+1", "@sum(a)", '="x"', "'=1", "a\"b,c;d", "line\nbreak", "-1.5"];
  const text = csvOf([["note", "a", "b", "c", "score", "likely", "threshold", "problem"], ...hostile.map((note) => [note, 1, 2, 3, 0.5, true, 0.2, ""])]);
  for (const line of csvOf(hostile.map((note) => [note])).split(/\r\n/)) assert.doesNotMatch(line, /^"?[=+@]/);
  const table = read(text);
  assert.deepEqual(table.lines.map(([note]) => note), hostile);
  assert.deepEqual(table.header, ["note", "a", "b", "c"], "what the page added is not read again");
});

test("understands what is asked for", () => {
  const asked = (text) => readCommand(text, FEATURES);
  const pair = { kind: "pair", user: "1", product: "2" };
  for (const text of ["1,2", "1, 2", "1 2", "1;2", "1\t2", "customer 1, product 2", "user 1 product 2", "Customer: 1, Product: 2", words(pair)]) assert.deepEqual(asked(text), pair, text);
  for (const text of ["1", "customer 1", "user 1", "1,"]) assert.deepEqual(asked(text), { kind: "basket", user: "1" }, text);
  assert.deepEqual(asked("1,2,3"), { kind: "row", row: "1,2,3" });
  assert.deepEqual(asked("1;2,5;\n"), { kind: "row", row: "1,2.5," });
  assert.deepEqual(asked("1,2,3\n4,5,6"), { kind: "table", text: "1,2,3\n4,5,6" });
  assert.deepEqual(asked("  "), { kind: "nothing" });
  const odd = { kind: "pair", user: 'a,"b', product: "c;d" };
  assert.deepEqual(asked(words(odd)), odd);
  assert.throws(() => asked("1,2,3,4"), /4 values, the model takes 3/);
});

test("measures drift as the population stability index", () => {
  // By hand: half and half became a quarter and three quarters; (0.25 − 0.5) ln 0.5 + (0.75 − 0.5) ln 1.5 = 0.27465…
  const halves = { edges: [0, 1, 2], counts: [10, 10] };
  assert.ok(Math.abs(stabilityIndex(halves, [0.5, 1, 1.5, 2]) - 0.274653) < 1e-6);
  assert.equal(stabilityIndex(halves, [0, 0.5, 1, 1.5]), 0);
  // Beyond the edges counts at the ends; what is missing is left out, or is a bin of its own where training knows it.
  assert.equal(stabilityIndex(halves, [-7, 0.5, 1, 99, NaN]), 0);
  const missing = stabilityIndex(halves, [0, 1, NaN, NaN], 0.1);
  assert.ok(Math.abs(missing - (2 * (0.25 - 0.45) * Math.log(0.25 / 0.45) + (0.5 - 0.1) * Math.log(5))) < 1e-12, missing);
  assert.ok(Number.isNaN(stabilityIndex(halves, [NaN])));
  // An empty bin counts as 1 in 10,000.
  assert.ok(Math.abs(stabilityIndex(halves, [0, 0]) - (0.5 * Math.log(2) + (1e-4 - 0.5) * Math.log(2e-4))) < 1e-12);
  for (const [index, word] of [[0.09, "stable"], [0.1, "some"], [0.25, "some"], [0.26, "much"]]) assert.equal(reading(index), word);
});
