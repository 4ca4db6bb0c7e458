import type { Explanation } from '../control/controller.ts';
import type { ClientPlace } from '../geo/client.ts';
import type { DropReason, Evaluation, MemberTrace } from '../policy/choice.ts';
import { amount, clean, formatTable, percent, type Style } from './style.ts';

/** What each reason means, in the words of somebody who looks for a mistake. */
const reasons: Readonly<Record<DropReason, string>> = {
  'no-address': 'has no address of this family',
  drained: 'drained, or its dial is 0',
  down: 'down by its health checks',
  'admin-down': 'declared down by an operator',
  'weight-0': 'has weight 0, and others can serve',
  'not-chosen': 'could serve; the policy prefers others',
};

/** Prints an explanation as an aligned page. Ends with a newline. */
export function formatExplanation(explanation: Explanation, style: Style): string {
  const { question, evaluation } = explanation;
  const title = `${question.type} of ${question.name} for ${question.client}`;
  const parts = [
    `${style.bold(clean(title))}  (revision ${explanation.revision})\n\n`,
    formatTable(facts(explanation), { indent: 0 }),
  ];
  if (evaluation !== undefined) {
    parts.push(policyLines(evaluation, style));
    parts.push(memberTable(evaluation.members, explanation, style));
    parts.push(latencyTable(evaluation.members, explanation, style));
  }
  parts.push(answerLines(explanation, style));
  return parts.join('');
}

function facts({ client, zone, service, note }: Explanation): string[][] {
  const rows = [
    ['Client', `${clean(client.address)}, IPv${client.family}`],
    ['Place', placeText(client.place)],
    ['Known from', clean(client.source)],
  ];
  if (zone !== undefined) rows.push(['Zone', clean(zone)]);
  if (note !== undefined) rows.push(['Name', clean(note)]);
  if (service !== undefined) {
    rows.push(['Service', clean(service)]);
    const scope =
      client.scopePrefix === 0
        ? 'scope /0: the answer is for everybody'
        : `scope /${client.scopePrefix}: resolvers may share the answer within it`;
    rows.push(['Class', `${client.classIndex}, ${scope}`]);
  }
  return rows;
}

/** `Dublin, IE-L, IE (EU), AS64500, 53.35 -6.26`. */
function placeText(place: ClientPlace): string {
  const { city, subdivision, country, continent, asn, coordinates, approximate } = place;
  const words: string[] = [];
  if (city !== undefined) words.push(city);
  if (subdivision !== undefined) words.push(subdivision);
  if (country !== undefined)
    words.push(continent === undefined ? country : `${country} (${continent})`);
  else if (continent !== undefined) words.push(continent);
  if (asn !== undefined) words.push(`AS${asn}`);
  if (coordinates !== undefined) {
    const { latitude, longitude } = coordinates;
    const point = `${latitude.toFixed(2)} ${longitude.toFixed(2)}`;
    words.push(approximate === true ? `${point} (the country's centre)` : point);
  }
  return words.length === 0 ? 'unknown' : clean(words.join(', '));
}

function policyLines({ trace, failedOpen }: Evaluation, style: Style): string {
  const rows = trace.map(({ path, note, failed }) => [
    clean(path),
    failed ? style.yellow(`failed: ${clean(note)}`) : clean(note),
  ]);
  const open = failedOpen ? `  ${style.red('Nothing was eligible: whenAllDown decided.')}\n` : '';
  return `\n${style.bold('Policy')}\n${formatTable(rows)}${open}`;
}

function memberTable(
  members: readonly MemberTrace[],
  { latency }: Explanation,
  style: Style,
): string {
  const head = ['', 'member', 'share', 'weight', 'distance', 'latency', 'from', ''];
  const rows = members.map((member) => {
    const estimate = latency[member.member];
    const ms = member.latencyMs ?? estimate?.ms;
    const source = member.latencySource ?? estimate?.source;
    const samples = member.latencySamples ?? estimate?.samples;
    const from =
      source === undefined ? '' : samples ? `${source}, ${amount(samples)} samples` : source;
    return [
      member.chosen ? style.green('*') : ' ',
      member.chosen ? style.green(clean(member.member)) : clean(member.member),
      percent(member.share),
      amount(member.weight),
      member.distanceKm === undefined ? '' : `${amount(Math.round(member.distanceKm))} km`,
      ms === undefined ? '' : `${amount(ms)} ms`,
      clean(from),
      style.dim(remarkOn(member)),
    ];
  });
  const table = formatTable([head.map(style.dim), ...rows], { right: [2, 3, 4, 5] });
  return `\n${style.bold('Members')} (* answers)\n${table}`;
}

/** Why a member answers nobody, or fewer than the policy would send it. */
function remarkOn({ dropped, takes }: MemberTrace): string {
  if (dropped !== undefined) return reasons[dropped] ?? dropped;
  return takes === undefined ? '' : `takes ${percent(takes)} at present: dial, ramp or load`;
}

/** What the estimates are made of; nothing where all of them are distance alone. */
function latencyTable(
  members: readonly MemberTrace[],
  { latency }: Explanation,
  style: Style,
): string {
  const blended = members.filter(({ member }) => (latency[member]?.parts.length ?? 0) > 1);
  if (blended.length === 0) return '';
  const head = ['member', 'share', 'says', 'source', 'samples', 'age'];
  const rows = blended.flatMap(({ member }) =>
    // The most specific first, as it is what one looks for.
    [...(latency[member]?.parts ?? [])]
      .reverse()
      .map((part, index) => [
        index === 0 ? clean(member) : '',
        percent(part.share),
        `${part.ms.toFixed(1)} ms`,
        clean(part.source === 'distance' ? 'distance' : (part.key ?? part.source)),
        part.samples === 0 ? '' : amount(part.samples),
        part.ageSeconds === undefined ? '' : duration(part.ageSeconds),
      ]),
  );
  const table = formatTable([head.map(style.dim), ...rows], { right: [1, 2, 4, 5] });
  return `\n${style.bold('Latency')} (what each is made of)\n${table}`;
}

/** `45 s`, `12 min`, `7 h`. */
function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

function answerLines({ answer, ttlSeconds, service }: Explanation, style: Style): string {
  const title = `\n${style.bold('Answer')}`;
  if (service === undefined) return `${title}  not steered: see Name above\n`;
  if (answer.length === 0) return `${title}  NODATA\n`;
  const rows = answer.map(({ address, member }) => [
    style.green(clean(address)),
    clean(member),
    `TTL ${ttlSeconds ?? '?'} s`,
  ]);
  return `${title}\n${formatTable(rows)}`;
}
