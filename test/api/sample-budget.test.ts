import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SampleBudget } from '../../src/api/sample-budget.ts';
import { VirtualClock } from '../../src/base/clock.ts';
import { limits } from '../../src/base/limits.ts';

const { samplesPerBatch, samplesPerSecond, samplesPerSecondAndToken } = limits;

test('SampleBudget lets a token send what it may each second, for ever', () => {
  const clock = new VirtualClock();
  const budget = new SampleBudget(clock);
  for (let second = 0; second < 60; second += 1) {
    for (let sent = 0; sent < samplesPerSecondAndToken; sent += samplesPerBatch / 4) {
      assert.equal(budget.waitSeconds('rum'), 0);
      budget.spend('rum', samplesPerBatch / 4);
    }
    assert.ok(budget.waitSeconds('rum') > 0);
    clock.advance(1000);
  }
});

test('SampleBudget makes a token wait that sent too much, and not the others', () => {
  const clock = new VirtualClock();
  const budget = new SampleBudget(clock);
  budget.spend('flood', samplesPerSecondAndToken);
  assert.equal(budget.waitSeconds('flood'), 1);
  assert.equal(budget.waitSeconds('rum'), 0);
  clock.advance(1);
  assert.equal(budget.waitSeconds('flood'), 0);
});

test('SampleBudget makes all wait when all together sent too much', () => {
  const clock = new VirtualClock();
  const budget = new SampleBudget(clock);
  budget.spend('a', samplesPerSecond * 0.5);
  budget.spend('b', samplesPerSecond * 0.5);
  assert.equal(budget.waitSeconds('c'), 1);
  clock.advance(100);
  assert.equal(budget.waitSeconds('c'), 0);
});
