import assert from 'node:assert/strict';
import type { IpAddress } from '../../src/base/ip.ts';
import { ImageCompiler } from '../../src/control/compile-image.ts';
import type { Configuration } from '../../src/control/controller.ts';
import type { ImageInputs } from '../../src/control/image-state.ts';
import { emptyConfiguration } from '../../src/control/load-configuration.ts';
import { combineSources } from '../../src/geo/geo-sources.ts';
import type { ImageUpdate } from '../../src/image/image-update.ts';
import type { NetworkOverride, Region, Service } from '../../src/policy/traffic.ts';
import { createCounters } from '../../src/server/counters.ts';
import { updateImage } from '../../src/server/image.ts';
import { Responder } from '../../src/server/responder.ts';
import { defaultSettings } from '../../src/server/settings.ts';
import { readZoneText } from '../../src/zone/read-zone.ts';
import type { Zone } from '../../src/zone/zone.ts';
import { regions as allRegions, byDistance } from '../policy/build.ts';
import { ask } from '../server/harness.ts';
import type { ReadAnswer } from '../server/read-answer.ts';

/** Geo that knows only what the operator says. */
export const geoOf = (networks: readonly NetworkOverride[]) => combineSources([], networks);

export const noMeasurements = { prefixes: [], asns: [], countries: [] } as const;

/** Inputs of images: health unknown, distance for latency, nothing measured. */
export const plainInputs: ImageInputs = {
  geo: geoOf,
  health: () => new Map(),
  estimate: byDistance,
  measured: () => noMeasurements,
};

/** Zone text below an SOA and an NS. */
export function zone(origin: string, text: string): Zone {
  const head = `@ 300 SOA ns1 hostmaster 1 7200 900 1209600 300\n@ 300 NS ns1\nns1 300 A 203.0.113.53\n`;
  const { zone: read, problems } = readZoneText(`${head}${text}`, { origin, file: origin });
  assert.ok(read, JSON.stringify(problems));
  return read;
}

export interface Parts {
  readonly revision?: number;
  readonly zones?: readonly Zone[];
  readonly services?: Readonly<Record<string, Service>>;
  readonly regions?: ReadonlyMap<string, Region>;
  readonly networks?: readonly NetworkOverride[];
}

const noNetworks: readonly NetworkOverride[] = [];

/** A configuration of parts; what is left out is as in `before`. */
export function configure(parts: Parts, before: Configuration = emptyConfiguration): Configuration {
  const { traffic } = before;
  const defaultRegions = traffic.regions.size > 0 ? traffic.regions : allRegions();
  return {
    revision: parts.revision ?? before.revision + 1,
    tokens: before.tokens,
    zones: parts.zones ? new Map(parts.zones.map((one) => [one.origin, one])) : before.zones,
    traffic: {
      regions: parts.regions ?? defaultRegions,
      monitors: traffic.monitors,
      services: parts.services ? new Map(Object.entries(parts.services)) : traffic.services,
      networks: parts.networks ?? (traffic.networks.length > 0 ? traffic.networks : noNetworks),
    },
  };
}

/** An image compiler and a data plane without threads that serves all its updates. */
export class Serving {
  readonly images: ImageCompiler;
  readonly responder = new Responder(defaultSettings, createCounters(), 1);
  readonly updates: ImageUpdate[] = [];
  configuration: Configuration = emptyConfiguration;

  constructor(inputs: Partial<ImageInputs> = {}) {
    this.images = new ImageCompiler({ ...plainInputs, ...inputs }, emptyConfiguration);
  }

  /** Serves the next configuration. */
  serve(parts: Parts): this {
    this.configuration = configure(parts, this.configuration);
    this.take(this.images.prepare(this.configuration).accept());
    return this;
  }

  take(update: ImageUpdate): void {
    this.updates.push(update);
    this.responder.image = updateImage(this.responder.image, update);
  }

  /** Addresses of the answer, sorted; anything else fails. */
  addresses(question: string, peer?: string): string[] {
    const answer = this.ask(question, peer);
    assert.equal(answer.rcode, 'NOERROR', question);
    return answer.answer.map((record) => record.split(' ').at(-1) ?? '').sort();
  }

  ask(question: string, peer?: string): ReadAnswer {
    // As over TCP: nothing is truncated.
    return ask(this.responder, question, { transport: 1, ...(peer && { peer }) });
  }

  /** Asks with a client subnet of the full length. */
  askFor(question: string, client: IpAddress, length: number): ReadAnswer & { scope: number } {
    const bytes = Math.ceil(length / 8);
    const all = client.words.map((word) => word.toString(16).padStart(8, '0')).join('');
    const head = `${client.family === 4 ? '0001' : '0002'}${length.toString(16).padStart(2, '0')}00`;
    const answer = ask(this.responder, question, {
      transport: 1,
      edns: { options: [[8, `${head}${all.slice(0, bytes * 2)}`]] },
    });
    const option = answer.opt?.options[8];
    assert.ok(option, 'a client subnet is answered with one');
    return { ...answer, scope: Number.parseInt(option.slice(6, 8), 16) };
  }
}
