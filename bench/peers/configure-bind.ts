import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Peer, writeStaticZone } from './contestants.ts';
import { byContinent, byCountry, elsewhere, origin, type Site, sites } from './workload.ts';

/** BIND tells clients apart by views, one per site; it knows no client subnets. */
export const configureBind: Omit<Peer, 'name'> = {
  note: 'ignores client subnets',
  check: 'answer',
  steers: 'by peer',
  version: ['named', '-v'],
  configure: ({ folder, port, database }) => {
    const views = (Object.keys(sites) as Site[])
      .filter((site) => site !== elsewhere)
      .map((site) => view(folder, site, matches(site)));
    const text = `
options {
  directory "${folder}";
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  pid-file "${folder}/pid";
  session-keyfile "${folder}/session.key";
  geoip-directory "${dirname(database)}";
  recursion no;
  minimal-responses yes;
  dnssec-validation no;
  notify no;
};
controls { };
logging { channel quiet { stderr; severity error; }; category default { quiet; }; };
${views.join('')}${view(folder, elsewhere, ['any'])}`;
    writeFileSync(join(folder, 'named.conf'), text);
    return { command: ['named', '-g', '-n', '1', '-c', join(folder, 'named.conf')] };
  },
};

/** Address match elements of a site; exceptions come first. */
function matches(site: Site): string[] {
  const countries = Object.entries(byCountry);
  const not = countries.filter(([, one]) => one.site !== site);
  return [
    ...not.map(([code]) => `!geoip country ${code}`),
    ...countries.filter(([, one]) => one.site === site).map(([code]) => `geoip country ${code}`),
    ...Object.entries(byContinent)
      .filter(([, one]) => one === site)
      .map(([code]) => `geoip continent ${code}`),
  ];
}

function view(folder: string, site: Site, clients: readonly string[]): string {
  const file = writeStaticZone(folder, sites[site], site);
  return `view "${site}" {
  match-clients { ${clients.join('; ')}; };
  zone "${origin}" { type primary; file "${file}"; };
};
`;
}
