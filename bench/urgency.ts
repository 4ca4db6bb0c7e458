import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Who answers goes before who asks: with SCHED_FIFO a thread that wakes waits for its equals. */
const priorities = { asks: '10', answers: '11' } as const;
const isAllowed = spawnSync('chrt', ['-f', priorities.asks, 'true']).status === 0;

/**
 * What a command begins with that shall come before everything else on the machine (chrt(1),
 * SCHED_FIFO), where this process may: else latencies are those of other processes' time slices.
 */
export function urgently(): string[] {
  return isAllowed ? ['chrt', '-f', priorities.asks] : [];
}

/**
 * Lets the threads of a process that have such a name (default: all) come before everything else, though not what they
 * start later; false where that is not allowed.
 */
export function setUrgent(
  pid: number,
  role: keyof typeof priorities,
  isMeant: (threadName: string) => boolean = () => true,
): boolean {
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const name = readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').trim();
    if (!isMeant(name)) continue;
    const words = ['--reset-on-fork', '-f', '-p', priorities[role], thread];
    if (spawnSync('chrt', words).status !== 0) return false;
  }
  return true;
}
