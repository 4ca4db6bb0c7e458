import type { Coordinates } from '../geo/client.ts';
import { distanceKm } from '../geo/distance.ts';
import { msByDistance } from './by-distance.ts';
import { middleOf } from './middle.ts';
import type { AgentPlace, PublishedTable } from './published-table.ts';

/** An agent this far away counts for 1/e as much as one next door, and further ones ever less. */
export const agentReachKm = 1000;

/** Agents beyond it say less than 2 % and are left out. */
const farthestKm = 4 * agentReachKm;

/** The nearest so many places of agents are asked. */
const placesAsked = 8;

/** What clients have on top of an agent, which stands in a data centre: their line. */
export const clientLineMs = 8;

/** What the agents near a place say of a region. */
export interface AgentsWord {
  /** Places of agents that it rests on: `agents 53.3,-6.3 and 2 more`. */
  readonly key: string;
  /** The logarithm of how many times what distance makes likely a round trip takes. */
  readonly ln: number;
  /** 0 to 1; below 0.5 where there is only one place, so that no one place outweighs distance. */
  readonly trust: number;
  readonly samples: number;
  readonly at: number;
}

/** Asks for a client's place and a region; undefined when no agent is near that has measured it. */
export type NearAgents = (client: Coordinates, region: string) => AgentsWord | undefined;

interface Near {
  readonly place: AgentPlace;
  readonly km: number;
}

/** What is worked out for the clients of one place, who may be of many classes. */
interface Neighbourhood {
  readonly placesVersion: number;
  readonly near: readonly Near[];
  agentsVersion: number;
  words: Map<string, AgentsWord | undefined>;
}

/**
 * Agents' connect times as clients near by would see them: how far each is off what its own distance
 * makes likely, by the median over places, weighted by how near each is and how far it is trusted. A
 * place that lies is outvoted by two others as near.
 */
export function nearAgents(published: PublishedTable): NearAgents {
  const known = new WeakMap<Coordinates, Neighbourhood>();
  let placesVersion = -1;
  let places: readonly AgentPlace[] = [];
  const neighbourhoodOf = (client: Coordinates): Neighbourhood => {
    if (placesVersion !== published.placesVersion) {
      placesVersion = published.placesVersion;
      places = published.places();
    }
    let found = known.get(client);
    if (found?.placesVersion !== placesVersion) {
      found = { placesVersion, near: nearest(client, places), agentsVersion: -1, words: new Map() };
      known.set(client, found);
    }
    if (found.agentsVersion !== published.agentsVersion) {
      found.agentsVersion = published.agentsVersion;
      found.words = new Map();
    }
    return found;
  };
  return (client, region) => {
    const { near, words } = neighbourhoodOf(client);
    if (near.length === 0) return undefined;
    if (words.has(region)) return words.get(region);
    const word = wordOf(near, region);
    words.set(region, word);
    return word;
  };
}

function nearest(client: Coordinates, places: readonly AgentPlace[]): readonly Near[] {
  return places
    .map((place) => ({ place, km: distanceKm(client, place.coordinates) }))
    .filter(({ km }) => km <= farthestKm)
    .sort((a, b) => a.km - b.km || (a.place.key < b.place.key ? -1 : 1));
}

function wordOf(near: readonly Near[], region: string): AgentsWord | undefined {
  const said: { value: number; weight: number }[] = [];
  let key = '';
  let weights = 0;
  let samples = 0;
  let at = 0;
  for (const { place, km } of near) {
    if (said.length === placesAsked) break;
    const entry = place.regions.get(region);
    if (entry === undefined) continue;
    if (said.length === 0) key = place.key;
    const weight = entry.trust * Math.exp(-km / agentReachKm);
    // The agent's path is so many times what its distance makes likely; so, then, is the client's.
    const factor = (entry.ms + clientLineMs) / msByDistance(place.coordinates, entry.place);
    said.push({ value: Math.log(factor), weight });
    weights += weight;
    samples += entry.samples;
    at = Math.max(at, entry.at);
  }
  if (said.length === 0) return undefined;
  return {
    key: said.length === 1 ? key : `${key} and ${said.length - 1} more`,
    ln: middleOf(said),
    trust: weights / (weights + 1),
    samples,
    at,
  };
}
