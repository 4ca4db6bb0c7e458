import { type AgentRecord, isAsked, type Question } from './agent-record.ts';
import { type Layout, runChecksMask, wordsPerCheck } from './packed-report.ts';

/*
 * Reports lie agent by agent, 16 octets a check; a quorum goes check by check. With hundreds of agents each
 * vote would be one more piece of memory far from the last. So what of it counts stands here once more:
 *
 *            agent 0  agent 1  agent 2 …           per agent and check: state (2 bits),
 *   check 0     up       up      down              and whether a run is under way
 *   check 1     up    down soon   up
 *      ⋮
 */
const stateBits = 3;
const runBit = 4;
const firstSlots = 8;

/** The votes of the agents with one layout. */
interface Box {
  readonly layout: Layout;
  /** By slot; undefined where one has gone. */
  readonly records: (AgentRecord | undefined)[];
  /** Room per check. */
  slots: number;
  codes: Uint8Array;
}

/** Keeps what each agent's latest report says of each check where it can be counted fast. */
export class Ballots {
  readonly #boxes = new Map<Layout, Box>();
  readonly #places = new Map<AgentRecord, { readonly box: Box; readonly slot: number }>();

  /** A record has another report; `places` are those where its votes differ, when only some may. */
  update(record: AgentRecord, places?: readonly number[]): void {
    const { report } = record;
    if (report === undefined) return;
    const { layout, words } = report;
    let at = this.#places.get(record);
    const isNew = at?.box.layout !== layout;
    if (isNew) {
      this.remove(record);
      at = this.#join(record, layout);
    }
    if (at === undefined) return;
    const { box, slot } = at;
    const { codes, slots } = box;
    if (places !== undefined && !isNew) {
      for (const place of places) {
        codes[place * slots + slot] = codeOf(words[place * wordsPerCheck] as number);
      }
      return;
    }
    for (let place = 0; place < layout.ids.length; place++) {
      codes[place * slots + slot] = codeOf(words[place * wordsPerCheck] as number);
    }
  }

  /** An agent is no more. */
  remove(record: AgentRecord): void {
    const at = this.#places.get(record);
    if (at === undefined) return;
    this.#places.delete(record);
    const { box, slot } = at;
    box.records[slot] = undefined;
    if (box.records.every((one) => one === undefined)) this.#boxes.delete(box.layout);
    for (let code = slot; code < box.codes.length; code += box.slots) box.codes[code] = 0;
  }

  /** Adds up the votes on a check that count, in the tallies of their agents; true when runs are under way. */
  count({ id, from, staleAfterMs }: Question, nowMs: number): boolean {
    let runs = 0;
    for (const { layout, records, slots, codes } of this.#boxes.values()) {
      const place = layout.places.get(id);
      if (place === undefined) continue;
      const start = place * slots;
      for (let slot = 0; slot < records.length; slot++) {
        const code = codes[start + slot] as number;
        if (code === 0) continue;
        const record = records[slot] as AgentRecord;
        if (nowMs - record.receivedMs >= staleAfterMs) continue;
        if (record.report?.canariesOk !== true) continue;
        if (from !== undefined && !isAsked(record, from)) continue;
        const { tally } = record;
        runs |= code & runBit;
        const state = code & stateBits;
        if (state === 0) continue;
        tally.voters++;
        if (state >= 2) tally.notUp++;
        if (state === 3) tally.down++;
      }
    }
    return runs !== 0;
  }

  #join(record: AgentRecord, layout: Layout): { readonly box: Box; readonly slot: number } {
    let box = this.#boxes.get(layout);
    if (box === undefined) {
      const codes = new Uint8Array(layout.ids.length * firstSlots);
      box = { layout, records: [], slots: firstSlots, codes };
      this.#boxes.set(layout, box);
    }
    const free = box.records.indexOf(undefined);
    const slot = free < 0 ? box.records.length : free;
    if (slot === box.slots) widen(box);
    box.records[slot] = record;
    const at = { box, slot };
    this.#places.set(record, at);
    return at;
  }
}

function widen(box: Box): void {
  const { slots, codes, layout } = box;
  const wider = new Uint8Array(2 * codes.length);
  for (let place = 0; place < layout.ids.length; place++) {
    wider.set(codes.subarray(place * slots, (place + 1) * slots), 2 * place * slots);
  }
  box.slots = 2 * slots;
  box.codes = wider;
}

function codeOf(word: number): number {
  return (word & stateBits) | ((word & runChecksMask) === 0 ? 0 : runBit);
}
