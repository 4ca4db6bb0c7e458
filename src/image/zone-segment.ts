import { MeridianError } from '../base/errors.ts';
import { rrTypes, STEER } from '../wire/types.ts';
import type { NameKey, RRset, Zone } from '../zone/zone.ts';
import { nodeFlags, node as nodeLayout, zoneHeader, zoneMagic } from './layout.ts';
import { PlainNames } from './plain-names.ts';
import { putIntoTable, SegmentWriter, tableSize } from './segment-writer.ts';
import { answerContent, answeredTypes, negativeContent } from './zone-answers.ts';
import { hashName } from './zone-name.ts';
import { type DraftedNames, draftNames, type NameDraft } from './zone-names.ts';
import { TemplateCompiler } from './zone-template.ts';

export interface CompileZoneOptions {
  /** Slot of the service that a STEER record names; undefined when there is no such service. */
  serviceSlot(name: string): number | undefined;
}

/**
 * Compiles a zone that `checkZone` accepts into a segment (the drawing is in layout.ts).
 * Throws MeridianError when it has no SOA (E_ZONE_SOA) or a STEER names an unknown service
 * (E_SERVICE_UNKNOWN).
 */
export function compileZone(zone: Zone, options: CompileZoneOptions): SharedArrayBuffer {
  return writeZone(zone, options).finish();
}

/** As `compileZone`, not yet in memory that threads share: making that costs more than a small zone. */
export function writeZone(zone: Zone, options: CompileZoneOptions): SegmentWriter {
  const plain = PlainNames.of(zone);
  const names = draftNames(zone, plain);
  const apex = names.get(zone.origin);
  const soa = apex?.rrsets.get(rrTypes.SOA);
  if (apex === undefined || soa === undefined) {
    const message = `zone "${zone.origin}" has no SOA at its apex; add one`;
    throw new MeridianError({ code: 'E_ZONE_SOA', message });
  }
  const nameCount = names.size + (plain?.size ?? 0);
  const size = tableSize(nameCount);
  const segment = new SegmentWriter(zoneHeader.words + size * 2 + nameCount * 40);
  segment.allocate(zoneHeader.words);
  const tableStart = segment.allocate(size * 2);
  const isSigned = apex.rrsets.has(rrTypes.DNSKEY);
  allocateNodes(segment, names, isSigned);

  const templates = new TemplateCompiler(segment);
  const padded = new Uint8Array(264);
  const paddedView = new DataView(padded.buffer);
  const put = (hash: number, node: number) =>
    putIntoTable(segment.words, tableStart, size - 1, hash, node);
  let maxLabels = plain?.write(segment, put) ?? 0;
  const found = { get: (key: NameKey) => names.get(key) ?? plain?.draft(key) };
  for (const name of names.values()) {
    maxLabels = Math.max(maxLabels, name.labels);
    padded.set(name.wire);
    padded.fill(0, name.wire.length, name.wire.length + 4);
    const hash = hashName(paddedView, 0, name.wire.length);
    fillNode(segment, name, hash, steering(name.rrsets.get(STEER), options));
    fillDirectory(segment, templates, found, name, answeredTypes(name, isSigned));
    put(hash, name.node);
  }
  const negativeTemplate = templates.compile(negativeContent(apex, soa));

  const { words } = segment;
  words[zoneHeader.magic] = zoneMagic;
  words[zoneHeader.tableMask] = size - 1;
  words[zoneHeader.tableStart] = tableStart;
  words[zoneHeader.nameCount] = nameCount;
  words[zoneHeader.maxLabels] = maxLabels;
  words[zoneHeader.apexNode] = apex.node;
  words[zoneHeader.negativeTemplate] = negativeTemplate;
  words[zoneHeader.originBytes] = apex.wire.length;
  return segment;
}

/** Nodes link to each other, so that all have their place before the first is filled. */
function allocateNodes(
  segment: SegmentWriter,
  names: ReadonlyMap<NameKey, NameDraft>,
  isSigned: boolean,
): void {
  for (const name of names.values()) {
    const nameWords = (name.wire.length + 3) >> 2;
    const directoryWords = answeredTypes(name, isSigned).length * 2;
    name.node = segment.allocate(nodeLayout.words + directoryWords + nameWords);
  }
}

/** How a node is steered, as its words say it. */
export interface Steering {
  readonly service: number;
  readonly ttlSeconds: number;
}

const notSteered: Steering = { service: -1, ttlSeconds: -1 };

/** Reads a STEER record; throws E_SERVICE_UNKNOWN when its service has no slot. */
export function steering(rrset: RRset | undefined, options: CompileZoneOptions): Steering {
  const rdata = rrset?.rdatas[0];
  if (rrset === undefined || rdata === undefined) return notSteered;
  const service = new TextDecoder().decode(rdata);
  const slot = options.serviceSlot(service);
  if (slot !== undefined) return { service: slot, ttlSeconds: rrset.ttl ?? -1 };
  throw new MeridianError({
    code: 'E_SERVICE_UNKNOWN',
    message: `STEER at "${rrset.owner}" names the service "${service}", which does not exist; add it`,
    ...(rrset.where === undefined ? {} : { where: rrset.where }),
  });
}

/** Writes the words of a node but for its directory and name. */
export function fillNode(
  segment: SegmentWriter,
  name: NameDraft,
  hash: number,
  steer: Steering,
): void {
  const { words } = segment;
  const at = name.node;
  const owned = name.cover === undefined;
  words[at + nodeLayout.hash] = hash;
  words[at + nodeLayout.nameBytes] = name.wire.length;
  words[at + nodeLayout.flags] =
    (owned && name.rrsets.has(rrTypes.CNAME) ? nodeFlags.cname : 0) |
    (owned && name.rrsets.has(rrTypes.DNAME) ? nodeFlags.dname : 0) |
    (name.isCut ? nodeFlags.cut : 0);
  words[at + nodeLayout.cover] = name.cover?.node ?? 0;
  words[at + nodeLayout.wildcard] = name.wildcard?.node ?? 0;
  words[at + nodeLayout.service] = owned ? steer.service : -1;
  words[at + nodeLayout.steerTtlSeconds] = steer.ttlSeconds;
}

function fillDirectory(
  segment: SegmentWriter,
  templates: TemplateCompiler,
  names: DraftedNames,
  name: NameDraft,
  types: readonly number[],
): void {
  segment.words[name.node + nodeLayout.rrsetCount] = types.length;
  let at = name.node + nodeLayout.words;
  for (const type of types) {
    const template = templates.compile(answerContent(names, name, type));
    segment.words[at] = type;
    segment.words[at + 1] = template;
    at += 2;
  }
  segment.bytes.set(name.wire, at * 4);
}
