import assert from 'node:assert/strict';
import { rdataCodec } from '../../../src/wire/rdata/registry.ts';
import { typeNumber } from '../../../src/wire/type-names.ts';
import { isRdataError, type RdataError } from '../../../src/wire/types.ts';
import { readFields } from './read-fields.ts';

/** Reads the text of a record: `MX 10 mail`; relative names are below example.com. */
export function parseRecord(record: string): Uint8Array | RdataError {
  const [type = '', ...rest] = record.split(' ');
  const number = typeNumber(type);
  assert(number !== undefined, `no type ${type}`);
  return rdataCodec(number).parse(readFields(rest.join(' ')), 'example.com.');
}

/** The rdata of a record in hex, spaces between octets left out. */
export function hexOf(record: string): string {
  const rdata = parseRecord(record);
  if (isRdataError(rdata)) assert.fail(`${record}: ${rdata.message}`);
  return Buffer.from(rdata).toString('hex');
}

/** The text that the rdata of a record is printed as. */
export function textOf(record: string): string {
  const rdata = parseRecord(record);
  if (isRdataError(rdata)) assert.fail(`${record}: ${rdata.message}`);
  return rdataCodec(typeNumber(record.split(' ')[0] ?? '') ?? -1).format(rdata);
}

/** The error that a record gives. */
export function errorOf(record: string): RdataError {
  const rdata = parseRecord(record);
  if (!isRdataError(rdata)) {
    assert.fail(`${record} was taken as ${Buffer.from(rdata).toString('hex')}`);
  }
  return rdata;
}
