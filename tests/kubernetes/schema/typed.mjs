// SPDX-License-Identifier: Apache-2.0
// typed.mjs FOLDER MANIFEST...: writes each object of the manifests as a typed constant to FOLDER.
// Kinds that are not the API's own (Kustomization, those of operators) are left out.
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { parseAllDocuments } from "yaml";

const modules = {
  "v1": "core/v1", "apps/v1": "apps/v1", "batch/v1": "batch/v1", "policy/v1": "policy/v1",
  "networking.k8s.io/v1": "networking/v1", "rbac.authorization.k8s.io/v1": "rbac/v1",
};
const [folder, ...files] = process.argv.slice(2);
let count = 0;
for (const file of files) {
  for (const document of parseAllDocuments(readFileSync(file, "utf8"))) {
    const object = document.toJS();
    const module = modules[object?.apiVersion];
    if (module === undefined) continue;
    const name = `${basename(file, ".yaml")}_${count++}`;
    writeFileSync(`${folder}/${name}.ts`,
      `import type { ${object.kind} } from "kubernetes-types/${module}";\n` +
      `export const it: ${object.kind} = ${JSON.stringify(object, null, 1)};\n`);
  }
}
console.log(count);
