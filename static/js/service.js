// The service behind the page: one function per route, one kind of error for whatever can go wrong.

import { askForKey, storedKey } from "./key.js";
import { until } from "./numbers.js";
import { state } from "./state.js";

/** Longest wait for an answer; the service itself gives up much earlier. */
const PATIENCE_MS = 60_000;

/** Why there is no answer, in words for the reader. */
export class ServiceError extends Error {
  /**
   * @param {"offline" | "unauthorised" | "forbidden" | "problem"} kind
   * @param {{title: string, advice?: string, problem?: any, retry?: boolean, wait?: number}} what `wait` is in seconds
   */
  constructor(kind, { title, advice = "", problem = null, retry = true, wait = 0 }) {
    super(title);
    this.kind = kind;
    this.title = title;
    this.advice = advice;
    this.problem = problem;
    this.retry = retry;
    this.wait = wait;
  }
}

/** What scores here: names, threshold, version, and the model's card where it has one. */
export const model = (signal) => get("model", signal);

/** Scores many feature rows, in CSV, or many pairs, as `[user, product]`. */
export const predict = (rows, signal) => post("predict", rows, "text/csv", signal);
export const predictPairs = (pairs, signal) => post("predict/pair", JSON.stringify({ instances: pairs }), "application/json", signal);

/** Scores and explains feature rows, as arrays in the model's order, or pairs. */
export const explainRows = (rows, signal, quietly = false) => post("explain", JSON.stringify({ instances: rows }), "application/json", signal, quietly);
export const explainPairs = (pairs, signal, quietly = false) => post("explain/pair", JSON.stringify({ instances: pairs }), "application/json", signal, quietly);

/**
 * One subject scored, and explained where the scorer can.
 * @param {import("./state.js").Subject} subject
 * @returns {Promise<import("./state.js").Explained>}
 */
export async function scoreSubject(subject, signal) {
  const { explain } = state.model.capabilities;
  const answer = subject.kind === "pair"
    ? await (explain ? explainPairs : predictPairs)([[subject.user, subject.product]], signal)
    : await post(explain ? "explain" : "predict", subject.row, "text/csv", signal);
  return only(explain ? answer.explanations : answer.predictions, subject.kind === "pair" ? `Nothing is stored for customer ${subject.user} and product ${subject.product}` : "This row has no score");
}

/** One row, as an array in the model's order, scored and explained where the scorer can. */
export async function scoreValues(values, signal) {
  if (!state.model.capabilities.explain) {
    const body = values.map((value) => value ?? "nan").join(",");
    return only((await predict(body, signal)).predictions, "This row has no score");
  }
  return only((await explainRows([values], signal)).explanations, "This row has no score");
}

function only([entry], title) {
  if (!entry.error) return entry;
  const known = entry.error.code === "unknown_pair" ? ADVICE.unknown_pair : advise(entry.error);
  throw new ServiceError("problem", { title: entry.error.code === "unknown_pair" || !title.startsWith("Nothing") ? title : "This pair has no score", advice: known, problem: entry.error, retry: false });
}

/** The likeliest products of a user. */
export const recommend = (user, limit, signal, quietly = false) => get(`recommend/${encodeURIComponent(user)}?limit=${encodeURIComponent(limit)}`, signal, quietly);

/** Users whose ids begin so. Asked quietly, as while the reader types: no dialog for an API key. */
export const users = (prefix, limit, signal) => get(`users?${new URLSearchParams({ prefix, limit })}`, signal, true);

const get = (path, signal, quietly = false) => call(path, { method: "GET" }, signal, quietly);
const post = (path, body, type, signal, quietly = false) => call(path, { method: "POST", body, headers: { "content-type": type } }, signal, quietly);

async function call(path, request, signal, quietly = false) {
  for (;;) {
    const response = await send(path, request, signal);
    // What a plan leaves is shown by a part that services without plans never load; without it there are answers all the same.
    if (response.headers.has("ratelimit")) import("./plan.js").then(({ noticeLimits }) => noticeLimits(response), () => {});
    if (response.ok) {
      noticeModel(response);
      return read(response);
    }
    const problem = await readProblem(response);
    const unknown = response.status === 401;
    if (unknown && !quietly && (await askForKey(storedKey() === null ? "" : REFUSED))) continue;
    throw unknown ? unauthorised(problem) : wrong(response, problem);
  }
}

const REFUSED = "The key was refused. Check it and try again.";

let version = null;
let replaced = () => {};

/** Calls `told` when answers begin to come from another model than before: the operator has replaced it. */
export function onOtherModel(told) {
  replaced = told;
}

function noticeModel(response) {
  const present = response.headers.get("x-model-version");
  if (present === null || present === version) return;
  const known = version !== null;
  version = present;
  if (known) replaced();
}

async function send(path, request, signal) {
  const key = storedKey();
  const headers = { ...request.headers, accept: "application/json", ...(key === null ? {} : { "x-api-key": key }) };
  const patience = AbortSignal.timeout(PATIENCE_MS);
  try {
    return await fetch(new URL(path, document.baseURI), {
      ...request,
      headers,
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    if (patience.aborted) {
      throw new ServiceError("offline", {
        title: `No answer within ${PATIENCE_MS / 1000} seconds`,
        advice: "The service or the network between is overloaded. Try again in a moment.",
      });
    }
    throw unreachable();
  }
}

async function read(response) {
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServiceError("problem", {
      title: "The answer cannot be read",
      advice: "The connection broke off, or something between this page and imba changed the answer. Try again.",
    });
  }
}

/** The problem document of an answer, or null when something else than the service has answered. */
async function readProblem(response) {
  if (!response.headers.get("content-type")?.startsWith("application/problem+json")) return null;
  return response.json().catch(() => null);
}

function unreachable() {
  return new ServiceError("offline", navigator.onLine
    ? { title: "The service cannot be reached", advice: `Nothing answers at ${location.host}. Check that imba is running, then try again.` }
    : { title: "You are offline", advice: "Your device has no network connection. Your input is kept; try again when you are back." });
}

function unauthorised(problem) {
  return new ServiceError("unauthorised", {
    title: "The service asks for an API key",
    advice: "Without a valid key there is no answer. Whoever operates this service can give you one.",
    problem,
  });
}

/** What to do about some of the service's problems. */
const ADVICE = {
  unknown_pair: "imba answers for the pairs in its table, and it does not guess. Check both ids, or choose one of the customer’s products.",
  unknown_user: "Check the id. The table may be older than the customer's first order.",
  body_too_large: "Split the table and score its parts.",
};

/** Titles in the reader's place. */
const TITLES = { rate_limited: "Too many questions at once", quota_exceeded: "Your plan’s quota is used up" };

/** Errors that another try with the same input cannot mend. */
const FINAL = new Set([400, 404, 405, 406, 413, 415, 422]);

function wrong(response, problem) {
  const retry = !FINAL.has(response.status);
  if (problem === null) {
    return new ServiceError("problem", {
      title: `Unexpected answer ${response.status}`,
      advice: "It did not come from imba but from something between, such as a proxy or a load balancer.",
      retry,
    });
  }
  if (response.status === 403) {
    return new ServiceError("forbidden", { title: "This key does not allow that", advice: `${sentence(problem.detail)} Whoever operates this service can give you a key that does.`.trim(), problem });
  }
  const wait = Number(response.headers.get("retry-after")) || 0;
  const advice = wait > 0 ? `Try again ${until(wait)}.` : "";
  return new ServiceError("problem", { title: TITLES[problem.code] ?? problem.title, advice: advise(problem, advice), problem, retry, wait });
}

function advise({ code, detail }, more = "") {
  return [sentence(detail), ADVICE[code] ?? "", more].filter(Boolean).join(" ");
}

/** A detail of the service as a sentence. */
function sentence(detail = "") {
  const text = detail.charAt(0).toUpperCase() + detail.slice(1);
  return text === "" || /[.!?]$/.test(text) ? text : `${text}.`;
}
