import { Agent as HttpAgent } from 'undici';
import { MeridianError } from '../../src/base/errors.ts';
import { ControlClient, enrol } from '../../src/probe/control-client.ts';
import { readPlan } from '../../src/probe/plan.ts';
import type { Cleanup } from '../cleanup.ts';
import { type Fails, type LoadAgent, nameOf, newAgents, placeOf, regionOf } from './load-agent.ts';

const lateMs = 500;

/** An agent of the load and its ties to controllers. */
interface Life {
  readonly agent: LoadAgent;
  readonly name: string;
  readonly clients: readonly ControlClient[];
  readonly boot: number;
  readonly digest: string;
}

/** Agents that post a report each second to every controller, over connections of their own. */
export class ReportLoad {
  readonly #lives: readonly Life[];
  readonly #refused = new Map<string, number>();
  readonly #abort = new AbortController();
  #second = 0;

  private constructor(lives: readonly Life[]) {
    this.#lives = lives;
  }

  /** Enrols agents with the first controller, and lets each ask all of them for its plan. */
  static async open(
    cleanup: Cleanup,
    urls: readonly string[],
    token: string,
    agentCount: number,
  ): Promise<ReportLoad> {
    const [first = ''] = urls;
    const lives: Life[] = [];
    const load = new ReportLoad(lives);
    const { signal } = load.#abort;
    const dispatchers: HttpAgent[] = [];
    cleanup.after(async () => {
      load.#abort.abort();
      await Promise.all(dispatchers.map((one) => one.destroy()));
    });
    for (const [place, agent] of newAgents(agentCount).entries()) {
      const dispatcher = new HttpAgent({ connections: 2, keepAliveTimeout: 60_000 });
      dispatchers.push(dispatcher);
      const name = nameOf(place);
      const { latitude, longitude } = placeOf(place);
      const location = `${latitude},${longitude}`;
      const wish = { name, location, region: regionOf(place), publicKey: agent.publicKey };
      await enrol(first, token, wish, dispatcher, signal);
      const options = { dispatcher, agent: name, key: agent.key, version: 'bench' };
      const clients = urls.map((url) => new ControlClient({ url, ...options }));
      let boot = 0;
      let plan = '';
      for (const client of clients) {
        // A controller that follows knows the agent a moment later than the one that enrolled it.
        boot = await retried(() => client.boot(boot, signal));
        plan = (await client.plan(undefined, 0, signal))?.text ?? '';
      }
      const { targets, digest } = readPlan(plan);
      agent.setPlan(targets.map(({ id }) => id));
      lives.push({ agent, name, clients, boot, digest });
      // Each keeps a question for another plan open, as agents do.
      for (const client of clients) void load.#askForPlans(client, digest);
    }
    return load;
  }

  /**
   * Posts for some seconds, each agent at its own moment of each; says how many reports were taken. What
   * this process comes too late for is left out, as agents send no report but their latest.
   */
  async run(seconds: number, fails: Fails): Promise<{ wallMs: number; taken: number }> {
    const startedMs = performance.now();
    const posts: Promise<boolean>[] = [];
    for (let turn = 0; turn < seconds; turn += 1, this.#second += 1) {
      for (const [place, life] of this.#lives.entries()) {
        const dueMs = startedMs + (turn + place / this.#lives.length) * 1000;
        if (performance.now() > dueMs + lateMs) continue;
        await pause(dueMs - performance.now());
        const bytes = life.agent.report(life.name, life.boot, life.digest, this.#second, fails);
        for (const client of life.clients) posts.push(this.#post(client, bytes));
      }
    }
    const taken = (await Promise.all(posts)).filter((isTaken) => isTaken).length;
    await pause(startedMs + seconds * 1000 - performance.now());
    return { wallMs: performance.now() - startedMs, taken };
  }

  async #post(client: ControlClient, bytes: Uint8Array): Promise<boolean> {
    try {
      await client.report(bytes, 1, this.#abort.signal);
      return true;
    } catch (error) {
      const why = error instanceof MeridianError ? error.code : String(error).slice(0, 120);
      this.#refused.set(why, (this.#refused.get(why) ?? 0) + 1);
      return false;
    }
  }

  /** Prints what was refused or not answered since the last time, by error code. */
  printRefused(): void {
    for (const [why, count] of this.#refused) {
      process.stdout.write(`  ${count} not taken: ${why}\n`);
    }
    this.#refused.clear();
  }

  async #askForPlans(client: ControlClient, digest: string): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      await client.plan(digest, 25, signal).catch(() => pause(250));
    }
  }
}

async function retried<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = 100; ; left -= 1) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0) throw error;
      await pause(50);
    }
  }
}

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, Math.max(0, ms)));
