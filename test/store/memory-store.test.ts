import { MemoryStore } from '../../src/store/memory-store.ts';
import { replicaContract } from './replica-contract.ts';
import { storeContract } from './store-contract.ts';

storeContract('MemoryStore', (now) => new MemoryStore(now));
replicaContract('MemoryStore', (now) => new MemoryStore(now));
