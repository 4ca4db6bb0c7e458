import type { WorldName } from '../worlds.ts';

/** A fault planted in the source. */
export interface Mutant {
  readonly name: string;
  readonly world: WorldName;
  readonly edits: readonly Edit[];
  /** The first seed to try, for a fault that takes a rare run of events; default 1. */
  readonly from?: number;
}

/** One text in place of another. */
export interface Edit {
  /** Path below the repository; files of `test/sim` stand for what they simulate. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly search: string;
  readonly replace: string;
}

/** Faults that the simulation has to notice, one by one. */
export const mutants: readonly Mutant[] = [
  {
    name: 'the quorum takes a minority',
    world: 'fleet',
    edits: [
      {
        file: 'src/health/quorum.ts',
        search: 'return agreeing * 2 > regions.length;',
        replace: 'return agreeing * 2 < regions.length;',
      },
    ],
  },
  {
    name: 'half of the regions are a majority',
    world: 'fleet',
    edits: [
      {
        file: 'src/health/quorum.ts',
        search: 'return agreeing * 2 > regions.length;',
        replace: 'return agreeing * 2 >= regions.length;',
      },
    ],
  },
  {
    name: 'one region is enough where several vote',
    world: 'fleet',
    edits: [
      {
        file: 'src/health/quorum.ts',
        search: 'return agreeing >= 2;',
        replace: 'return agreeing >= 1;',
      },
    ],
  },
  {
    name: 'degraded is down',
    world: 'fleet',
    edits: [
      {
        file: 'src/health/ballots.ts',
        search: 'if (state === 3) tally.down++;',
        replace: 'if (state >= 2) tally.down++;',
      },
    ],
  },
  {
    name: 'agents without an opinion vote down',
    world: 'fleet',
    edits: [
      {
        file: 'src/health/ballots.ts',
        search: 'if (code === 0) continue;',
        replace: 'if (records[slot] === undefined) continue;',
      },
      {
        file: 'src/health/ballots.ts',
        search: 'if (state === 0) continue;',
        replace: 'if (state === 0) tally.down++;',
      },
    ],
  },
  {
    name: 'silence of all agents is down',
    world: 'fleet',
    edits: [
      {
        file: 'src/health/quorum.ts',
        search: "if (all.voters === 0) return ruling('unknown', 0);",
        replace: "if (all.voters === 0) return ruling('down', 0);",
      },
    ],
  },
  {
    name: 'stale words count',
    world: 'fleet',
    edits: [
      {
        file: 'src/health/ballots.ts',
        search: 'if (nowMs - record.receivedMs >= staleAfterMs) continue;',
        replace: '',
      },
    ],
  },
  {
    name: 'a vote that goes back is counted as before',
    world: 'fleet',
    edits: [
      {
        file: 'src/health/ballots.ts',
        search:
          'codes[place * slots + slot] = codeOf(words[place * wordsPerCheck] as number);\n      }\n      return;',
        replace:
          'codes[place * slots + slot] = Math.max(codes[place * slots + slot] ?? 0, codeOf(words[place * wordsPerCheck] as number));\n      }\n      return;',
      },
    ],
  },
  {
    name: 'agents whose canaries fail are believed',
    world: 'fleet',
    edits: [
      {
        file: 'src/health/ballots.ts',
        search: 'if (record.report?.canariesOk !== true) continue;',
        replace: '',
      },
    ],
  },
  {
    name: 'older reports replace newer ones',
    world: 'fleet',
    from: 801,
    edits: [
      {
        file: 'src/health/report.ts',
        search: 'return report.sequence > than.sequence;',
        replace: 'return true;',
      },
    ],
  },
  {
    name: 'a restarted agent is not heard',
    world: 'fleet',
    edits: [
      {
        file: 'src/health/report.ts',
        search: 'if (report.boot !== than.boot) return report.boot > than.boot;',
        replace: '',
      },
    ],
  },
  {
    name: 'a failure less is enough',
    world: 'fleet',
    edits: [
      {
        file: 'src/health/thresholds.ts',
        search: "if (runs.down >= fall) return 'down';",
        replace: "if (runs.down >= fall - 1 && runs.down > 0) return 'down';",
      },
    ],
  },
  {
    name: 'one success brings a target back',
    world: 'fleet',
    edits: [
      {
        file: 'src/health/thresholds.ts',
        search: "if (runs.notDown < rise) return 'down';",
        replace: "if (runs.notDown < 1) return 'down';",
      },
    ],
  },
  {
    name: 'a check that could not be made is a failure',
    world: 'fleet',
    edits: [
      {
        file: 'src/health/thresholds.ts',
        search: "const isDown = result === 'down';",
        replace: "const isDown = result !== 'up';",
      },
    ],
  },
  {
    name: 'unknown is down',
    world: 'fleet',
    edits: [
      {
        file: 'src/health/thresholds.ts',
        search: "if (result === 'unknown') return runs.blind >= fall ? 'unknown' : state;",
        replace: "if (result === 'unknown') return runs.blind >= fall ? 'down' : state;",
      },
    ],
  },
  {
    name: 'no damping',
    world: 'fleet',
    edits: [
      {
        file: 'src/health/damping.ts',
        search: 'if (nowMs < heldUntilMs) return { state: before, heldUntilMs };',
        replace: '',
      },
    ],
  },
  {
    name: 'damping is never over',
    world: 'fleet',
    edits: [
      {
        file: 'src/health/settlement.ts',
        search: 'else this.#waiting.add(target);\n    if (!turned',
        replace: 'if (!turned',
      },
    ],
  },
  {
    name: 'one region decides while the others are silent',
    world: 'fleet',
    edits: [
      {
        file: 'src/health/settlement.ts',
        search: 'const held = isAlone ||',
        replace: 'const held =',
      },
    ],
  },
  {
    name: 'no velocity guard',
    world: 'fleet',
    edits: [
      {
        file: 'src/health/velocity-guard.ts',
        search: "return knownRegions >= 2 ? 'hold' : 'alarm';",
        replace: "return 'alarm';",
      },
    ],
  },
  {
    name: 'the velocity guard forgets what fell',
    world: 'fleet',
    edits: [
      {
        file: 'src/health/settlement.ts',
        search: 'service.falls.push({ atMs: nowMs, share: target.vip.share });',
        replace: '',
      },
    ],
  },
  {
    name: 'a restart forgets the agents',
    world: 'fleet',
    edits: [
      {
        file: 'src/control/apply-health.ts',
        search: 'this.#fleet.expectAgents(snapshot.agents ?? [], this.#nowMs());',
        replace: '',
      },
    ],
  },
  {
    name: 'time does no work',
    world: 'fleet',
    edits: [
      {
        file: 'src/control/apply-health.ts',
        search: 'this.#publish(this.#fleet.tick(nowMs));',
        replace: '',
      },
    ],
  },
  {
    name: 'verdicts change and nobody is told',
    world: 'fleet',
    edits: [
      {
        file: 'src/control/apply-health.ts',
        search:
          'if (changed.services.size > 0) this.#options.onServicesChanged([...changed.services]);',
        replace:
          'if (changed.turns.length === 0) this.#options.onServicesChanged([...changed.services]);',
      },
    ],
  },
  {
    name: 'nothing eligible, nothing answered',
    world: 'fleet',
    edits: [
      {
        file: 'src/policy/evaluate.ts',
        search: 'const choice = this.#whenAllDown(facts, trace);\n    return',
        replace: "const choice: Choice = { kind: 'empty' };\n    return",
      },
    ],
  },
  {
    // Each of the three is enough by itself to keep a stale leader's append out.
    name: 'the fence is dropped, with the term of the head and the order of the log',
    world: 'cluster',
    edits: [
      {
        file: 'test/sim/cluster/sim-redis.ts',
        search: 'if (held !== undefined && isHeldBy(held, lease)) return undefined;\n    return',
        replace: 'if (held !== null) return undefined;\n    return',
      },
      {
        file: 'test/sim/cluster/sim-redis.ts',
        search: 'head.position.term === lease.term &&',
        replace: '',
      },
      {
        file: 'test/sim/cluster/sim-redis.ts',
        search: 'if (last !== undefined && !isAfter(entry.position, last.position)) {',
        replace: 'if (last === null) {',
      },
    ],
  },
  {
    name: 'the bus gives terms that it gave before',
    world: 'cluster',
    edits: [
      {
        file: 'test/sim/cluster/sim-redis.ts',
        search: 'const term = Math.max(counter + 1, knownTerm + 1, this.#epochMs());',
        replace: 'const term = Math.max(counter + 1, 1);',
      },
    ],
  },
  {
    name: 'an fsync is skipped',
    world: 'cluster',
    edits: [
      {
        file: 'test/sim/engine/sim-store.ts',
        search: "sync();\n    if (fault !== 'whole')",
        replace: "if (fault !== 'whole')",
      },
    ],
  },
  {
    name: 'a refused change is not taken back',
    world: 'cluster',
    edits: [
      {
        file: 'src/control/apply-change.ts',
        search: 'store.undo(state.stray);',
        replace: '',
      },
    ],
  },
  {
    name: 'a refused change that the disk kept is forgotten',
    world: 'cluster',
    edits: [
      {
        file: 'src/control/create-controller.ts',
        search: 'takeBack(this.#state, this.#parts.store);',
        replace: '',
      },
    ],
  },
  {
    name: 'signatures are not checked',
    world: 'cluster',
    edits: [
      {
        file: 'src/cluster/messages.ts',
        search:
          'if (!this.#keys.verify(this.#signed(kind, form, payload), signature)) return undefined;',
        replace: '',
      },
    ],
  },
  {
    name: 'the hash chain is not checked',
    world: 'cluster',
    from: 1101,
    edits: [
      {
        file: 'src/cluster/follower.ts',
        search: 'return number === store.latest() + 1 && previousHash === store.digest();',
        replace: 'return number === store.latest() + 1 && previousHash !== undefined;',
      },
      {
        file: 'src/cluster/follower.ts',
        search: 'return message.number === store.latest() && message.hash === store.digest();',
        replace: 'return message.number === store.latest();',
      },
    ],
  },
  {
    name: 'a lease is trusted for too long',
    world: 'cluster',
    edits: [
      {
        file: 'src/cluster/leader-log.ts',
        search: 'this.#trustedUntilMs = sentMs + leaseMs - limits.leaseMarginMs;',
        replace: 'this.#trustedUntilMs = sentMs + 2 * leaseMs;',
      },
    ],
  },
  {
    name: 'a change is served before it is stored',
    world: 'cluster',
    edits: [
      {
        file: 'src/control/apply-change.ts',
        search: '  // Store: on disk, or an exception and nothing.',
        replace: '  await courier.deliver(next.revision, prepared);\n',
      },
    ],
  },
  {
    name: 'a change is served before the cluster has it',
    world: 'cluster',
    edits: [
      {
        file: 'src/control/apply-change.ts',
        search: '  // Append: what the cluster does not take is taken back',
        replace: '  await courier.deliver(revision.number, prepared); //',
      },
    ],
  },
  {
    name: 'idempotency keys do not travel',
    world: 'cluster',
    edits: [
      {
        file: 'src/control/follow-change.ts',
        search: 'idempotencyKey === undefined || response === undefined ? {}',
        replace: 'idempotencyKey !== null || response === undefined ? {}',
      },
    ],
  },
  {
    name: 'idempotency keys are lost',
    world: 'cluster',
    edits: [
      {
        file: 'src/control/idempotency.ts',
        search: 'if (text === undefined) return undefined;',
        replace: 'if (text !== null) return undefined;',
      },
    ],
  },
  {
    name: 'a standby that knows of more does not wait',
    world: 'cluster',
    from: 801,
    edits: [
      {
        file: 'src/cluster/leadership.ts',
        search: 'membership.turnsBefore(own) * limits.deferMs;',
        replace: '0;',
      },
    ],
  },
  {
    name: 'a standby that finds the bus again leads before it has heard of others',
    world: 'cluster',
    edits: [
      {
        file: 'src/cluster/leadership.ts',
        search: 'Math.min(this.#sight.sameForMs(nowMs), member.busAnswersForMs());',
        replace: 'this.#sight.sameForMs(nowMs);',
      },
    ],
  },
  {
    // Another lease and another head tell of it, each by itself.
    name: 'a fenced leader that sees its lease again leads before it has heard of others',
    world: 'cluster',
    from: 40_601,
    edits: [
      {
        file: 'src/cluster/bus-sight.ts',
        search: 'if (lease.term < this.#term) this.#sinceMs = nowMs;',
        replace: '',
      },
      {
        file: 'src/cluster/bus-sight.ts',
        search: 'if (isAfter(this.#head, position)) this.#sinceMs = nowMs;',
        replace: 'if (head === undefined && isAfter(this.#head, position)) this.#sinceMs = nowMs;',
      },
    ],
  },
  {
    name: 'a leader that stood still stands for the lease as the one with the most',
    world: 'cluster',
    from: 1000,
    edits: [
      {
        file: 'src/cluster/leadership.ts',
        search: 'if (this.#hasLed && nowMs < this.#ledUntilMs) return false;',
        replace: 'if (this.#hasLed) return false;',
      },
    ],
  },
  {
    // Who waits for heartbeats on a bus that went back seldom leads there before it goes forward again.
    name: 'a leader goes on under a term that others have left behind',
    world: 'cluster',
    from: 201,
    edits: [
      {
        file: 'src/cluster/leadership.ts',
        search: 'return position.term > term && position.term <= latest;',
        replace: 'return position.term < 0 && latest < 0;',
      },
      {
        file: 'src/cluster/bus-sight.ts',
        search: 'if (lease.term < this.#term) this.#sinceMs = nowMs;',
        replace: '',
      },
      {
        file: 'src/cluster/bus-sight.ts',
        search: 'if (isAfter(this.#head, position)) this.#sinceMs = nowMs;',
        replace: 'if (head === undefined && isAfter(this.#head, position)) this.#sinceMs = nowMs;',
      },
    ],
  },
  {
    name: 'older snapshots are taken',
    world: 'cluster',
    edits: [
      {
        file: 'src/cluster/follower.ts',
        search:
          'if (isAfter(position, own) && (position.sequence > 0 || own.sequence === 0)) return true;',
        replace: 'if (position.term >= 0 && own.term >= 0) return true;',
      },
    ],
  },
  {
    name: 'what the cluster does not have is dropped',
    world: 'cluster',
    edits: [
      {
        file: 'src/cluster/follower.ts',
        search: 'for (const revision of orphans) {',
        replace: 'for (const revision of orphans.slice(0, 0)) {',
      },
    ],
  },
  {
    name: 'no standby is waited for',
    world: 'cluster',
    edits: [
      {
        file: 'src/cluster/leader-log.ts',
        search:
          'if (membership.standbys().length === 0 || this.#isAcknowledged(number)) return undefined;',
        replace:
          'if (membership.standbys().length >= 0 || this.#isAcknowledged(number)) return undefined;',
      },
    ],
  },
  {
    name: 'a change in doubt counts as made',
    world: 'cluster',
    edits: [
      {
        file: 'src/cluster/leader-log.ts',
        search: 'throw this.#taken(this.#busFailed(error));',
        replace: 'return;',
      },
    ],
  },
  {
    name: 'a refused append counts as made',
    world: 'cluster',
    edits: [
      {
        file: 'src/cluster/leader-log.ts',
        search: "if (reply.outcome !== 'done') throw this.#taken(this.#refused(reply));",
        replace: '',
      },
      {
        file: 'src/cluster/leader-log.ts',
        search: 'if (member.nowMs() >= this.#trustedUntilMs) throw this.#taken(this.#inDoubt());',
        replace: '',
      },
    ],
  },
  {
    name: 'an append that is heard too late counts as made',
    world: 'cluster',
    from: 60_378,
    edits: [
      {
        file: 'src/cluster/leader-log.ts',
        search: 'if (member.nowMs() >= this.#trustedUntilMs) throw this.#taken(this.#inDoubt());',
        replace: '',
      },
    ],
  },
  {
    name: 'a table of an older term than the store is taken',
    world: 'tables',
    from: 61,
    edits: [
      {
        file: 'src/cluster/table-follower.ts',
        search: 'if (content.term < this.#parts.leastTerm()) {',
        replace: 'if (content.term < 0) {',
      },
    ],
  },
  {
    name: 'a whole table older than what is held is taken',
    world: 'tables',
    edits: [
      {
        file: 'src/cluster/table-follower.ts',
        search: 'if (isAfter(this.#position, message.position)) this.counters.stale += 1;',
        replace: 'if (isAfter(this.#position, message.position)) this.#take(message);',
      },
    ],
  },
  {
    name: 'a gap in a table is not noticed',
    world: 'tables',
    edits: [
      {
        file: 'src/cluster/table-follower.ts',
        search: 'position.sequence === this.#position.sequence + 1;',
        replace: 'position.sequence > this.#position.sequence;',
      },
    ],
  },
  {
    name: 'a table is published without the fence, and taken by who holds a later one',
    world: 'tables',
    edits: [
      {
        file: 'test/sim/cluster/sim-redis.ts',
        search:
          'if (refused !== undefined) return refused;\n    const before = this.#state.tables.get(table);\n' +
          '    if (before !== undefined && !isAfter(message.position, before.last)) {',
        replace:
          'const before = this.#state.tables.get(table);\n' +
          "    if (refused?.outcome === 'conflict') {",
      },
      {
        file: 'src/cluster/table-follower.ts',
        search: 'if (isAfter(this.#position, message.position)) this.counters.stale += 1;',
        replace: 'if (isAfter(this.#position, message.position)) this.#take(message);',
      },
    ],
  },
  {
    name: 'a new leader publishes what moves alone',
    world: 'tables',
    edits: [
      {
        file: 'src/cluster/table-publisher.ts',
        search: 'this.#hasLed = true;\n    this.#wantsFull = true;',
        replace: 'this.#hasLed = true;',
      },
    ],
  },
  {
    name: 'a leader follows its own latency',
    world: 'tables',
    edits: [
      {
        file: 'src/cli/node/cluster-tables.ts',
        search: 'if (this.#leads) return;',
        replace: 'if (this.#parts.cluster.lease() !== undefined) return;',
      },
    ],
  },
  {
    name: 'members whose leader is silent are down',
    world: 'tables',
    edits: [
      {
        file: 'src/control/health-source.ts',
        search: ': this.#table.health(service);\n  }\n\n  service(',
        replace:
          ': new Map([...this.#table.health(service)].map(([name, { vips, ...rest }]) => {\n' +
          '      const isSilent = (this.#parts.tableAgeMs() ?? 0) > 10_000;\n' +
          "      const down = new Map([...vips].map(([vip]) => [vip, 'down' as const]));\n" +
          '      return [name, { ...rest, vips: isSilent ? down : vips }];\n' +
          '    }));\n  }\n\n  service(',
      },
    ],
  },
  {
    name: 'a silent leader is followed for ever',
    world: 'tables',
    edits: [
      {
        file: 'src/control/health-source.ts',
        search: 'isLeading() || silentMs >= limits.tableSilenceMs;',
        replace: 'isLeading() || silentMs < 0;',
      },
    ],
  },
  {
    name: 'who judges alone goes on doing so when the table speaks again',
    world: 'tables',
    edits: [
      {
        file: 'src/control/health-source.ts',
        search: 'if (wantsFleet === this.#usesFleet) return;',
        replace: 'if (wantsFleet === this.#usesFleet || this.#usesFleet) return;',
      },
    ],
  },
  {
    name: 'who begins to judge alone forgets what was down',
    world: 'tables',
    edits: [
      {
        file: 'src/control/health-source.ts',
        search: 'this.#fleet.health.restore(before);',
        replace: '',
      },
    ],
  },
];
