import { MeridianError } from '../base/errors.ts';
import { parseDuration } from '../control/duration.ts';
import { parseTime } from '../control/parse-time.ts';
import { isJsonObject, type Json, type JsonObject, mergePatch } from './merge-patch.ts';

const placeKeys = ['place', 'latitude', 'longitude'] as const;

/**
 * The region that a PUT makes. Without a place it keeps the one that it has, so that a drill needs to
 * say no more than `{"state": "down", "expires": "10m"}`.
 */
export function putRegion(body: Json, before: Json | undefined, nowMs: number): Json {
  if (!isJsonObject(body)) return body;
  const { expires, ...written } = body;
  const known = isJsonObject(before) ? before : {};
  const placed = placeKeys.some((key) => key in written);
  const kept = placed
    ? []
    : placeKeys.flatMap((key) => (key in known ? [[key, known[key] as Json] as const] : []));
  return withExpiry({ ...Object.fromEntries(kept), ...written }, expires, known, nowMs);
}

/**
 * The region that a PATCH makes. What it says of `dial` and `state` without `expires` is meant to
 * last: a pending expiry goes back to that as well, and is forgotten once it would change nothing.
 */
export function patchRegion(patch: Json, before: Json, nowMs: number): Json {
  if (!isJsonObject(patch) || !isJsonObject(before)) return mergePatch(before, patch);
  const { expires, ...rest } = patch;
  const merged = mergePatch(before, rest);
  if (!isJsonObject(merged)) return merged;
  if (expires !== undefined) return withExpiry(merged, expires, before, nowMs);
  const { expiry, ...region } = merged;
  if (!isJsonObject(expiry) || 'expiry' in rest) return merged;
  const lasting = {
    at: expiry['at'] ?? null,
    dial: dialOf('dial' in rest ? region : expiry),
    state: stateOf('state' in rest ? region : expiry),
  };
  const isDone = dialOf(region) === lasting.dial && stateOf(region) === lasting.state;
  return isDone ? region : { ...region, expiry: lasting };
}

/** Sets what the region goes back to: what it was before, or already was to go back to. */
function withExpiry(
  region: JsonObject,
  expires: Json | undefined,
  before: JsonObject,
  nowMs: number,
): JsonObject {
  if (expires === undefined) return region;
  if (expires === null) {
    const { expiry: _, ...rest } = region;
    return rest;
  }
  const pending = isJsonObject(before['expiry']) ? before['expiry'] : before;
  return {
    ...region,
    expiry: {
      at: readExpires(expires, nowMs),
      dial: dialOf(pending),
      state: stateOf(pending),
    },
  };
}

function dialOf(form: JsonObject): Json {
  return form['dial'] ?? 100;
}

function stateOf(form: JsonObject): Json {
  return form['state'] ?? 'active';
}

function readExpires(expires: Json, nowMs: number): string {
  const durationMs = typeof expires === 'string' ? parseDuration(expires) : undefined;
  const atMs =
    durationMs === undefined
      ? parseTime(typeof expires === 'string' ? expires : '')
      : nowMs + durationMs;
  if (atMs === undefined) {
    throw badExpires(
      `expires is ${JSON.stringify(expires)}; write a duration such as "10m", or a time with its zone such as "2026-01-31T18:30:00Z"`,
    );
  }
  if (atMs <= nowMs) {
    throw badExpires(
      `expires is ${JSON.stringify(expires)}, which has passed; choose a later time`,
    );
  }
  return new Date(atMs).toISOString();
}

function badExpires(message: string): MeridianError {
  return new MeridianError({ code: 'E_FORM_VALUE', message, where: '/expires' });
}
