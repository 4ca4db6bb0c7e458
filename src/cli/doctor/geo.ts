import { MeridianError } from '../../base/errors.ts';
import { type DatabaseInfo, databaseInfo } from '../../geo/database-info.ts';
import type { GeoFlag } from '../flags.ts';
import { type Finding, findingsOf } from './finding.ts';

/** Looks into geo databases: whole, of a known layout, both families between them, not old. */
export async function checkGeo(files: readonly GeoFlag[], nowMs: number): Promise<Finding[]> {
  const findings: Finding[] = [];
  const infos: { kind: GeoFlag['kind']; info: DatabaseInfo }[] = [];
  const { fail } = findingsOf('geo');
  for (const { kind, path } of files) {
    try {
      infos.push({ kind, info: await databaseInfo(path, nowMs) });
    } catch (error) {
      if (!(error instanceof MeridianError)) throw error;
      const [text = '', ...remedy] = (error.problems[0]?.message ?? '').split('; ');
      findings.push(fail(`${path}: ${text}`, remedy.join('; ') || undefined));
    }
  }
  for (const { kind, info } of infos) {
    const others = infos.filter((other) => other.kind === kind).map((other) => other.info);
    findings.push(...judgeDatabase(kind, info, others));
  }
  return findings;
}

/** One family is no fault where another file of the kind has the other. */
export function judgeDatabase(
  kind: GeoFlag['kind'],
  info: DatabaseInfo,
  ofKind: readonly DatabaseInfo[],
): Finding[] {
  const { ok, warn } = findingsOf('geo');
  const { path, databaseType, built, layout, networks4, networks6 } = info;
  const both =
    ofKind.some((other) => other.networks4 > 0) && ofKind.some((other) => other.networks6 > 0);
  const warnings = info.problems
    .filter(({ code }) => code !== 'E_GEO_FAMILY' || !both)
    .map(({ message }) => {
      const [text = '', ...remedy] = message.split('; ');
      return warn(`${path}: ${text}`, remedy.join('; ') || undefined);
    });
  const text =
    `${path}: ${kind}, ${databaseType}, ${layout} layout, built ${built.slice(0, 10)}, ` +
    `${networks4} IPv4 and ${networks6} IPv6 networks`;
  return [ok(text), ...warnings];
}
