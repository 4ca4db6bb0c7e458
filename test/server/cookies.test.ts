import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VirtualClock } from '../../src/base/clock.ts';
import { parseIp } from '../../src/base/ip.ts';
import { CoarseClock } from '../../src/server/coarse-clock.ts';
import { Cookies } from '../../src/server/cookies.ts';

/** The secrets of RFC 9018 Appendix A. */
const secret = 'e5e973e5a6b2a43f48e7dc849e37bfcf';
const oldSecret = 'dd3bdf9344b678b185a6f5cb60fca715';
const newSecret = '445536bcd2513298075a5d379663c962';

const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));

class Server {
  readonly clock: VirtualClock;
  readonly #time: CoarseClock;
  readonly #cookies: Cookies;

  constructor(secrets: readonly string[], epochSeconds: number, rollsOver = false) {
    this.clock = new VirtualClock(epochSeconds * 1000);
    this.#time = new CoarseClock(this.clock);
    this.#cookies = new Cookies({ secrets: secrets.map(hex), rollsOver }, this.#time);
  }

  wait(seconds: number): this {
    this.clock.advance(seconds * 1000);
    this.#time.tick();
    return this;
  }

  /** Whether a cookie holds, and the one that goes back. */
  take(cookie: string, client: string): readonly [boolean, string] {
    const bytes = hex(cookie);
    const slot = new DataView(new ArrayBuffer(64));
    new Uint8Array(slot.buffer).set(bytes, 3);
    const { family, words } = parseIp(client) ?? assert.fail(client);
    const isValid = this.#cookies.verify(slot, 3, bytes.length, Int32Array.of(family, ...words));
    this.#cookies.write(slot, 7);
    return [isValid, Buffer.from(slot.buffer, 7, 24).toString('hex')];
  }
}

const learned = '2464c4abcf10c957010000005cf79f111f8130c3eee29480';

test('Cookies: learning a new server cookie (RFC 9018 A.1)', () => {
  const server = new Server([secret], 1_559_731_985);
  assert.deepEqual(server.take('2464c4abcf10c957', '198.51.100.100'), [false, learned]);
});

test('Cookies: a renewed server cookie after 40 minutes (RFC 9018 A.2)', () => {
  const server = new Server([secret], 1_559_734_385);
  const renewed = '2464c4abcf10c957010000005cf7a871d4a564a1442aca77';
  assert.deepEqual(server.take(learned, '198.51.100.100'), [true, renewed]);
});

test('Cookies: reserved octets are hashed as they come (RFC 9018 A.3)', () => {
  const sent = 'fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5';
  const within = new Server([secret], 1_559_727_985 + 600);
  const [isValid, answer] = within.take(sent, '203.0.113.203');
  assert.equal(isValid, true);
  assert.equal(answer.slice(16, 24), '01000000');
  // The RFC's answer comes when the cookie is nearly two hours old.
  const renewed = 'fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e';
  const late = new Server([secret], 1_559_734_700);
  assert.deepEqual(late.take(sent, '203.0.113.203'), [false, renewed]);
});

test('Cookies: IPv6, signed with the secret before (RFC 9018 A.4)', () => {
  const server = new Server([newSecret, oldSecret], 1_559_741_961);
  const sent = '22681ab97d52c298010000005cf7c57926556bd0934c72f8';
  const renewed = '22681ab97d52c298010000005cf7c609a6bb79d16625507a';
  const client = '2001:db8:220:1:59de:d0f4:8769:82b8';
  assert.deepEqual(server.take(sent, client), [true, renewed]);
  assert.deepEqual(new Server([newSecret], 1_559_741_961).take(sent, client), [false, renewed]);
});

test('Cookies.write() sends a cookie back as it is for half an hour', () => {
  const server = new Server([secret], 1_559_731_985);
  assert.deepEqual(server.wait(1800).take(learned, '198.51.100.100'), [true, learned]);
  const [isValid, renewed] = server.wait(1).take(learned, '198.51.100.100');
  assert.equal(isValid, true);
  assert.notEqual(renewed, learned);
});

test('Cookies.verify() believes a cookie for an hour, and 5 minutes ahead (RFC 9018 §4.3)', () => {
  const at = (seconds: number) =>
    new Server([secret], 1_559_731_985 + seconds).take(learned, '198.51.100.100')[0];
  assert.deepEqual([at(3600), at(3601), at(-300), at(-301)], [true, false, true, false]);
});

test('Cookies.verify() reads time as a serial number beyond 2038', () => {
  const server = new Server([secret], 2 ** 31 - 100);
  const [, cookie] = server.take('0011223344556677', '192.0.2.1');
  assert.equal(server.wait(600).take(cookie, '192.0.2.1')[0], true);
  assert.equal(server.wait(3600).take(cookie, '192.0.2.1')[0], false);
});

test('Cookies.verify() refuses every change of a bit, another client and another length', () => {
  const server = new Server([secret], 1_559_731_985);
  for (let bit = 0; bit < 192; bit += 1) {
    const changed = Buffer.from(learned, 'hex');
    changed[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(server.take(changed.toString('hex'), '198.51.100.100')[0], false, `bit ${bit}`);
  }
  assert.equal(server.take(learned, '198.51.100.101')[0], false);
  assert.equal(server.take(learned.slice(0, 46), '198.51.100.100')[0], false);
  assert.equal(server.take(`${learned}00`, '198.51.100.100')[0], false);
});

test('Cookies.verify() tells IPv4 from IPv6 clients whose words are alike', () => {
  const server = new Server([secret], 1_559_731_985);
  const [, cookie] = server.take('0011223344556677', '32.1.13.184');
  assert.equal(server.take(cookie, '2001:db8::')[0], false);
  const [, wide] = server.take('0011223344556677', '2001:db8::1');
  assert.equal(server.take(wide, '2001:db8::1')[0], true);
  assert.equal(server.take(wide, '2001:db8::2')[0], false);
});

test('Cookies.write() makes what verify() believes, for any client and any client cookie', () => {
  const server = new Server([secret], 1_750_000_000);
  const client = fc.oneof(
    fc.ipV4(),
    fc.ipV6().filter((text) => parseIp(text) !== undefined),
  );
  const cookie = fc.uint8Array({ minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(client, cookie, (address, bytes) => {
      const [isValid, made] = server.take(Buffer.from(bytes).toString('hex'), address);
      assert.equal(isValid, false);
      assert.deepEqual(server.take(made, address), [true, made]);
    }),
    { numRuns: 300 },
  );
});

test('Cookies.verify() tells a cookie that it remembers from one that is alike', () => {
  const server = new Server([secret], 1_559_731_985);
  assert.equal(server.take(learned, '198.51.100.100')[0], true);
  for (let bit = 0; bit < 192; bit += 1) {
    const changed = Buffer.from(learned, 'hex');
    changed[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(server.take(changed.toString('hex'), '198.51.100.100')[0], false, `bit ${bit}`);
  }
  assert.equal(server.take(learned, '198.51.100.101')[0], false);
  assert.deepEqual(server.take(learned, '198.51.100.100'), [true, learned]);
  // As a client of IPv6 whose first words are those of the IPv4 one.
  assert.equal(server.take(learned, 'c633:6464::')[0], false);
  assert.equal(server.wait(3601).take(learned, '198.51.100.100')[0], false);
});

test('Cookies: secrets of our own roll over every 26 hours, without a cookie lost', () => {
  const server = new Server([secret], 26 * 3600 * 17_000 - 10, true);
  const [, before] = server.take('0011223344556677', '192.0.2.1');
  // Another thread, started behind the rollover, makes the same secrets.
  const other = new Server([secret], 26 * 3600 * 17_000 + 60, true);
  assert.equal(server.wait(70).take(before, '192.0.2.1')[0], true);
  const [isValid, after] = other.take(before, '192.0.2.1');
  assert.equal(isValid, true);
  assert.notEqual(after, before);
  assert.equal(server.take(after, '192.0.2.1')[0], true);
  // Much later the secret before is forgotten, and the one that was given signs nothing itself.
  assert.equal(server.wait(3600).take(before, '192.0.2.1')[0], false);
  assert.equal(server.take(learned, '198.51.100.100')[0], false);
  assert.notEqual(
    new Server([secret], 1_559_731_985, true).take('2464c4abcf10c957', '198.51.100.100')[1],
    learned,
  );
});
