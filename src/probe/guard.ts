import {
  fromBytes,
  type IpAddress,
  type Prefix,
  parseIp,
  parsePrefix,
  prefixHolds,
  toBytes,
  unmapIp,
} from '../base/ip.ts';

/** Says which addresses a probe may be aimed at (invariant 13). */
export interface Guard {
  /** Why the address may not be connected to, as a sentence; undefined when it may. */
  refusal(address: string): string | undefined;
}

/** Never allowed: instance metadata and what no VIP can be. */
const never = table({
  'a cloud metadata address': [
    '169.254.169.254/32', // AWS, GCP, Azure, Oracle, DigitalOcean …
    '169.254.170.2/32', // ECS task credentials
    '169.254.170.23/32', // EKS pod identity
    '100.100.100.200/32', // Alibaba
    '192.0.0.192/32', // Oracle classic
    '168.63.129.16/32', // Azure wire server
    'fd00:ec2::254/128', // AWS
    'fd00:ec2::23/128', // EKS pod identity
    'fd20:ce::254/128', // GCP
    'fd00:42::42/128', // Scaleway
    'fd00:c1::a9fe:a9fe/128', // Oracle
  ],
  'a link-local address': ['169.254.0.0/16', 'fe80::/10'],
  'a multicast address': ['224.0.0.0/4', 'ff00::/8'],
  'an unspecified address': ['0.0.0.0/8', '::/128'],
  'a reserved address': ['240.0.0.0/4', '100::/64'],
});

/** Allowed only with `--allow-private-targets` (RFC 6890 and its registries). */
const unlessAllowed = table({
  'a loopback address': ['127.0.0.0/8', '::1/128'],
  'a private address': [
    '10.0.0.0/8',
    '172.16.0.0/12',
    '192.168.0.0/16',
    '100.64.0.0/10', // carrier-grade NAT, RFC 6598
    '192.0.0.0/24', // RFC 6890 §2.2.2
    '198.18.0.0/15', // benchmarks, RFC 2544
    'fc00::/7', // unique local, RFC 4193
    'fec0::/10', // site-local, RFC 3879
  ],
  'a local NAT64 address': ['64:ff9b:1::/48'], // RFC 8215: what it leads to cannot be told
});

/** IPv6 prefixes that carry an IPv4 address from this byte on: packets end up there. */
const carriers: readonly { readonly prefix: Prefix; readonly at: number; readonly flip?: true }[] =
  [
    { prefix: prefixOf('::/96'), at: 12 }, // IPv4-compatible, RFC 4291 §2.5.5.1
    { prefix: prefixOf('::ffff:0:0:0/96'), at: 12 }, // IPv4-translated, RFC 2765
    { prefix: prefixOf('64:ff9b::/96'), at: 12 }, // NAT64, RFC 6052
    { prefix: prefixOf('64:ff9b:1::/48'), at: 12 }, // local NAT64, RFC 8215
    { prefix: prefixOf('2002::/16'), at: 2 }, // 6to4, RFC 3056
    { prefix: prefixOf('2001::/32'), at: 4 }, // Teredo server, RFC 4380
    { prefix: prefixOf('2001::/32'), at: 12, flip: true }, // Teredo client, its bits inverted
  ];

/** Makes a guard; with `allowPrivate` loopback and private addresses pass, metadata never does. */
export function createGuard(allowPrivate: boolean): Guard {
  return {
    refusal(text) {
      const address = parseIp(text);
      if (address === undefined) return `"${text}" is not an address`;
      const forms = formsOf(address);
      const kind = forms.map((form) => kindOf(never, form)).find(Boolean);
      if (kind !== undefined) return `${text} is ${kind}, which probes do not connect to`;
      if (allowPrivate) return undefined;
      const privateKind = forms.map((form) => kindOf(unlessAllowed, form)).find(Boolean);
      if (privateKind !== undefined) {
        const remedy = 'see --allow-private-targets';
        return `${text} is ${privateKind}, which probes do not connect to; ${remedy}`;
      }
      return undefined;
    },
  };
}

/** The address itself and every IPv4 address that is hidden in it. */
function formsOf(address: IpAddress): IpAddress[] {
  const plain = unmapIp(address);
  const forms = [plain];
  if (plain.family === 4) return forms;
  const bytes = toBytes(plain);
  for (const { prefix, at, flip } of carriers) {
    if (!prefixHolds(prefix, plain)) continue;
    const inner = bytes.slice(at, at + 4).map((byte) => (flip ? ~byte : byte));
    const isPlainV6 = prefix.length === 96 && inner[0] === 0; // :: and ::1 are no IPv4 addresses
    if (!isPlainV6) forms.push(fromBytes(inner));
  }
  // ISATAP: an interface identifier of [02]00:5efe and an IPv4 address (RFC 5214 §6.1).
  const [, , third, fourth] = plain.words;
  if ((third & 0xfdff_ffff) >>> 0 === 0x5efe) {
    forms.push({ family: 4, words: [fourth, 0, 0, 0] });
  }
  return forms;
}

type Table = readonly { readonly kind: string; readonly prefix: Prefix }[];

function table(kinds: Readonly<Record<string, readonly string[]>>): Table {
  return Object.entries(kinds).flatMap(([kind, prefixes]) =>
    prefixes.map((text) => ({ kind, prefix: prefixOf(text) })),
  );
}

function prefixOf(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new TypeError(`bad prefix ${text}`);
  return prefix;
}

function kindOf(kinds: Table, address: IpAddress): string | undefined {
  return kinds.find(({ prefix }) => prefixHolds(prefix, address))?.kind;
}
