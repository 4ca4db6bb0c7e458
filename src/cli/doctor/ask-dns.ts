import { connect } from 'node:net';
import DNS, { Packet } from 'dns2';
import { formatIp, parseIp } from '../../base/ip.ts';
import type { Endpoint } from '../flags.ts';

/** The types that doctor asks for. */
export type AskedType = 'A' | 'AAAA' | 'NS' | 'SOA';

/** One question to one server. */
export interface DnsQuestion {
  readonly server: Endpoint;
  /** Absolute, with its final dot. */
  readonly name: string;
  readonly type: AskedType;
  readonly transport: 'udp' | 'tcp';
  /** Sets RD. */
  readonly recurse: boolean;
}

export interface DnsRecord {
  /** Lower case, with its final dot. */
  readonly name: string;
  /** `OTHER` for what doctor does not ask for. */
  readonly type: AskedType | 'OTHER';
  /** An address, a name as above, or the serial of an SOA; empty for OTHER. */
  readonly data: string;
}

export interface DnsAnswer {
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
}

/** Asks; rejects when no answer comes. */
export type AskDns = (question: DnsQuestion) => Promise<DnsAnswer>;

const timeoutMs = 3000;

/** Asks over the network, once, by dns2. A truncated answer is asked for again over TCP (RFC 7766 §5). */
export const askDns: AskDns = async (question) => {
  const packet = question.transport === 'tcp' ? await askTcp(question) : await askUdp(question);
  if (packet.header.tc === 1 && question.transport === 'udp') {
    return askDns({ ...question, transport: 'tcp' });
  }
  return {
    rcode: packet.header.rcode,
    authoritative: packet.header.aa === 1,
    answers: packet.answers.map(toRecord),
    authorities: packet.authorities.map(toRecord),
    additionals: packet.additionals.map(toRecord),
  };
};

function askUdp({ server, name, type, recurse }: DnsQuestion): Promise<Packet> {
  const client = DNS.UDPClient({
    dns: server.host,
    port: server.port,
    socketType: server.host.includes(':') ? 'udp6' : 'udp4',
    timeout: timeoutMs,
    retryOverTCP: false,
  });
  return client(name.slice(0, -1), type, Packet.CLASS.IN, { recursive: recurse });
}

/** dns2's TCP client knows neither IPv6 nor a timeout, so the socket is our own. */
async function askTcp({ server, name, type, recurse }: DnsQuestion): Promise<Packet> {
  const packet = new Packet();
  packet.header = new Packet.Header({ id: Packet.uuid(), rd: recurse ? 1 : 0 });
  packet.questions.push(new Packet.Question(name.slice(0, -1), Packet.TYPE[type], Packet.CLASS.IN));
  const query = packet.toBuffer();
  const prefix = Buffer.alloc(2);
  prefix.writeUInt16BE(query.length);
  const socket = connect({ host: server.host, port: server.port });
  const signal = AbortSignal.timeout(timeoutMs);
  const onAbort = () => socket.destroy(new Error(`no answer over TCP within ${timeoutMs} ms`));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    socket.write(Buffer.concat([prefix, query]));
    const answer = Packet.parse(await Packet.readStream(socket));
    if (answer.header.id !== packet.header.id) throw new Error('the answer is to another question');
    return answer;
  } finally {
    signal.removeEventListener('abort', onAbort);
    socket.on('error', () => {});
    socket.destroy();
  }
}

function toRecord(record: Packet['answers'][number]): DnsRecord {
  const name = absolute(record.name);
  switch (record.type) {
    case Packet.TYPE.A:
    case Packet.TYPE.AAAA: {
      const address = parseIp(String(record.address));
      const type = record.type === Packet.TYPE.A ? 'A' : 'AAAA';
      return { name, type, data: address === undefined ? '' : formatIp(address) };
    }
    case Packet.TYPE.NS:
      return { name, type: 'NS', data: absolute(String(record.ns)) };
    case Packet.TYPE.SOA:
      return { name, type: 'SOA', data: String(record.serial) };
    default:
      return { name, type: 'OTHER', data: '' };
  }
}

function absolute(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith('.') ? lower : `${lower}.`;
}
