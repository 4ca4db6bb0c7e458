import { type Clock, systemClock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { Random } from '../base/random.ts';
import { pickHeaderWords } from '../policy/pick.ts';
import { type ChaosName, chaosNames } from './chaos.ts';
import { CoarseClock } from './coarse-clock.ts';
import { Cookies } from './cookies.ts';
import { counterAt } from './counters.ts';
import { emptyImage, type Image } from './image.ts';
import { Query } from './query.ts';
import { RateLimit } from './rate-limit.ts';
import type { ServerSettings } from './settings.ts';
import { createTrafficMemory, Traffic, type TrafficMemory } from './traffic.ts';

/** Octets that a slot needs beyond the longest answer, since whole words are read and written. */
export const slotPaddingBytes = 8;

/** More addresses than any message of 1,232 octets holds, and than any member may have. */
const maxPicked = 256;

/**
 * All that one thread needs to answer a query, allocated once. Answers are written over their
 * requests: the id, the question and its letter case are in place already.
 *
 *   request  │ header │ question │ OPT …
 *   answer   │ header │ question │ answer │ authority │ glue │ OPT
 *            └ at                └ at + questionEnd          └ end
 *
 * Offsets named `…At` count from the message's start where they may become compression pointers,
 * and `at` and `end` from the buffer's.
 */
export class Responder {
  /** The one place where the image is swapped. */
  image: Image = emptyImage;
  readonly settings: ServerSettings;
  readonly counters: Float64Array;
  readonly traffic: Traffic;
  readonly random: Random;
  /** What is known of class CH. */
  readonly chaos: readonly ChaosName[];
  /** Whoever brings requests lets it tick before each batch. */
  readonly time: CoarseClock;
  /** Undefined where everybody is answered. */
  readonly rateLimit: RateLimit | undefined;
  /** Undefined where cookies are ignored. */
  readonly cookies: Cookies | undefined;

  /** Slots of requests; `at` is a multiple of 4. */
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  readonly query = new Query();
  /** Who asks: family (4 or 6) and address in four big-endian words; set by the transport. */
  readonly peer = new Int32Array(5);
  /** Index into `transports`; anything but UDP is a stream. */
  transport = 0;

  /** Where the message begins. */
  at = 0;
  /** Where the next record goes. */
  end = 0;
  /** Where records must end, so that OPT still fits. */
  limit = 0;
  answerCount = 0;
  authorityCount = 0;
  additionalCount = 0;
  authoritative = false;
  truncated = false;
  rcode = 0;
  /** SCOPE PREFIX-LENGTH to echo; 0 unless the answer depends on the client. */
  scopePrefixLength = 0;
  /** Extended DNS Error (RFC 8914) to send, or -1. */
  extendedError = -1;

  /** Where the name that is being answered stands, and its octets. */
  ownerAt = 0;
  ownerBytes = 0;
  /** What `locate` found: offset of a template or node in the zone's segment. */
  template = 0;
  node = 0;
  /** Slot of the zone that `findZone` found. */
  zoneSlot = 0;
  /** Octets of the owner of what was found, where it is an ancestor of the name (a cut or DNAME). */
  ancestorBytes = 0;
  /** Where each name of a CNAME chain stands. */
  readonly chainAt = new Int32Array(limits.cnameChain + 1);
  /** What `pickAnswer` writes. */
  readonly picked = new Int32Array(pickHeaderWords + maxPicked);

  constructor(
    settings: ServerSettings,
    counters: Float64Array,
    seed: number,
    clock: Clock = systemClock,
    traffic: TrafficMemory = createTrafficMemory(),
  ) {
    const { rateLimit, cookies } = settings;
    this.settings = settings;
    this.counters = counters;
    this.traffic = new Traffic(traffic);
    this.random = new Random(seed);
    this.chaos = chaosNames(settings);
    this.time = new CoarseClock(clock);
    this.rateLimit = rateLimit && new RateLimit(rateLimit, this.time, this.random);
    this.cookies = cookies && new Cookies(cookies, this.time);
  }

  /** Sets the memory that requests arrive in; `slotPaddingBytes` of it lie behind the last slot. */
  attach(buffer: ArrayBufferLike): void {
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
  }

  /** Forgets the answer before; the records of this one go behind the question. */
  begin(at: number): void {
    this.at = at;
    this.end = at + this.query.questionEnd;
    this.answerCount = 0;
    this.authorityCount = 0;
    this.additionalCount = 0;
    this.authoritative = false;
    this.truncated = false;
    this.rcode = 0;
    this.scopePrefixLength = 0;
    this.extendedError = -1;
    this.ownerAt = 12;
    this.ownerBytes = this.query.name.nameBytes;
  }

  /** Takes all records back and asks for a stream (RFC 2181 §9). */
  truncate(): void {
    this.end = this.at + this.query.questionEnd;
    this.answerCount = 0;
    this.authorityCount = 0;
    this.additionalCount = 0;
    this.truncated = true;
  }

  /** Adds one to a counter of `counterAt`. */
  count(counter: number): void {
    this.counters[counter]! += 1;
  }

  /** Counts an answer with its RCODE. */
  countAnswer(rcode: number): void {
    this.counters[counterAt.rcodes + rcode]! += 1;
  }
}
