import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { EdnsOption } from '../../../src/wire/edns.ts';
import {
  decodeMessage,
  encodeMessage,
  type Message,
  makeQuery,
} from '../../../src/wire/message.ts';
import { parseName } from '../../../src/wire/names.ts';
import { rdataCodec } from '../../../src/wire/rdata/registry.ts';
import { typeNumber } from '../../../src/wire/type-names.ts';
import { isRdataError } from '../../../src/wire/types.ts';

/** A query to a real server. */
export interface Ask {
  readonly address?: string;
  readonly port: number;
  readonly name: string;
  readonly type: string;
  readonly recurse?: boolean;
  /** EDNS with this payload size; absent: no EDNS. */
  readonly udpPayloadBytes?: number;
  readonly options?: readonly EdnsOption[];
  readonly timeoutMs?: number;
}

let nextId = 1;

/** Makes the query message of a question. */
export function queryOf(ask: Ask): Message {
  const name = parseName(ask.name, '.');
  const type = typeNumber(ask.type);
  if (isRdataError(name) || type === undefined)
    throw new Error(`bad question ${ask.name} ${ask.type}`);
  nextId = (nextId + 1) & 0xffff;
  return makeQuery(name, type, {
    id: nextId,
    flags: { rd: ask.recurse === true },
    ...(ask.udpPayloadBytes === undefined
      ? {}
      : {
          edns: {
            udpPayloadBytes: ask.udpPayloadBytes,
            version: 0,
            dnssecOk: false,
            options: ask.options ?? [],
          },
        }),
  });
}

/** Asks once over UDP; undefined when nothing readable came in time. */
export function askUdp(ask: Ask): Promise<Message | undefined> {
  const query = queryOf(ask);
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const done = (message: Message | undefined) => {
      clearTimeout(timer);
      socket.close(() => resolve(message));
    };
    const timer = setTimeout(() => done(undefined), ask.timeoutMs ?? 1000);
    socket.on('error', () => done(undefined));
    socket.on('message', (bytes) => {
      const message = decodeMessage(bytes);
      if (message?.id === query.id) done(message);
    });
    socket.send(encodeMessage(query), ask.port, ask.address ?? '127.0.0.1');
  });
}

/** Asks once over TCP; undefined when nothing readable came in time. */
export function askTcp(ask: Ask): Promise<Message | undefined> {
  const query = encodeMessage(queryOf(ask));
  return new Promise((resolve) => {
    const socket = connect(ask.port, ask.address ?? '127.0.0.1');
    let received = Buffer.alloc(0);
    const done = (message: Message | undefined) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(message);
    };
    const timer = setTimeout(() => done(undefined), ask.timeoutMs ?? 2000);
    socket.on('error', () => done(undefined));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      done(decodeMessage(received.subarray(2, 2 + received.readUInt16BE(0))));
    });
    const framed = Buffer.alloc(2 + query.length);
    framed.writeUInt16BE(query.length);
    framed.set(query, 2);
    socket.write(framed);
  });
}

/** The rdata of a response's last answer RRset in presentation form, sorted; the RCODE where there is none. */
export function answerTexts(message: Message | undefined): string[] {
  if (message === undefined) return ['no answer'];
  const type = message.answers.at(-1)?.type;
  if (type === undefined) return [`rcode ${message.rcode}`];
  return message.answers
    .filter((record) => record.type === type)
    .map(({ rdata }) => rdataCodec(type).format(rdata))
    .sort();
}

/** Asks over UDP for `answerTexts`. */
export async function textsOf(port: number, name: string, type: string): Promise<string[]> {
  return answerTexts(await askUdp({ port, name, type }));
}
