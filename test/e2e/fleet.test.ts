import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { decodeMessage, encodeMessage } from '../../src/wire/message.ts';
import { Authority, type Certificate } from '../probe/checks/certificates.ts';
import { answerTexts, queryOf } from './support/ask.ts';
import { cannotMakeNamespaces, makeNamespace } from './support/namespace.ts';
import { Origin } from './support/origin.ts';
import {
  freePort,
  type Running,
  type RunningMeridian,
  startMeridian,
  startProgram,
  temporaryFolder,
  until,
  writeFiles,
} from './support/processes.ts';
import { UdpChannel } from './support/udp-channel.ts';

const main = resolve(import.meta.dirname, '../../src/main.ts');
const reportPath = /\/reports$/;

const zone = `
$TTL 5
@ SOA ns1 hostmaster 1 7200 900 1209600 60
@ NS ns1
ns1 A 127.0.0.1
web STEER web
`;

function trafficFile(port: number): string {
  return `
regions:
  a: { place: aws:us-east-1 }
  b: { place: aws:eu-west-1 }
monitors:
  alive: { type: http, port: ${port}, path: /health, interval: 500ms, timeout: 250ms, fall: 2, rise: 2 }
services:
  web:
    ttl: 5
    monitors: [alive]
    members: { a: { a: [127.0.4.1] }, b: { a: [127.0.4.2] } }
    policy: { failover: [a, b] }
`;
}

interface Vote {
  readonly agent: string;
  readonly region: string;
  readonly state: string;
  readonly counts: boolean;
  readonly error?: string;
}

/** What the controller says of a member. */
async function look(node: RunningMeridian, member: 'a' | 'b') {
  const response = await node.api('GET', `/v1/health/web/${member}`);
  const { verdict, targets } = (await response.json()) as {
    verdict: string;
    targets: { votes: Vote[] }[];
  };
  const votes = new Map((targets[0]?.votes ?? []).map((vote) => [vote.agent, vote]));
  return { verdict, votes };
}

async function untilVotes(
  node: RunningMeridian,
  member: 'a' | 'b',
  states: Record<string, string>,
) {
  await until(
    async () => {
      const { votes } = await look(node, member);
      const wanted = Object.entries(states);
      return wanted.every(([agent, state]) => votes.get(agent)?.state === state) || undefined;
    },
    () => `the votes on ${member} to be ${JSON.stringify(states)}: ${node.output()}`,
    60_000,
  );
}

/** An HTTPS server in front of a controller that keeps the reports which pass. */
class Recorder {
  readonly reports: Buffer[] = [];
  readonly #server: Server;
  target = '';

  constructor({ key, cert }: Certificate) {
    this.#server = createServer({ key, cert }, (request, response) => {
      void this.#pass(request, response).catch(() => response.destroy());
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `https://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const url = request.url ?? '';
    if (reportPath.test(url)) this.reports.push(body);
    const headers = Object.entries(request.headers).flatMap(([name, value]) =>
      typeof value === 'string' && !['host', 'connection', 'content-length'].includes(name)
        ? [[name, value] as [string, string]]
        : [],
    );
    const answer = await fetch(`${this.target}${url}`, {
      method: request.method ?? 'GET',
      headers,
      ...(body.length === 0 ? {} : { body }),
    });
    const kept = ['content-type', 'www-authenticate', 'meridian-challenge', 'etag', 'x-revision'];
    for (const name of kept) {
      const value = answer.headers.get(name);
      if (value !== null) response.setHeader(name, value);
    }
    response.statusCode = answer.status;
    response.end(Buffer.from(await answer.arrayBuffer()));
  }
}

test('a fleet of agents judges by quorum, whatever one of them says', {
  skip: cannotMakeNamespaces(),
  timeout: 240_000,
}, async (t) => {
  const folder = temporaryFolder(t);
  const island = makeNamespace(t, 'agent');
  const port = await freePort('127.0.4.1');
  const origins = [new Origin('127.0.4.1', port), new Origin('127.0.4.2', port)];
  for (const origin of origins) await origin.start();
  t.after(async () => {
    for (const origin of origins) await origin.die();
  });
  const authority = new Authority();
  t.after(() => authority.dispose());
  writeFiles(folder, {
    'zones/fleet.test.zone': zone,
    'zones/traffic.yaml': trafficFile(port),
    'ca.pem': authority.ca,
  });
  const http = `${island.hostAddress}:${await freePort(island.hostAddress)}`;
  const serve = () =>
    startMeridian(t, {
      zones: join(folder, 'zones'),
      data: join(folder, 'data'),
      http,
      flags: ['--allow-private-targets'],
    });
  let node = await serve();
  const recorder = new Recorder(authority.issue(['DNS:localhost'], 10));
  recorder.target = node.url;
  const recorded = await recorder.listen();
  t.after(() => recorder.close());

  const made = await node.api('POST', '/v1/tokens', { name: 'fleet', scopes: ['agent:enroll'] });
  const { secret } = (await made.json()) as { secret: string };
  const probe = (name: string, location: string, control: string, prefix: readonly string[] = []) =>
    startProgram(t, [
      ...prefix,
      ...[process.execPath, main, 'probe', '--name', name, '--location', location],
      ...['--control', control, '--token', secret, '--data', join(folder, name)],
      ...['--allow-private-targets', '--plain-http', '--ca', join(folder, 'ca.pem'), '--json'],
    ]);
  const agents: Running[] = [
    probe('eu1', 'aws:eu-west-1', node.url),
    probe('us1', 'aws:us-east-1', recorded),
    // It reaches the controller and nothing else: to it, all the world is down.
    probe('ap1', 'aws:ap-south-1', node.url, island.prefix),
  ];
  const channel = await UdpChannel.open(t, node.port);
  const answer = async (): Promise<readonly string[]> => {
    const query = queryOf({ port: 0, name: 'web.fleet.test', type: 'A' });
    const bytes = await channel.ask(encodeMessage(query));
    return answerTexts(bytes && decodeMessage(bytes));
  };

  await t.test('one agent that sees everything down takes nothing down', async () => {
    for (const member of ['a', 'b'] as const) {
      await untilVotes(node, member, { embedded: 'up', eu1: 'up', us1: 'up', ap1: 'down' });
      const { verdict, votes } = await look(node, member);
      assert.equal(verdict, 'up');
      assert.equal(votes.get('ap1')?.error, 'connect-refused');
      assert.equal(votes.get('us1')?.region, 'aws-us-east-1');
    }
    assert.deepEqual(await answer(), ['127.0.4.1']);
    const events = (await (await node.api('GET', '/v1/health-events')).json()) as {
      items: { to: string }[];
    };
    assert.deepEqual(
      events.items.filter(({ to }) => to === 'down'),
      [],
    );
  });

  await t.test('an origin that dies is out of the answers by quorum', async () => {
    await origins[0]?.die();
    const diedMs = performance.now();
    await until(
      async () => (await answer()).includes('127.0.4.2') || undefined,
      () => 'the answer to move',
    );
    const tookMs = performance.now() - diedMs;
    // 500 ms × 2 + 1 s, and as much again for a machine that has other things to do.
    assert.ok(tookMs < 4000, `it took ${tookMs} ms`);
    const { verdict, votes } = await look(node, 'a');
    assert.equal(verdict, 'down');
    const saying = [...votes.values()].filter(({ state }) => state === 'down');
    assert.ok(new Set(saying.map(({ region }) => region)).size >= 3);
  });

  await t.test(
    'a recorded report is refused, also by a controller that was started anew',
    async () => {
      const post = (bytes: Buffer) =>
        fetch(`${node.url}/v1/agents/us1/reports`, {
          method: 'POST',
          headers: { 'content-type': 'application/vnd.meridian.report' },
          body: new Uint8Array(bytes),
        });
      const codeOf = async (response: Response) =>
        ((await response.json()) as { code: string }).code;
      const old = recorder.reports[0];
      assert.ok(old !== undefined && recorder.reports.length > 1);
      assert.equal(await codeOf(await post(old)), 'E_REPORT_REPLAY');
      const forged = Buffer.from(old);
      forged.writeUInt8(forged.readUInt8(128) ^ 3, 128);
      assert.equal(await codeOf(await post(forged)), 'E_AGENT_SIGNATURE');

      await node.stop('SIGKILL');
      node = await serve();
      const code = await codeOf(await post(old));
      assert.ok(code === 'E_AGENT_BOOT' || code === 'E_REPORT_REPLAY', code);
      await untilVotes(node, 'b', { eu1: 'up', us1: 'up', ap1: 'down' });
      assert.equal((await look(node, 'b')).verdict, 'up');
      assert.equal((await look(node, 'a')).verdict, 'down');
    },
  );

  await t.test('a revoked agent has no say at once, and ends', async () => {
    const patched = await node.api('PATCH', '/v1/agents/ap1', { state: 'revoked' });
    assert.equal(patched.status, 200);
    assert.equal((await look(node, 'b')).votes.has('ap1'), false);
    const [, , ap1] = agents;
    await until(
      () => (ap1 !== undefined && ap1.child.exitCode !== null ? true : undefined),
      () => `ap1 to end: ${ap1?.output()}`,
      90_000,
    );
    assert.equal(ap1?.child.exitCode, 1);
    assert.match(ap1?.output() ?? '', /revoked/);
    const metrics = await (await node.api('GET', '/metrics')).text();
    assert.match(metrics, /^meridian_agent_reports_total\{result="revoked"\} [1-9]/m);
    assert.match(metrics, /^meridian_agents\{state="reporting"\} 2$/m);
  });

  await t.test('an agent knows itself again after a restart, without a token', async () => {
    await agents[0]?.stop();
    assert.equal(agents[0]?.child.exitCode, 0);
    const key = readFileSync(join(folder, 'eu1/agent.key'), 'utf8');
    const again = startProgram(t, [
      ...[process.execPath, main, 'probe', '--location', 'aws:eu-west-1', '--control', node.url],
      ...['--data', join(folder, 'eu1'), '--allow-private-targets', '--plain-http', '--json'],
    ]);
    await until(
      () => again.output().includes('"agent":"eu1"') || undefined,
      () => again.output(),
    );
    await untilVotes(node, 'b', { eu1: 'up' });
    assert.equal(readFileSync(join(folder, 'eu1/agent.key'), 'utf8'), key);
  });
});
