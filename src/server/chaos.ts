import { rcodes, rrClasses, rrTypes } from '../wire/types.ts';
import type { Responder } from './responder.ts';
import type { ServerSettings } from './settings.ts';
import { recordHeadBytes, writeRecordHead } from './write-records.ts';

/** One name of class CH, in lower-case wire form, and the rdata of its TXT. */
export interface ChaosName {
  readonly name: Uint8Array;
  readonly rdata: Uint8Array;
}

/** The names that the settings make known (RFC 4892 §3 and the custom of BIND); none by default. */
export function chaosNames(settings: ServerSettings): readonly ChaosName[] {
  const { versionBind, serverId } = settings;
  const texts: [string, string, string | undefined][] = [
    ['version', 'bind', versionBind],
    ['version', 'server', versionBind],
    ['id', 'server', serverId],
    ['hostname', 'bind', serverId],
  ];
  const encode = (text: string) => {
    const bytes = new TextEncoder().encode(text).subarray(0, 255);
    return [bytes.length, ...bytes];
  };
  return texts.flatMap(([first, second, text]) => {
    if (text === undefined) return [];
    const name = Uint8Array.from([...encode(first), ...encode(second), 0]);
    return [{ name, rdata: Uint8Array.from(encode(text)) }];
  });
}

/** Answers a query of class CH; returns the RCODE. */
export function answerChaos(responder: Responder): number {
  const { query, chaos } = responder;
  for (let index = 0; index < chaos.length; index += 1) {
    const { name, rdata } = chaos[index]!;
    if (!isAsked(responder, name)) continue;
    responder.authoritative = true;
    if (query.type === rrTypes.TXT || query.type === rrTypes.ANY) writeText(responder, rdata);
    return rcodes.NOERROR;
  }
  return rcodes.REFUSED;
}

function isAsked(responder: Responder, name: Uint8Array): boolean {
  const asked = responder.query.name;
  if (asked.nameBytes !== name.length) return false;
  for (let offset = 0; offset < name.length; offset += 1) {
    if (asked.bytes[offset] !== name[offset]) return false;
  }
  return true;
}

function writeText(responder: Responder, rdata: Uint8Array): void {
  const { end } = responder;
  const bytes = recordHeadBytes + rdata.length;
  if (end + bytes > responder.limit) {
    responder.truncated = true;
    return;
  }
  writeRecordHead(responder, rrTypes.TXT, 0, rdata.length);
  responder.view.setUint16(end + 4, rrClasses.CH);
  responder.bytes.set(rdata, end + recordHeadBytes);
  responder.answerCount += 1;
  responder.end = end + bytes;
}
