import { shown, syntaxFailure } from '../failures.ts';
import { formatName, nameBytes, parseName } from '../names.ts';
import { isRdataError } from '../types.ts';
import type { NameUse, RdataPart } from './codec.ts';

/** A domain name. */
export function domainName(label: string, use: NameUse = 'plain'): RdataPart {
  return {
    label,
    name: use,
    read(fields, index, out, { type, origin }) {
      const name = parseName(fields[index]?.text ?? '', origin);
      if (isRdataError(name)) {
        return { code: name.code, message: `${type} ${label}: ${name.message}` };
      }
      out.append(name);
      return 1;
    },
    measure: nameBytes,
    print: (bytes, at) => formatName(bytes, at),
  };
}

/**
 * The domain name of a mailbox: `hostmaster.example.com.` for hostmaster@example.com, a dot before
 * the at sign written `\.` (RFC 1035 §8). A bare at sign is refused, since it never works.
 */
export function mailboxName(label: string, use: NameUse): RdataPart {
  const part = domainName(label, use);
  return {
    ...part,
    read(fields, index, out, context) {
      const text = fields[index]?.text ?? '';
      if (/[^\\]@/.test(text)) {
        const at = text.lastIndexOf('@');
        const local = text.slice(0, at).replaceAll('.', '\\.');
        const domain = text.slice(at + 1).replace(/\.$/, '');
        return syntaxFailure(
          `${context.type} ${label} ${shown(text)} is a mail address; write ${local}.${domain}.`,
        );
      }
      return part.read(fields, index, out, context);
    },
  };
}
