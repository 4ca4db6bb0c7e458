import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { signedText } from '../../src/health/agent-request.ts';
import {
  encodeReport,
  maxReportBytes,
  reportBytes,
  signaturePart,
  signedPart,
} from '../../src/health/report-codec.ts';
import type { Verdict } from '../../src/health/verdict.ts';
import { readPlan } from '../../src/probe/plan.ts';
import { fillExample, type Harness, problemOf, startHarness } from './harness.ts';

const reportType = 'application/vnd.meridian.report';

/** An agent as its requests show it: a key, a name and the challenge that it was given. */
class TestAgent {
  readonly name: string;
  readonly key: KeyObject;
  readonly publicKey: string;
  readonly #harness: Harness;
  #challenge = '';
  sequence = 0;

  constructor(harness: Harness, name: string) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    this.#harness = harness;
    this.name = name;
    this.key = privateKey;
    this.publicKey = publicKey
      .export({ type: 'spki', format: 'der' })
      .subarray(-32)
      .toString('base64url');
  }

  enrol(more: object = {}, token?: string) {
    const body = { name: this.name, location: 'aws:eu-west-1', publicKey: this.publicKey, ...more };
    return this.#harness.call('POST', '/v1/agents', {
      body,
      ...(token === undefined ? {} : { token }),
    });
  }

  /** Sends a signed request, after having been given a challenge. */
  async ask(method: 'GET' | 'POST', path: string, body?: object, headers: object = {}) {
    if (this.#challenge === '') {
      const first = await this.#send(method, path, body, headers);
      assert.equal(first.statusCode, 401);
      const demanded = /challenge="([^"]+)"/.exec(String(first.headers['www-authenticate']));
      this.#challenge = demanded?.[1] ?? '';
    }
    return this.#send(method, path, body, headers);
  }

  #send(method: 'GET' | 'POST', path: string, body: object | undefined, headers: object) {
    const url = path.startsWith('/') ? path : `/v1/agents/${this.name}/${path}`;
    const text = body === undefined ? '' : JSON.stringify(body);
    const signature = sign(
      null,
      Buffer.from(signedText(this.#challenge, { method, url, body: text })),
      this.key,
    ).toString('base64url');
    return this.#harness.api.inject({
      method,
      url,
      headers: {
        ...headers,
        authorization: `Agent ${this.name}:${this.#challenge}:${signature}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { payload: text }),
    });
  }

  async boot(): Promise<number> {
    const response = await this.ask('POST', 'boots', { current: 0, version: '1.0' });
    assert.equal(response.statusCode, 200, response.body);
    return response.json().boot;
  }

  async plan() {
    const response = await this.ask('GET', 'plan');
    assert.equal(response.statusCode, 200, response.body);
    return readPlan(response.body);
  }

  /** A report that all is as said, signed by `key`. */
  async bytes(boot: number, state: Verdict, key = this.key, digest?: string): Promise<Uint8Array> {
    const plan = await this.plan();
    const results = plan.targets
      .filter(({ canary }) => canary !== true)
      .map(({ id }) => ({ target: id, state, forMs: 0 }));
    const report = { agent: this.name, boot, sequence: ++this.sequence, canariesOk: true, results };
    const bytes = encodeReport(report, digest ?? plan.digest, 1000);
    signaturePart(bytes).set(sign(null, signedPart(bytes), key));
    return bytes;
  }

  post(bytes: Uint8Array, name = this.name) {
    return this.#harness.api.inject({
      method: 'POST',
      url: `/v1/agents/${name}/reports`,
      headers: { 'content-type': reportType, 'meridian-rtt': '12.5' },
      payload: Buffer.from(bytes),
    });
  }
}

describe('agents', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
    await fillExample(harness);
  });
  after(() => harness.close());

  test('a token for enrolment enrols and does nothing else; one for once is gone then', async () => {
    const { secret } = await harness.makeToken({ name: 'e', scopes: ['agent:enroll'] });
    const once = (await harness.makeToken({ name: 'o', scopes: ['agent:enroll:once'] })).secret;
    const one = new TestAgent(harness, 'one');
    assert.equal((await one.enrol({}, secret)).statusCode, 201);
    assert.equal((await one.enrol({}, secret)).statusCode, 200, 'the same again is no error');
    const other = new TestAgent(harness, 'one');
    assert.equal(problemOf(await other.enrol({}, secret)).code, 'E_CONFLICT');
    for (const url of ['/v1/regions', '/v1/agents', '/v1/tokens']) {
      assert.equal((await harness.call('GET', url, { token: secret })).statusCode, 403, url);
    }
    const two = new TestAgent(harness, 'two');
    assert.equal((await two.enrol({}, once)).statusCode, 201);
    const three = new TestAgent(harness, 'three');
    assert.equal((await three.enrol({}, once)).statusCode, 401);
  });

  test('an agent that lost the answer gets it again, with the token that was used up, and nobody else', async () => {
    const revision = () => harness.controller.configuration().revision;
    const once = (await harness.makeToken({ name: 'o', scopes: ['agent:enroll:once'] })).secret;
    const lost = new TestAgent(harness, 'lost');
    // The first answer is late: both wait for their turn.
    const both = await Promise.all([lost.enrol({}, once), lost.enrol({}, once)]);
    assert.deepEqual(both.map(({ statusCode }) => statusCode).sort(), [200, 201]);
    const enrolled = revision();
    const again = await lost.enrol({ location: 'aws:us-east-1' }, once);
    assert.equal(again.statusCode, 200);
    assert.deepEqual([again.json().id, again.json().location], ['lost', 'aws:eu-west-1']);
    assert.equal(again.headers['etag'], `"r${enrolled}"`);
    const other = new TestAgent(harness, 'lost');
    assert.equal((await other.enrol({}, once)).statusCode, 401);
    assert.equal((await lost.enrol({ name: 'more' }, once)).statusCode, 401);
    const used = (await harness.makeToken({ name: 'u', scopes: ['agent:enroll:once'] })).secret;
    await new TestAgent(harness, 'another').enrol({}, used);
    assert.equal((await lost.enrol({}, used)).statusCode, 401);
    assert.equal((await lost.enrol({}, 'mrd_wrong')).statusCode, 401);
    assert.equal(revision(), enrolled + 2);
    await harness.call('PATCH', '/v1/agents/lost', { body: { state: 'revoked' } });
    assert.equal((await lost.enrol({}, once)).statusCode, 401);
    for (const id of ['lost', 'another']) await harness.call('DELETE', `/v1/agents/${id}`);
  });

  test('an agent that asks for no name is enrolled once, however often it asks', async () => {
    const nameless = new TestAgent(harness, 'nameless');
    const first = await nameless.enrol({ name: undefined });
    const second = await nameless.enrol({ name: undefined });
    assert.deepEqual([first.statusCode, second.statusCode], [201, 200]);
    assert.equal(second.json().id, first.json().id);
    const other = await new TestAgent(harness, 'other').enrol({ name: undefined });
    assert.notEqual(other.json().id, first.json().id);
  });

  test('enrolment says what is wrong with it', async () => {
    const bad = new TestAgent(harness, 'bad');
    const place = problemOf(await bad.enrol({ location: 'aws:eu-wst-1' }));
    assert.equal(place.code, 'E_PLACE_UNKNOWN');
    assert.match(place.detail, /eu-west-1/);
    assert.equal(problemOf(await bad.enrol({ publicKey: 'short' })).code, 'E_FORM_VALUE');
    const name = problemOf(await bad.enrol({ name: 'Not A Name' }));
    assert.equal(name.code, 'E_NAME_INVALID');
    assert.match(name.detail, /^an agent is called "Not A Name"/);
    // Its reports would count instead of the node's own.
    const embedded = problemOf(await bad.enrol({ name: 'embedded' }));
    assert.equal(embedded.code, 'E_NAME_INVALID');
    assert.match(embedded.detail, /the agent inside each node; choose another name/);
    const region = problemOf(await bad.enrol({ name: undefined, region: 'No Region' }));
    assert.equal(region.code, 'E_NAME_INVALID');
    assert.match(region.detail, /^a region is called "No Region"/);
    const nameless = await bad.enrol({ name: undefined });
    assert.match(nameless.json().id, /^aws-eu-west-1-[0-9a-f]{8}$/);
  });

  test('requests of agents need a fresh challenge, the right key and their own path', async () => {
    const agent = new TestAgent(harness, 'asker');
    await agent.enrol();
    assert.ok((await agent.boot()) > 0);
    assert.equal(problemOf(await agent.ask('GET', '/v1/agents/one/plan')).code, 'E_FORBIDDEN');
    harness.clock.advance(700_000);
    assert.equal(problemOf(await agent.ask('GET', 'plan')).code, 'E_AGENT_CHALLENGE');
    const thief = new TestAgent(harness, 'asker');
    assert.equal(problemOf(await thief.ask('GET', 'plan')).code, 'E_AGENT_SIGNATURE');
    const stranger = new TestAgent(harness, 'stranger');
    assert.equal(problemOf(await stranger.ask('GET', 'plan')).code, 'E_AGENT_UNKNOWN');
    const plain = await harness.call('GET', '/v1/agents/asker/plan');
    assert.equal(problemOf(plain).code, 'E_AGENT_CHALLENGE');
  });

  test('boot numbers only grow, also beyond what the agent says it had', async () => {
    const agent = new TestAgent(harness, 'booter');
    await agent.enrol();
    const first = await agent.boot();
    const second = await agent.boot();
    assert.ok(second > first);
    const body = { current: second + 1_000_000_000, version: '1.0' };
    const third = (await agent.ask('POST', 'boots', body)).json().boot;
    assert.equal(third, second + 1_000_000_001);
  });

  test('a good report is a vote, and shows who says what, since when', async () => {
    const agent = new TestAgent(harness, 'voter');
    await agent.enrol({ region: 'ireland' });
    const bytes = await agent.bytes(await agent.boot(), 'down');
    assert.equal((await agent.post(bytes)).statusCode, 204);
    const view = (await harness.call('GET', '/v1/health/web/eu-west')).json();
    const vote = view.targets[0].votes.find(
      ({ agent: name }: { agent: string }) => name === 'voter',
    );
    assert.deepEqual(
      [vote.agent, vote.region, vote.state, vote.counts],
      ['voter', 'ireland', 'down', true],
    );
    const shown = (await harness.call('GET', '/v1/agents/voter')).json();
    assert.deepEqual(
      [shown.live.sequence, shown.live.version, shown.live.rttMs, shown.live.checks],
      [1, '1.0', 12.5, 3],
    );
    const { items } = (await harness.call('GET', '/v1/agents?limit=100')).json();
    assert.ok(items.some(({ id }: { id: string }) => id === 'voter'));
  });

  test('health shows which agent regions are missed, and what waits for them', async () => {
    harness.clock.advance(61_000); // what others said is stale
    const [near, far] = [new TestAgent(harness, 'near'), new TestAgent(harness, 'far')];
    await near.enrol({ region: 'near' });
    await far.enrol({ region: 'far' });
    const boot = await near.boot();
    await near.post(await near.bytes(boot, 'up'));
    await near.post(await near.bytes(boot, 'down'));
    const { agentRegions } = (await harness.call('GET', '/v1/health')).json();
    const shown = (name: string) =>
      agentRegions.find(({ region }: { region: string }) => region === name);
    assert.deepEqual(
      [shown('near').fresh, shown('far').fresh, shown('far').agents, shown('far').forgotten],
      [1, 0, 1, 0],
    );
    const view = (await harness.call('GET', '/v1/health/web/eu-west')).json();
    const [target] = view.targets;
    assert.notEqual(target.verdict, 'down');
    assert.equal(target.guarded, true);
    assert.ok(target.awaits.includes('far'), JSON.stringify(target.awaits));
    const vote = target.votes.find(({ agent }: { agent: string }) => agent === 'far');
    assert.deepEqual([vote.state, vote.counts], ['unknown', false]);
    for (const name of ['near', 'far']) await harness.call('DELETE', `/v1/agents/${name}`);
  });

  test('replayed, forged, foreign, cut, overlong and unplanned reports are refused and counted', async () => {
    const before = { ...harness.desk.counts() };
    const agent = new TestAgent(harness, 'liar');
    const other = new TestAgent(harness, 'other');
    await agent.enrol();
    await other.enrol();
    const early = await agent.bytes(1, 'down');
    assert.equal(problemOf(await agent.post(early)).code, 'E_AGENT_BOOT');
    const boot = await agent.boot();
    const good = await agent.bytes(boot, 'up');
    assert.equal((await agent.post(good)).statusCode, 204);
    assert.equal(problemOf(await agent.post(good)).code, 'E_REPORT_REPLAY');
    assert.equal(problemOf(await agent.post(early)).code, 'E_REPORT_REPLAY');
    const forged = await agent.bytes(boot, 'down', other.key);
    assert.equal(problemOf(await agent.post(forged)).code, 'E_AGENT_SIGNATURE');
    const next = await agent.bytes(boot, 'up');
    assert.equal(problemOf(await other.post(next, 'other')).code, 'E_AGENT_SIGNATURE');
    const cut = next.subarray(0, next.length - 1);
    assert.equal(problemOf(await agent.post(cut)).code, 'E_REPORT_FORM');
    const unplanned = await agent.bytes(boot, 'up', agent.key, '00'.repeat(32));
    assert.equal(problemOf(await agent.post(unplanned)).code, 'E_REPORT_PLAN');
    const long = await agent.post(new Uint8Array(maxReportBytes + 1));
    assert.equal(problemOf(long).code, 'E_TOO_LARGE');
    const nobody = new TestAgent(harness, 'nobody');
    const stray = encodeReport(
      { agent: 'nobody', boot, sequence: 1, canariesOk: true, results: [] },
      '00'.repeat(32),
      0,
    );
    assert.equal(problemOf(await nobody.post(stray)).code, 'E_AGENT_UNKNOWN');
    const counts = harness.desk.counts();
    const added = Object.entries(counts).map(([reason, count]) => [
      reason,
      count - (before[reason as keyof typeof before] ?? 0),
    ]);
    assert.deepEqual(Object.fromEntries(added), {
      taken: 1,
      'too-large': 1,
      malformed: 1,
      'unknown-agent': 1,
      revoked: 0,
      signature: 2,
      plan: 1,
      replay: 2,
      boot: 1,
    });
    harness.clock.advance(60_000); // what was forged is forgiven
  });

  test('a report that another controller passed on first is no replay when the agent posts it', async () => {
    const agent = new TestAgent(harness, 'everywhere');
    await agent.enrol();
    const boot = await agent.boot();
    const bytes = await agent.bytes(boot, 'up');
    const before = { ...harness.desk.counts() };
    harness.heard.length = 0;
    assert.equal(harness.desk.takePassedOn(bytes), true);
    assert.deepEqual(harness.heard, []);
    assert.equal((await agent.post(bytes)).statusCode, 204);
    assert.equal(harness.desk.counts().taken, before.taken + 1);
    const name = { agent: 'everywhere', boot, sequence: 1 };
    assert.deepEqual(harness.heard, [{ name, isNews: false }]);
    assert.equal(problemOf(await agent.post(bytes)).code, 'E_REPORT_REPLAY');
    const next = await agent.bytes(boot, 'up');
    assert.equal((await agent.post(next)).statusCode, 204);
    assert.deepEqual(harness.heard[1], { name: { ...name, sequence: 2 }, isNews: true });
    assert.equal(harness.heard.length, 2);
    assert.equal(harness.desk.takePassedOn(next), false);
    assert.equal(harness.desk.takePassedOn(bytes), false);
    const last = await agent.bytes(boot, 'up');
    assert.equal(harness.desk.takePassedOn(last), true);
    await agent.boot();
    assert.equal(problemOf(await agent.post(last)).code, 'E_REPORT_REPLAY');
  });

  test('a revoked agent is refused at once and its votes are gone; a rollback leaves it so', async () => {
    const agent = new TestAgent(harness, 'revoked');
    await agent.enrol();
    const { revision } = harness.controller.configuration();
    const boot = await agent.boot();
    assert.equal((await agent.post(await agent.bytes(boot, 'up'))).statusCode, 204);
    const next = await agent.bytes(boot, 'up');
    const patch = { body: { state: 'revoked' } };
    assert.equal((await harness.call('PATCH', '/v1/agents/revoked', patch)).statusCode, 200);
    assert.equal(problemOf(await agent.post(next)).code, 'E_AGENT_REVOKED');
    assert.equal(problemOf(await agent.ask('GET', 'plan')).code, 'E_AGENT_REVOKED');
    const rolled = await harness.call('POST', `/v1/revisions/${revision}/rollback`);
    assert.equal(rolled.statusCode, 200, rolled.body);
    const shown = (await harness.call('GET', '/v1/agents/revoked')).json();
    assert.equal(shown.state, 'revoked');
    const again = { body: { state: null } };
    assert.equal((await harness.call('PATCH', '/v1/agents/revoked', again)).statusCode, 200);
    assert.equal((await harness.call('DELETE', '/v1/agents/revoked')).statusCode, 204);
    assert.equal(problemOf(await agent.post(next)).code, 'E_AGENT_UNKNOWN');
    harness.clock.advance(60_000);
  });

  test('a question for another plan waits until there is one, or as long as it says', async () => {
    const agent = new TestAgent(harness, 'planner');
    await agent.enrol();
    const { digest } = await agent.plan();
    const known = { 'if-none-match': `"${digest}"` };
    const same = agent.ask('GET', 'plan?wait=10', undefined, known);
    await new Promise((resolve) => setImmediate(resolve));
    harness.clock.advance(10_000);
    assert.equal((await same).statusCode, 304);
    const moved = agent.ask('GET', 'plan?wait=10', undefined, known);
    await new Promise((resolve) => setImmediate(resolve));
    const body = { type: 'https', path: '/other', canaries: ['192.0.2.200'] };
    assert.equal((await harness.call('PUT', '/v1/monitors/https', { body })).statusCode, 200);
    const answer = await moved;
    assert.equal(answer.statusCode, 200);
    const { targets } = readPlan(answer.body);
    assert.deepEqual(
      targets.filter(({ canary }) => canary).map(({ id, address }) => [id, address]),
      [['canary:https@192.0.2.200', '192.0.2.200']],
    );
    const bytes = await agent.bytes(await agent.boot(), 'up');
    assert.equal(bytes.length, reportBytes(3));
    assert.equal((await agent.post(bytes)).statusCode, 204);
  });

  test('a report passed on by another controller counts without a boot number of this one', async () => {
    const agent = new TestAgent(harness, 'remote');
    await agent.enrol();
    const bytes = await agent.bytes(7, 'up');
    assert.equal(harness.desk.takePassedOn(bytes), true);
    assert.equal(harness.desk.takePassedOn(bytes), false);
    assert.equal(harness.desk.status('remote')?.boot, 7);
  });
});
