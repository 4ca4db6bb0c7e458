import { limits } from '../base/limits.ts';
import type { Practice } from '../image/practice-image.ts';
import { answerSafely, createSlot } from './answer-datagram.ts';
import { createCounters } from './counters.ts';
import { emptyImage, updateImage } from './image.ts';
import { createRateLimitTable } from './rate-limit.ts';
import { Responder } from './responder.ts';
import type { ServerSettings } from './settings.ts';

/** So many answers make the engine compile all of the query path for good; found by trying. */
const practiceAnswers = 40_000;

/** A thread that practises does not serve yet: on a slow machine it makes do with less. */
const maxPracticeMs = 600;

/** Clients of the rate limit, so that some are limited and some are not. */
const clients = 64;

/**
 * Answers requests that nobody sent until the engine has compiled the query path, with all that it
 * has to know of values: else the first seconds of a thread cost several times as much per query, and
 * the first query of another kind (a client subnet, a cookie) throws away what was compiled without
 * it, in the middle of the traffic. Touches nothing that is served or counted. Returns the answers.
 */
export function practise(practice: Practice, settings: ServerSettings): number {
  const { common, all } = practice;
  const responder = makeApart(practice, settings);
  const until = performance.now() + maxPracticeMs;
  let answers = 0;
  for (let rare = 0; answers < practiceAnswers && performance.now() < until; rare += 1) {
    responder.time.tick();
    for (const request of common) answerOne(responder, request, answers++);
    // One rare kind after some common ones: enough to be known, and no more than it is worth.
    answerOne(responder, all[rare % all.length]!, answers++);
  }
  return answers;
}

/** A responder that shares nothing with those that serve. */
function makeApart({ image }: Practice, settings: ServerSettings): Responder {
  const { rateLimit, ...others } = settings;
  const own = rateLimit && { ...rateLimit, table: createRateLimitTable(clients) };
  const apart = own === undefined ? others : { ...others, rateLimit: own };
  const responder = new Responder(apart, createCounters(), 1);
  responder.image = updateImage(emptyImage, image);
  responder.attach(createSlot());
  return responder;
}

function answerOne(responder: Responder, request: Uint8Array, turn: number): void {
  const { peer } = responder;
  peer[0] = turn % 8 === 0 ? 6 : 4;
  // Some clients come often and are limited, some once.
  peer[1] = (turn & 1) === 0 ? 0xc000_0200 | (turn % clients) : Math.imul(turn, 0x9e37_79b1);
  responder.bytes.set(request);
  answerSafely(responder, 0, request.length, limits.udpPayloadBytes);
}
