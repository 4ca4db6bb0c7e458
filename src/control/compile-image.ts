import type { IpAddress } from '../base/ip.ts';
import { buildClientMap } from '../geo/build-client-map.ts';
import type { ClientClass, ClientDistinctions } from '../geo/client.ts';
import { type ClientMapView, lookupClient, openClientMap } from '../geo/client-map.ts';
import type { GeoSources } from '../geo/geo-sources.ts';
import type { ServiceHealth } from '../health/verdict.ts';
import { packSegments, type SlotContent } from '../image/arena.ts';
import type { ImageUpdate } from '../image/image-update.ts';
import { ServiceBatch } from '../image/service-batch.ts';
import { compileZoneIndex } from '../image/zone-index.ts';
import type { EstimateLatency } from '../latency/estimate.ts';
import { distinctionsKey, distinctionsOf, type MeasuredKeys } from '../policy/distinctions.ts';
import type { NetworkOverride, Service } from '../policy/traffic.ts';
import { nodesOf } from '../policy/tree.ts';
import type { NameKey } from '../zone/zone.ts';
import { areWhere, type CompiledZone, compileNext } from './compile-next-zone.ts';
import type { Configuration } from './controller.ts';
import { movedZones } from './load-configuration.ts';
import { SlotTable } from './slot-table.ts';

/** Live inputs of the serving images, asked for each time that something is compiled. */
export interface ImageInputs {
  /** The databases under these operator networks. */
  geo(networks: readonly NetworkOverride[]): GeoSources;
  health(service: string): ServiceHealth;
  readonly estimate: EstimateLatency;
  measured(): MeasuredKeys;
}

/** An image that is ready but not yet taken: `accept` makes it the current one. */
export interface PreparedImage {
  accept(): ImageUpdate;
}

interface CompiledMap {
  readonly distinctions: ClientDistinctions;
  readonly segment: SharedArrayBuffer;
  readonly view: ClientMapView;
  readonly classes: readonly ClientClass[];
}

interface CompiledService {
  readonly service: Service;
  /** Undefined when the service answers every client alike. */
  readonly mapKey: string | undefined;
  /** Whether its policy asks for round-trip times. */
  readonly timed: boolean;
}

/**
 * The state of one image: what stands in which slot. Copied for each change, so that a change which
 * the store refuses leaves no trace.
 */
interface ImageState {
  readonly configuration: Configuration;
  readonly zones: SlotTable<NameKey, CompiledZone>;
  readonly services: SlotTable<string, CompiledService>;
  readonly maps: SlotTable<string, CompiledMap>;
}

/** Collects the segments of one update; the last word on a slot counts. */
class UpdateBuilder {
  readonly zones = new Map<number, SlotContent>();
  readonly services = new Map<number, SlotContent>();
  readonly maps = new Map<number, SharedArrayBuffer | null>();
  zoneIndex: SharedArrayBuffer | undefined;

  build(epoch: number, revision: number): ImageUpdate {
    return {
      epoch,
      revision,
      ...(this.zoneIndex === undefined ? {} : { zoneIndex: this.zoneIndex }),
      zones: packSegments(this.zones),
      services: packSegments(this.services),
      maps: packSegments(this.maps),
    };
  }
}

/**
 * Turns configurations into images and knows what stands in which slot. A change of configuration
 * compiles the zones and services that it touches; a change of health, its services only.
 */
export class ImageCompiler {
  readonly #inputs: ImageInputs;
  #state: ImageState;
  #epoch = 0;
  /** Counts what makes a prepared image stale as a whole. */
  #moves = 0;
  /** Counts what makes the services of a prepared image stale: health, load and latency. */
  #serviceMoves = 0;

  constructor(inputs: ImageInputs, empty: Configuration) {
    this.#inputs = inputs;
    this.#state = {
      configuration: empty,
      zones: new SlotTable(),
      services: new SlotTable(),
      maps: new SlotTable(),
    };
  }

  /** Compiles what differs between the current configuration and the next. Changes nothing yet. */
  prepare(next: Configuration): PreparedImage {
    const state: ImageState = {
      configuration: next,
      zones: this.#state.zones.copy(),
      services: this.#state.services.copy(),
      maps: this.#state.maps.copy(),
    };
    const update = new UpdateBuilder();
    // The operator's networks are part of every map, and so of every service that has one.
    const networksMoved = this.#state.configuration.traffic.networks !== next.traffic.networks;
    if (networksMoved) dropMaps(state, update);
    const changedServices = this.#changedServices(next, networksMoved);
    for (const name of changedServices.removed) {
      const slot = state.services.delete(name);
      if (slot !== undefined) update.services.set(slot, null);
    }
    for (const name of changedServices.put) this.#putService(state, name, update);
    if (changedServices.put.length + changedServices.removed.length > 0) {
      this.#dropUnusedMaps(state, update);
    }
    this.#compileServices(state, changedServices.put, update);
    this.#prepareZones(state, update, changedServices.slotsMoved);
    const moves = this.#moves;
    const serviceMoves = this.#serviceMoves;
    return {
      accept: () => {
        // Another image or other geo data took over while the change was being stored.
        if (moves !== this.#moves) return this.prepare(next).accept();
        if (serviceMoves !== this.#serviceMoves) {
          this.#compileServices(state, changedServices.put, update);
        }
        this.#state = state;
        this.#moves += 1;
        return update.build(++this.#epoch, next.revision);
      },
    };
  }

  /** Compiles these services again with the health, load and latency of now. */
  recompileServices(names: Iterable<string>): ImageUpdate {
    this.#serviceMoves += 1;
    const update = new UpdateBuilder();
    this.#compileServices(this.#state, names, update);
    return update.build(++this.#epoch, this.#state.configuration.revision);
  }

  /** Builds every map again, after a new geo database. */
  rebuildMaps(): ImageUpdate {
    const current = this.#state;
    const state: ImageState = {
      ...current,
      services: current.services.copy(),
      maps: current.maps.copy(),
    };
    const update = new UpdateBuilder();
    dropMaps(state, update);
    const names = [...state.services.keys()];
    for (const name of names) this.#putService(state, name, update);
    this.#compileServices(state, names, update);
    this.#state = state;
    this.#moves += 1;
    return update.build(++this.#epoch, state.configuration.revision);
  }

  /** The configuration that the current image serves. */
  configuration(): Configuration {
    return this.#state.configuration;
  }

  /** Whose the slots of zones and services are, and the members of each service as they are numbered. */
  slotNames() {
    const { zones, services } = this.#state;
    const memberNames = (name: string) => [...(services.get(name)?.service.members.keys() ?? [])];
    return {
      zones: new Map([...zones.slots()].map(([origin, slot]) => [slot, origin])),
      services: new Map(
        [...services.slots()].map(([name, slot]) => [slot, { name, members: memberNames(name) }]),
      ),
    };
  }

  /** The class that a client falls into for a service, and the scope of an answer to it. */
  classify(service: string, client: IpAddress): ClassifiedClient | undefined {
    const compiled = this.#state.services.get(service);
    if (compiled === undefined) return undefined;
    const map = compiled.mapKey === undefined ? undefined : this.#state.maps.get(compiled.mapKey);
    if (map === undefined) {
      return {
        classIndex: 0,
        scopePrefixLength: 0,
        client: { prefixes: [] },
        distinctions: undefined,
      };
    }
    const [w0, w1, w2, w3] = client.words;
    const packed = lookupClient(map.view, client.family, w0, w1, w2, w3);
    const classIndex = Math.floor(packed / 256);
    return {
      classIndex,
      scopePrefixLength: packed % 256,
      client: map.classes[classIndex] ?? { prefixes: [] },
      distinctions: map.distinctions,
    };
  }

  /** What the map of a service distinguishes; undefined when every client is alike to it. */
  distinctions(service: string): ClientDistinctions | undefined {
    const key = this.#state.services.get(service)?.mapKey;
    return key === undefined ? undefined : this.#state.maps.get(key)?.distinctions;
  }

  /**
   * Compiles the services again that rest on measured latency, on the maps that what was measured asks
   * for: in parts, each an update of its own, and each ended when `isOver` says so (asked after every
   * service). Between two parts anything else may be compiled. Throws as `rebuildMaps` does; the parts
   * before stand.
   */
  *followLatency(isOver: () => boolean): Generator<ImageUpdate, void> {
    const names = [...this.#state.services.keys()].filter(
      (name) => this.#state.services.get(name)?.timed,
    );
    let batch: ServiceBatch | undefined;
    let movesBefore = this.#moves;
    for (let at = 0; at < names.length; ) {
      const { configuration, zones, services, maps } = this.#state;
      const state: ImageState = {
        configuration,
        zones,
        services: services.copy(),
        maps: maps.copy(),
      };
      // Another image took over in between: slots may stand for other maps now.
      if (movesBefore !== this.#moves) batch = undefined;
      batch ??= new ServiceBatch(configuration.traffic.regions, this.#inputs.estimate);
      const update = new UpdateBuilder();
      do {
        const name = names[at]!;
        at += 1;
        if (state.services.get(name) === undefined) continue;
        this.#putService(state, name, update);
        this.#compileService(state, name, update, batch);
      } while (at < names.length && !isOver());
      if (at === names.length) this.#dropUnusedMaps(state, update);
      this.#state = state;
      if (update.maps.size > 0) this.#moves += 1;
      else this.#serviceMoves += 1;
      movesBefore = this.#moves;
      yield update.build(++this.#epoch, configuration.revision);
    }
  }

  /** The services to compile and to remove, and whether any got or lost its slot. */
  #changedServices(
    next: Configuration,
    networksMoved: boolean,
  ): { put: readonly string[]; removed: readonly string[]; slotsMoved: boolean } {
    const before = this.#state.configuration.traffic;
    const known = this.#state.services;
    const { services, regions } = next.traffic;
    const unmoved = before.services === services && before.regions === regions;
    if (unmoved && !networksMoved && known.size === services.size) {
      return { put: [], removed: [], slotsMoved: false };
    }
    const regionsMoved = new Set(
      [...before.regions.keys(), ...regions.keys()].filter(
        (region) => before.regions.get(region) !== regions.get(region),
      ),
    );
    const isOfMovedRegion = ({ members }: Service) =>
      regionsMoved.size > 0 && [...members.keys()].some((region) => regionsMoved.has(region));
    const put: string[] = [];
    let slotsMoved = false;
    for (const [name, service] of services) {
      const isNew = known.get(name) === undefined;
      if (isNew) slotsMoved = true;
      const moved = networksMoved || isNew || before.services.get(name) !== service;
      if (moved || isOfMovedRegion(service)) put.push(name);
    }
    const removed = [...known.keys()].filter((name) => !services.has(name));
    return { put, removed, slotsMoved: slotsMoved || removed.length > 0 };
  }

  #putService(state: ImageState, name: string, update: UpdateBuilder): void {
    const service = state.configuration.traffic.services.get(name);
    if (service === undefined) return;
    const distinctions = distinctionsOf(
      service,
      state.configuration.traffic.regions,
      this.#inputs.measured(),
    );
    const mapKey = distinctions === undefined ? undefined : distinctionsKey(distinctions);
    if (
      distinctions !== undefined &&
      mapKey !== undefined &&
      state.maps.get(mapKey) === undefined
    ) {
      const { segment, classes } = buildClientMap(
        this.#inputs.geo(state.configuration.traffic.networks),
        distinctions,
      );
      const view = openClientMap(segment);
      const slot = state.maps.put(mapKey, { distinctions, segment, view, classes });
      update.maps.set(slot, segment);
    }
    const timed = [...nodesOf(service.policy)].some(({ kind }) => kind === 'latency');
    state.services.put(name, { service, mapKey, timed });
  }

  #dropUnusedMaps(state: ImageState, update: UpdateBuilder): void {
    const used = new Set([...state.services.values()].map((compiled) => compiled.mapKey));
    for (const key of [...state.maps.keys()]) {
      if (used.has(key)) continue;
      const slot = state.maps.delete(key);
      if (slot !== undefined) update.maps.set(slot, null);
    }
  }

  /** Compiles those of these services that there are. */
  #compileServices(state: ImageState, names: Iterable<string>, update: UpdateBuilder): void {
    const batch = new ServiceBatch(state.configuration.traffic.regions, this.#inputs.estimate);
    for (const name of names) this.#compileService(state, name, update, batch);
  }

  #compileService(
    state: ImageState,
    name: string,
    update: UpdateBuilder,
    batch: ServiceBatch,
  ): void {
    const entry = state.services.entry(name);
    if (entry === undefined) return;
    const { service, mapKey } = entry.value;
    const map = mapKey === undefined ? undefined : state.maps.entry(mapKey);
    const segment = batch.compile({
      name,
      service,
      health: this.#inputs.health(name),
      mapSlot: map?.slot ?? -1,
      classes: map?.value.classes ?? [],
    });
    update.services.set(entry.slot, segment);
  }

  /** Compiles the zones that changed, and those that name a service which has moved. */
  #prepareZones(state: ImageState, update: UpdateBuilder, slotsMoved: boolean): void {
    const before = this.#state.zones;
    const { zones } = state.configuration;
    let indexMoved = before.size === 0;
    const origins = slotsMoved
      ? new Set([...before.keys(), ...zones.keys()])
      : movedZones(this.#state.configuration, state.configuration);
    for (const origin of origins) {
      const zone = zones.get(origin);
      if (zone === undefined) {
        const slot = state.zones.delete(origin);
        if (slot !== undefined) update.zones.set(slot, null);
        indexMoved = true;
        continue;
      }
      const known = before.get(origin);
      if (known === undefined) indexMoved = true;
      if (known?.zone === zone && areWhere(known.steered, state.services)) continue;
      const { segment, ...compiled } = compileNext(zone, known, state.services);
      update.zones.set(state.zones.put(origin, compiled), segment);
    }
    if (indexMoved) update.zoneIndex = compileZoneIndex(state.zones.slots());
  }
}

/** A client as one service sees it. */
export interface ClassifiedClient {
  readonly classIndex: number;
  readonly scopePrefixLength: number;
  readonly client: ClientClass;
  readonly distinctions: ClientDistinctions | undefined;
}

function dropMaps(state: ImageState, update: UpdateBuilder): void {
  for (const key of [...state.maps.keys()]) {
    const slot = state.maps.delete(key);
    if (slot !== undefined) update.maps.set(slot, null);
  }
}
