import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { decodeMessage, encodeMessage, type Message } from '../../src/wire/message.ts';
import { formatName, labelsOf, nameKey, parseName } from '../../src/wire/names.ts';
import { rdataCodec } from '../../src/wire/rdata/registry.ts';
import { typeName } from '../../src/wire/type-names.ts';
import { isRdataError, rrClasses, rrTypes } from '../../src/wire/types.ts';
import { readZoneText } from '../../src/zone/read-zone.ts';
import type { Zone } from '../../src/zone/zone.ts';
import { askTcp, queryOf } from './support/ask.ts';
import {
  differences,
  type Habits,
  kindOf,
  recordKey,
  type Truth,
} from './support/compare-answers.ts';
import { childOrigin, generateZones, masterFile, parentOrigin } from './support/generated-zone.ts';
import {
  freePort,
  missing,
  startMeridian,
  temporaryFolder,
  writeFiles,
} from './support/processes.ts';
import { startKnot, startNsd } from './support/real-servers.ts';
import { inParallel, UdpChannel } from './support/udp-channel.ts';

const seed = Number(process.env['TEST_SEED'] ?? 1);
const random = new Random(seed);
const udpPayloadBytes = 1232;
/** Questions under way at once: half of the connections that the server allows one address. */
const width = 16;

/** Asked of every owner name. */
const ownTypes =
  'A AAAA NS SOA CNAME DNAME MX TXT SRV DS PTR CAA NAPTR HTTPS SVCB TYPE65280 ANY'.split(' ');
/** REFUSED for names above the zones, YXDOMAIN for those that a DNAME makes too long. */
const refusals = ['rcode 5', 'rcode 6'];
/** Asked of names beside, below and above them. */
const neighbourTypes = 'A NS SOA DS ANY'.split(' ');

interface Question {
  readonly name: string;
  readonly type: string;
}

/** Names around an owner name: beside it, one and two labels below, in another case, all above. */
function neighbours(owner: string): string[] {
  const labels = labelsOf(owner);
  const below = [`below.${owner}`, `*.${owner}`, `two.below.${owner}`];
  const [first = ''] = labels;
  const beside = first.length < 60 ? [`x${owner}`] : [];
  const above = labels.map((_, from) =>
    `${labels.slice(from + 1).join('.')}.`.replace(/^\.+$/, '.'),
  );
  return [...below, ...beside, ...above].filter((name) => !isRdataError(parseName(name)));
}

/** Names below DNAMEs that get longer than a name may be when their tail is replaced. */
function overlongNames(): string[] {
  return Array.from(
    { length: 12 },
    (_, index) => `${'abcdefghi.'.repeat(index)}dname6.${parentOrigin}`,
  );
}

function* questionsOf(zones: readonly Zone[], every: number): Generator<Question> {
  const owners = new Set(zones.flatMap((zone) => [...zone.nodes.keys()]));
  for (const name of owners) for (const type of ownTypes) yield { name: mixCase(name), type };
  const around = new Set([...owners].flatMap(neighbours).map((name) => nameKey(name)));
  const chosen = [...around].filter((name) => !owners.has(name) && random.below(every) === 0);
  for (const name of [...chosen, ...overlongNames(), '.', 'test.']) {
    for (const type of neighbourTypes) yield { name: mixCase(name), type };
  }
}

/** Turns letters about; escapes have none. */
function mixCase(name: string): string {
  if (random.below(4) !== 0) return name;
  return name.replace(/[a-z]/g, (letter) =>
    random.below(2) === 0 ? letter : letter.toUpperCase(),
  );
}

/** What stands in the zones, in the terms of the comparison. */
function truthOf(zones: readonly Zone[], habits: Habits): Truth {
  const records = new Set<string>();
  const addresses = new Map<string, string[]>();
  for (const zone of zones) {
    for (const [owner, node] of zone.nodes) {
      const name = parseName(owner);
      assert.ok(!isRdataError(name));
      for (const { type, ttl = 0, rdatas } of node.values()) {
        const keys = rdatas.map((rdata) =>
          recordKey({ name, type, class: rrClasses.IN, ttl, rdata }),
        );
        for (const key of keys) records.add(key);
        if (type !== rrTypes.A && type !== rrTypes.AAAA) continue;
        addresses.set(owner, [...(addresses.get(owner) ?? []), ...keys]);
      }
    }
  }
  return { records, addresses, habits };
}

function readZone(text: string, origin: string): Zone {
  const { zone, problems } = readZoneText(text, { origin, file: origin });
  assert.ok(zone, JSON.stringify(problems.filter(({ severity }) => severity !== 'warning')));
  return zone;
}

/** A message as lines, for reports. */
function show(message: Message | undefined): string {
  if (message === undefined) return '  no answer\n';
  const sections = { AN: message.answers, AU: message.authorities, AD: message.additionals };
  const lines = Object.entries(sections).flatMap(([section, records]) =>
    records.slice(0, 8).map(({ name, ttl, type, rdata }) => {
      const text = rdataCodec(type).format(rdata).slice(0, 80);
      return `  ${section} ${formatName(name)} ${ttl} ${typeName(type)} ${text}\n`;
    }),
  );
  return `  rcode ${message.rcode} ${Object.keys(message.flags)}\n${lines.join('')}`;
}

/** Asks both servers the same, and collects what differs. */
class Comparison {
  readonly reports: string[] = [];
  readonly kinds = new Map<string, number>();
  readonly #truth: Truth;
  readonly #ours: UdpChannel;
  readonly #theirs: UdpChannel;
  readonly #ports: readonly [number, number];
  asked = 0;

  constructor(
    truth: Truth,
    [ours, theirs]: readonly [UdpChannel, UdpChannel],
    ports: readonly [number, number],
  ) {
    this.#truth = truth;
    this.#ours = ours;
    this.#theirs = theirs;
    this.#ports = ports;
  }

  async ask(question: Question): Promise<void> {
    this.asked += 1;
    const query = encodeMessage(queryOf({ port: 0, ...question, udpPayloadBytes }));
    const mineBytes = await this.#ours.ask(query);
    const mine = mineBytes && decodeMessage(mineBytes);
    const otherQuestion = { ...question, type: typeOfTheirs(question, mine) };
    const other = await askChannel(this.#theirs, otherQuestion);
    if (mine === undefined || other === undefined) {
      this.#report(question, ['no readable answer'], mine, other);
      return;
    }
    const kind = kindOf(mine);
    this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + 1);
    const questionEnd = query.length - 11;
    if (mineBytes?.subarray(12, questionEnd).equals(query.subarray(12, questionEnd)) !== true) {
      this.#report(question, ['the question came back changed'], mine, other);
    }
    if (kind === 'truncated') {
      const { referralTooLong } = await this.#askTcp(question);
      // All in-domain glue or TC (RFC 9471 §3.1, of 2023); others leave out what does not fit.
      if (referralTooLong && other.flags.tc !== true) return;
    }
    this.#report(question, differences(mine, other, this.#truth), mine, other);
  }

  async #askTcp(question: Question): Promise<{ referralTooLong: boolean }> {
    const [mine, other] = await Promise.all(
      this.#ports.map((port) => askTcp({ port, ...question, udpPayloadBytes })),
    );
    if (mine === undefined || other === undefined) {
      this.#report(question, ['no readable answer over TCP'], mine, other);
      return { referralTooLong: false };
    }
    this.#report(question, differences(mine, other, this.#truth), mine, other);
    const isLong = encodeMessage(mine).length > udpPayloadBytes;
    if (!isLong) this.#report(question, ['TC though all would have fitted'], mine, other);
    return { referralTooLong: isLong && kindOf(mine) === 'referral' };
  }

  #report(question: Question, found: readonly string[], ...both: (Message | undefined)[]): void {
    if (found.length === 0) return;
    const what = found.map((line) => `  ${line}\n`).join('');
    const [mine, other] = both.map(show);
    this.reports.push(`${question.name} ${question.type}\n${what} ours\n${mine} theirs\n${other}`);
  }
}

/**
 * ANY is answered with one RRset of the name, of whichever type (RFC 8482 §4.1): the other server is
 * asked for the type that ours has chosen.
 */
function typeOfTheirs(question: Question, mine: Message | undefined): string {
  const last = mine?.answers.at(-1);
  if (question.type !== 'ANY' || last === undefined) return question.type;
  return typeName(last.type);
}

async function askChannel(channel: UdpChannel, question: Question): Promise<Message | undefined> {
  const query = encodeMessage(queryOf({ port: 0, ...question, udpPayloadBytes }));
  const answer = await channel.ask(query);
  return answer && decodeMessage(answer);
}

/** What the answers are held against. */
interface Server {
  readonly name: string;
  readonly program: string;
  readonly start: typeof startNsd;
  /** Of the names around owner names, one in so many is asked. */
  readonly every: number;
  /** The child zone is served as well; not by Knot, which follows aliases inside one zone only. */
  readonly child: boolean;
  readonly habits: Habits;
}

const servers: readonly Server[] = [
  { name: 'NSD', program: 'nsd', start: startNsd, every: 1, child: true, habits: {} },
  {
    name: 'Knot DNS',
    program: 'knotd',
    start: startKnot,
    every: 10,
    child: false,
    habits: { aliases: 5, noYxdomain: true },
  },
];

for (const { name, program, start, every, child, habits } of servers) {
  const title = `a zone of 2,000 names answers as under ${name} (seed ${seed})`;
  test(title, { skip: missing(program) }, async (t) => {
    const generated = generateZones(seed, 2000);
    const texts = {
      'compare.test': masterFile(parentOrigin, generated.parent),
      ...(child && { 'kid.compare.test': masterFile(childOrigin, generated.child) }),
    };
    const zones = Object.entries(texts).map(([origin, text]) => readZone(text, `${origin}.`));
    assert.ok((zones[0]?.nodes.size ?? 0) >= 2000);

    const folder = temporaryFolder(t);
    const files = Object.entries(texts).map(([origin, text]) => [`zones/${origin}.zone`, text]);
    writeFiles(folder, Object.fromEntries(files));
    const meridian = await startMeridian(t, { zones: `${folder}/zones`, data: `${folder}/data` });
    const port = await freePort();
    await start(t, temporaryFolder(t), '127.0.0.1', port, texts);
    const channels = [
      await UdpChannel.open(t, meridian.port),
      await UdpChannel.open(t, port),
    ] as const;
    const truth = truthOf(zones, habits);
    const comparison = new Comparison(truth, channels, [meridian.port, port]);
    await inParallel(questionsOf(zones, every), width, (question) => comparison.ask(question));

    const { asked, kinds, reports } = comparison;
    const counts = [...kinds].map(([kind, count]) => `${count} ${kind}`).join(', ');
    t.diagnostic(`${asked} questions: ${counts}`);
    const shown = reports.slice(0, 10).join('\n');
    assert.equal(
      reports.length,
      0,
      `${reports.length} of ${asked} differ, seed ${seed}:\n${shown}`,
    );
    for (const kind of ['positive', 'nodata', 'nxdomain', 'referral', 'truncated', ...refusals]) {
      assert.ok((kinds.get(kind) ?? 0) > 0, `nothing was ${kind}`);
    }
  });
}
