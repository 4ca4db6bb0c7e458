import { MeridianError } from '../base/errors.ts';
import { finishSteps, type Steps } from '../base/steps.ts';
import { rrTypes, STEER } from '../wire/types.ts';
import type { NameKey, RRset, Zone } from '../zone/zone.ts';
import { nodeFlags, node as nodeLayout, zoneHeader } from './layout.ts';
import { allocateTable, putName } from './name-table.ts';
import { PlainNames } from './plain-names.ts';
import { SegmentWriter } from './segment-writer.ts';
import { answerContent, answeredTypes, negativeContent } from './zone-answers.ts';
import { hashWire } from './zone-name.ts';
import { draftNames, type NameDraft } from './zone-names.ts';
import { TemplateCompiler } from './zone-template.ts';

export interface CompileZoneOptions {
  /** Slot of the service that a STEER record names; undefined when there is no such service. */
  serviceSlot(name: string): number | undefined;
}

/** Names from which on a zone's versions share memory (patch-zone.ts). */
export const largeZoneNames = 2000;

/** Words that are set aside per name, twice what most need: what is never written takes no memory. */
const largeNameWords = 64;

/**
 * Compiles a zone that `checkZone` accepts into a segment (the drawing is in layout.ts).
 * Throws MeridianError when it has no SOA (E_ZONE_SOA) or a STEER names an unknown service
 * (E_SERVICE_UNKNOWN).
 */
export function compileZone(zone: Zone, options: CompileZoneOptions): SharedArrayBuffer {
  return finishSteps(writeZone(zone, options)).finish();
}

/**
 * As `compileZone`, in steps, into a segment that goes on being written: that of a large zone is in
 * shared memory already, with room for its next versions.
 */
export function* writeZone(zone: Zone, options: CompileZoneOptions): Steps<SegmentWriter> {
  const plain = PlainNames.of(zone);
  const names = yield* draftNames(zone, plain);
  const apex = names.get(zone.origin);
  const soa = apex?.rrsets.get(rrTypes.SOA);
  if (apex === undefined || soa === undefined) {
    const message = `zone "${zone.origin}" has no SOA at its apex; add one`;
    throw new MeridianError({ code: 'E_ZONE_SOA', message });
  }
  const nameCount = names.size + (plain?.size ?? 0);
  const segment = segmentFor(nameCount);
  const root = allocateTable(segment, nameCount);
  const isSigned = apex.rrsets.has(rrTypes.DNSKEY);
  yield* allocateNodes(segment, names.values(), isSigned);

  const templates = new TemplateCompiler(segment);
  const put = (hash: number, node: number) => putName(segment.words, root, hash, node);
  let maxLabels = plain === undefined ? 0 : yield* plain.write(segment, put);
  const found = { get: (key: NameKey) => names.get(key) ?? plain?.draft(key) };
  let filled = 0;
  for (const name of names.values()) {
    maxLabels = Math.max(maxLabels, name.labels);
    const hash = hashWire(name.wire);
    fillNode(segment, name, hash, steering(name.rrsets.get(STEER), options));
    const types = answeredTypes(name, isSigned);
    const compileType = (type: number) => templates.compile(answerContent(found, name, type));
    fillDirectory(segment, name, types, compileType);
    put(hash, name.node);
    filled += 1;
    if (filled % stepNames === 0) yield;
  }
  const negativeTemplate = templates.compile(negativeContent(apex, soa));

  const { words } = segment;
  words[root + zoneHeader.maxLabels] = maxLabels;
  words[root + zoneHeader.apexNode] = apex.node;
  words[root + zoneHeader.negativeTemplate] = negativeTemplate;
  words[root + zoneHeader.originBytes] = apex.wire.length;
  if (segment.shared !== undefined) segment.reserve(segment.length >> 1);
  return segment;
}

/** Memory to write a zone of so many names into. */
export function segmentFor(names: number): SegmentWriter {
  return names < largeZoneNames
    ? new SegmentWriter(zoneHeader.words + names * 44)
    : new SegmentWriter(names * largeNameWords, SharedArrayBuffer);
}

/** Names that are compiled in one step. */
const stepNames = 100;

/** Nodes link to each other, so that all have their place before the first is filled. */
export function* allocateNodes(
  segment: SegmentWriter,
  names: Iterable<NameDraft>,
  isSigned: boolean,
): Steps<void> {
  let allocated = 0;
  for (const name of names) {
    const nameWords = (name.wire.length + 3) >> 2;
    const directoryWords = answeredTypes(name, isSigned).length * 2;
    name.node = segment.allocate(nodeLayout.words + directoryWords + nameWords);
    allocated += 1;
    if (allocated % stepNames === 0) yield;
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

/** Writes the directory of a node, each type with the template that `templateOf` gives, and its name. */
export function fillDirectory(
  segment: SegmentWriter,
  name: NameDraft,
  types: readonly number[],
  templateOf: (type: number) => number,
): void {
  segment.words[name.node + nodeLayout.rrsetCount] = types.length;
  let at = name.node + nodeLayout.words;
  for (const type of types) {
    const template = templateOf(type);
    segment.words[at] = type;
    segment.words[at + 1] = template;
    at += 2;
  }
  segment.bytes.set(name.wire, at * 4);
}
