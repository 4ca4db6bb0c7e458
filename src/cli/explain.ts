import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Explanation } from '../control/controller.ts';
import { type ApiFlags, addApiFlags, openApi } from './api-client.ts';
import { formatExplanation } from './explain-page.ts';
import { printJson, withJsonErrors } from './output.ts';
import type { Terminal } from './program.ts';
import { styleOf } from './style.ts';

interface ExplainFlags extends ApiFlags {
  readonly client: string;
  readonly type: 'A' | 'AAAA';
  readonly json?: boolean;
}

const examples = `
Examples:
  $ meridian explain www.example.com --client 203.0.113.7
  $ meridian explain www.example.com --client 2001:db8:7::/56 --type AAAA
  $ meridian explain www.example.com --client 203.0.113.7 --json | jq .answer

Shows by which record, rule and health a client gets its answer, by the same evaluator and the same maps
as the answers themselves. A prefix is what a resolver would send as the client's subnet (RFC 7871).`;

/** Adds `meridian explain`. */
export function registerExplain(program: Command, terminal: Terminal): void {
  const command = program
    .command('explain')
    .description('Say what a client gets for a name, and why')
    .argument('<name>', 'domain name, taken as absolute')
    .requiredOption('--client <addr>', "the client's address, or a prefix")
    .addOption(new Option('--type <type>', 'record type').argParser(parseType).default('A'));
  addApiFlags(command)
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples)
    .action((name: string, flags: ExplainFlags) =>
      withJsonErrors(terminal, flags.json, async () => {
        const { client, type } = flags;
        const api = openApi(flags, terminal);
        const explanation = await api.get<Explanation>('/v1/explain', { name, client, type });
        if (flags.json === true) printJson(terminal, explanation);
        else terminal.out(formatExplanation(explanation, styleOf(terminal)));
      }),
    );
}

function parseType(text: string): 'A' | 'AAAA' {
  const type = text.toUpperCase();
  if (type === 'A' || type === 'AAAA') return type;
  throw new InvalidArgumentError(`"${text}" is not steered; choose A or AAAA`);
}
