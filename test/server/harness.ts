import assert from 'node:assert/strict';
import { type IpAddress, parseIp } from '../../src/base/ip.ts';
import type { ImageUpdate } from '../../src/image/image-update.ts';
import { encodeServiceSegment } from '../../src/image/service-segment.ts';
import { compileZoneIndex } from '../../src/image/zone-index.ts';
import { compileZone } from '../../src/image/zone-segment.ts';
import type { Choice } from '../../src/policy/choice.ts';
import { answerDatagram } from '../../src/server/answer-datagram.ts';
import { createCounters } from '../../src/server/counters.ts';
import { emptyImage, updateImage } from '../../src/server/image.ts';
import { Responder } from '../../src/server/responder.ts';
import { defaultSettings, type ServerSettings } from '../../src/server/settings.ts';
import { parseName } from '../../src/wire/names.ts';
import { typeNumber } from '../../src/wire/type-names.ts';
import { readZoneText } from '../../src/zone/read-zone.ts';
import { type ReadAnswer, readAnswer } from './read-answer.ts';

/** A service by its choices; families without VIPs are absent. */
export interface TestService {
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  readonly ttlSeconds?: number;
  readonly mapSlot?: number;
  /** One A choice per client class, instead of `a`. */
  readonly classes?: readonly Choice[];
}

/** Makes an update of zones (text by origin), services and maps. */
export function makeUpdate(
  zones: Readonly<Record<string, string>>,
  services: Readonly<Record<string, TestService>> = {},
  maps: readonly SharedArrayBuffer[] = [],
  epoch = 1,
): ImageUpdate {
  const slots = new Map(Object.keys(services).map((name, slot) => [name, slot]));
  const origins = Object.keys(zones);
  return {
    epoch,
    revision: epoch,
    zoneIndex: compileZoneIndex(origins.map((origin, slot): [string, number] => [origin, slot])),
    zones: Object.entries(zones).map(([origin, text], slot) => {
      const { zone, problems } = readZoneText(text, { origin, file: origin });
      assert.ok(zone, JSON.stringify(problems));
      const segment = compileZone(zone, { serviceSlot: (name) => slots.get(name) });
      return { slot, segment };
    }),
    services: Object.values(services).map((service, slot) => ({
      slot,
      segment: serviceSegment(service),
    })),
    maps: maps.map((segment, slot) => ({ slot, segment })),
  };
}

function serviceSegment(service: TestService): SharedArrayBuffer {
  const ttlSeconds = service.ttlSeconds ?? 30;
  const fixed = (addresses: readonly string[] = []): Choice =>
    addresses.length === 0
      ? { kind: 'empty' }
      : { kind: 'fixed', vips: addresses.map((address) => ({ member: 'm', address })) };
  const a = service.classes ?? [fixed(service.a)];
  return encodeServiceSegment({
    mapSlot: service.mapSlot ?? -1,
    has4: service.a !== undefined || service.classes !== undefined,
    has6: service.aaaa !== undefined,
    a: a.map((choice) => ({ choice, ttlSeconds })),
    aaaa: a.map(() => ({ choice: fixed(service.aaaa), ttlSeconds })),
  });
}

/** A responder that serves an update. */
export function makeResponder(
  update: ImageUpdate,
  settings: Partial<ServerSettings> = {},
): Responder {
  const responder = new Responder({ ...defaultSettings, ...settings }, createCounters(), 1);
  responder.image = updateImage(emptyImage, update);
  return responder;
}

/** What a request is made of, besides its question. */
export interface RequestOptions {
  readonly id?: number;
  readonly flags?: number;
  readonly class?: number;
  /** Present: an OPT goes along. */
  readonly edns?: EdnsOptions;
  readonly peer?: string;
  readonly transport?: number;
}

export interface EdnsOptions {
  readonly payload?: number;
  readonly version?: number;
  readonly dnssecOk?: boolean;
  /** Other bits of the OPT's flags. */
  readonly flags?: number;
  /** Code and hex. */
  readonly options?: readonly [number, string][];
}

/** Encodes `name type` as a request. */
export function makeRequest(question: string, options: RequestOptions = {}): Uint8Array {
  const [owner = '', type = 'A'] = question.split(' ');
  const name = parseName(owner, '.');
  assert.ok(name instanceof Uint8Array, owner);
  const { id = 0x1234, flags = 0, edns } = options;
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(flags, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(edns === undefined ? 0 : 1, 10);
  const tail = Buffer.alloc(4);
  tail.writeUInt16BE(typeNumber(type) ?? assert.fail(type), 0);
  tail.writeUInt16BE(options.class ?? 1, 2);
  return Buffer.concat([header, name, tail, edns === undefined ? Buffer.alloc(0) : makeOpt(edns)]);
}

/** Encodes an OPT record. */
export function makeOpt(edns: EdnsOptions): Buffer {
  const values = (edns.options ?? []).map(([code, hex]) => {
    const value = Buffer.from(hex, 'hex');
    const head = Buffer.alloc(4);
    head.writeUInt16BE(code, 0);
    head.writeUInt16BE(value.length, 2);
    return Buffer.concat([head, value]);
  });
  const rdata = Buffer.concat(values);
  const head = Buffer.alloc(11);
  head.writeUInt16BE(41, 1);
  head.writeUInt16BE(edns.payload ?? 1232, 3);
  head.writeUInt8(edns.version ?? 0, 6);
  head.writeUInt16BE((edns.dnssecOk ? 0x8000 : 0) | (edns.flags ?? 0), 7);
  head.writeUInt16BE(rdata.length, 9);
  return Buffer.concat([head, rdata]);
}

export const testPeer: IpAddress = parseIp('192.0.2.200') ?? assert.fail();

/** Asks a responder; fails when there is no answer. */
export function ask(
  responder: Responder,
  question: string,
  options: RequestOptions = {},
): ReadAnswer {
  const peer = options.peer === undefined ? testPeer : (parseIp(options.peer) ?? assert.fail());
  const request = makeRequest(question, options);
  const answer = answerDatagram(responder, request, peer, options.transport);
  assert.ok(answer, `no answer to ${question}`);
  return readAnswer(answer);
}
