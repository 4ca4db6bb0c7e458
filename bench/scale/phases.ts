import { constants, PerformanceObserver } from 'node:perf_hooks';
import type { Controller } from '../../src/control/controller.ts';
import type { Store } from '../../src/store/store.ts';
import { print, threadCpuMs } from './meter.ts';

/** Where the time of a start goes: on the clock, and as CPU time of the main thread. */
export class Phases {
  readonly #spans = new Map<string, { wallMs: number; cpuMs: number }>();
  #collectingMs = 0;
  readonly #observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { duration, detail } = entry as typeof entry & { detail?: { kind?: number } };
      // What is done beside the program, between pauses, is no pause.
      if (detail?.kind !== constants.NODE_PERFORMANCE_GC_INCREMENTAL)
        this.#collectingMs += duration;
    }
  });

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  /** Does some work, and adds what it took to a phase. */
  time<T>(phase: string, work: () => T): T {
    const end = this.begin(phase);
    const result = work();
    if (!(result instanceof Promise)) {
      end();
      return result;
    }
    return result.finally(end) as T;
  }

  /** Begins a phase; what is returned ends it. */
  begin(phase: string): () => void {
    const startMs = performance.now();
    const startCpuMs = threadCpuMs();
    return () => {
      const { wallMs, cpuMs } = this.#spans.get(phase) ?? { wallMs: 0, cpuMs: 0 };
      this.#spans.set(phase, {
        wallMs: wallMs + performance.now() - startMs,
        cpuMs: cpuMs + threadCpuMs() - startCpuMs,
      });
    };
  }

  print(): void {
    for (const [phase, { wallMs, cpuMs }] of this.#spans) {
      print(`  ${phase}`, wallMs / 1000, 's');
      print(`  ${phase}, CPU of the main thread`, cpuMs / 1000, 's');
    }
    print('  collections in these', this.#collectingMs / 1000, 's');
    this.#observer.disconnect();
  }
}

/** A store whose commits are a phase. */
export function timedStore(store: Store, phases: Phases): Store {
  return timed(store, 'commit', (commit) => phases.time('store', commit));
}

/** A controller that ends a phase when it is asked for a change. */
export function endingAtApply<C extends Controller>(controller: C, end: () => void): C {
  return timed(controller, 'apply', (apply) => {
    end();
    return apply();
  });
}

/** An object of which one method is called within `around`. */
function timed<T extends object>(
  target: T,
  method: keyof T,
  around: (call: () => unknown) => unknown,
): T {
  return new Proxy(target, {
    get(_, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      if (key !== method) return value.bind(target);
      return (...values: unknown[]) => around(() => Reflect.apply(value, target, values));
    },
  });
}
