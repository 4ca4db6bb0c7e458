import type { Command } from 'commander';
import { isAcceptable, type Problem } from '../base/errors.ts';
import { checkFolder, type FolderCheck } from '../control/check-folder.ts';
import { printJson, problemLine } from './output.ts';
import { CommandEnd, exitCodes, type Terminal } from './program.ts';
import { counted, type Style, styleOf } from './style.ts';

const examples = `
Examples:
  $ meridian check                    zones/ of this folder
  $ meridian check /etc/meridian/zones --strict
  $ meridian check --json | jq '.problems[].where'

Nothing is contacted and nothing is changed. Exit code 1 when there are errors.`;

/** Adds `meridian check`. */
export function registerCheck(program: Command, terminal: Terminal): void {
  program
    .command('check')
    .description('Check a zones folder without a node: every problem with its file and line')
    .argument('[dir]', 'folder of *.zone files and traffic.yaml', 'zones')
    .option('--strict', 'take warnings for errors')
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples)
    .action((folder: string, flags: { strict?: boolean; json?: boolean }) => {
      const check = checkFolder(folder);
      const passed =
        flags.strict === true ? check.problems.length === 0 : isAcceptable(check.problems);
      if (flags.json === true) {
        printJson(terminal, { passed, ...check.counts, problems: check.problems });
      } else {
        const style = styleOf(terminal);
        for (const problem of check.problems) terminal.out(problemLine(problem, style));
        terminal.out(`${summary(folder, check, passed, style)}\n`);
      }
      if (!passed) throw new CommandEnd(exitCodes.refused);
    });
}

function summary(folder: string, check: FolderCheck, passed: boolean, style: Style): string {
  const { counts, problems } = check;
  const warnings = problems.filter(isWarning).length;
  const errors = problems.length - warnings;
  const held =
    `${counted(counts.zones, 'zone')}, ${counted(counts.records, 'record')}, ` +
    `${counted(counts.services, 'service')}, ${counted(counts.regions, 'region')}, ` +
    `${counted(counts.monitors, 'monitor')}, ${counted(counts.networks, 'network')}`;
  const found =
    problems.length === 0
      ? 'no problems'
      : `${counted(errors, 'error')}, ${counted(warnings, 'warning')}`;
  const verdict = passed ? style.green('ok') : style.red('failed');
  return `${verdict}: ${folder}: ${found}; ${held}${errors > 0 ? ' without errors' : ''}`;
}

function isWarning(problem: Problem): boolean {
  return problem.severity === 'warning';
}
