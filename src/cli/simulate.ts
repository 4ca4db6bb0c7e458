import { type Command, InvalidArgumentError } from 'commander';
import type { Simulation } from '../simulate/simulate.ts';
import { type ApiFlags, addApiFlags, openApi } from './api-client.ts';
import { collect } from './flags.ts';
import { printJson, withJsonErrors } from './output.ts';
import type { Terminal } from './program.ts';
import { formatSimulation } from './simulate-page.ts';
import { styleOf } from './style.ts';

type Pair = readonly [name: string, value: number];

interface SimulateFlags extends ApiFlags {
  readonly down?: readonly string[];
  readonly drain?: readonly string[];
  readonly up?: readonly string[];
  readonly dial?: readonly Pair[];
  readonly service?: readonly string[];
  readonly demand?: readonly Pair[];
  readonly json?: boolean;
}

const examples = `
Examples:
  $ meridian simulate --down eu-west
  $ meridian simulate --down eu-west --down eu-central --service web --demand web=20000
  $ meridian simulate --dial us-east=20 --drain ap-south --json

Works out over where people live how every service's clients would move, by the policies that answer.
Nothing is changed. For the real thing, with an end that restores it:
  PUT /v1/regions/eu-west with { "state": "down", "expires": "30m" }`;

/** Adds `meridian simulate`. */
export function registerSimulate(program: Command, terminal: Terminal): void {
  const region = (flag: string, text: string) =>
    [`--${flag} <region>`, `${text} (repeatable)`] as const;
  const word = collect((text: string) => text);
  const command = program
    .command('simulate')
    .description('Show how clients would move if regions were lost, drained or dialled')
    .option(...region('down', 'as though everything there were dead'), word)
    .option(...region('drain', 'as though it took no new clients'), word)
    .option(...region('up', 'as though everything there were alive'), word)
    .option(
      '--dial <region=percent>',
      'as though its dial were at 0 to 100 (repeatable)',
      collect(parsePair(100)),
    )
    .option('--service <name>', 'look at this service alone (repeatable)', word)
    .option(
      '--demand <service=amount>',
      "a service's whole demand, in the unit of its capacities (repeatable)",
      collect(parsePair(Number.MAX_SAFE_INTEGER)),
    );
  addApiFlags(command)
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples)
    .action((flags: SimulateFlags) =>
      withJsonErrors(terminal, flags.json, async () => {
        const api = openApi(flags, terminal);
        const result = await api.post<Simulation>('/v1/simulations', requestOf(flags));
        if (flags.json === true) printJson(terminal, result);
        else terminal.out(formatSimulation(result, styleOf(terminal)));
      }),
    );
}

function requestOf({ down, drain, up, dial, service, demand }: SimulateFlags): object {
  return {
    ...(down === undefined ? {} : { down }),
    ...(drain === undefined ? {} : { drain }),
    ...(up === undefined ? {} : { up }),
    ...(dial === undefined ? {} : { dial: Object.fromEntries(dial) }),
    ...(service === undefined ? {} : { services: service }),
    ...(demand === undefined ? {} : { demand: Object.fromEntries(demand) }),
  };
}

/** Reads `NAME=NUMBER`, 0 to `most`. */
function parsePair(most: number) {
  return (text: string): Pair => {
    const equals = text.lastIndexOf('=');
    const number = text.slice(equals + 1);
    const value = Number(number);
    if (equals < 1 || !/^\d+(\.\d+)?$/.test(number) || value > most) {
      const bounds = most === 100 ? 'from 0 to 100' : 'of 0 or more, as 20000';
      throw new InvalidArgumentError(`"${text}" is not NAME=NUMBER with a number ${bounds}`);
    }
    return [text.slice(0, equals), value];
  };
}
