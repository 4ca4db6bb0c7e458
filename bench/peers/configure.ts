/** How each server is told to serve the workload: one thread, no logging of queries, no limits. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Peer, writeStaticZone } from './contestants.ts';
import {
  byContinent,
  byCountry,
  elsewhere,
  origin,
  sites,
  ttlSeconds,
  zoneLines,
} from './workload.ts';

type Configured = Omit<Peer, 'name'>;

/** Continent, country or `*`, and the site: the longest match counts. */
const rules = [
  ...Object.entries(byCountry).map(([country, { continent, site }]) => ({
    continent,
    country,
    site,
  })),
  ...Object.entries(byContinent).map(([continent, site]) => ({ continent, country: '*', site })),
];

export const configureGdnsd: Configured = {
  check: 'answer',
  steers: 'by subnet',
  version: ['gdnsd', 'version'],
  configure: ({ folder, port, database }) => {
    const names = Object.keys(sites);
    const ordered = (first: string) =>
      [first, ...names.filter((name) => name !== first)].join(', ');
    const inside = (continent: string) => {
      const countries = Object.entries(byCountry).filter(([, one]) => one.continent === continent);
      const fallback = byContinent[continent] ?? elsewhere;
      const lines = countries.map(([code, { site }]) => `${code} => [${ordered(site)}]`);
      return `${continent} => { ${[...lines, `default => [${ordered(fallback)}]`].join(', ')} }`;
    };
    const zones = join(folder, 'zones');
    const text = `
      options => {
        listen => { 127.0.0.1:${port} => { udp_threads => 1, tcp_threads => 1, udp_rcvbuf => 1048576, udp_sndbuf => 1048576 } },
        run_dir => "${folder}/run", state_dir => "${folder}/state",
      }
      plugins => { geoip => {
        maps => { world => {
          geoip2_db => "${database}",
          datacenters => [${ordered(elsewhere)}],
          map => { ${['AF', 'AS', 'EU', 'NA', 'OC', 'SA'].map(inside).join(',\n')} },
        } },
        resources => { web => { map => world, service_types => up, dcmap => {
          ${Object.entries(sites)
            .map(
              ([site, { a, aaaa }]) => `${site} => { addrs_v4 => [${a}], addrs_v6 => [${aaaa}] }`,
            )
            .join(',\n')}
        } } },
      } }
    `;
    writeFileSync(join(folder, 'config'), text);
    mkdirSync(zones, { recursive: true });
    writeFileSync(
      join(zones, origin),
      [...zoneLines, `www ${ttlSeconds} DYNA geoip!web`, ''].join('\n'),
    );
    return { command: ['gdnsd', '-c', folder, 'start'] };
  },
};

export const configureKnot: Configured = {
  check: 'answer',
  steers: 'by subnet',
  version: ['knotd', '--version'],
  configure: ({ folder, port, database }) => {
    const places = rules.map(
      ({ continent, country, site }) =>
        `  - geo: "${continent};${country}"\n    A: ${sites[site].a}\n    AAAA: ${sites[site].aaaa}\n`,
    );
    writeFileSync(join(folder, 'geo.yaml'), `www.${origin}:\n${places.join('')}`);
    const text = `
server:
    rundir: "${folder}"
    listen: 127.0.0.1@${port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    edns-client-subnet: on
log:
  - target: stderr
    any: warning
database:
    storage: "${folder}"
mod-geoip:
  - id: world
    config-file: "${folder}/geo.yaml"
    ttl: ${ttlSeconds}
    mode: geodb
    geodb-file: "${database}"
    geodb-key: [ continent/code, country/iso_code ]
zone:
  - domain: ${origin}
    storage: "${folder}"
    file: "${writeStaticZone(folder)}"
    module: mod-geoip/world
`;
    writeFileSync(join(folder, 'knot.conf'), text);
    return { command: ['knotd', '-c', join(folder, 'knot.conf')] };
  },
};

export const configureNsd: Configured = {
  note: 'static: no steering',
  check: 'answer',
  steers: 'no',
  version: ['nsd', '-v'],
  configure: ({ folder, port }) => {
    const text = `
server:
  ip-address: 127.0.0.1
  port: ${port}
  server-count: 1
  receive-buffer-size: 4194304
  send-buffer-size: 4194304
  username: ""
  minimal-responses: yes
  rrl-ratelimit: 0
  pidfile: ${folder}/pid
  xfrdfile: ${folder}/xfrd
  zonelistfile: ${folder}/zones
  logfile: ${folder}/log
remote-control:
  control-enable: no
zone:
  name: ${origin}
  zonefile: ${writeStaticZone(folder)}
`;
    writeFileSync(join(folder, 'nsd.conf'), text);
    return { command: ['nsd', '-d', '-c', join(folder, 'nsd.conf')] };
  },
};

export const configurePowerDns: Configured = {
  check: 'answer',
  steers: 'by subnet',
  version: ['pdns_server', '--version'],
  configure: ({ folder, port, database }) => {
    const yaml = [
      'domains:',
      `- domain: ${origin}`,
      `  ttl: ${ttlSeconds}`,
      '  records:',
      ...powerDnsRecords(),
      '  services:',
      `    www.${origin}: ['%cc.country.${origin}', '%cn.continent.${origin}', '${elsewhere}.site.${origin}']`,
      '',
    ];
    writeFileSync(join(folder, 'geo.yaml'), yaml.join('\n'));
    const text = [
      'launch=geoip',
      `geoip-zones-file=${folder}/geo.yaml`,
      `geoip-database-files=mmdb:${database}`,
      'local-address=127.0.0.1',
      `local-port=${port}`,
      `socket-dir=${folder}`,
      'edns-subnet-processing=yes',
      'receiver-threads=1',
      'distributor-threads=1',
      'daemon=no',
      'guardian=no',
      'loglevel=3',
      'security-poll-suffix=',
      '',
    ];
    writeFileSync(join(folder, 'pdns.conf'), text.join('\n'));
    return { command: ['pdns_server', `--config-dir=${folder}`] };
  },
};

function powerDnsRecords(): string[] {
  const lines = [
    `    ${origin}:`,
    `    - soa: ns1.${origin} hostmaster.${origin} 1 7200 900 1209600 300`,
    `    - ns: ns1.${origin}`,
    `    ns1.${origin}:`,
    '    - a: 127.0.0.1',
    `    "*.wild.${origin}":`,
    '    - a: 192.0.2.200',
  ];
  for (const line of zoneLines.filter((one) => one.startsWith('static'))) {
    const [name, , address] = line.split(' ');
    lines.push(`    ${name}.${origin}:`, `    - a: ${address}`);
  }
  const place = (name: string, { a, aaaa }: { a: string; aaaa: string }) =>
    lines.push(`    ${name}.${origin}:`, `    - a: ${a}`, `    - aaaa: ${aaaa}`);
  for (const [code, { site }] of Object.entries(byCountry)) {
    place(`${code.toLowerCase()}.country`, sites[site]);
  }
  for (const [code, site] of Object.entries(byContinent)) {
    place(`${code.toLowerCase()}.continent`, sites[site]);
  }
  place(`${elsewhere}.site`, sites[elsewhere]);
  return lines;
}
