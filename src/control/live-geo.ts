import type { Clock } from '../base/clock.ts';
import { formatProblem } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import {
  embeddedCountryDatabase,
  familyWarnings,
  type GeoFile,
  type GeoSources,
  openGeoSources,
  withOverrides,
} from '../geo/geo-sources.ts';
import { type GeoWatch, watchGeoFiles } from '../geo/watch-geo-files.ts';
import type { NetworkOverride } from '../policy/traffic.ts';

/** The geo databases that serve now, replaced when their files are. */
export class LiveGeo {
  #databases: GeoSources;
  readonly #watch: GeoWatch;
  #listener: () => void = () => {};
  /** The databases under the networks that were asked for last. */
  #overlaid: { networks: readonly NetworkOverride[]; sources: GeoSources } | undefined;

  private constructor(databases: GeoSources, clock: Clock, log: Log) {
    this.#databases = databases;
    this.#watch = watchGeoFiles({
      sources: databases,
      overrides: () => [],
      onReload: (sources) => this.#take(sources),
      clock,
      log,
    });
  }

  /**
   * Opens the operator's databases; the embedded country database serves where none of them knows
   * countries. Throws MeridianError with a problem for each file that cannot be used.
   */
  static async open(files: readonly GeoFile[], clock: Clock, log: Log): Promise<LiveGeo> {
    const knowsCountries = files.some(({ kind }) => kind !== 'asn');
    const embedded: GeoFile = { kind: 'country', path: embeddedCountryDatabase() };
    const databases = await openGeoSources(knowsCountries ? files : [...files, embedded]);
    for (const problem of familyWarnings(databases)) log.warn({}, formatProblem(problem));
    return new LiveGeo(databases, clock, log);
  }

  /** The databases with the operator's networks on top. */
  sources(networks: readonly NetworkOverride[]): GeoSources {
    if (this.#overlaid?.networks !== networks) {
      this.#overlaid = { networks, sources: withOverrides(this.#databases, networks) };
    }
    return this.#overlaid.sources;
  }

  /** Whether a database places clients within countries. */
  get detail(): 'city' | 'country' {
    return this.#databases.files.some(({ kind }) => kind === 'city') ? 'city' : 'country';
  }

  /** Called after new databases have taken over; if it throws, the old ones come back. */
  onChange(listener: () => void): void {
    this.#listener = listener;
  }

  /** Ends the watch over the files. */
  close(): void {
    this.#watch.close();
  }

  #take(databases: GeoSources): void {
    const before = this.#databases;
    this.#databases = databases;
    this.#overlaid = undefined;
    try {
      this.#listener();
    } catch (error) {
      this.#databases = before;
      this.#overlaid = undefined;
      throw error;
    }
  }
}
