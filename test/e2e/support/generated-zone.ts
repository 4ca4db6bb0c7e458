import { Random } from '../../../src/base/random.ts';

/** A record as a master file has it: the owner relative to the zone, rdata in presentation form. */
export interface TextRecord {
  readonly owner: string;
  readonly ttl: number;
  readonly type: string;
  readonly rdata: string;
}

/** Labels that need care: escapes of RFC 1035 §5.1, upper case, underscores, octets over 127. */
const awkwardLabels = [
  'a\\.dot',
  'semi\\;colon',
  'sp\\032ace',
  'quo\\"te',
  'back\\\\slash',
  'par\\(en\\)',
  'nul\\000octet',
  'high\\255octet',
  'UPPER',
  'miXed',
  '_underscore',
  'xn--bcher-kva',
  '0',
  'l'.repeat(63),
];

/** Types of RRsets at plain names, each with a maker of one rdata. */
const makers: Readonly<Record<string, (zone: ZoneMaker) => string>> = {
  A: (zone) => zone.ipv4(),
  AAAA: (zone) => zone.ipv6(),
  MX: (zone) => `${zone.number(100)} ${zone.target()}`,
  TXT: (zone) => `"${zone.word(12)}" "semi;colon \\"${zone.word(4)}\\" \\000\\255"`,
  SRV: (zone) => `${zone.number(9)} ${zone.number(9)} ${zone.number(65_536)} ${zone.target()}`,
  PTR: (zone) => zone.target(),
  CAA: (zone) => `${zone.pick(['0', '128'])} issue "ca-${zone.word(5)}.example"`,
  NAPTR: (zone) =>
    `${zone.number(99)} 10 "${zone.pick(['S', 'A', 'U', ''])}" "SIP+D2U" "" ${zone.target()}`,
  SVCB: (zone) => `${1 + zone.number(9)} ${zone.target()} alpn=h2,h3 port=${zone.number(65_536)}`,
  HTTPS: (zone) => `1 ${zone.pick(['.', zone.target()])} ipv4hint=${zone.ipv4()}`,
  HINFO: (zone) => `"${zone.word(6)}" "${zone.word(6)}"`,
  RP: (zone) => `${zone.target()} ${zone.target()}`,
  URI: (zone) => `${zone.number(9)} 1 "https://${zone.word(9)}.example/"`,
  LOC: (zone) =>
    `52 ${zone.number(60)} 23.000 N 4 ${zone.number(60)} 55.000 E -2.00m 1m 10000m 10m`,
  SSHFP: (zone) => `4 2 ${zone.hex(32)}`,
  TLSA: (zone) => `3 1 1 ${zone.hex(32)}`,
  TYPE65280: (zone) => `\\# 6 ${zone.hex(6)}`,
};

/** Records of a zone with everything that the algorithm of RFC 1034 §4.3.2 tells apart. */
class ZoneMaker {
  readonly records: TextRecord[] = [];
  readonly #random: Random;
  readonly #hosts: string[] = [];
  #names = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  get names(): number {
    return new Set(this.records.map(({ owner }) => owner.toLowerCase())).size;
  }

  add(owner: string, type: string, ...rdatas: readonly string[]): void {
    const ttl = this.pick([0, 1, 60, 300, 3600, 86_400]);
    for (const rdata of new Set(rdatas)) this.records.push({ owner, ttl, type, rdata });
  }

  number(bound: number): number {
    return this.#random.below(bound);
  }

  pick<Value>(values: readonly [Value, ...Value[]]): Value {
    return values[this.number(values.length)] ?? values[0];
  }

  word(letters: number): string {
    return Array.from({ length: letters }, () => String.fromCharCode(97 + this.number(26))).join(
      '',
    );
  }

  hex(octets: number): string {
    return Array.from({ length: octets * 2 }, () => this.number(16).toString(16)).join('');
  }

  ipv4(): string {
    return `192.0.2.${this.number(256)}`;
  }

  ipv6(): string {
    return `2001:db8:${this.number(65_536).toString(16)}::${this.number(65_536).toString(16)}`;
  }

  /** A host inside or outside the zone, or one that does not exist. */
  target(): string {
    const inside = this.#hosts[this.number(this.#hosts.length)] ?? '@';
    return this.pick([inside, inside, 'gone', `${this.word(5)}.elsewhere.example.`]);
  }

  /** A new owner name: plain, awkward, or some labels deep so that empty non-terminals come about. */
  owner(): string {
    this.#names += 1;
    const label = `${this.pick(['n', 'N', 'host-', 'x_'])}${this.#names}`;
    const depth = this.pick([0, 0, 0, 1, 2, 4]);
    const above = Array.from({ length: depth }, () => `${this.word(1)}${this.number(20)}`);
    const awkward =
      this.number(12) === 0 ? [awkwardLabels[this.number(awkwardLabels.length)] ?? 'n'] : [];
    return [...awkward, label, ...above, 'p'].join('.');
  }

  plain(owner: string): void {
    const types = Object.keys(makers);
    for (let rrsets = 1 + this.number(3); rrsets > 0; rrsets -= 1) {
      const type = types[this.number(types.length)] ?? 'A';
      if (this.records.some((record) => record.owner === owner && record.type === type)) continue;
      const records = this.pick([1, 1, 2, 3]);
      this.add(owner, type, ...Array.from({ length: records }, () => makers[type]?.(this) ?? ''));
    }
    this.#hosts.push(owner);
  }
}

/** RRsets that exceed what a UDP response may carry, and some that nearly do. */
function addLongRRsets(zone: ZoneMaker): void {
  const texts = (count: number, letters: number) =>
    Array.from({ length: count }, () => `"${zone.word(letters)}"`);
  zone.add('long.big', 'TXT', ...texts(20, 200));
  zone.add('long.big', 'A', ...Array.from({ length: 100 }, (_, at) => `198.51.100.${at}`));
  zone.add('fits.big', 'TXT', ...texts(5, 180));
  zone.add('fits.big', 'A', ...Array.from({ length: 60 }, (_, at) => `198.51.100.${at}`));
  zone.add('to-long.big', 'CNAME', 'long.big');
  zone.add('*.wild.big', 'TXT', ...texts(8, 250));
  zone.add('mail.big', 'MX', ...Array.from({ length: 80 }, (_, at) => `${at} mx${at}.mail.big`));
  for (let at = 0; at < 80; at += 1) zone.add(`mx${at}.mail.big`, 'A', zone.ipv4());
}

/** Wildcards, what blocks them (RFC 4592 §2.2.2, §3.3), and wildcards below wildcards. */
function addWildcards(zone: ZoneMaker, index: number): void {
  const base = `w${index}`;
  zone.plain(`*.${base}`);
  zone.plain(`exists.${base}`);
  zone.plain(`deep.ent.${base}`);
  zone.add(`*.alias.${base}`, 'CNAME', zone.pick([`exists.${base}`, `any.${base}`, 'gone', '@']));
  if (index % 3 === 0) zone.plain(`*.ent.${base}`);
  if (index % 4 === 0) zone.plain(`*.*.${base}`);
  if (index % 5 === 0) zone.plain(`below.*.${base}`);
}

/** Chains that end in data, in nothing, outside, in a loop, under a wildcard, a cut or a DNAME. */
function addAliases(zone: ZoneMaker, index: number): void {
  const ends = [
    `exists.w${index % 9}`,
    `any.thing.w${index % 9}`,
    `ent.w${index % 9}`,
    'gone.p',
    'www.elsewhere.example.',
    `www.cut${index % 9}`,
    `cut${index % 9}`,
    `www.below.dname${index % 9}`,
    `any.alias.w${index % 9}`,
    'www.kid',
    'gone.kid',
    'sub.cut.kid',
    `loop0.c${index}`,
  ] as const;
  const length = 1 + zone.number(6);
  for (let hop = 0; hop < length; hop += 1) {
    const next =
      hop + 1 < length ? `Hop${hop + 1}.c${index}` : (ends[index % ends.length] ?? 'gone');
    zone.add(`hop${hop}.c${index}`, 'CNAME', next);
  }
  if (index % ends.length === ends.length - 1) {
    zone.add(`loop0.c${index}`, 'CNAME', `loop1.c${index}`);
    zone.add(`loop1.c${index}`, 'CNAME', `loop0.c${index}`);
  }
}

/** DNAMEs into the zone, out of it, into a wildcard, and so long that names overflow. */
function addDnames(zone: ZoneMaker, index: number): void {
  const targets = [
    `w${index % 9}`,
    'p',
    'elsewhere.example.',
    'kid',
    `cut${index % 9}`,
    `dname${(index + 1) % 40}`,
    `${'long.'.repeat(45)}p`,
    'gone',
  ];
  zone.add(`dname${index}`, 'DNAME', targets[index % targets.length] ?? 'gone');
  if (index % 2 === 0) zone.add(`dname${index}`, 'A', zone.ipv4());
}

/** Delegations with glue inside, at siblings, outside and absent, with DS, and names below them. */
function addCuts(zone: ZoneMaker, index: number): void {
  const cut = `cut${index}`;
  zone.add(
    cut,
    'NS',
    `ns1.${cut}`,
    `NS2.${cut}`,
    `ns.cut${(index + 1) % 60}`,
    'ns.elsewhere.example.',
  );
  zone.add(`ns1.${cut}`, 'A', zone.ipv4());
  zone.add(`ns1.${cut}`, 'AAAA', zone.ipv6());
  zone.add(`ns2.${cut}`, 'AAAA', zone.ipv6());
  zone.add(`ns.${cut}`, 'A', zone.ipv4(), zone.ipv4());
  if (index % 2 === 0) zone.add(cut, 'DS', `${index} 13 2 ${zone.hex(32)}`);
  if (index % 3 === 0) zone.add(`ns1.deep.${cut}`, 'A', zone.ipv4());
  if (index % 5 === 0) zone.add(`${cut}.under.ent`, 'NS', 'ns.elsewhere.example.');
}

/** A cut whose glue alone is longer than a UDP response may be (RFC 9471 §3.1). */
function addGreatCut(zone: ZoneMaker): void {
  const servers = Array.from({ length: 13 }, (_, index) => `server-${index}.great`);
  zone.add('great', 'NS', ...servers);
  for (const server of servers) {
    zone.add(server, 'A', ...Array.from({ length: 4 }, () => zone.ipv4()));
    zone.add(server, 'AAAA', ...Array.from({ length: 4 }, () => zone.ipv6()));
  }
}

/** The records of a zone of at least `names` owner names, and of a zone `kid` below it. */
export function generateZones(
  seed: number,
  names: number,
): { readonly parent: readonly TextRecord[]; readonly child: readonly TextRecord[] } {
  const zone = new ZoneMaker(seed);
  const soa = 'ns1 Host\\.Master 7 7200 900 1209600 600';
  zone.records.push({ owner: '@', ttl: 3600, type: 'SOA', rdata: soa });
  zone.add('@', 'NS', 'ns1', 'ns2', 'ns.elsewhere.example.');
  zone.add('@', 'A', zone.ipv4());
  zone.add('@', 'MX', '10 ns1', '20 ns.kid');
  zone.add('ns1', 'A', '127.0.0.1');
  zone.add('ns2', 'AAAA', '::1');
  for (const label of awkwardLabels) zone.plain(label);
  addLongRRsets(zone);
  for (let index = 0; index < 40; index += 1) addWildcards(zone, index);
  for (let index = 0; index < 60; index += 1) addCuts(zone, index);
  for (let index = 0; index < 40; index += 1) addDnames(zone, index);
  for (let index = 0; index < 91; index += 1) addAliases(zone, index);
  for (let hop = 0; hop < 14; hop += 1) zone.add(`far${hop}`, 'CNAME', `far${hop + 1}`);
  zone.add('far14', 'A', zone.ipv4());
  addGreatCut(zone);
  zone.add('kid', 'NS', 'ns.kid', 'ns1');
  zone.add('kid', 'DS', `1 13 2 ${zone.hex(32)}`);
  zone.add('ns.kid', 'A', '192.0.2.66');
  while (zone.names < names) zone.plain(zone.owner());

  const kid = new ZoneMaker(seed + 1);
  kid.records.push({
    owner: '@',
    ttl: 60,
    type: 'SOA',
    rdata: 'ns hostmaster 1 7200 900 1209600 60',
  });
  kid.add('@', 'NS', 'ns', `ns1.${parentOrigin}`);
  kid.add('ns', 'A', '192.0.2.66');
  kid.add('www', 'A', '192.0.2.67');
  kid.add('cut', 'NS', 'ns.cut');
  kid.add('ns.cut', 'A', '192.0.2.68');
  kid.add('up', 'CNAME', `exists.w1.${parentOrigin}`);
  kid.add('down', 'DNAME', `w1.${parentOrigin}`);
  for (let index = 0; index < 40; index += 1) kid.plain(kid.owner());
  return { parent: zone.records, child: kid.records };
}

/** Origins of the generated zones. */
export const parentOrigin = 'Compare.test.';
export const childOrigin = `kid.${parentOrigin}`;

/** Prints records as a master file. */
export function masterFile(origin: string, records: readonly TextRecord[]): string {
  const lines = records.map(({ owner, ttl, type, rdata }) => `${owner} ${ttl} IN ${type} ${rdata}`);
  return `$ORIGIN ${origin}\n${lines.join('\n')}\n`;
}
