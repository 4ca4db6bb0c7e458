import { type TSchema, Type } from 'typebox';

const form = () => Type.Object({}, { additionalProperties: true });

/** The operator's objects. */
export const objectComponents: Readonly<Record<string, TSchema>> = {
  Region: form(),
  RegionBody: form(),
  Monitor: form(),
  MonitorBody: form(),
  Service: form(),
  ServiceBody: form(),
  Network: form(),
  NetworkBody: form(),
  Member: form(),
  MemberBody: form(),
  Policy: Type.Unknown(),
};
