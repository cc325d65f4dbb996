export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** Scripts for breakwater and kubectl-breakwater. kubectl itself finds kubectl_complete-breakwater on the PATH. */
const SCRIPTS: Record<Shell, string> = {
  bash: `_breakwater() {
  COMPREPLY=()
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(
    "\${COMP_WORDS[0]}" __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null
  )
}
complete -o default -F _breakwater breakwater kubectl-breakwater
`,
  zsh: `#compdef breakwater kubectl-breakwater
_breakwater() {
  local -a found
  found=("\${(@f)$("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a found
}
compdef _breakwater breakwater kubectl-breakwater
`,
  fish: `function __breakwater
  set -l words (commandline -opc) (commandline -ct)
  $words[1] __complete $words[2..] 2>/dev/null
end
complete -c breakwater -a '(__breakwater)'
complete -c kubectl-breakwater -a '(__breakwater)'
`,
};

/** The script that makes a shell complete the command. Throws an Error that names the shells. */
export function completionScript(shell: string): string {
  const known = SHELLS.find((name) => name === shell);
  if (known === undefined) throw new Error(`${shell} is no shell; write ${SHELLS.join(', ')}`);
  return SCRIPTS[known];
}
