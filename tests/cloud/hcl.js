// SPDX-License-Identifier: Apache-2.0
/* Reads *.tf files named as arguments and prints, as JSON, of each what it
 * says (as hcl2json reads it), whether `terraform fmt` would leave it as it is,
 * and every reference in its expressions with the path it stands at. */
'use strict';
const fs = require('fs');
const { parse, getReferencesInExpression } = require('@cdktn/hcl2json');
const { format } = require('@cdktn/hcl-tools');

/* The ${...} of a template, each on its own: hcl2json has already undone the
 * escapes of the text between them. */
function interpolations(template) {
  const found = [];
  for (let i = template.indexOf('${'); i >= 0; i = template.indexOf('${', i)) {
    const start = i;
    let depth = 0, quoted = false;
    for (i += 2, depth = 1; i < template.length && depth; i++) {
      const c = template[i];
      if (quoted && c === '\\') i++;
      else if (c === '"') quoted = !quoted;
      else if (!quoted && c === '{') depth++;
      else if (!quoted && c === '}') depth--;
    }
    if (template[start - 1] !== '$') found.push(template.slice(start, i));
  }
  return found;
}

async function references(file, value, at, found) {
  if (typeof value === 'string') {
    for (const one of interpolations(value))
      for (const r of await getReferencesInExpression(file, one)) found.push({ at, value: r.value });
  } else if (value && typeof value === 'object') {
    for (const [key, child] of Object.entries(value)) await references(file, child, `${at}.${key}`, found);
  }
}

async function read(file) {
  const text = fs.readFileSync(file, 'utf8');
  try {
    const content = await parse(file, text);
    const found = [];
    await references(file, content, '', found);
    return { content, formatted: (await format(text)) === text, references: found };
  } catch (e) {
    return { error: String(e.message || e) };
  }
}

(async () => {
  const out = {};
  for (const file of process.argv.slice(2)) out[file] = await read(file);
  console.log(JSON.stringify(out));
})();
