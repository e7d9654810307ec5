// The real binary, started for a test file on a free port with a temporary store, and stopped with it.

import { spawn } from "node:child_process";
import { access, constants, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const ROOT = resolve(import.meta.dirname, "../..");
const BINARY = resolve(process.env.IMBA_BIN ?? join(ROOT, "target/release/imba"));
const START_MS = 120_000;

/**
 * Starts the service over the demo.
 * @param {Object<string, string>} settings more `IMBA__…` variables
 */
export async function startService(settings = {}) {
  await access(BINARY, constants.X_OK).catch(() => {
    throw new Error(`${BINARY} is not there: build it with "cargo build --release", or name another in IMBA_BIN`);
  });
  const folder = await mkdtemp(join(tmpdir(), "imba-page-"));
  const child = spawn(BINARY, ["serve"], {
    cwd: ROOT,
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      ...process.env,
      IMBA__SERVER__LISTEN: "127.0.0.1:0",
      IMBA__FEATURES__EMBEDDED__PATH: join(folder, "features.redb"),
      IMBA__LOG__FORMAT: "json",
      // What is tested is the page, not how fast a busy machine answers it.
      IMBA__SERVER__DEADLINE: "5min",
      ...settings,
    },
  });
  const exited = new Promise((done) => child.once("exit", done));
  // A test run that ends otherwise leaves no service behind.
  const abandon = () => child.kill();
  process.once("exit", abandon);
  const stop = async () => {
    process.off("exit", abandon);
    child.kill("SIGTERM");
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    return { origin: `http://${await boundAddress(child, exited)}`, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The address from the log; the rest of the log is read on, so that the service never waits for a reader. */
function boundAddress(child, exited) {
  const lines = createInterface(child.stderr);
  const log = [];
  return new Promise((done, fail) => {
    const late = setTimeout(() => fail(new Error(`no server.address in the log:\n${log.join("\n")}`)), START_MS);
    lines.on("line", (line) => {
      log.push(line);
      const address = parsed(line)["server.address"];
      if (address) {
        clearTimeout(late);
        done(address);
      }
    });
    exited.then((code) => {
      clearTimeout(late);
      fail(new Error(`imba exited with ${code}:\n${log.join("\n")}`));
    });
  });
}

function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}

/** A model's card as training writes it, of the demo's own table; its metrics are those of a training with a test part. */
export const CARD = JSON.parse(await readFile(join(import.meta.dirname, "card.json"), "utf8"));

/** Says that a request is the test's own, and wants the service's own answer. */
export const BARE = { "x-bare": "yes" };

/**
 * The service behind a proxy that answers in its stead where a test says so. A browser that answers itself, by interception,
 * does not always let a worker's files through.
 * @param {string} origin
 * @param {(model: object) => object} change what becomes of the answer to `GET /model`
 */
export async function withProxy(origin, change) {
  /** What answers instead, by path; a path that ends with a slash is of all below it. @type {Map<string, (request: any) => any>} */
  const answers = new Map();
  const server = createServer(async (asked, answer) => {
    const { pathname } = new URL(asked.url, origin);
    const stands = asked.headers["x-bare"] ? undefined : [...answers].find(([path]) => pathname === path || (path.endsWith("/") && pathname.startsWith(path)))?.[1];
    const body = stands ? await gathered(asked) : asked;
    const given = stands && await stands({ headers: asked.headers, method: asked.method, body: body.toString() });
    if (given === "abort") return answer.destroy();
    if (given?.status) {
      const content = Buffer.from(given.body ?? "");
      answer.writeHead(given.status, { "content-type": given.contentType ?? "text/plain", ...given.headers, "content-length": content.length });
      return answer.end(content);
    }
    return pass(asked, body, answer, given?.headers);
  });

  function pass(asked, body, answer, more = {}) {
    const isModel = asked.url === "/model";
    const encoding = isModel ? "identity" : asked.headers["accept-encoding"] ?? "identity";
    const passed = request(origin + asked.url, { method: asked.method, headers: { ...asked.headers, host: new URL(origin).host, "accept-encoding": encoding } }, async (given) => {
      if (!isModel) {
        answer.writeHead(given.statusCode, { ...given.headers, ...more });
        given.pipe(answer);
        return;
      }
      const changed = JSON.stringify(change(JSON.parse((await gathered(given)).toString())));
      answer.writeHead(given.statusCode, { ...given.headers, ...more, "content-length": Buffer.byteLength(changed) });
      answer.end(changed);
    });
    passed.on("error", () => answer.destroy());
    answer.on("close", () => passed.destroy());
    if (Buffer.isBuffer(body)) passed.end(body);
    else body.pipe(passed);
  }

  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const stop = () => new Promise((done) => {
    server.close(done);
    server.closeAllConnections();
  });
  return { origin: `http://127.0.0.1:${server.address().port}`, answers, stop };
}

async function gathered(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}
