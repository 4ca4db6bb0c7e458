import { errorText, MeridianError } from '../base/errors.ts';
import type { Lease } from './bus.ts';
import type { Cluster, ClusterParts, Replica } from './cluster-types.ts';
import { Follower } from './follower.ts';
import { LeaderLog } from './leader-log.ts';
import { Leadership } from './leadership.ts';
import { Member } from './member.ts';
import { Membership } from './membership.ts';
import { SnapshotWriter } from './snapshot-writer.ts';

/*
 * How a process becomes part of a cluster (the shapes are in cluster-types.ts):
 *
 *   const bus = openRedisBus({ address: parseBusUrls(urls, login), cluster: name, ca, onFailure });
 *   const keys = readClusterKeys(pem, file);              // private for controllers, public for nodes
 *   const cluster = createCluster({
 *     role: 'controller',                                 // --role all and controller; else 'node'
 *     name, id, url, version, bus, store, keys, clock, random, log,
 *     orphans: orphanFolder(dataFolder),
 *     beat: () => ({ servedRevision, healthAgeMs }),      // → Heartbeat.more
 *     onLeading: (lease) => …,                            // begin or stop publishing tables
 *   });
 *   const controller = await createController({ …, replication: cluster.replication });
 *   cluster.start(controller);        // follows, and (controllers) stands for the lease
 *   …
 *   await cluster.close();            // lets the change under way end, then resigns
 *   await controller.close();
 *   await bus.close();                // then the store
 *
 * A node makes the same controller; nothing writes to its store but the cluster, and its changes are
 * refused. Tables (health, latency) go over the bus directly: the leader seals them with
 * `cluster.envelope` and publishes by `cluster.lease()`, the others `follow` them.
 */

/**
 * Makes a process a member of a cluster; nothing runs before `start`. Throws MeridianError
 * `E_CLUSTER_KEY` for a controller that cannot sign.
 */
export function createCluster(parts: ClusterParts): Cluster {
  if (parts.role === 'controller' && parts.keys.sign === undefined) {
    const message = 'the key is a public one; a controller signs: give it the private key';
    throw new MeridianError({ code: 'E_CLUSTER_KEY', message, where: '--cluster-key' });
  }
  return new ClusterMember(parts);
}

class ClusterMember implements Cluster {
  readonly replication: LeaderLog;
  readonly #member: Member;
  readonly #membership: Membership;
  readonly #follower: Follower;
  readonly #leadership: Leadership;

  constructor(parts: ClusterParts) {
    this.#member = new Member(parts);
    this.#membership = new Membership(this.#member, () => {
      const own = { position: this.#member.position(), hash: parts.store.digest() };
      return this.replication.stand() ?? own;
    });
    this.#follower = new Follower(this.#member, this.#membership);
    this.replication = new LeaderLog({
      member: this.#member,
      membership: this.#membership,
      leader: () => this.#member.leader(),
      onTrouble: (trouble) => this.#leadership.onTrouble(trouble),
    });
    this.#leadership = new Leadership({
      member: this.#member,
      membership: this.#membership,
      log: this.replication,
      follower: this.#follower,
      onLeading: (lease) => this.#onLeading(lease),
    });
  }

  get envelope() {
    return this.#member.envelope;
  }

  get counters() {
    return this.#member.counters;
  }

  start(replica: Replica): void {
    this.#member.replica = replica;
    void this.#membership.run();
    void this.#follower.run();
    if (this.#member.parts.role === 'controller') void this.#leadership.run();
  }

  position() {
    return this.#member.position();
  }

  lease() {
    return this.replication.lease();
  }

  leader() {
    return this.#member.leader();
  }

  nodes() {
    return this.#membership.nodes();
  }

  busSilenceMs() {
    return this.#member.busSilenceMs();
  }

  touch(): void {
    this.#membership.touch();
  }

  async close(): Promise<void> {
    this.#member.pauses.close();
    await this.#member.gate.idle();
    await this.#leadership.resign();
    await this.#membership.leave();
  }

  #onLeading(lease: Lease | undefined): void {
    const { log, onLeading } = this.#member.parts;
    if (lease !== undefined) {
      void new SnapshotWriter(this.#member, this.replication).run(lease);
    }
    try {
      onLeading?.(lease);
    } catch (error) {
      log.error({ error: errorText(error) }, 'taking the lead was not heard everywhere');
    }
  }
}
