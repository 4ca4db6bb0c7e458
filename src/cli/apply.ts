import type { Command } from 'commander';
import { isAcceptable, MeridianError, type Problem } from '../base/errors.ts';
import type { WantedObject } from '../control/bulk-change.ts';
import type { TrafficShift } from '../control/change.ts';
import { checkFolder } from '../control/check-folder.ts';
import type { FolderContent } from '../control/import-folder.ts';
import { typeName } from '../wire/type-names.ts';
import { rrsetToJson } from '../zone/rrset-json.ts';
import type { Zone } from '../zone/zone.ts';
import { type ApiClient, type ApiFlags, addApiFlags, openApi } from './api-client.ts';
import { formatPlan, type ShownChange } from './apply-plan.ts';
import { joinProblems, printJson, problemLine, withJsonErrors } from './output.ts';
import { CommandEnd, exitCodes, type Terminal } from './program.ts';
import { counted, styleOf } from './style.ts';

interface ApplyFlags extends ApiFlags {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly prune?: boolean;
  readonly json?: boolean;
}

/** What the API says that a change would do. */
interface Plan {
  readonly revision: number;
  readonly changeCount: number;
  readonly changes: readonly ShownChange[];
  readonly warnings: readonly Problem[];
  readonly traffic: readonly TrafficShift[];
}

type Applied = Omit<Plan, 'traffic'>;

const examples = `
Examples:
  $ meridian apply --dry-run             what zones/ would change, and how answers would move
  $ meridian apply                       the same, asks, and applies it as one revision
  $ meridian apply /srv/zones --yes --prune --url http://127.0.0.1:8053

Every file is read and checked here first; nothing is applied while any of them has an error. What the
folder does not speak of stays, unless --prune is given. A zone's SOA serial in its file is a floor: the
node moves it on by itself. At a terminal it asks before it applies; in scripts it does not.`;

/** Adds `meridian apply`. */
export function registerApply(program: Command, terminal: Terminal): void {
  const command = program
    .command('apply')
    .description('Bring a zones folder into a running node as one revision, showing the plan first')
    .argument('[dir]', 'folder of *.zone files and traffic.yaml', 'zones')
    .option('--dry-run', 'show the plan and change nothing')
    .option('--yes', 'do not ask')
    .option('--prune', 'also remove zones and traffic objects that the folder does not have');
  addApiFlags(command)
    .option('--json', 'print one JSON document; asks nothing')
    .addHelpText('after', examples)
    .action((folder: string, flags: ApplyFlags) =>
      withJsonErrors(terminal, flags.json, () => apply(folder, flags, terminal)),
    );
}

async function apply(folder: string, flags: ApplyFlags, terminal: Terminal): Promise<void> {
  const { content, problems } = checkFolder(folder);
  if (!isAcceptable(problems)) throw new MeridianError(problems);
  const api = openApi(flags, terminal);
  const body = {
    summary: `apply ${folder}`.replace(/[^\x20-\x7e]/g, '?').slice(0, 200),
    writes: folderObjects(content),
    ...(flags.prune === true
      ? { prune: content.traffic === undefined ? ['zones'] : ['zones', 'traffic'] }
      : {}),
  };
  const plan = await api.post<Plan>('/v1/changes?dryRun=1', body);
  const warnings = joinProblems(problems, plan.warnings);
  if (flags.json !== true) showPlan(plan, warnings, terminal);
  const stops = plan.changeCount === 0 || flags.dryRun === true;
  const applied = stops ? undefined : await applyPlan(api, body, plan, flags, terminal);
  if (flags.json === true) {
    const { revision, changeCount, changes, traffic } = plan;
    printJson(terminal, {
      applied: applied !== undefined,
      revision: applied?.revision ?? revision,
      changeCount,
      changes,
      traffic,
      warnings: joinProblems(warnings, applied?.warnings ?? []),
    });
  }
}

function showPlan(plan: Plan, warnings: readonly Problem[], terminal: Terminal): void {
  const style = styleOf(terminal);
  for (const problem of warnings) terminal.out(problemLine(problem, style));
  if (plan.changeCount === 0) {
    terminal.out(`Nothing differs from revision ${plan.revision}.\n`);
    return;
  }
  terminal.out(formatPlan(plan, style));
}

async function applyPlan(
  api: ApiClient,
  body: object,
  plan: Plan,
  flags: ApplyFlags,
  terminal: Terminal,
): Promise<Applied> {
  const changes = counted(plan.changeCount, 'change');
  if (flags.yes !== true && flags.json !== true && terminal.ask !== undefined) {
    const answer = await terminal.ask(`Apply ${changes}? [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) {
      terminal.out('Nothing was applied.\n');
      throw new CommandEnd(exitCodes.refused);
    }
  }
  // What was shown is what is made, or nothing.
  const applied = await api.post<Applied>('/v1/changes', { ...body, onRevision: plan.revision });
  if (flags.json !== true) {
    const style = styleOf(terminal);
    const isNew = ({ code }: Problem) => !plan.warnings.some((known) => known.code === code);
    for (const problem of applied.warnings.filter(isNew)) terminal.out(problemLine(problem, style));
    terminal.out(`${style.green('Applied')} ${changes} as revision ${applied.revision}.\n`);
  }
  return applied;
}

/** A folder's content as `POST /v1/changes` takes it; every part knows its file and line. */
export function folderObjects({ zones, objects }: FolderContent): WantedObject[] {
  return [
    ...objects.map(({ kind, id, body, where }) => ({
      kind,
      id,
      body: body === null ? null : (JSON.parse(body) as unknown),
      ...(where === undefined ? {} : { where }),
    })),
    ...zones.map((zone) => ({
      kind: 'zone' as const,
      id: zone.origin,
      body: { rrsets: zoneRRsets(zone) },
    })),
  ];
}

function zoneRRsets(zone: Zone): object[] {
  return [...zone.nodes.values()].flatMap((rrsets) =>
    [...rrsets.values()].map((rrset) => ({
      name: rrset.owner,
      type: typeName(rrset.type),
      ...rrsetToJson(rrset),
      ...(rrset.where === undefined ? {} : { where: rrset.where }),
    })),
  );
}
