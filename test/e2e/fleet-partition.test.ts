import assert from 'node:assert/strict';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeMessage, encodeMessage } from '../../src/wire/message.ts';
import { answerTexts, queryOf } from './support/ask.ts';
import { Asking } from './support/asking.ts';
import {
  type ClusterMember,
  leaderOf,
  membersOn,
  outputs,
  startRedis,
  webZone,
} from './support/cluster.ts';
import { cannotCutNetworks, layNetwork } from './support/network.ts';
import { missing, type Running, startProgram, until } from './support/processes.ts';
import { UdpChannel } from './support/udp-channel.ts';
import { laneRecords, noWriters } from './support/writers.ts';

const main = resolve(import.meta.dirname, '../../src/main.ts');
const originsProgram = resolve(import.meta.dirname, 'support/origins-program.ts');
const port = 8080;

const memberNames = ['east', 'north', 'south', 'west'] as const;
const agentPlaces = { eu: 'aws:eu-west-1', us: 'aws:us-east-1', ap: 'aws:ap-south-1' } as const;
type AgentName = keyof typeof agentPlaces;
const agentNames = Object.keys(agentPlaces) as AgentName[];

/** Four members with two VIPs each, all of which answer for `www`; checked twice in two seconds. */
function trafficFile(vips: readonly string[]): string {
  const members = memberNames.map(
    (name, index) => `${name}: { a: [${vips.slice(2 * index, 2 * index + 2).join(', ')}] }`,
  );
  return `
regions:
  east: { place: aws:us-east-1 }
  north: { place: aws:eu-north-1 }
  south: { place: aws:sa-east-1 }
  west: { place: aws:eu-west-1 }
monitors:
  web: { type: tcp, port: ${port}, interval: 1s, timeout: 500ms, fall: 2, rise: 2 }
services:
  web:
    ttl: 5
    ramp: 0s
    members: { ${members.join(', ')} }
    policy: { roundRobin: all, answers: 8 }
`;
}

interface Vote {
  readonly agent: string;
  readonly state: string;
  readonly counts: boolean;
}

interface Target {
  readonly verdict: string;
  readonly votes: readonly Vote[];
}

/** Every target of the service as a controller sees it. */
async function targetsAt({ running }: ClusterMember): Promise<readonly Target[]> {
  const all = await Promise.all(
    memberNames.map(async (name) => {
      const answer = await running.api('GET', `/v1/health/web/${name}`);
      return ((await answer.json()) as { targets: Target[] }).targets;
    }),
  );
  return all.flat();
}

/** The events of targets that went down, oldest first. */
async function downsAt({ running }: ClusterMember): Promise<readonly string[]> {
  const answer = await running.api('GET', '/v1/health-events?limit=1000');
  const { items } = (await answer.json()) as { items: { to: string; text: string }[] };
  return items.flatMap(({ to, text }) => (to === 'down' ? [text] : [])).toReversed();
}

/** Waits until the votes of an agent on every target are as wanted, at each controller. */
async function untilVotes(
  controllers: readonly ClusterMember[],
  agent: string,
  what: string,
  isWanted: (vote: Vote | undefined) => boolean,
): Promise<void> {
  for (const controller of controllers) {
    await until(
      async () => {
        const targets = await targetsAt(controller);
        const votes = targets.map((target) => target.votes.find((vote) => vote.agent === agent));
        return (votes.length === 2 * memberNames.length && votes.every(isWanted)) || undefined;
      },
      () => `${agent} to be ${what} at ${controller.name}: ${outputs([controller])}`,
      60_000,
    );
  }
}

const isUp = (vote: Vote | undefined) => vote?.counts === true && vote.state === 'up';
const isDown = (vote: Vote | undefined) => vote?.counts === true && vote.state === 'down';
const isSilent = (vote: Vote | undefined) => vote?.counts !== true;

async function startScene(t: TestContext) {
  const network = layNetwork(t, { core: 1, eu: 1, us: 1, ap: 1, targets: 9 });
  const { core, targets } = network;
  const vips = targets.others;
  const [refusing = '', swallowing = ''] = vips;
  const startOrigins = async (...addresses: readonly string[]) => {
    const command = [process.execPath, originsProgram, String(port), ...addresses];
    const running = startProgram(t, [...targets.prefix, ...command]);
    await until(
      () => running.output().includes('ready') || undefined,
      () => `origins: ${running.output()}`,
    );
    return running;
  };
  await startOrigins(...vips.slice(1));
  const victim = await startOrigins(refusing);
  const redis = await startRedis(t, { place: core });
  const files = { zone: `${webZone}${laneRecords}`, traffic: trafficFile(vips) };
  const cluster = await membersOn(t, redis.url, files, core);
  const one = await cluster.add('one', 'controller');
  const controllers = [one, await cluster.add('two', 'controller')];
  // Whoever asks as much from elsewhere than loopback is a client with a limit.
  const unlimited = ['--rrl', '0'];
  const nodes = [
    await cluster.add('n1', 'node', unlimited),
    await cluster.add('n2', 'node', unlimited),
  ];
  await leaderOf(controllers);
  const made = await one.running.api('POST', '/v1/tokens', {
    name: 'fleet',
    scopes: ['agent:enroll'],
  });
  const { secret } = (await made.json()) as { secret: string };
  const startAgent = (name: AgentName): Running =>
    startProgram(t, [
      ...[...network[name].prefix, process.execPath, main, 'probe', '--name', name],
      ...['--location', agentPlaces[name], '--token', secret, '--data', join(cluster.folder, name)],
      ...controllers.flatMap(({ running }) => ['--control', running.url]),
      ...['--plain-http', '--allow-private-targets', '--json'],
    ]);
  const agents = new Map(agentNames.map((name) => [name, startAgent(name)]));
  return {
    ...{ network, vips, refusing, swallowing, victim, controllers, nodes, agents },
    async restartAgents() {
      for (const name of agentNames) agents.set(name, startAgent(name));
    },
  };
}

/** How long until a node answers for `www` with exactly these addresses, milliseconds. */
async function untilAnswered(
  channel: UdpChannel,
  wanted: readonly string[],
  startMs: number,
): Promise<number> {
  const query = () => encodeMessage(queryOf({ port: 0, name: 'www.cluster.test', type: 'A' }));
  await until(
    async () => {
      const bytes = await channel.ask(query(), 10_000);
      const texts = answerTexts(bytes && decodeMessage(bytes));
      return texts.join() === wanted.toSorted().join() || undefined;
    },
    () => `the answer to be ${wanted}`,
    // Less than the 30 s of damping, under which a target would go down, too.
    25_000,
  );
  return performance.now() - startMs;
}

test('no partition of the fleet takes a target down, and a death takes one down everywhere', {
  skip: missing('redis-server', 'redis-cli') || cannotCutNetworks(),
}, async (t) => {
  const scene = await startScene(t);
  const { network, vips, refusing, swallowing, victim, controllers, nodes, agents } = scene;
  const { core, targets, eu, us } = network;
  const [one] = controllers;
  assert.ok(one !== undefined);
  const embedded = 'embedded-one';
  const allUp = async () => {
    for (const name of [...agentNames, embedded]) await untilVotes(controllers, name, 'up', isUp);
  };
  for (const [name, agent] of agents) {
    await until(
      () => agent.output().includes(`"agent":"${name}"`) || undefined,
      () => `${name} to be enrolled: ${agent.output()}`,
      60_000,
    );
  }
  // Only now: while so many processes start, a check may come too late.
  const checked = await one.running.api('PATCH', '/v1/services/web', { monitors: ['web'] });
  assert.ok(checked.ok, await checked.text());
  await allUp();
  const begin = new Map<ClusterMember, number>();
  for (const controller of controllers) begin.set(controller, (await downsAt(controller)).length);
  const all = vips.toSorted().join();
  const askings: Asking[] = [];
  const channels: UdpChannel[] = [];
  for (const { name, running } of nodes) {
    const asked = { name, port: running.port, address: core.address };
    const asking = await Asking.start(t, asked, noWriters);
    asking.isRight = (texts) => texts.toSorted().join() === all;
    askings.push(asking);
    channels.push(await UdpChannel.open(t, running.port, core.address));
  }

  /** Nothing is down: not now, not in the events, and not in any answer that was given. */
  const assertNothingDown = async () => {
    for (const controller of controllers) {
      for (const { verdict } of await targetsAt(controller)) assert.notEqual(verdict, 'down');
      const downs = await downsAt(controller);
      assert.deepEqual(downs.slice(begin.get(controller)), []);
    }
    for (const asking of askings) assert.deepEqual(asking.failures, []);
  };

  await t.test('a region that is cut off from the targets sees all of them down', async () => {
    eu.cut(vips);
    await untilVotes(controllers, 'eu', 'down', isDown);
    await sleep(2000);
    await assertNothingDown();
    eu.heal();
    await untilVotes(controllers, 'eu', 'up', isUp);
  });

  await t.test('a region that is cut off from the controllers falls silent', async () => {
    us.cut([core.address]);
    await untilVotes(controllers, 'us', 'silent', isSilent);
    await sleep(2000);
    await assertNothingDown();
    us.heal();
    await untilVotes(controllers, 'us', 'up', isUp);
  });

  await t.test(
    'every agent is killed, and the controllers are cut off from the targets',
    async () => {
      await Promise.all([...agents.values()].map((agent) => agent.stop('SIGKILL')));
      core.cut(vips);
      for (const name of agentNames) await untilVotes(controllers, name, 'silent', isSilent);
      await untilVotes(controllers, embedded, 'down', isDown);
      await sleep(2000);
      await assertNothingDown();
      core.heal();
      await scene.restartAgents();
      await allUp();
      await assertNothingDown();
    },
  );

  let living = vips;
  for (const [title, address, kill] of [
    ['refuses connections', refusing, () => victim.child.kill('SIGKILL')],
    ['swallows packets', swallowing, () => targets.cut([swallowing])],
  ] as const) {
    await t.test(`a VIP that ${title} is down on every node`, async (t) => {
      const before = living.toSorted().join();
      living = living.filter((other) => other !== address);
      const after = living.toSorted().join();
      for (const asking of askings) {
        asking.isRight = (texts) => [before, after].includes(texts.toSorted().join());
      }
      const startMs = performance.now();
      kill();
      const times = await Promise.all(
        channels.map((channel) => untilAnswered(channel, living, startMs)),
      );
      const tookMs = Math.max(...times);
      t.diagnostic(`down on every node after ${tookMs.toFixed(0)} ms (1 s × 2 + 1 s are 3000 ms)`);
      for (const asking of askings) {
        asking.isRight = (texts) => texts.toSorted().join() === after;
      }
    });
  }

  for (const asking of askings) {
    assert.deepEqual(await asking.end(), []);
    t.diagnostic(`${asking.asked} queries, none failed`);
  }
});
