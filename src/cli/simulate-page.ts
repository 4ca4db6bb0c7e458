import type { SimulatedMember, SimulatedService, Simulation } from '../simulate/simulate.ts';
import { amount, clean, formatTable, percent, type Style } from './style.ts';

/** Prints a simulation, one table per service. Ends with a newline. */
export function formatSimulation(simulation: Simulation, style: Style): string {
  const { revision, population, services } = simulation;
  const detail =
    population.detail === 'city'
      ? 'placed by city'
      : 'placed by country, which is all that the geo database knows';
  const head = `Revision ${revision}; ${amount(population.inhabitants)} people, ${detail}\n`;
  if (services.length === 0) return `${head}\nThere is no service.\n`;
  return head + services.map((service) => `\n${serviceLines(service, style)}`).join('');
}

function serviceLines(service: SimulatedService, style: Style): string {
  const demand =
    service.demand === undefined
      ? 'demand unknown; give it with --demand'
      : `demand ${amount(service.demand)} (${service.demandSource === 'reported' ? 'as reported' : 'as given'})`;
  const head = ['member', 'share', '', 'after', '', 'demand', '', 'after', 'capacity', ''];
  const rows = service.members.map((member) => memberRow(member, style));
  const table = formatTable([head.map(style.dim), ...rows], { right: [1, 3, 4, 5, 7, 8] });
  return `${style.bold(clean(service.service))}  ${demand}\n${table}${formatTable(totals(service, style))}`;
}

function memberRow(member: SimulatedMember, style: Style): string[] {
  const { shareBefore, shareAfter, capacity, demandBefore, demandAfter } = member;
  const points = (shareAfter - shareBefore) * 100;
  const moved = Math.abs(points) >= 0.05;
  const shift = moved ? `${points > 0 ? '+' : '-'}${Math.abs(points).toFixed(1)}` : '';
  return [
    clean(member.member),
    percent(shareBefore),
    '→',
    percent(shareAfter),
    points > 0 ? style.yellow(shift) : shift,
    demandBefore === undefined ? '' : amount(Math.round(demandBefore)),
    demandBefore === undefined ? '' : '→',
    demandAfter === undefined ? '' : amount(Math.round(demandAfter)),
    capacity === undefined ? '' : amount(capacity),
    breach(member, style),
  ];
}

/** `OVER by 12 %`; says when it was so before. */
function breach(member: SimulatedMember, style: Style): string {
  const { breachBefore, breachAfter, demandAfter, capacity } = member;
  if (breachAfter !== true) return breachBefore === true ? 'was over its capacity' : '';
  const over = ((demandAfter ?? 0) / (capacity ?? 1) - 1) * 100;
  const by = capacity === 0 ? 'OVER' : `OVER by ${amount(Math.max(over, 0.1))} %`;
  return style.red(breachBefore === true ? `${by}, as before` : by);
}

function totals(service: SimulatedService, style: Style): string[][] {
  const km = (value: number) => `${amount(Math.round(value))} km`;
  const ms = (value: number | undefined) => (value === undefined ? '?' : `${value.toFixed(1)} ms`);
  const dead = percent(service.deadShareAfter);
  const rows = [
    ['mean distance', km(service.meanDistanceKmBefore), '→', km(service.meanDistanceKmAfter)],
    ['mean latency', ms(service.meanLatencyMsBefore), '→', ms(service.meanLatencyMsAfter)],
    [
      'clients with a dead answer',
      percent(service.deadShareBefore),
      '→',
      service.deadShareAfter > 0 ? style.red(dead) : dead,
    ],
  ];
  if (service.emptyShareAfter > 0) {
    rows.push(['clients without an answer', '', '', style.red(percent(service.emptyShareAfter))]);
  }
  const { sustainableBefore, sustainableAfter } = service;
  if (sustainableBefore !== undefined || sustainableAfter !== undefined) {
    const text = (value: number | undefined) =>
      value === undefined ? 'no bound' : amount(Math.floor(value));
    rows.push(['demand that it can carry', text(sustainableBefore), '→', text(sustainableAfter)]);
  }
  return rows;
}
