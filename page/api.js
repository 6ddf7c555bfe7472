// SPDX-License-Identifier: Apache-2.0
// The coordinator's API. A token stays in this tab's session storage and goes in a header only.

const KEY = "hebb-token";

export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const setToken = (token) => sessionStorage.setItem(KEY, token);

// Whether there was one.
export function dropToken() {
  const had = sessionStorage.getItem(KEY) !== null;
  sessionStorage.removeItem(KEY);
  return had;
}

async function ask(path, options = {}) {
  const headers = { ...options.headers };
  const token = sessionStorage.getItem(KEY);
  if (token) headers.Authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(`/api/v1/${path}`, { ...options, headers, cache: "no-store" });
  } catch {
    throw new ApiError(0, "UNAVAILABLE", "the coordinator does not answer; this page asks again");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const error = answer.error ?? { code: "UNKNOWN", message: response.statusText };
  throw new ApiError(response.status, error.code, error.message);
}

export function get(path, query = {}) {
  const text = new URLSearchParams(query).toString();
  return ask(text ? `${path}?${text}` : path);
}

export const post = (path, body = {}) =>
  ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

export const job = (id, rest = "") => `jobs/${encodeURIComponent(id)}${rest}`;
