import { type Pick, type Picker, type PickInfo, type Selector, type ServiceInstance } from '@rpcxjs/core';
import { checkNames, described } from '@rpcxjs/core/options';
import { metadataValues } from '@rpcxjs/core/discoveries';
import { picksOf, unavoided } from './server-list.ts';

export interface ClosestOptions {
  /** Degrees north, -90 to 90, of this client. */
  readonly latitude: number;
  /** Degrees east, -180 to 180, of this client. */
  readonly longitude: number;
  /** Random numbers from 0 up to, but not including, 1, to choose among servers at equal distance. @default Math.random */
  readonly random?: (() => number) | undefined;
}

interface Point {
  readonly latitude: number;
  readonly longitude: number;
}

/** Metres; rpcx's (`client/geo_utils.go`, getDistanceFrom). */
const earthRadius = 6_378_100;

/**
 * A selector that takes the server at the shortest distance over ground, by metadata `latitude` and `longitude` in degrees; among equals it draws. Servers
 * without a usable position are left out while any server has one; when none has, all are at equal distance. Throws TypeError for an invalid position.
 */
export function closest(options: ClosestOptions): Selector {
  checkNames('closest', options, ['latitude', 'longitude', 'random']);
  const { latitude, longitude } = options;
  if (!isPoint(latitude, longitude)) {
    throw new TypeError(`closest({ latitude: ${described(latitude)}, longitude: ${described(longitude)} }): give degrees, -90 to 90 north and -180 to 180 east`);
  }
  const draw = options.random ?? Math.random;
  return { name: 'closest', build: (instances) => new ClosestPicker(ringsOf(picksOf(instances), { latitude, longitude }), draw) };
}

class ClosestPicker implements Picker {
  /** Servers at equal distance, the nearest first. */
  readonly #rings: readonly (readonly Pick[])[];
  readonly #draw: () => number;

  constructor(rings: readonly (readonly Pick[])[], draw: () => number) {
    this.#rings = rings;
    this.#draw = draw;
  }

  pick({ avoid }: PickInfo): Pick | undefined {
    const ring = avoid === undefined || avoid.size === 0 ? this.#rings[0] : this.#nearest(avoid);
    if (ring === undefined || ring.length < 2) return ring?.[0];
    return ring[Math.floor(this.#draw() * ring.length)];
  }

  #nearest(avoid: ReadonlySet<string>): readonly Pick[] | undefined {
    const ring = this.#rings.find((picks) => picks.some(({ instance }) => !avoid.has(instance.address)));
    return ring === undefined ? this.#rings[0] : unavoided(ring, avoid);
  }
}

function ringsOf(picks: readonly Pick[], from: Point): readonly (readonly Pick[])[] {
  const rings = new Map<number, Pick[]>();
  for (const pick of picks) {
    const point = pointOf(pick.instance);
    if (point === undefined) continue;
    const metres = distance(from, point);
    const ring = rings.get(metres);
    if (ring === undefined) rings.set(metres, [pick]);
    else ring.push(pick);
  }
  if (rings.size === 0) return picks.length === 0 ? [] : [picks];
  return [...rings].sort(([a], [b]) => a - b).map(([, ring]) => ring);
}

function pointOf({ metadata }: ServiceInstance): Point | undefined {
  const latitude = degrees(metadataValues(metadata, 'latitude')[0]);
  const longitude = degrees(metadataValues(metadata, 'longitude')[0]);
  return isPoint(latitude, longitude) ? { latitude, longitude } : undefined;
}

function degrees(text: string | undefined): number {
  return text !== undefined && /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
}

function isPoint(latitude: number, longitude: number): boolean {
  return Number.isFinite(latitude) && Number.isFinite(longitude) && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
}

/** Haversine, in metres. */
export function distance(from: Point, to: Point): number {
  const radians = Math.PI / 180;
  const north = Math.sin(((to.latitude - from.latitude) * radians) / 2);
  const east = Math.sin(((to.longitude - from.longitude) * radians) / 2);
  const half = north * north + Math.cos(from.latitude * radians) * Math.cos(to.latitude * radians) * east * east;
  return 2 * earthRadius * Math.asin(Math.min(1, Math.sqrt(half)));
}
