/** The custom resource definitions as a template of the Helm chart. */

/**
 * Template that installs the given definitions when `.Values.crds.install` is set. They carry
 * `helm.sh/resource-policy: keep`: deleting a definition deletes every object of its kind.
 * @param sources texts of the YAML files, each one definition
 * @throws when a file's metadata is not as expected
 */
export function chartTemplate(sources: string[]): string {
  const documents = sources.map((source) => {
    if (!/^metadata:\n {2}name: /m.test(source)) throw new Error('metadata.name must come first');
    return source
      .replaceAll('{{', "{{ '{{' }}")
      .replace(
        /^metadata:\n( {2}name: .*\n)/m,
        'metadata:\n$1  annotations:\n    helm.sh/resource-policy: keep\n',
      )
      .trimEnd();
  });
  return [
    '{{- /* Generated from the YAML in crds/ by `make generate`; do not edit. */ -}}',
    '{{- if .Values.crds.install }}',
    documents.join('\n---\n'),
    '{{- end }}',
    '',
  ].join('\n');
}
