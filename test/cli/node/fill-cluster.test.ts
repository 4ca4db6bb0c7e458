import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, MeridianError } from '../../../src/base/errors.ts';
import { type FillingCluster, fillCluster } from '../../../src/cli/node/fill-cluster.ts';

/** A cluster that is filled after some failures; `steps` are what each try, or pause, runs into. */
function emptyCluster(failures: readonly ErrorCode[]) {
  const left = [...failures];
  const state = { isEmpty: true, leads: true, tries: 0, warned: [] as string[] };
  const onPause: (() => void)[] = [];
  const filling: FillingCluster = {
    log: {
      debug() {},
      info() {},
      warn: (_, text) => void state.warned.push(text),
      error() {},
    },
    isEmpty: () => state.isEmpty,
    leads: () => state.leads,
    fill: async () => {
      state.tries += 1;
      const code = left.shift();
      if (code !== undefined) throw new MeridianError({ code, message: 'it failed' });
      state.isEmpty = false;
      return [];
    },
    pause: async () => onPause.shift()?.(),
  };
  return { filling, state, onPause };
}

test('fillCluster() tries again while the bus or the lease fails it, and says so', async () => {
  const { filling, state } = emptyCluster(['E_NO_BUS', 'E_NOT_LEADER', 'E_IN_DOUBT']);
  await fillCluster(filling);
  assert.deepEqual([state.tries, state.isEmpty, state.warned.length], [4, false, 3]);
  assert.match(state.warned[0] ?? '', /could not be filled yet.*it failed \(E_NO_BUS\)/);
});

test('fillCluster() throws what is wrong with the folder', async () => {
  const { filling, state } = emptyCluster(['E_ZONE_CNAME_CONFLICT']);
  await assert.rejects(fillCluster(filling), /E_ZONE_CNAME_CONFLICT/);
  assert.equal(state.tries, 1);
});

test('fillCluster() goes on when it leads again, and not when another has filled it', async () => {
  const again = emptyCluster(['E_NO_BUS']);
  again.onPause.push(
    () => {
      again.state.leads = false;
    },
    () => {
      again.state.leads = true;
    },
  );
  await fillCluster(again.filling);
  assert.deepEqual([again.state.tries, again.state.isEmpty], [2, false]);
  const other = emptyCluster(['E_IN_DOUBT']);
  other.onPause.push(() => {
    other.state.isEmpty = false;
  });
  await fillCluster(other.filling);
  assert.equal(other.state.tries, 1);
});

test('fillCluster() leaves the rest to others after so many attempts', async () => {
  const { filling, state } = emptyCluster(['E_NO_BUS']);
  assert.deepEqual(await fillCluster(filling, 1), []);
  assert.deepEqual([state.tries, state.isEmpty], [1, true]);
});
