import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMessage, encodeMessage } from '../../src/wire/message.ts';
import { answerTexts, queryOf } from './support/ask.ts';
import { Origin } from './support/origin.ts';
import {
  freePort,
  type RunningMeridian,
  startMeridian,
  temporaryFolder,
  until,
  writeFiles,
} from './support/processes.ts';
import { UdpChannel } from './support/udp-channel.ts';

/** Members of every service: `a` is the one that things happen to. */
const origins = {
  closed: ['127.0.2.1', '127.0.2.2'],
  failing: ['127.0.2.3', '127.0.2.4'],
  hanging: ['127.0.2.5', '127.0.2.6'],
  degraded: ['127.0.2.7', '127.0.2.8'],
  alldead: ['127.0.2.9', '127.0.2.10'],
} as const;
type Service = keyof typeof origins;
const services = Object.keys(origins) as Service[];
const rampSeconds = 5;

const zone = `
$TTL 5
@ SOA ns1 hostmaster 1 7200 900 1209600 60
@ NS ns1
ns1 A 127.0.0.1
${services.map((name) => `${name} STEER ${name}`).join('\n')}
`;

function trafficFile(port: number): string {
  const policy = (name: Service) =>
    name === 'closed' || name === 'degraded'
      ? '{ weighted: { a: 1, b: 1 } }'
      : '{ failover: [a, b] }';
  return `
regions:
  a: { place: aws:us-east-1 }
  b: { place: aws:eu-west-1 }
monitors:
  alive: { type: http, port: ${port}, path: /health, interval: 500ms, timeout: 250ms, fall: 2, rise: 2 }
services:
${services
  .map(
    (name) => `  ${name}:
    ttl: 5
    ramp: ${rampSeconds}s
    monitors: [alive]
    members: { a: { a: [${origins[name][0]}] }, b: { a: [${origins[name][1]}] } }
    policy: ${policy(name)}`,
  )
  .join('\n')}
`;
}

interface HealthEvent {
  readonly at: string;
  readonly service: string;
  readonly member: string;
  readonly to: string;
}

/** A node with live origins, and how to look at both. */
class Scene {
  readonly node: RunningMeridian;
  readonly #channel: UdpChannel;
  readonly #origins: ReadonlyMap<string, Origin>;

  constructor(node: RunningMeridian, channel: UdpChannel, all: ReadonlyMap<string, Origin>) {
    this.node = node;
    this.#channel = channel;
    this.#origins = all;
  }

  origin(address: string): Origin {
    const origin = this.#origins.get(address);
    assert.ok(origin, address);
    return origin;
  }

  async answer(service: Service): Promise<readonly string[]> {
    const query = queryOf({ port: 0, name: `${service}.fail.test`, type: 'A' });
    const bytes = await this.#channel.ask(encodeMessage(query));
    return answerTexts(bytes && decodeMessage(bytes));
  }

  /** The share of so many answers that hold an address. */
  async share(service: Service, address: string, answers = 400): Promise<number> {
    let found = 0;
    for (let asked = 0; asked < answers; asked += 1) {
      if ((await this.answer(service)).includes(address)) found += 1;
    }
    return found / answers;
  }

  async verdict(service: Service, member: 'a' | 'b'): Promise<string | undefined> {
    const response = await this.node.api('GET', `/v1/health/${service}`);
    const { members } = (await response.json()) as {
      members: { member: string; verdict: string }[];
    };
    return members.find((each) => each.member === member)?.verdict;
  }

  async untilVerdict(service: Service, member: 'a' | 'b', verdict: string): Promise<void> {
    await until(
      async () => (await this.verdict(service, member)) === verdict || undefined,
      () => `${member} of ${service} to be ${verdict}`,
      60_000,
    );
  }

  /** When the node says that a member changed to a verdict, epoch milliseconds. */
  async turnedAt(service: Service, member: string, verdict: string): Promise<number> {
    const response = await this.node.api('GET', '/v1/health-events?limit=100');
    const { items } = (await response.json()) as { items: HealthEvent[] };
    const event = items.find(
      (each) => each.service === service && each.member === member && each.to === verdict,
    );
    assert.ok(event, `no event that ${member} of ${service} is ${verdict}`);
    return Date.parse(event.at);
  }

  /** Asks until an address is no more in `samples` answers in a row; returns when that began. */
  async untilGone(service: Service, address: string, samples: number): Promise<number> {
    let since = Date.now();
    let without = 0;
    await until(
      async () => {
        for (let asked = 0; asked < 10 && without < samples; asked += 1) {
          const isThere = (await this.answer(service)).includes(address);
          if (isThere) without = 0;
          else if (without === 0) since = Date.now();
          if (!isThere) without += 1;
        }
        return without >= samples || undefined;
      },
      () => `${address} to leave the answers of ${service}`,
      30_000,
    );
    return since;
  }
}

async function setScene(t: { after(callback: () => void | Promise<void>): void }): Promise<Scene> {
  const port = await freePort('127.0.2.1');
  const all = new Map<string, Origin>();
  for (const address of Object.values(origins).flat()) {
    const origin = new Origin(address, port);
    await origin.start();
    t.after(() => origin.die());
    all.set(address, origin);
  }
  const folder = temporaryFolder(t);
  writeFiles(folder, { 'zones/fail.test.zone': zone, 'zones/traffic.yaml': trafficFile(port) });
  const node = await startMeridian(t, {
    zones: `${folder}/zones`,
    data: `${folder}/data`,
    flags: ['--allow-private-targets'],
  });
  const scene = new Scene(node, await UdpChannel.open(t, node.port), all);
  for (const service of services) {
    await scene.untilVerdict(service, 'a', 'up');
    await scene.untilVerdict(service, 'b', 'up');
  }
  return scene;
}

/** What happens to member `a`, by service. */
const deaths: Readonly<
  Record<'closed' | 'failing' | 'hanging', (origin: Origin) => Promise<void>>
> = {
  closed: (origin) => origin.die(),
  failing: async (origin) => {
    origin.behaviour = 'failing';
  },
  hanging: async (origin) => {
    origin.behaviour = 'hanging';
  },
};

test('an origin dies, and answers change; it comes back, and ramps', async (t) => {
  const scene = await setScene(t);
  const half = await scene.share('closed', origins.closed[0]);
  assert.ok(half > 0.35 && half < 0.65, `a healthy member of two has ${half}`);

  for (const service of ['closed', 'failing', 'hanging'] as const) {
    await t.test(`${service}: the answer changes`, async (t) => {
      const [first, second] = origins[service];
      const diedAt = Date.now();
      await deaths[service](scene.origin(first));
      // A weighted service names one of two at random: 20 in a row without it are no accident.
      const goneAt = await scene.untilGone(service, first, 20);
      const turnedAt = await scene.turnedAt(service, 'a', 'down');
      t.diagnostic(
        `${service}: ${goneAt - diedAt} ms from death to changed answer, ` +
          `${goneAt - turnedAt} ms from verdict to changed answer`,
      );
      assert.ok(turnedAt >= diedAt, 'the verdict came before the death');
      assert.ok(goneAt - diedAt < 15_000);
      assert.deepEqual(await scene.answer(service), [second]);
      assert.equal(await scene.verdict(service, 'a'), 'down');
    });
  }

  await t.test(
    'degraded JSON: the verdict is degraded, the share smaller, the answer there',
    async () => {
      const [first] = origins.degraded;
      scene.origin(first).behaviour = 'degraded';
      await scene.untilVerdict('degraded', 'a', 'degraded');
      const share = await scene.share('degraded', first);
      assert.ok(share > 0.2 && share < 0.45, `a degraded member of two has ${share}`);
    },
  );

  await t.test('all origins dead: answers stay (fail open), and are as configured', async () => {
    for (const address of origins.alldead) await scene.origin(address).die();
    await scene.untilVerdict('alldead', 'a', 'down');
    await scene.untilVerdict('alldead', 'b', 'down');
    for (let asked = 0; asked < 20; asked += 1) {
      const answer = await scene.answer('alldead');
      assert.ok(answer.length > 0);
      for (const address of answer)
        assert.ok(
          origins.alldead.some((one) => one === address),
          address,
        );
    }
  });

  await t.test('it comes back, and its share grows from little to full', async (t) => {
    const [first] = origins.closed;
    assert.equal(await scene.share('closed', first, 50), 0);
    await scene.origin(first).start();
    const startedAt = Date.now();
    await scene.untilVerdict('closed', 'a', 'up');
    const upAt = Date.now();
    const early = await scene.share('closed', first, 300);
    assert.ok(Date.now() - upAt < (rampSeconds * 1000) / 2, 'too slow a machine to watch a ramp');
    assert.ok(early < 0.35, `just recovered it has ${early}`);
    const shares = [early];
    await until(
      async () => {
        shares.push(await scene.share('closed', first, 300));
        return Date.now() - upAt > rampSeconds * 1000 || undefined;
      },
      () => 'the ramp to end',
    );
    const full = await scene.share('closed', first);
    const some = shares.filter((_, index) => index % 8 === 0);
    const grown = some.map((share) => share.toFixed(2)).join(' ');
    t.diagnostic(`up ${upAt - startedAt} ms after it came back; share ${grown} … ${full}`);
    assert.ok(full > 0.35, `after its ramp it has ${full}`);
    assert.ok(early < full);
  });
});
