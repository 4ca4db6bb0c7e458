import { loadUdpBatch } from '../../native/udp_batch/udp-batch.ts';
import { testUdpBackend } from './udp-backend-contract.ts';

const found = loadUdpBatch();
if ('addon' in found) testUdpBackend('batch', { secondAddress: '127.0.0.2', countsDrops: true });
