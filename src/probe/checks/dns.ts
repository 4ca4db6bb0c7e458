import { createSocket } from 'node:dgram';
import { Packet } from 'dns2';
import { formatIp, parseIp } from '../../base/ip.ts';
import type { DnsCheck } from '../../health/monitor.ts';
import {
  type Check,
  type CheckContext,
  CheckFailure,
  portOf,
  settleCheck,
  type Timings,
} from '../check-result.ts';
import { at, connectFailure, connectTcp } from '../connect.ts';

/**
 * Asks the VIP one question: up when it answers without error and, where the monitor says so, with
 * the wanted record. Over UDP a truncated answer is asked again over TCP (RFC 7766 §5).
 *
 * Messages are dns2's; the sockets are our own, because dns2's clients can neither be aborted nor
 * reach an IPv6 address over TCP, and a connected UDP socket hears a refusal at once and nothing
 * from any other address.
 */
export const checkDns: Check = (target, context) =>
  settleCheck(async (timings) => {
    const check = target.monitor.dns;
    if (check === undefined) {
      throw new CheckFailure('check-invalid', 'dns needs a question', 'unknown');
    }
    const port = portOf(target);
    const question = makeQuestion(check);
    let answer: Packet | undefined;
    if (check.transport === 'udp') {
      answer = await askOverUdp(question, target.address, port, context, timings);
    }
    if (answer === undefined || answer.header.tc === 1) {
      answer = await askOverTcp(question, target.address, port, context, timings);
    }
    judge(check, question, answer, at(target.address, port));
    return { outcome: 'up' };
  });

interface Question {
  readonly id: number;
  readonly name: string;
  readonly type: number;
  readonly bytes: Buffer;
}

function makeQuestion({ name, type }: DnsCheck): Question {
  const number = typeNumber(type);
  if (number === undefined) {
    throw new CheckFailure('check-invalid', `"${type}" is no record type`, 'unknown');
  }
  const packet = new Packet();
  const id = Packet.uuid();
  // Recursion is asked for: an authoritative server ignores it, a resolver needs it.
  packet.header = new Packet.Header({ id, rd: 1 });
  const plain = name.replace(/\.$/, '');
  packet.questions.push(new Packet.Question(plain, number, Packet.CLASS.IN));
  return { id, name: plain, type: number, bytes: packet.toBuffer() };
}

/** Types that dns2 has no name for but that zones hold. */
const moreTypes: ReadonlyMap<string, number> = new Map([
  ['NAPTR', 35],
  ['DNAME', 39],
  ['DS', 43],
  ['SSHFP', 44],
  ['TLSA', 52],
  ['SVCB', 64],
  ['HTTPS', 65],
  ['URI', 256],
]);

function typeNumber(type: string): number | undefined {
  const generic = /^TYPE(\d{1,5})$/.exec(type)?.[1]; // RFC 3597 §5
  if (generic !== undefined) return Number(generic) <= 0xffff ? Number(generic) : undefined;
  const named: Readonly<Record<string, number>> = Packet.TYPE;
  return Object.hasOwn(named, type) ? named[type] : moreTypes.get(type);
}

function askOverUdp(
  question: Question,
  address: string,
  port: number,
  { signal, guard, clock }: CheckContext,
  timings: Timings,
): Promise<Packet> {
  const refusal = guard.refusal(address);
  if (refusal !== undefined) throw new CheckFailure('guard-refused', refusal, 'unknown');
  const where = at(address, port);
  return new Promise((resolve, reject) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    let startMs = clock.monotonicMs();
    let isOpen = true;
    const end = () => {
      signal.removeEventListener('abort', onAbort);
      if (isOpen) socket.close();
      isOpen = false;
    };
    const fail = (failure: Error) => {
      end();
      reject(failure);
    };
    const onAbort = () => fail(new CheckFailure('dns-timeout', `${where} did not answer in time`));
    socket.on('error', (error) => fail(connectFailure(error, address, port)));
    socket.on('message', (bytes) => {
      const answer = parseAnswer(bytes, question);
      if (answer === undefined) return; // a stray or forged datagram does not end the wait
      timings.firstByteMs = clock.monotonicMs() - startMs;
      end();
      resolve(answer);
    });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) return onAbort();
    socket.connect(port, address, () => {
      if (!isOpen) return;
      const late = guard.refusal(socket.remoteAddress().address);
      if (late !== undefined) return fail(new CheckFailure('guard-refused', late, 'unknown'));
      startMs = clock.monotonicMs();
      socket.send(question.bytes);
    });
  });
}

async function askOverTcp(
  question: Question,
  address: string,
  port: number,
  context: CheckContext,
  timings: Timings,
): Promise<Packet> {
  const { signal, clock } = context;
  const where = at(address, port);
  const socket = await connectTcp(address, port, context, timings);
  const onAbort = () => {
    socket.destroy(new CheckFailure('dns-timeout', `${where} did not answer in time`));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    const startMs = clock.monotonicMs();
    const prefix = Buffer.alloc(2);
    prefix.writeUInt16BE(question.bytes.length);
    socket.write(Buffer.concat([prefix, question.bytes]));
    const answer = parseAnswer(await Packet.readStream(socket), question);
    timings.firstByteMs = clock.monotonicMs() - startMs;
    if (answer === undefined) {
      throw new CheckFailure('dns-malformed', `${where} answered with something else`);
    }
    return answer;
  } catch (thrown) {
    if (thrown instanceof CheckFailure) throw thrown;
    throw new CheckFailure('dns-closed', `${where} closed before it had answered`);
  } finally {
    signal.removeEventListener('abort', onAbort);
    socket.destroy();
  }
}

/** The answer to our question, or undefined for anything else. */
function parseAnswer(bytes: Buffer, question: Question): Packet | undefined {
  let answer: Packet;
  try {
    answer = Packet.parse(bytes);
  } catch {
    return undefined;
  }
  const { header, questions } = answer;
  if (header.id !== question.id || header.qr !== 1 || header.opcode !== 0) return undefined;
  const [asked] = questions;
  // Some servers leave the question out of an error.
  if (asked === undefined) return header.rcode === 0 ? undefined : answer;
  const isOurs =
    asked.type === question.type && asked.name.toLowerCase() === question.name.toLowerCase();
  return isOurs ? answer : undefined;
}

function judge(check: DnsCheck, { type }: Question, answer: Packet, where: string): void {
  const { rcode } = answer.header;
  if (rcode !== 0) {
    const name = Object.entries(Packet.RCODE).find(([, code]) => code === rcode)?.[0] ?? rcode;
    throw new CheckFailure('dns-rcode', `${where} answered ${name}`);
  }
  if (answer.errors.length > 0) {
    const [error] = answer.errors;
    throw new CheckFailure('dns-malformed', `${where}: ${error?.message}`);
  }
  const values = answer.answers.filter((record) => record.type === type).map(recordText);
  if (values.length === 0) {
    throw new CheckFailure('dns-answer', `${where} has no ${check.type} record of ${check.name}`);
  }
  if (check.answer === undefined || values.includes(canonical(check.answer, type))) return;
  const got = values.join(', ');
  throw new CheckFailure('dns-answer', `${where} answered ${got}, not "${check.answer}"`);
}

/**
 * A record's value as `DnsCheck.answer` writes it: fields with single spaces, names without final
 * dot.
 */
function recordText(record: Packet['answers'][number]): string {
  return canonical(recordFields(record).join(' '), record.type);
}

function recordFields(record: Packet['answers'][number]): unknown[] {
  const { TYPE } = Packet;
  const { data } = record;
  switch (record.type) {
    case TYPE.A:
    case TYPE.AAAA:
      return [record.address];
    case TYPE.NS:
      return [record.ns];
    case TYPE.CNAME:
    case TYPE.PTR:
      return [record.domain];
    case TYPE.MX:
      return [record.priority, record.exchange];
    case TYPE.SRV:
      return [record.priority, record.weight, record.port, record.target];
    case TYPE.SOA:
      return [record.primary, record.admin, record.serial];
    case TYPE.CAA:
      return [record.flags, record.tag, record.value];
    case TYPE.TXT:
    case TYPE.SPF:
      return [Array.isArray(data) ? data.join('') : data];
    default:
      return [Buffer.isBuffer(data) ? data.toString('hex') : data];
  }
}

/** One form for values that mean the same: addresses as RFC 5952, names in lower case. */
function canonical(text: string, type: number): string {
  const { TYPE } = Packet;
  if (type === TYPE.TXT || type === TYPE.SPF) return text;
  const address = parseIp(text.trim());
  if (address !== undefined) return formatIp(address);
  const fields = text.trim().split(/\s+/);
  return fields.map((field) => field.replace(/\.$/, '').toLowerCase()).join(' ');
}
