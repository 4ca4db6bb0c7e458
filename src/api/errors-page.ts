import { readFileSync } from 'node:fs';
import { type ErrorCode, errorCodes } from '../base/errors.ts';
import { icon } from './icon.ts';
import { placeOf } from './problem-details.ts';
import { escapeHtml } from './security-headers.ts';

/**
 * The page that the `type` of problems points into: every code with its headline and what
 * docs/errors.md says of it, as HTML. Without that file the headlines alone.
 */
export function errorsPage(file: string): string {
  const explained = readExplanations(file);
  const entries = (Object.keys(errorCodes) as ErrorCode[]).map((code) => {
    const name = escapeHtml(code);
    const paragraphs = (explained.get(code) ?? []).map((text) => `<p>${toHtml(text)}</p>`);
    return `<h2 id="${name}"><code>${name}</code></h2>
<p><b>${escapeHtml(errorCodes[code])}</b> (${escapeHtml(placeOf(code))})</p>
${paragraphs.join('\n')}`;
  });
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Meridian: error codes</title>
<link rel="icon" type="${icon.type}" href="${icon.path}">
<body style="max-width: 48em; margin: 2em auto; padding: 0 1em; font: 1rem/1.5 sans-serif">
<h1>Error codes</h1>
${entries.join('\n')}
</body>
</html>
`;
}

/** Code → paragraphs, of a page with a `### CODE` heading for each. */
function readExplanations(file: string): Map<string, string[]> {
  const explained = new Map<string, string[]>();
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return explained;
  }
  for (const section of text.split(/^### /m).slice(1)) {
    // The heading and introduction of the next area are no part of it.
    const [code = '', ...paragraphs] = (section.split(/^## /m)[0] ?? '').trim().split(/\n{2,}/);
    explained.set(code, paragraphs);
  }
  return explained;
}

/** The little Markdown that the page holds: code, emphasis, and links, of which the text is kept. */
function toHtml(markdown: string): string {
  return markdown
    .split(/(`[^`]+`)/)
    .map((part) => {
      if (part.length > 2 && part.startsWith('`'))
        return `<code>${escapeHtml(part.slice(1, -1))}</code>`;
      return escapeHtml(part).replace(/\*([^*]+)\*/g, '<em>$1</em>');
    })
    .join('')
    .replace(/\[([^\]]+)\]\([^)]+\)/g, '$1');
}
