import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkErrors } from '../../src/health/check-errors.ts';
import { openReport } from '../../src/health/open-report.ts';
import {
  layoutOf,
  type PackedReport,
  packTime,
  unpackTime,
} from '../../src/health/packed-report.ts';
import type { CheckState, Report } from '../../src/health/report.ts';
import {
  decodeHead,
  encodeReport,
  maxReportBytes,
  signaturePart,
  signedPart,
} from '../../src/health/report-codec.ts';
import type { Verdict } from '../../src/health/verdict.ts';

const digest = 'ab'.repeat(32);
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const agents = new Map([['eu1', { region: 'eu', key: publicKey, isRevoked: false }]]);

function reportOf(results: readonly CheckState[], more: Partial<Report> = {}): Report {
  return { agent: 'eu1', region: 'eu', boot: 7, sequence: 3, canariesOk: true, results, ...more };
}

function sealed(report: Report, uptimeMs = 1_000_000): Uint8Array {
  const bytes = encodeReport(report, digest, uptimeMs);
  signaturePart(bytes).set(sign(null, signedPart(bytes), privateKey));
  return bytes;
}

function plansOf(report: Report) {
  return new Map([[digest, layoutOf(report.results.map(({ target }) => target))]]);
}

const verdict = fc.constantFrom<Verdict>('up', 'degraded', 'down', 'unknown');
const time = fc.option(fc.integer({ min: 0, max: 8000 }), { nil: undefined });
const anyState = fc
  .record({
    state: verdict,
    forMs: fc.integer({ min: 0, max: 9000 }).map((tenths) => tenths * 100),
    next: fc.option(
      fc.tuple(verdict, fc.integer({ min: 1, max: 20 })).map(([state, checks]) => ({
        state,
        checks,
      })),
      { nil: undefined },
    ),
    connectMs: time.map((tenths) => (tenths === undefined ? undefined : tenths / 10)),
    tlsMs: time.map((tenths) => (tenths === undefined ? undefined : tenths / 10)),
    error: fc.option(fc.constantFrom(...checkErrors), { nil: undefined }),
    made: fc.nat(65_535),
    downgraded: fc.boolean(),
  })
  .map((all) => {
    const text = all.error === undefined ? {} : { errorText: `because of ${all.error}` };
    const known = Object.entries({ ...all, ...text }).filter(
      ([key, value]) => value !== undefined && (key !== 'downgraded' || value === true),
    );
    return Object.fromEntries(known) as unknown as Omit<CheckState, 'target'>;
  });

test('encodeReport() and openReport() bring every check over as it was', () => {
  fc.assert(
    fc.property(fc.array(anyState, { maxLength: 40 }), fc.boolean(), (states, canariesOk) => {
      const results = states.map((state, place) => ({ target: `m@192.0.2.${place}`, ...state }));
      const report = reportOf(results, { canariesOk });
      const opened = openReport(sealed(report), agents, plansOf(report)) as PackedReport;
      assert.deepEqual(
        [opened.agent, opened.region, opened.boot, opened.sequence, opened.canariesOk],
        ['eu1', 'eu', 7, 3, canariesOk],
      );
      assert.deepEqual(
        results.map((_, place) => opened.detail(place)),
        results,
      );
    }),
  );
});

test('a kept report stays as it was when its octets are used again, and takes the place of the one before', () => {
  const results = (errorText: string) => [
    { target: 'm@1', state: 'up' as const, forMs: 1000, connectMs: 3, made: 1 },
    {
      target: 'm@2',
      state: 'down' as const,
      forMs: 0,
      error: 'connect-refused',
      errorText,
      made: 2,
    },
  ];
  const first = results('nobody there');
  const plans = plansOf(reportOf(first));
  const bytes = sealed(reportOf(first));
  const open = (octets: Uint8Array) => openReport(octets, agents, plans) as PackedReport;
  const kept = open(bytes).kept(undefined);
  bytes.fill(0xff);
  const said = (report: PackedReport) => results('').map((_, place) => report.detail(place));
  assert.deepEqual(said(kept), first);
  assert.equal(kept.kept(undefined), kept);
  const second = results('still nobody');
  const next = open(sealed(reportOf(second, { sequence: 4 }))).kept(kept);
  assert.deepEqual(said(next), second);
  assert.equal(next.words.buffer, kept.words.buffer);
  assert.equal(next.sequence, 4);
});

test('encodeReport() makes as many octets when all is down as when all is well', () => {
  const all = (state: Partial<CheckState> & { state: Verdict }) =>
    Array.from({ length: 500 }, (_, place) => ({ target: `m@${place}`, forMs: 1000, ...state }));
  const errorText = 'no connection to 192.0.2.1:443 in time';
  const well = sealed(reportOf(all({ state: 'up', connectMs: 20 }))).length;
  const ill = sealed(reportOf(all({ state: 'down', error: 'connect-timeout', errorText }))).length;
  assert.equal(ill, well);
});

test('encodeReport() changes no octet of a check while nothing new was found out', () => {
  const state = { target: 'm@1', state: 'up' as const, connectMs: 3 };
  const first = encodeReport(reportOf([{ ...state, forMs: 5000 }]), digest, 60_000);
  const later = encodeReport(reportOf([{ ...state, forMs: 8000 }]), digest, 63_000);
  assert.deepEqual(first.subarray(128, 144), later.subarray(128, 144));
});

test('openReport() refuses what was forged, cut, sent on another plan or by nobody known', () => {
  const report = reportOf([{ target: 'm@1', state: 'up', forMs: 0 }]);
  const plans = plansOf(report);
  const good = sealed(report);
  const refused = (bytes: Uint8Array, who = agents, what = plans) => {
    const result = openReport(bytes, who, what);
    return 'refused' in result ? result.refused : 'taken';
  };
  assert.equal(refused(good), 'taken');
  const forged = good.slice();
  forged[128] = 3;
  assert.equal(refused(forged), 'signature');
  assert.equal(refused(good.subarray(0, good.length - 1)), 'malformed');
  assert.equal(refused(new Uint8Array([...good, 0])), 'malformed');
  assert.equal(refused(new Uint8Array(maxReportBytes + 1)), 'too-large');
  assert.equal(refused(good, agents, new Map()), 'plan');
  assert.equal(refused(good, agents, new Map([[digest, layoutOf(['a', 'b'])]])), 'plan');
  assert.equal(refused(good, new Map()), 'unknown-agent');
  const revoked = new Map([['eu1', { region: 'eu', key: publicKey, isRevoked: true }]]);
  assert.equal(refused(good, revoked), 'revoked');
  const other = generateKeyPairSync('ed25519').publicKey;
  const taken = new Map([['eu1', { region: 'eu', key: other, isRevoked: false }]]);
  assert.equal(refused(good, taken), 'signature');
});

test('decodeHead() never throws, whatever the octets', () => {
  const good = sealed(reportOf([{ target: 'm@1', state: 'up', forMs: 0 }]));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(good.length), (noise, cut) => {
      const bytes = new Uint8Array([...good.subarray(0, cut), ...noise]);
      decodeHead(bytes);
      const result = openReport(bytes, agents, new Map([[digest, layoutOf(['m@1'])]]));
      if (!('refused' in result)) assert.deepEqual(bytes, good);
    }),
  );
});

test('packTime() keeps tenths below a second and two digits for hours', () => {
  for (const ms of [0, 0.1, 12.3, 819.1]) assert.equal(unpackTime(packTime(ms)), ms);
  assert.equal(unpackTime(packTime(undefined)), undefined);
  for (const ms of [1000, 4321, 30_000, 3_600_000]) {
    const back = unpackTime(packTime(ms)) ?? 0;
    assert.ok(Math.abs(back - ms) / ms < 0.005, `${ms} became ${back}`);
  }
});
