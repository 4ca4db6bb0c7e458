import type { Coordinates } from './client.ts';

/** The Earth's mean radius (IUGG), in kilometres. */
const earthRadiusKm = 6371.0088;

/**
 * Great-circle distance in kilometres, by the haversine formula on a sphere: at most 0.6 % off the
 * ellipsoid, which is far less than a network path deviates from it.
 */
export function distanceKm(a: Coordinates, b: Coordinates): number {
  const latitudeA = radians(a.latitude);
  const latitudeB = radians(b.latitude);
  const halfLatitude = Math.sin((latitudeB - latitudeA) / 2);
  const halfLongitude = Math.sin(radians(b.longitude - a.longitude) / 2);
  const h =
    halfLatitude * halfLatitude +
    Math.cos(latitudeA) * Math.cos(latitudeB) * halfLongitude * halfLongitude;
  // Rounding can lift h a hair above 1 for antipodes.
  return 2 * earthRadiusKm * Math.asin(Math.sqrt(Math.min(1, h)));
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
