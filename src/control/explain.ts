import { MeridianError } from '../base/errors.ts';
import { formatIp, type IpAddress, maskIp, parseIp, unmapIp } from '../base/ip.ts';
import { Random } from '../base/random.ts';
import { embeddedCountryDatabase, type GeoSources } from '../geo/geo-sources.ts';
import type { ServiceHealth } from '../health/verdict.ts';
import type { BlendLatency, EstimateLatency, LatencyBlend } from '../latency/estimate.ts';
import type { Vip } from '../policy/choice.ts';
import { evaluate } from '../policy/evaluate.ts';
import { isSticky } from '../policy/outcome.ts';
import { pickFromChoice, stickyHash } from '../policy/pick.ts';
import type { NetworkOverride } from '../policy/traffic.ts';
import { nameKey } from '../wire/names.ts';
import { rrTypes } from '../wire/types.ts';
import type { ImageCompiler } from './compile-image.ts';
import type { ExplainQuestion, Explanation } from './controller.ts';
import { findSteering } from './find-steering.ts';

/** What explain looks into; the same objects that the image is compiled from. */
export interface ExplainParts {
  readonly images: ImageCompiler;
  geo(networks: readonly NetworkOverride[]): GeoSources;
  health(service: string): ServiceHealth;
  readonly estimate: EstimateLatency;
  /** The same estimates, with what they are made of. */
  readonly blend: BlendLatency;
}

/**
 * Says what a client gets and why, by the evaluator and the maps that the image was compiled with
 * (invariant 14). Throws a MeridianError when the name or the client cannot be read.
 */
export function explain(parts: ExplainParts, question: ExplainQuestion): Explanation {
  const client = readClient(question.client);
  const name = nameKey(question.name);
  const configuration = parts.images.configuration();
  const family = question.type === 'A' ? 4 : 6;
  const steering = findSteering(configuration.zones, name, rrTypes[question.type]);
  const located = parts.geo(configuration.traffic.networks).locate(client);
  const seen = {
    address: formatIp(client),
    family: client.family,
    place: located.place,
    // A path inside node_modules would tell nobody anything.
    source: located.source.replace(embeddedCountryDatabase(), 'the embedded country database'),
  };
  const service =
    steering.service === undefined
      ? undefined
      : configuration.traffic.services.get(steering.service);
  const classified =
    steering.service === undefined ? undefined : parts.images.classify(steering.service, client);
  const base = {
    question,
    revision: configuration.revision,
    note: steering.note,
    ...(steering.zone === undefined ? {} : { zone: steering.zone }),
  };
  if (steering.service === undefined || service === undefined || classified === undefined) {
    return {
      ...base,
      client: { ...seen, scopePrefix: 0, classIndex: 0 },
      answer: [],
      latency: {},
    };
  }
  const evaluation = evaluate({
    name: steering.service,
    service,
    regions: configuration.traffic.regions,
    health: parts.health(steering.service),
    estimate: parts.estimate,
    client: classified.client,
    family,
  });
  const [w0, w1] = client.words;
  const hash = stickyHash(client.family, w0, w1);
  const answer: readonly Vip[] = pickFromChoice(evaluation.choice, hash, new Random(hash));
  const demanded = !isSticky(evaluation.choice) ? 0 : client.family === 4 ? 24 : 56;
  const latency: Record<string, LatencyBlend> = {};
  for (const member of service.members.keys()) {
    const there = configuration.traffic.regions.get(member)?.coordinates;
    const estimate = parts.blend(classified.client, member, there);
    if (estimate !== undefined) latency[member] = estimate;
  }
  return {
    ...base,
    service: steering.service,
    client: {
      ...seen,
      // Negative answers hold for everybody (RFC 7871 §7.4).
      scopePrefix: answer.length === 0 ? 0 : Math.max(classified.scopePrefixLength, demanded),
      classIndex: classified.classIndex,
    },
    evaluation,
    answer,
    latency,
    // A negative answer lives as long as the zone's SOA says (RFC 2308 §5), not the service.
    ...(answer.length === 0 ? {} : { ttlSeconds: steering.ttlSeconds ?? evaluation.ttlSeconds }),
  };
}

/** An address, or a prefix as a client subnet would carry it: bits beyond the length are cleared. */
function readClient(text: string): IpAddress {
  const slash = text.indexOf('/');
  const address = parseIp(slash < 0 ? text : text.slice(0, slash));
  const bits = address?.family === 4 ? 32 : 128;
  const lengthText = slash < 0 ? `${bits}` : text.slice(slash + 1);
  const length = /^\d{1,3}$/.test(lengthText) ? Number(lengthText) : Number.NaN;
  // A source of 0 asks not to be told apart (RFC 7871 §7.1.2): it names no client.
  if (address === undefined || !(length >= 1 && length <= bits)) {
    throw new MeridianError({
      code: 'E_EXPLAIN_QUESTION',
      message: `"${text}" is no client; give an address or a prefix, as 203.0.113.7 or 2001:db8::/56`,
      where: 'client',
    });
  }
  return unmapIp(maskIp(address, length));
}
