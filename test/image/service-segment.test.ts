import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatIp, fromBytes } from '../../src/base/ip.ts';
import { Random } from '../../src/base/random.ts';
import { compileService } from '../../src/image/compile-service.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import { isSticky } from '../../src/policy/outcome.ts';
import {
  openServiceSegment,
  pickAnswer,
  pickFromChoice,
  type ServiceView,
} from '../../src/policy/pick.ts';
import { situation } from '../policy/arbitrary.ts';
import {
  anybody,
  byDistance,
  colombo,
  failover,
  latency,
  nearest,
  paris,
  places,
  question,
  regions,
  service,
  sticky,
  weighted,
} from '../policy/build.ts';

function compile(of: ReturnType<typeof service>, classes = [anybody], mapSlot = -1): ServiceView {
  return openServiceSegment(
    compileService({
      name: 'web',
      service: of,
      regions: regions(),
      health: new Map(),
      estimate: byDistance,
      mapSlot,
      classes,
    }),
  );
}

function addressesAt(view: ServiceView, family: 4 | 6, offsets: Iterable<number>): string[] {
  const bytes = family === 4 ? 4 : 16;
  return [...offsets].map((at) => formatIp(fromBytes(view.bytes.slice(at, at + bytes))));
}

test('pickAnswer() on a compiled service answers as the evaluator does, for any service', () => {
  const out = new Int32Array(10);
  fc.assert(
    fc.property(situation(5), fc.nat(), fc.nat(), ({ classes, ...given }, seed, hash) => {
      const input = { ...given, name: 'web', estimate: byDistance };
      const view = openServiceSegment(compileService({ ...input, mapSlot: 3, classes }));
      assert.equal(view.mapSlot, 3);
      for (const [classIndex, client] of classes.entries()) {
        for (const family of [4, 6] as const) {
          const { choice, ttlSeconds } = evaluate({ ...input, client, family });
          const compiled = new Random(seed);
          const direct = new Random(seed);
          for (let draw = 0; draw < 8; draw++) {
            const clientHash = (hash + draw) >>> 0;
            const count = pickAnswer(view, family, classIndex, clientHash, compiled, out);
            const vips = pickFromChoice(choice, clientHash, direct);
            const expected = vips.map(({ address }) => address);
            assert.deepEqual(addressesAt(view, family, out.subarray(2, 2 + count)), expected);
            assert.equal(out[0], ttlSeconds);
            assert.equal(out[1], isSticky(choice) ? ((clientHash & 1) === 0 ? 24 : 56) : 0);
          }
          assert.equal(compiled.uint32(), direct.uint32(), 'both drew as often');
        }
      }
    }),
    { numRuns: 1500 },
  );
});

test('openServiceSegment() says which families are configured, whatever their health', () => {
  const only4 = compile(service('ireland', { ireland: { aaaa: [] } }));
  assert.deepEqual([only4.has4, only4.has6], [true, false]);
  const only6 = compile(service('ireland', { ireland: { a: [], state: 'drained' } }));
  assert.deepEqual([only6.has4, only6.has6], [false, true]);
});

test('openServiceSegment() refuses bytes that are no service segment', () => {
  assert.throws(() => openServiceSegment(new SharedArrayBuffer(64)), /not a service segment/);
});

test('pickAnswer() serves an unknown class index as class 0', () => {
  const of = service(
    nearest(Object.keys(places)),
    Object.fromEntries(Object.keys(places).map((name) => [name, {}])),
  );
  const view = compile(of, [paris, colombo], 0);
  const out = new Int32Array(10);
  const answer = (classIndex: number) => {
    const count = pickAnswer(view, 4, classIndex, 0, new Random(1), out);
    return addressesAt(view, 4, out.subarray(2, 2 + count));
  };
  assert.notDeepEqual(answer(0), answer(1));
  for (const classIndex of [2, 70_000, -1]) assert.deepEqual(answer(classIndex), answer(0));
});

test('pickAnswer() gives no address and the largest TTL for a family without any', () => {
  const of = service('ireland', { ireland: { aaaa: [] } }, { ttl: { min: 5, max: 60 } });
  const out = new Int32Array(10);
  assert.equal(pickAnswer(compile(of), 6, 0, 0, new Random(1), out), 0);
  assert.equal(out[0], 60);
});

test('compileService() without classes serves everybody as one', () => {
  const view = compile(service('ireland', { ireland: {} }), []);
  assert.equal(view.classCount, 1);
  assert.equal(pickAnswer(view, 4, 0, 0, new Random(1), new Int32Array(10)), 1);
});

test('compileService() writes equal choices of many classes once', () => {
  const names = Object.keys(places);
  const members = Object.fromEntries(names.map((name) => [name, {}]));
  const of = service(failover([nearest(names.slice(0, 3)), nearest(names)]), members);
  const classes = Array.from({ length: 5000 }, (_, index) => ({
    prefixes: [],
    coordinates: { latitude: (index % 170) - 85, longitude: (index % 350) - 175 },
  }));
  const view = compile(of, classes, 0);
  const tables = 2 * classes.length;
  // Three possible answers per family, each with a root of 3 words and a node of 3.
  assert.ok(view.words.length - tables < 100, `${view.words.length - tables} words of programs`);
});

test('compileService() writes a tie once, whichever of its members is a hair faster', () => {
  const of = service(latency(['ireland', 'frankfurt'], { toleranceMs: 100 }), {
    ireland: {},
    frankfurt: {},
  });
  const near = (place: string) => ({ prefixes: [], coordinates: places[place]! });
  const one = compile(of, [near('ireland'), near('ireland')], 0);
  const both = compile(of, [near('ireland'), near('frankfurt')], 0);
  assert.equal(both.words.length, one.words.length);
});

test('pickAnswer() and pickFromChoice() keep a client on its member for equal hashes', () => {
  const of = service(sticky(['ireland', 'tokyo', 'mumbai']), {
    ireland: {},
    tokyo: {},
    mumbai: {},
  });
  const { choice } = evaluate(question(of));
  for (let hash = 0; hash < 200; hash++) {
    const first = pickFromChoice(choice, hash, new Random(1));
    assert.deepEqual(pickFromChoice(choice, hash, new Random(99)), first);
  }
});

test('compileService() with weights far apart still serves the heavy and never fails', () => {
  const of = service(
    weighted([
      ['ireland', 65_535],
      ['tokyo', 1],
    ]),
    { ireland: {}, tokyo: {} },
  );
  const view = compile(of);
  const out = new Int32Array(10);
  const random = new Random(7);
  let heavy = 0;
  for (let draw = 0; draw < 1000; draw++) {
    assert.equal(pickAnswer(view, 4, 0, 0, random, out), 1);
    if (addressesAt(view, 4, out.subarray(2, 3))[0] === '192.0.2.1') heavy++;
  }
  assert.ok(heavy > 990);
});
