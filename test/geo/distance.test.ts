import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { distanceKm } from '../../src/geo/distance.ts';

const point = fc.record({
  latitude: fc.double({ min: -90, max: 90, noNaN: true }),
  longitude: fc.double({ min: -180, max: 180, noNaN: true }),
});
const half = Math.PI * 6371.0088;

test('distanceKm() of known pairs', () => {
  const london = { latitude: 51.5074, longitude: -0.1278 };
  const newYork = { latitude: 40.7128, longitude: -74.006 };
  const sydney = { latitude: -33.8688, longitude: 151.2093 };
  assert.ok(Math.abs(distanceKm(london, newYork) - 5570) < 5);
  assert.ok(Math.abs(distanceKm(london, sydney) - 16_994) < 10);
  // One degree along a meridian.
  const degree = distanceKm({ latitude: 0, longitude: 0 }, { latitude: 1, longitude: 0 });
  assert.ok(Math.abs(degree - 111.195) < 0.001);
  // Across the 180th meridian.
  const over = distanceKm({ latitude: 0, longitude: 179.5 }, { latitude: 0, longitude: -179.5 });
  assert.ok(Math.abs(over - degree) < 0.001);
});

test('distanceKm() is symmetric, 0 to itself, at most half around the Earth, and a metric', () => {
  fc.assert(
    fc.property(point, point, point, (a, b, c) => {
      const ab = distanceKm(a, b);
      assert.ok(ab >= 0 && ab <= half + 1e-6);
      assert.ok(Math.abs(ab - distanceKm(b, a)) < 1e-6);
      assert.equal(distanceKm(a, a), 0);
      assert.ok(distanceKm(a, c) <= ab + distanceKm(b, c) + 1e-3);
    }),
  );
});
