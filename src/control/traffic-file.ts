import { isMap, isScalar, isSeq, Scalar, visit, Document as YamlDocument } from 'yaml';
import type { Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Traffic } from '../policy/traffic.ts';
import type { ObjectWrite } from './change.ts';
import { at, Findings } from './findings.ts';
import { formatTraffic, noTraffic, parseTraffic } from './traffic-form.ts';
import { readYaml } from './yaml-lines.ts';

/** What reading a traffic file gave. */
export interface TrafficReading {
  /** All that was right, even where something else was wrong. */
  readonly traffic: Traffic;
  /** The same as writes to the store, each knowing its line. */
  readonly objects: readonly ObjectWrite[];
  /** Every problem, with `file:line`. */
  readonly problems: readonly Problem[];
}

/**
 * Reads a traffic file (DESIGN.md §3). The file stands for itself: regions and monitors that its
 * services name must be in it. Never throws; one bad object does not hide what is right or wrong
 * with the others.
 */
export function readTrafficFile(text: string, file: string): TrafficReading {
  if (Buffer.byteLength(text) > limits.trafficFileBytes) {
    const message = `the file is over ${limits.trafficFileBytes} bytes; split the services off`;
    const problem: Problem = { code: 'E_LIMIT', message, where: file };
    return { traffic: noTraffic, objects: [], problems: [problem] };
  }
  const yaml = readYaml(text, file);
  if (yaml.problems.length > 0) return { traffic: noTraffic, objects: [], problems: yaml.problems };
  const findings = new Findings(yaml.locate);
  // An empty file, or one of comments alone, steers nothing and is no mistake.
  const traffic = parseTraffic(yaml.value ?? {}, findings);
  return {
    traffic,
    objects: trafficWrites(traffic, yaml.locate),
    problems: findings.problems,
  };
}

/** The objects of a traffic as writes, in an order in which nothing is used before it exists. */
export function trafficWrites(traffic: Traffic, locate?: (path: string) => string): ObjectWrite[] {
  const form = formatTraffic(traffic);
  const kinds = {
    regions: 'region',
    monitors: 'monitor',
    services: 'service',
    networks: 'network',
    agents: 'agent',
  };
  return Object.entries(kinds).flatMap(([table, kind]) =>
    Object.entries(form[table] ?? {}).map(([id, body]) => ({
      kind: kind as ObjectWrite['kind'],
      id,
      body: JSON.stringify(body),
      ...(locate === undefined ? {} : { where: locate(at(`/${table}`, id)) }),
    })),
  );
}

const headline = ` Meridian's traffic file. Editors that know YAML schemas check it while you type:
 yaml-language-server: $schema=traffic.schema.json`;

/**
 * Writes a traffic file that reads back equal. Defaults are left out; short objects stand on one
 * line, as one would write them by hand.
 */
export function formatTrafficFile(traffic: Traffic): string {
  const form = formatTraffic(traffic);
  const tables = Object.entries(form).filter(([, table]) => Object.keys(table).length > 0);
  const document = new YamlDocument(Object.fromEntries(tables), { version: '1.2' });
  document.commentBefore = headline;
  visit(document, {
    Collection(_, node, path) {
      // Tables and the objects in them stay blocks; below that whatever fits a line is put on one.
      const depth = path.filter((step) => isMap(step) || isSeq(step)).length;
      if (depth >= 2 && JSON.stringify(node).length <= (depth === 2 ? 76 : 64)) node.flow = true;
      if (isMap(node) && depth === 0) {
        for (const [index, pair] of node.items.entries()) {
          if (index > 0 && isScalar(pair.key)) pair.key.spaceBefore = true;
        }
      }
    },
    Scalar(_, scalar) {
      // YAML 1.1 readers would take these for numbers in base 60 or booleans.
      if (
        typeof scalar.value === 'string' &&
        /^[\d:.]+$|^(no|on|off|yes|y|n)$/i.test(scalar.value)
      ) {
        if (scalar.value.includes(':') || /[a-z]/i.test(scalar.value))
          scalar.type = Scalar.QUOTE_DOUBLE;
      }
    },
  });
  return document.toString({ lineWidth: 100, flowCollectionPadding: true });
}
